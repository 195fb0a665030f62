/**
 * Tables of one cluster each (L2 tables, refcount blocks) in memory, by their place in the file. Changed tables stay until `writeChanged` has
 * written them; unchanged ones leave when there are too many, the longest unused first.
 */
import { GuesthouseError } from "../../../base/GuesthouseError.ts";
import type { ByteStore } from "../../../contracts/BlockDevice.ts";

const SECTOR_BYTES = 512;

export interface CachedTable {
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Sectors of the table that differ from the file. */
  readonly changedSectors: Set<number>;
}

export class TableCache {
  readonly #store: ByteStore;
  readonly #tableBytes: number;
  readonly #limit: number;
  /** In the order of their last use. */
  readonly #tables = new Map<number, CachedTable>();
  readonly #loading = new Map<number, Promise<CachedTable>>();
  readonly #changed = new Set<CachedTable>();

  constructor(store: ByteStore, tableBytes: number, limitBytes: number) {
    this.#store = store;
    this.#tableBytes = tableBytes;
    this.#limit = Math.max(16, Math.floor(limitBytes / tableBytes));
  }

  get changedCount(): number {
    return this.#changed.size;
  }

  /** So many changed tables that they should be written now. */
  get full(): boolean {
    return this.#changed.size * 2 > this.#limit;
  }

  cached(offset: number): CachedTable | undefined {
    const table = this.#tables.get(offset);
    if (table !== undefined) {
      this.#tables.delete(offset);
      this.#tables.set(offset, table);
    }
    return table;
  }

  /** Fails with "corrupt-image" when the file ends before the table. */
  async load(offset: number): Promise<CachedTable> {
    const table = this.cached(offset);
    if (table !== undefined) return table;
    const pending = this.#loading.get(offset);
    if (pending !== undefined) return await pending;
    const loading = this.#read(offset);
    this.#loading.set(offset, loading);
    try {
      const loaded = await loading;
      // Forgotten or replaced meanwhile: then it serves those who waited, and nobody after them.
      if (this.#loading.get(offset) === loading && !this.#tables.has(offset)) this.#keep(loaded);
      return this.#tables.get(offset) ?? loaded;
    } finally {
      if (this.#loading.get(offset) === loading) this.#loading.delete(offset);
    }
  }

  /** A table that is not in the file yet: all of it counts as changed. */
  add(offset: number, bytes: Uint8Array): CachedTable {
    this.forget(offset);
    const table = makeTable(offset, bytes);
    for (let sector = 0; sector * SECTOR_BYTES < bytes.length; sector++) table.changedSectors.add(sector);
    this.#changed.add(table);
    this.#keep(table);
    return table;
  }

  forget(offset: number): void {
    const table = this.#tables.get(offset);
    if (table !== undefined) this.#changed.delete(table);
    this.#tables.delete(offset);
    this.#loading.delete(offset);
  }

  markChanged(table: CachedTable, byteOffset: number): void {
    table.changedSectors.add(Math.floor(byteOffset / SECTOR_BYTES));
    this.#changed.add(table);
    this.#tables.set(table.offset, table);
  }

  async writeChanged(): Promise<void> {
    for (const table of [...this.#changed].sort((one, other) => one.offset - other.offset)) {
      const sectors = [...table.changedSectors].sort((one, other) => one - other);
      for (let at = 0; at < sectors.length; ) {
        let end = at + 1;
        while (end < sectors.length && sectors[end] === sectors[end - 1]! + 1) end++;
        const start = sectors[at]! * SECTOR_BYTES;
        const stop = (sectors[end - 1]! + 1) * SECTOR_BYTES;
        await this.#store.write(table.offset + start, table.bytes.subarray(start, stop));
        at = end;
      }
      table.changedSectors.clear();
      this.#changed.delete(table);
    }
  }

  async #read(offset: number): Promise<CachedTable> {
    const bytes = new Uint8Array(this.#tableBytes);
    if ((await this.#store.read(offset, bytes)) < bytes.length) {
      throw new GuesthouseError("corrupt-image", "The image ends within one of its tables.", { offset });
    }
    return makeTable(offset, bytes);
  }

  #keep(table: CachedTable): void {
    this.#tables.set(table.offset, table);
    if (this.#tables.size <= this.#limit) return;
    for (const old of this.#tables.values()) {
      if (this.#tables.size <= this.#limit) break;
      if (!this.#changed.has(old) && old !== table) this.#tables.delete(old.offset);
    }
  }
}

function makeTable(offset: number, bytes: Uint8Array): CachedTable {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { offset, bytes, view, changedSectors: new Set() };
}
