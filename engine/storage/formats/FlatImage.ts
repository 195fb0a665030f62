/**
 * Blocks that lie one after the other in a ByteStore: what raw disks, ISO images and diskette images have in common.
 * The device may be larger than the bytes behind it (an image whose end is missing): the rest reads as zero. Whether
 * writes there make the store longer is the format's choice. A store that gets shorter while in use is an error
 * ("medium-shrunk"), never silently zeros. Holes are not punched: `discard` only checks its range.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { BlockDevice, ByteStore } from "../../contracts/BlockDevice.ts";

export interface FlatImageShape {
  readonly sizeBytes: number;
  readonly blockSize: number;
  readonly readOnly: boolean;
  /** The bytes that the store holds, at most `sizeBytes` of which belong to the device. */
  readonly storedBytes: number;
  /** Writes past the stored bytes extend the store, up to `sizeBytes`. */
  readonly growsToSize: boolean;
}

export class FlatImage implements BlockDevice {
  readonly sizeBytes: number;
  readonly blockSize: number;
  readonly readOnly: boolean;
  readonly #store: ByteStore;
  readonly #growsToSize: boolean;
  #storedBytes: number;
  #closed = false;

  constructor(store: ByteStore, shape: FlatImageShape) {
    this.#store = store;
    this.sizeBytes = shape.sizeBytes;
    this.blockSize = shape.blockSize;
    this.readOnly = shape.readOnly;
    this.#growsToSize = shape.growsToSize;
    this.#storedBytes = Math.min(shape.storedBytes, shape.sizeBytes);
  }

  async read(offset: number, target: Uint8Array): Promise<void> {
    this.#check(offset, target.length);
    const stored = Math.max(0, Math.min(target.length, this.#storedBytes - offset));
    if (stored > 0) {
      const received = await hostCall("read", offset, () => this.#store.read(offset, target.subarray(0, stored)));
      if (received < stored) {
        throw new GuesthouseError("medium-shrunk", "The image file became shorter while it was in use.", {
          offset,
          expected: stored,
          found: received,
        });
      }
    }
    target.fill(0, stored);
  }

  async write(offset: number, source: Uint8Array): Promise<void> {
    this.#check(offset, source.length);
    if (this.readOnly) throw new GuesthouseError("read-only", "The image is read-only.", { offset });
    const end = this.#growsToSize ? this.sizeBytes : this.#storedBytes;
    const stored = Math.max(0, Math.min(source.length, end - offset));
    if (stored === 0) return;
    await hostCall("write", offset, () => this.#store.write(offset, source.subarray(0, stored)));
    this.#storedBytes = Math.max(this.#storedBytes, offset + stored);
  }

  async flush(): Promise<void> {
    this.#checkOpen();
    if (!this.readOnly) await hostCall("flush", 0, () => this.#store.flush());
  }

  async discard(offset: number, length: number): Promise<void> {
    this.#check(offset, length);
    if (this.readOnly) throw new GuesthouseError("read-only", "The image is read-only.", { offset });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await hostCall("close", 0, () => this.#store.close());
  }

  #checkOpen(): void {
    if (this.#closed) throw new GuesthouseError("closed", "The image is closed.");
  }

  #check(offset: number, length: number): void {
    this.#checkOpen();
    if (offset % this.blockSize !== 0 || length % this.blockSize !== 0) {
      throw new Error(`Offset ${offset} or length ${length} is not a multiple of the block size ${this.blockSize}.`);
    }
    if (offset < 0 || offset + length > this.sizeBytes) {
      throw new GuesthouseError("out-of-range", "The access lies outside the image.", {
        offset,
        length,
        sizeBytes: this.sizeBytes,
      });
    }
  }
}

/** Whatever a store throws that is not typed already is an I/O error of the host. */
async function hostCall<T>(operation: string, offset: number, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    if (cause instanceof GuesthouseError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new GuesthouseError(
      "io-error",
      `The image could not be accessed: ${reason}`,
      { operation, offset },
      { cause },
    );
  }
}
