/**
 * Joins two layers of a disk while a guest reads and writes the upper one: what the upper image holds itself is copied into the lower, and what the guest
 * writes meanwhile goes into both, the upper first. So the upper has everything that the guest was told is stored, whatever happens to the
 * lower; and when the copy has come to its end the lower reads the same without it. What fails in the lower is the join's failure, not the guest's.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { DiskImage, LongWork } from "../../contracts/DiskImage.ts";
import { RangeLock } from "../RangeLock.ts";
import type { Requests } from "../SwitchableDisk.ts";

const PIECE_BYTES = 1024 * 1024;

export class LayerJoin implements Requests {
  readonly #upper: DiskImage;
  readonly #lower: DiskImage;
  readonly #locks = new RangeLock();
  #failure: unknown;

  /** `lower` is open for writing, and what `upper` rests on. */
  constructor(upper: DiskImage, lower: DiskImage) {
    this.#upper = upper;
    this.#lower = lower;
  }

  /**
   * Copies what is there. A guest's requests must come here from before this is called. Throws what has failed, or "cancelled": the upper image reads as
   * ever then.
   */
  async copy({ onProgress, signal }: LongWork): Promise<void> {
    const end = this.#upper.sizeBytes;
    for (let at = 0; at < end; ) {
      if (signal?.aborted === true) throw new GuesthouseError("cancelled", "Cancelled.");
      onProgress?.(at / end);
      const extent = await this.#upper.extentAt(at);
      // What comes into a gap later is written into both.
      if (extent.kind === "absent") {
        at += extent.length;
        continue;
      }
      const length = Math.min(extent.length, PIECE_BYTES - (at % PIECE_BYTES), end - at);
      await this.#locks.run(at, length, true, () => this.#copyRange(at, length));
      at += length;
    }
    await this.settle();
  }

  /** The lower image holds everything, lastingly. Throws what has failed. */
  async settle(): Promise<void> {
    if (this.#failure === undefined) await this.#lower.flush();
    if (this.#failure !== undefined) throw this.#failure;
  }

  read(offset: number, target: Uint8Array): Promise<void> {
    return this.#upper.read(offset, target);
  }

  flush(): Promise<void> {
    return this.#upper.flush();
  }

  write(offset: number, source: Uint8Array): Promise<void> {
    return this.#both(offset, source.length, async () => {
      await this.#upper.write(offset, source);
      return () => this.#lower.write(offset, source);
    });
  }

  writeZeroes(offset: number, length: number): Promise<void> {
    return this.#both(offset, length, async () => {
      await this.#upper.writeZeroes(offset, length);
      return () => this.#lower.writeZeroes(offset, length);
    });
  }

  /** What is there afterwards is the upper image's choice. */
  discard(offset: number, length: number): Promise<void> {
    return this.#both(offset, length, async () => {
      await this.#upper.discard(offset, length);
      return () => this.#copyRange(offset, length);
    });
  }

  #both(offset: number, length: number, upper: () => Promise<() => Promise<void>>): Promise<void> {
    return this.#locks.run(offset, length, true, async () => {
      // A write that fails may have been done in part: the range is copied as it is then.
      const lower = await upper().catch(async (error: unknown) => {
        await this.#follow(() => this.#copyRange(offset, length));
        throw error;
      });
      await this.#follow(lower);
    });
  }

  async #follow(lower: () => Promise<void>): Promise<void> {
    if (this.#failure !== undefined) return;
    await lower().catch((error: unknown) => {
      this.#failure = error;
    });
  }

  async #copyRange(offset: number, length: number): Promise<void> {
    const end = offset + length;
    for (let at = offset; at < end; ) {
      const extent = await this.#upper.extentAt(at);
      const piece = Math.min(extent.length, PIECE_BYTES, end - at);
      if (extent.kind === "zero") await this.#lower.writeZeroes(at, piece);
      if (extent.kind === "data") {
        const bytes = new Uint8Array(piece);
        await this.#upper.read(at, bytes);
        await this.#lower.write(at, bytes);
      }
      at += piece;
    }
  }
}
