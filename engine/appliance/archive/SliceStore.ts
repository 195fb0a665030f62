/** Files inside files, for reading: a part of a store, and several stores one after the other. What lies behind is closed with the last user. */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { ByteStore } from "../../contracts/BlockDevice.ts";

function readOnly(): never {
  throw new GuesthouseError("read-only", "An appliance's files are only read.");
}

abstract class ReadOnlyStore implements ByteStore {
  abstract size(): Promise<number>;
  abstract read(offset: number, target: Uint8Array): Promise<number>;
  abstract close(): Promise<void>;

  async write(): Promise<void> {
    readOnly();
  }
  async truncate(): Promise<void> {
    readOnly();
  }
  async flush(): Promise<void> {}
}

/** The store behind stays open when this one closes: an archive has many of them. */
export class SliceStore extends ReadOnlyStore {
  readonly #store: ByteStore;
  readonly #start: number;
  readonly #sizeBytes: number;

  constructor(store: ByteStore, start: number, sizeBytes: number) {
    super();
    this.#store = store;
    this.#start = start;
    this.#sizeBytes = sizeBytes;
  }

  async size(): Promise<number> {
    return this.#sizeBytes;
  }

  async read(offset: number, target: Uint8Array): Promise<number> {
    const count = Math.max(0, Math.min(target.length, this.#sizeBytes - offset));
    return count === 0 ? 0 : await this.#store.read(this.#start + offset, target.subarray(0, count));
  }

  async close(): Promise<void> {}
}

/** Closes its parts. */
export class ChainedStore extends ReadOnlyStore {
  readonly #parts: readonly { store: ByteStore; start: number; end: number }[];

  private constructor(parts: readonly { store: ByteStore; start: number; end: number }[]) {
    super();
    this.#parts = parts;
  }

  static async of(stores: readonly ByteStore[]): Promise<ChainedStore> {
    const parts = [];
    let start = 0;
    for (const store of stores) {
      const end = start + (await store.size());
      parts.push({ store, start, end });
      start = end;
    }
    return new ChainedStore(parts);
  }

  async size(): Promise<number> {
    return this.#parts.at(-1)?.end ?? 0;
  }

  async read(offset: number, target: Uint8Array): Promise<number> {
    let count = 0;
    for (const { store, start, end } of this.#parts) {
      if (count === target.length) break;
      const at = offset + count;
      if (at < start || at >= end) continue;
      const wanted = Math.min(target.length - count, end - at);
      const got = await store.read(at - start, target.subarray(count, count + wanted));
      count += got;
      if (got < wanted) break;
    }
    return count;
  }

  async close(): Promise<void> {
    for (const { store } of this.#parts) await store.close();
  }
}
