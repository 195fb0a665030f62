/**
 * One file of a disk image: a ByteStore whose failures are typed, whose size is known without asking, and whose bytes past the end
 * read as zeros (a block at the end of a file may have been written in part only). A file that got shorter than it was known to be
 * is an error ("medium-shrunk"), never silently zeros.
 */
import { GuesthouseError } from "../../../base/GuesthouseError.ts";
import type { ByteStore } from "../../../contracts/BlockDevice.ts";
import { hostCall } from "../../imageAccess.ts";

export class ImageFile {
  readonly name: string;
  readonly writable: boolean;
  readonly #store: ByteStore;
  #sizeBytes: number;

  private constructor(store: ByteStore, name: string, sizeBytes: number, writable: boolean) {
    this.#store = store;
    this.name = name;
    this.#sizeBytes = sizeBytes;
    this.writable = writable;
  }

  /** The store is the file's from then on; it is closed when its size cannot be found. */
  static async open(store: ByteStore, name: string, writable: boolean): Promise<ImageFile> {
    try {
      return new ImageFile(store, name, await hostCall("size", 0, () => store.size()), writable);
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get punches(): boolean {
    return this.#store.punchHole !== undefined;
  }

  async read(position: number, target: Uint8Array): Promise<void> {
    const stored = Math.max(0, Math.min(target.length, this.#sizeBytes - position));
    if (stored > 0) {
      const part = target.subarray(0, stored);
      const received = await hostCall("read", position, () => this.#store.read(position, part));
      if (received < stored) {
        throw new GuesthouseError("medium-shrunk", "The image file became shorter while it was in use.", {
          name: this.name,
          position,
          expected: stored,
          found: received,
        });
      }
    }
    target.fill(0, stored);
  }

  /** A copy of `length` bytes; "corrupt-image" when the file does not hold all of them. For headers and tables. */
  async bytes(position: number, length: number, what: string): Promise<Uint8Array> {
    if (position + length > this.#sizeBytes) {
      throw new GuesthouseError("corrupt-image", `“${this.name}” ends before its ${what}.`, {
        name: this.name,
        position,
        length,
        fileBytes: this.#sizeBytes,
      });
    }
    const result = new Uint8Array(length);
    await this.read(position, result);
    return result;
  }

  async write(position: number, source: Uint8Array): Promise<void> {
    await hostCall("write", position, () => this.#store.write(position, source));
    this.#sizeBytes = Math.max(this.#sizeBytes, position + source.length);
  }

  async truncate(sizeBytes: number): Promise<void> {
    await hostCall("truncate", sizeBytes, () => this.#store.truncate(sizeBytes));
    this.#sizeBytes = sizeBytes;
  }

  /** Makes the file at least this long; the new bytes are zero. */
  async extend(sizeBytes: number): Promise<void> {
    if (sizeBytes > this.#sizeBytes) await this.truncate(sizeBytes);
  }

  /** False when the host cannot; then nothing has changed. */
  async punchHole(position: number, length: number): Promise<boolean> {
    const store = this.#store;
    if (store.punchHole === undefined) return false;
    const inside = Math.min(length, this.#sizeBytes - position);
    if (inside > 0) await hostCall("punchHole", position, async () => store.punchHole?.(position, inside));
    return true;
  }

  async allocatedBytes(): Promise<number> {
    const store = this.#store;
    if (store.allocatedBytes === undefined) return this.#sizeBytes;
    return await hostCall("allocatedBytes", 0, async () => (await store.allocatedBytes?.()) ?? 0);
  }

  async flush(): Promise<void> {
    if (this.writable) await hostCall("flush", 0, () => this.#store.flush());
  }

  async close(): Promise<void> {
    await hostCall("close", 0, () => this.#store.close());
  }
}
