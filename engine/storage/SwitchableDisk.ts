/**
 * A disk whose image can be exchanged for one that reads the same while a guest uses it: an overlay of it, or what it was joined with. Between `hold` and
 * `release` requests wait; those that are under way end before `hold` resolves, so that the image stands still. Closing refuses what waits: the
 * image may be a snapshot's by then.
 */
import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { BlockDevice } from "../contracts/BlockDevice.ts";
import type { DiskImage } from "../contracts/DiskImage.ts";

/** What does a guest's requests in an image's place. */
export type Requests = Pick<DiskImage, "read" | "write" | "flush" | "discard" | "writeZeroes">;

export class SwitchableDisk implements BlockDevice {
  #image: DiskImage;
  #deputy: Requests | undefined;
  #underWay = 0;
  #idle: PromiseWithResolvers<void> | undefined;
  #gate: PromiseWithResolvers<void> | undefined;
  #closed = false;

  constructor(image: DiskImage) {
    this.#image = image;
  }

  /** Whose requests do not wait. */
  get image(): DiskImage {
    return this.#image;
  }
  get sizeBytes(): number {
    return this.#image.sizeBytes;
  }
  get blockSize(): number {
    return this.#image.blockSize;
  }
  get readOnly(): boolean {
    return this.#image.readOnly;
  }

  read(offset: number, target: Uint8Array): Promise<void> {
    return this.#pass((requests) => requests.read(offset, target));
  }
  write(offset: number, source: Uint8Array): Promise<void> {
    return this.#pass((requests) => requests.write(offset, source));
  }
  flush(): Promise<void> {
    return this.#pass((requests) => requests.flush());
  }
  discard(offset: number, length: number): Promise<void> {
    return this.#pass((requests) => requests.discard(offset, length));
  }
  writeZeroes(offset: number, length: number): Promise<void> {
    return this.#pass((requests) => requests.writeZeroes(offset, length));
  }

  /** Resolves when nothing is under way any more. */
  async hold(): Promise<void> {
    this.#gate ??= Promise.withResolvers();
    // Refused requests are told by the promise that they wait for.
    this.#gate.promise.catch(() => {});
    if (this.#underWay === 0) return;
    this.#idle ??= Promise.withResolvers();
    await this.#idle.promise;
  }

  /** What waits goes on, with `image` from now on if one is given. The one before belongs to the caller then. */
  release(image?: DiskImage): void {
    if (image !== undefined) this.#image = image;
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  /** Requests go to a deputy of the image from now on, or to the image again. Only while they are held. */
  appoint(deputy: Requests | undefined): void {
    this.#deputy = deputy;
  }

  /** What waits is refused, and all that comes later. Nothing is lost that was not waiting. */
  refuseHeld(): void {
    if (this.#gate === undefined) return;
    this.#closed = true;
    this.#gate.reject(closed());
  }

  async close(): Promise<void> {
    this.refuseHeld();
    this.#closed = true;
    await this.#image.close();
  }

  async #pass(request: (requests: Requests) => Promise<void>): Promise<void> {
    // Those that wait go in the order of their calls, and before later ones: a gate that opens has no other behind it yet.
    while (this.#gate !== undefined && !this.#closed) await this.#gate.promise;
    if (this.#closed) throw closed();
    this.#underWay++;
    try {
      await request(this.#deputy ?? this.#image);
    } finally {
      this.#underWay--;
      if (this.#underWay === 0) {
        this.#idle?.resolve();
        this.#idle = undefined;
      }
    }
  }
}

function closed(): GuesthouseError {
  return new GuesthouseError("closed", "The disk is closed.");
}
