/**
 * Who uses each cluster of a QCOW2 file: a table of blocks of counts, 1 to 64 bits wide. Clusters are found free here and taken at once; freed ones
 * come back only after a commit, when nothing in the file points at them any more. `writeCounts` puts blocks before the table that
 * points at them. Used by one caller at a time.
 */
import { GuesthouseError } from "../../../base/GuesthouseError.ts";
import type { ByteStore } from "../../../contracts/BlockDevice.ts";
import { corrupt, type Qcow2Header } from "./Qcow2Header.ts";
import { type CachedTable, TableCache } from "./TableCache.ts";

const CACHE_BYTES = 8 * 1024 * 1024;
const OFFSET_LIMIT = 2 ** 53;

export class Refcounts {
  readonly clusterBytes: number;
  readonly #store: ByteStore;
  readonly #header: Qcow2Header;
  readonly #cache: TableCache;
  readonly countsPerBlock: number;
  readonly #countMax: number;
  /** The place of each block, 0 for none. */
  #blocks: number[] = [];
  #tableChanged = new Set<number>();
  /** A larger table that the header does not point at yet. */
  #newTable: { offset: number; clusters: number } | undefined;
  /** The lowest cluster that may be free. */
  #hint = 0;
  #toFree: number[] = [];
  /** Two entries of the table name one block: counting would go wrong, and could go on forever. */
  #ambiguous = false;
  /** Clusters of metadata, which must never be given out again, whatever a broken image counts. */
  readonly reserved = new Set<number>();

  constructor(store: ByteStore, header: Qcow2Header) {
    this.#store = store;
    this.#header = header;
    this.clusterBytes = 2 ** header.clusterBits;
    this.#cache = new TableCache(store, this.clusterBytes, CACHE_BYTES);
    this.countsPerBlock = (this.clusterBytes * 8) / 2 ** header.refcountOrder;
    this.#countMax = header.refcountOrder >= 5 ? 0xffff_ffff : 2 ** (2 ** header.refcountOrder) - 1;
  }

  get countMax(): number {
    return this.#countMax;
  }

  get blocks(): readonly number[] {
    return this.#blocks;
  }

  get changed(): boolean {
    return this.#cache.changedCount > 0 || this.#tableChanged.size > 0 || this.#newTable !== undefined;
  }

  get hasFrees(): boolean {
    return this.#toFree.length > 0;
  }

  /** So much is waiting that a commit should come now. */
  get full(): boolean {
    return this.#cache.full || this.#toFree.length > 65536;
  }

