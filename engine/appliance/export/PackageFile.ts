/**
 * A file of a package while it is being written: a region of an archive, or a file of its own. It is written upwards only, as a digest and an archive need it;
 * disk formats that jump are not for packages.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { ByteStore } from "../../contracts/BlockDevice.ts";
import type { Digest } from "../manifest.ts";

export class PackageFile implements ByteStore {
  readonly #store: ByteStore;
  readonly #start: number;
  readonly #digest: Digest | undefined;
  #sizeBytes = 0;
  #closed = false;

  /** Does not close the store behind. */
  constructor(store: ByteStore, start: number, digest: Digest | undefined) {
    this.#store = store;
    this.#start = start;
    this.#digest = digest;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Of all that was written; only once. */
  digestHex(): string {
    return this.#digest?.hex() ?? "";
  }

  async size(): Promise<number> {
    return this.#sizeBytes;
  }

  async read(offset: number, target: Uint8Array): Promise<number> {
    this.#check();
    const count = Math.max(0, Math.min(target.length, this.#sizeBytes - offset));
    return count === 0 ? 0 : await this.#store.read(this.#start + offset, target.subarray(0, count));
  }

  async write(offset: number, source: Uint8Array): Promise<void> {
    this.#check();
    if (offset !== this.#sizeBytes)
      throw new Error(`A package's file is written upwards: at ${offset} of ${this.#sizeBytes}`);
    this.#sizeBytes += source.length;
    this.#digest?.update(source);
    await this.#store.write(this.#start + offset, source);
  }

  async truncate(size: number): Promise<void> {
    this.#check();
    if (size !== this.#sizeBytes) throw new Error("A package's file is written upwards.");
  }

  async flush(): Promise<void> {
    this.#check();
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #check(): void {
    if (this.#closed) throw new GuesthouseError("closed", "The file is closed.");
  }
}
