/** A ByteStore in memory: built-in media, disposable disks and tests. It grows like a file when written past its end. */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { ByteStore } from "../../contracts/BlockDevice.ts";

export class MemoryStore implements ByteStore {
  #bytes: Uint8Array;
  #length: number;
  #closed = false;

  readonly #sizeMaxBytes: number;

  /** Works on `bytes` itself until it has to grow. Beyond `sizeMaxBytes` it answers "disk-full". */
  constructor(bytes: Uint8Array = new Uint8Array(0), sizeMaxBytes: number = Number.MAX_SAFE_INTEGER) {
    this.#sizeMaxBytes = sizeMaxBytes;
    this.#bytes = bytes;
    this.#length = bytes.length;
  }

  /** The present content, shared. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  async size(): Promise<number> {
    this.#check();
    return this.#length;
  }

  async read(offset: number, target: Uint8Array): Promise<number> {
    this.#check();
    const count = Math.max(0, Math.min(target.length, this.#length - offset));
    if (count > 0) target.set(this.#bytes.subarray(offset, offset + count));
    return count;
  }

  async write(offset: number, source: Uint8Array): Promise<void> {
    this.#check();
    this.#reserve(offset + source.length);
    this.#bytes.set(source, offset);
    this.#length = Math.max(this.#length, offset + source.length);
  }

  async truncate(size: number): Promise<void> {
    this.#check();
    this.#reserve(size);
    // Bytes cut off now must read as zero when the store grows again.
    if (size < this.#length) this.#bytes.fill(0, size, this.#length);
    this.#length = size;
  }

  async flush(): Promise<void> {
    this.#check();
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #reserve(size: number): void {
    if (size <= this.#bytes.length) return;
    if (size > this.#sizeMaxBytes) throw new GuesthouseError("disk-full", "The store is full.", { size });
    const larger = new Uint8Array(Math.max(size, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }

  #check(): void {
    if (this.#closed) throw new GuesthouseError("closed", "The store is closed.");
  }
}