  async readTable(): Promise<void> {
    const bytes = new Uint8Array(this.#header.refcountTableClusters * this.clusterBytes);
    const count = await this.#store.read(this.#header.refcountTableOffset, bytes);
    if (count < bytes.length) throw corrupt("The image ends within its refcount table.");
    const view = new DataView(bytes.buffer);
    this.#blocks = Array.from({ length: bytes.length / 8 }, (_, index) => {
      return view.getUint32(index * 8) * 2 ** 32 + view.getUint32(index * 8 + 4);
    });
    this.#reserve(this.#header.refcountTableOffset, this.#header.refcountTableClusters);
    const used = this.#blocks.filter((block) => block !== 0);
    for (const block of used) this.#reserve(block, 1);
    this.#ambiguous = new Set(used).size < used.length;
  }

  async count(cluster: number): Promise<number> {
    const block = await this.#block(Math.floor(cluster / this.countsPerBlock));
    return block === undefined ? 0 : this.#get(block, cluster % this.countsPerBlock);
  }

  /** Takes up to `wanted` neighbouring free clusters. */
  async allocate(wanted: number): Promise<{ offset: number; clusters: number }> {
    if (this.#ambiguous) throw corrupt("The refcount table names one block twice; a repair is needed before writing.");
    let first = -1;
    let clusters = 0;
    let cluster = this.#hint;
    for (; clusters < wanted; cluster++) {
      const index = Math.floor(cluster / this.countsPerBlock);
      const block = (await this.#block(index)) ?? (await this.#addBlock(index, index * this.countsPerBlock));
      if (this.#get(block, cluster % this.countsPerBlock) !== 0) {
        if (clusters > 0) break;
        continue;
      }
      if (this.reserved.has(cluster)) throw this.#overlap(cluster);
      if (clusters === 0) first = cluster;
      this.#set(block, cluster % this.countsPerBlock, 1);
      clusters++;
    }
    this.#hint = first + clusters;
    return { offset: first * this.clusterBytes, clusters };
  }

  /** Takes exactly `wanted` neighbouring clusters; pieces found on the way come back with the next commit. */
  async allocateWhole(wanted: number): Promise<number> {
    for (;;) {
      const { offset, clusters } = await this.allocate(wanted);
      if (clusters === wanted) return offset;
      this.free(offset, clusters);
    }
  }

  /** One user more of a cluster that is in use; false when the width of counts forbids it. */
  async share(cluster: number): Promise<boolean> {
    const count = await this.count(cluster);
    if (count === 0 || count >= this.#countMax) return false;
    await this.setCount(cluster, count + 1);
    return true;
  }

  /** One user less, from the next commit on. */
  free(offset: number, clusters: number): void {
    const first = Math.floor(offset / this.clusterBytes);
    for (let index = 0; index < clusters; index++) this.#toFree.push(first + index);
  }

  /** For repairs and new images: `place` gives the cluster of a block that is missing. */
  async setCount(cluster: number, count: number, place?: () => number): Promise<void> {
    const index = Math.floor(cluster / this.countsPerBlock);
    const block =
      (await this.#block(index)) ?? (place === undefined ? undefined : await this.#placeBlock(index, place));
    if (block === undefined) throw corrupt("A cluster in use has no refcount.", { cluster });
    this.#set(block, cluster % this.countsPerBlock, count);
    if (count === 0) this.#hint = Math.min(this.#hint, cluster);
  }

  /** A block that lies at an impossible place, to be made anew by a repair. */
  dropBlock(index: number): void {
    this.#cache.forget(this.#blocks[index]!);
    this.#blocks[index] = 0;
    this.#tableChanged.add(index);
  }

  /** After a repair has dropped all but one of the entries that named one block. */
  settle(): void {
    this.#ambiguous = false;
  }

  /** Moves a block, for compaction. */
  async moveBlock(index: number, offset: number): Promise<void> {
    const old = (await this.#block(index))!;
    this.#blocks[index] = offset;
    this.#cache.add(offset, old.bytes.slice());
    this.#cache.forget(old.offset);
    this.#tableChanged.add(index);
    this.reserved.delete(old.offset / this.clusterBytes);
    this.#reserve(offset, 1);
    this.free(old.offset, 1);
  }

  /** Allocation starts over at the lowest free cluster. */
  startLow(): void {
    this.#hint = 0;
  }

  /** Blocks, then what points at them. Afterwards a flush is due. */
  async writeCounts(writeHeader: () => Promise<void>): Promise<void> {
    await this.#cache.writeChanged();
    if (this.#tableChanged.size === 0 && this.#newTable === undefined) return;
    await this.#store.flush();
    if (this.#newTable !== undefined) return await this.#switchTable(this.#newTable, writeHeader);
    for (const index of this.#tableChanged) {
      const entry = new DataView(new ArrayBuffer(8));
      entry.setBigUint64(0, BigInt(this.#blocks[index]!));
      await this.#store.write(this.#header.refcountTableOffset + index * 8, new Uint8Array(entry.buffer));
    }
    this.#tableChanged.clear();
  }

  /** What was freed is free now; the counts still have to be written. Gives the clusters nobody uses any more. */
  async applyFrees(): Promise<number[]> {
    const freed: number[] = [];
    const clusters = this.#toFree;
    this.#toFree = [];
    for (const cluster of clusters) {
      const count = await this.count(cluster);
      if (count === 0) continue;
      await this.setCount(cluster, count - 1);
      if (count === 1) freed.push(cluster);
    }
    return freed;
  }

  async writeBlocks(): Promise<void> {
    await this.#cache.writeChanged();
  }

  async #switchTable(table: { offset: number; clusters: number }, writeHeader: () => Promise<void>): Promise<void> {
    const bytes = new Uint8Array(table.clusters * this.clusterBytes);
    const view = new DataView(bytes.buffer);
    this.#blocks.forEach((block, index) => {
      view.setBigUint64(index * 8, BigInt(block));
    });
    await this.#store.write(table.offset, bytes);
    await this.#store.flush();
    const [oldOffset, oldClusters] = [this.#header.refcountTableOffset, this.#header.refcountTableClusters];
    this.#header.refcountTableOffset = table.offset;
    this.#header.refcountTableClusters = table.clusters;
    await writeHeader();
    this.#newTable = undefined;
    this.#tableChanged.clear();
    for (let index = 0; index < oldClusters; index++) this.reserved.delete(oldOffset / this.clusterBytes + index);
    this.free(oldOffset, oldClusters);
  }

  async #block(index: number): Promise<CachedTable | undefined> {
    const offset = this.#blocks[index] ?? 0;
    if (offset === 0) return undefined;
    const cached = this.#cache.cached(offset);
    if (cached !== undefined) return cached;
    if (!isPlace(offset, this.clusterBytes)) throw corrupt("A refcount block lies at an impossible place.", { offset });
    return await this.#cache.load(offset);
  }

  /** A block that counts itself. */
  async #addBlock(index: number, cluster: number): Promise<CachedTable> {
    if (this.reserved.has(cluster) || cluster === 0) throw this.#overlap(cluster);
    const table = this.#putBlock(index, cluster);
    this.#set(table, cluster % this.countsPerBlock, 1);
    await this.#growTable();
    return table;
  }

  /** A block at a place that may be counted by another one, which may be missing too. */
  async #placeBlock(index: number, place: () => number): Promise<CachedTable> {
    const cluster = place();
    const table = this.#putBlock(index, cluster);
    await this.setCount(cluster, 1, place);
    await this.#growTable();
    return table;
  }

  #putBlock(index: number, cluster: number): CachedTable {
    while (this.#blocks.length <= index) this.#blocks.push(0);
    this.#blocks[index] = cluster * this.clusterBytes;
    this.#tableChanged.add(index);
    this.reserved.add(cluster);
    return this.#cache.add(cluster * this.clusterBytes, new Uint8Array(this.clusterBytes));
  }

  /** Finds a place for a larger table when the present one has no room for all blocks. */
  async #growTable(): Promise<void> {
    const clusters = this.#newTable?.clusters ?? this.#header.refcountTableClusters;
    const needed = Math.ceil((this.#blocks.length * 8) / this.clusterBytes);
    if (needed <= clusters) return;
    const larger = Math.ceil(needed * 1.5) + 1;
    const old = this.#newTable;
    // Said first: finding the place may add blocks, which must not start this again.
    this.#newTable = { offset: 0, clusters: larger };
    const offset = await this.allocateWhole(larger);
    if (old !== undefined) this.free(old.offset, old.clusters);
    this.#newTable = { offset, clusters: larger };
    this.#reserve(offset, larger);
  }

  #get(block: CachedTable, index: number): number {
    const { view } = block;
    switch (this.#header.refcountOrder) {
      case 3:
        return view.getUint8(index);
      case 4:
        return view.getUint16(index * 2);
      case 5:
        return view.getUint32(index * 4);
      case 6:
        return view.getUint32(index * 8) * 2 ** 32 + view.getUint32(index * 8 + 4);
      default: {
        // Narrower than a byte: the lowest bits come first.
        const width = 1 << this.#header.refcountOrder;
        const bit = index * width;
        return (view.getUint8(bit >> 3) >> (bit & 7)) & ((1 << width) - 1);
      }
    }
  }

  #set(block: CachedTable, index: number, count: number): void {
    const { view } = block;
    const order = this.#header.refcountOrder;
    const byte = Math.floor((index * 2 ** order) / 8);
    if (count > this.#countMax) throw new GuesthouseError("unsupported-image", "The image's refcounts are too narrow.");
    if (order === 3) view.setUint8(byte, count);
    else if (order === 4) view.setUint16(byte, count);
    else if (order === 5) view.setUint32(byte, count);
    else if (order === 6) view.setBigUint64(byte, BigInt(count));
    else {
      const width = 1 << order;
      const shift = (index * width) & 7;
      const mask = ((1 << width) - 1) << shift;
      view.setUint8(byte, (view.getUint8(byte) & ~mask) | (count << shift));
    }
    this.#cache.markChanged(block, byte);
  }

  #reserve(offset: number, clusters: number): void {
    const first = Math.floor(offset / this.clusterBytes);
    for (let index = 0; index < clusters; index++) this.reserved.add(first + index);
  }

  #overlap(cluster: number): GuesthouseError {
    return corrupt("The image counts a cluster of its own tables as free; a repair is needed before writing.", {
      cluster,
    });
  }
}

export function isPlace(offset: number, clusterBytes: number): boolean {
  return offset > 0 && offset < OFFSET_LIMIT && offset % clusterBytes === 0;
}
