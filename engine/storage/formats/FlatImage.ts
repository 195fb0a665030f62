/**
 * Blocks that lie one after the other in a ByteStore: what ISO images and diskette images have in common.
 * The device may be larger than the bytes behind it (an image whose end is missing): the rest reads as zero. Whether
 * writes there make the store longer is the format's choice. A store that gets shorter while in use is an error
 * ("medium-shrunk"), never silently zeros. Holes are not punched: `discard` only checks its range.
 */
import type { BlockDevice, ByteStore } from "../../contracts/BlockDevice.ts";
import { checkBlockRange, closedImage, hostCall, readOnlyImage, readStored } from "../imageAccess.ts";

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
      await hostCall("read", offset, () => readStored(this.#store, offset, target.subarray(0, stored)));
    }
    target.fill(0, stored);
  }

  async write(offset: number, source: Uint8Array): Promise<void> {
    this.#check(offset, source.length);
    if (this.readOnly) throw readOnlyImage(offset);
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
    if (this.readOnly) throw readOnlyImage(offset);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await hostCall("close", 0, () => this.#store.close());
  }

  #checkOpen(): void {
    if (this.#closed) throw closedImage();
  }

  #check(offset: number, length: number): void {
    this.#checkOpen();
    checkBlockRange(this, offset, length);
  }
}
