/**
 * Where each cluster of a QCOW2 disk lies: an L1 table of places of L2 tables of 64-bit entries. An entry says nothing (absent), "zeros", a
 * place of plain bytes, or a place of compressed bytes. The COPIED bit says that nobody else (no snapshot) uses the place. Reading tables may
 * happen at any time; changes are made by one caller at a time and reach the file with `writeL2`, then `writeL1`.
 */
import type { ByteStore } from "../../../contracts/BlockDevice.ts";
import { corrupt, l1EntriesFor, type Qcow2Header } from "./Qcow2Header.ts";
import { isPlace, type Refcounts } from "./Refcounts.ts";
import { type CachedTable, TableCache } from "./TableCache.ts";

const CACHE_BYTES = 16 * 1024 * 1024;
const COPIED = 0x8000_0000;
const COMPRESSED = 0x4000_0000;
const PLACE_HIGH = 0x00ff_ffff;
const PLACE_LOW = 0xffff_fe00;
const ZERO = 1;

export type ClusterKind = "absent" | "zero" | "data" | "compressed";

export interface ClusterEntry {
  readonly kind: ClusterKind;
  /** Of "data", and of "zero" with a place kept for it; else 0. A byte offset anywhere for "compressed". */
  readonly offset: number;
  /** Of "compressed": how many bytes to read at most. */
  readonly bytes: number;
  /** The place is this image's alone and may be written. */
  readonly copied: boolean;
}

export const absentCluster: ClusterEntry = { kind: "absent", offset: 0, bytes: 0, copied: false };
export const zeroCluster: ClusterEntry = { kind: "zero", offset: 0, bytes: 0, copied: false };

export function dataCluster(offset: number): ClusterEntry {
  return { kind: "data", offset, bytes: 0, copied: true };
}

export class ClusterMap {
  readonly clusterBytes: number;
  readonly entriesPerTable: number;
  readonly #store: ByteStore;
  readonly #header: Qcow2Header;
  readonly #refcounts: Refcounts;
  readonly #cache: TableCache;
  /** High and low halves, one after the other. */
  #l1 = new Uint32Array(0);
  #l1Changed = new Set<number>();
  #newL1Offset: number | undefined;

  constructor(store: ByteStore, header: Qcow2Header, refcounts: Refcounts) {
    this.#store = store;
    this.#header = header;
    this.#refcounts = refcounts;
    this.clusterBytes = 2 ** header.clusterBits;
    this.entriesPerTable = this.clusterBytes / 8;
    this.#cache = new TableCache(store, this.clusterBytes, CACHE_BYTES);
  }

  get l1Entries(): number {
    return this.#l1.length / 2;
  }

  get changed(): boolean {
    return this.#cache.changedCount > 0 || this.#l1Changed.size > 0 || this.#newL1Offset !== undefined;
  }

  get full(): boolean {
    return this.#cache.full;
  }

  async readL1(): Promise<void> {
    this.#l1 = await readTable(this.#store, this.#header.l1Offset, this.#header.l1Entries);
    this.#reserve(this.#header.l1Offset, this.#header.l1Entries * 8);
    for (let index = 0; index < this.l1Entries; index++) {
      const { offset } = this.l1(index);
      if (offset !== 0) this.#reserve(offset, 1);
    }
  }

  l1(index: number): { offset: number; copied: boolean } {
    const high = this.#l1[index * 2] ?? 0;
    return { offset: placeOf(high, this.#l1[index * 2 + 1] ?? 0), copied: high >= COPIED };
  }

  setL1(index: number, offset: number, copied: boolean): void {
    const [high, low] = split(offset);
    this.#l1[index * 2] = copied ? (high | COPIED) >>> 0 : high;
    this.#l1[index * 2 + 1] = low;
    this.#l1Changed.add(index);
  }

  /** Undefined when the table is not in memory: then `get` has to be asked. */
  cached(cluster: number): ClusterEntry | undefined {
    const { offset } = this.l1(Math.floor(cluster / this.entriesPerTable));
    if (offset === 0) return absentCluster;
    const table = this.#cache.cached(offset);
    return table === undefined ? undefined : this.#entry(table, cluster % this.entriesPerTable);
  }

  async get(cluster: number): Promise<ClusterEntry> {
    const table = await this.table(Math.floor(cluster / this.entriesPerTable));
    return table === undefined ? absentCluster : this.#entry(table, cluster % this.entriesPerTable);
  }

  async table(index: number): Promise<CachedTable | undefined> {
    const { offset } = this.l1(index);
    if (offset === 0) return undefined;
    const cached = this.#cache.cached(offset);
    if (cached !== undefined) return cached;
    if (!isPlace(offset, this.clusterBytes)) throw corrupt("An L2 table lies at an impossible place.", { offset });
    return await this.#cache.load(offset);
  }

  /** Changes an entry. What it named before is the caller's to free. */
  async set(cluster: number, entry: ClusterEntry): Promise<void> {
    const table = await this.#ownTable(Math.floor(cluster / this.entriesPerTable));
    const [high, low] = this.#encode(entry);
    this.setRaw(table, cluster % this.entriesPerTable, high, low);
  }

  setRaw(table: CachedTable, index: number, high: number, low: number): void {
    table.view.setUint32(index * 8, high);
    table.view.setUint32(index * 8 + 4, low);
    this.#cache.markChanged(table, index * 8);
  }

  /** Gives back what an entry named, from the next commit on. */
  release(entry: ClusterEntry): void {
    if (entry.offset === 0) return;
    const first = Math.floor(entry.offset / this.clusterBytes);
    const last = Math.floor((entry.offset + Math.max(1, entry.bytes) - 1) / this.clusterBytes);
    this.#refcounts.free(first * this.clusterBytes, last - first + 1);
  }

  async writeL2(): Promise<void> {
    await this.#cache.writeChanged();
  }

  get l1Waits(): boolean {
    return this.#l1Changed.size > 0 || this.#newL1Offset !== undefined;
  }

  /** The L2 tables are on stable storage. */
  async writeL1(writeHeader: () => Promise<void>): Promise<void> {
    if (this.#newL1Offset !== undefined) return await this.#switchL1(this.#newL1Offset, writeHeader);
    for (const index of this.#l1Changed) {
      const entry = new DataView(new ArrayBuffer(8));
      entry.setUint32(0, this.#l1[index * 2]!);
      entry.setUint32(4, this.#l1[index * 2 + 1]!);
      await this.#store.write(this.#header.l1Offset + index * 8, new Uint8Array(entry.buffer));
    }
    this.#l1Changed.clear();
  }

  /** Room for a disk of `sizeBytes`; the header follows with the next commit. */
  async growL1(sizeBytes: number): Promise<void> {
    const entries = l1EntriesFor(sizeBytes, this.#header.clusterBits);
    if (entries <= this.l1Entries) return;
    const larger = new Uint32Array(entries * 2);
    larger.set(this.#l1);
    const clusters = Math.ceil((entries * 8) / this.clusterBytes);
    const offset = await this.#refcounts.allocateWhole(clusters);
    if (this.#newL1Offset !== undefined) throw new Error("The L1 table grows twice within one commit.");
    this.#l1 = larger;
    this.#newL1Offset = offset;
    this.#reserve(offset, entries * 8);
  }

  /** Copies an L2 table to another place, for compaction. */
  async moveTable(index: number, offset: number): Promise<void> {
    const old = (await this.table(index))!;
    this.#replaceTable(index, old, offset);
    this.#refcounts.free(old.offset, 1);
  }

  /** The L2 table for writing: new, or copied when a snapshot uses it too. */
  async #ownTable(index: number): Promise<CachedTable> {
    const { offset, copied } = this.l1(index);
    if (offset !== 0 && copied) return (await this.table(index))!;
    const old = await this.table(index);
    const place = (await this.#refcounts.allocate(1)).offset;
    if (old === undefined) {
      this.setL1(index, place, true);
      this.#reserve(place, 1);
      return this.#cache.add(place, new Uint8Array(this.clusterBytes));
    }
    // The snapshot keeps the old table.
    this.#refcounts.free(old.offset, 1);
    return this.#replaceTable(index, old, place);
  }

  #replaceTable(index: number, old: CachedTable, offset: number): CachedTable {
    const table = this.#cache.add(offset, old.bytes.slice());
    this.#cache.forget(old.offset);
    this.#refcounts.reserved.delete(old.offset / this.clusterBytes);
    this.setL1(index, offset, true);
    this.#reserve(offset, 1);
    return table;
  }

  async #switchL1(offset: number, writeHeader: () => Promise<void>): Promise<void> {
    const clusters = Math.ceil((this.l1Entries * 8) / this.clusterBytes);
    const view = new DataView(new ArrayBuffer(clusters * this.clusterBytes));
    this.#l1.forEach((half, index) => {
      view.setUint32(index * 4, half);
    });
    await this.#store.write(offset, new Uint8Array(view.buffer));
    await this.#store.flush();
    const [oldOffset, oldEntries] = [this.#header.l1Offset, this.#header.l1Entries];
    this.#header.l1Offset = offset;
    this.#header.l1Entries = this.l1Entries;
    await writeHeader();
    this.#newL1Offset = undefined;
    this.#l1Changed.clear();
    const oldClusters = Math.ceil((oldEntries * 8) / this.clusterBytes);
    for (let at = 0; at < oldClusters; at++) this.#refcounts.reserved.delete(oldOffset / this.clusterBytes + at);
    this.#refcounts.free(oldOffset, oldClusters);
  }

  #entry(table: CachedTable, index: number): ClusterEntry {
    return decodeEntry(table.view.getUint32(index * 8), table.view.getUint32(index * 8 + 4), this.#header);
  }

  #encode(entry: ClusterEntry): [high: number, low: number] {
    const [high, low] = split(entry.offset);
    if (entry.kind === "compressed") {
      // The number of further sectors lies above the place, which has 62 - (clusterBits - 8) bits.
      const shift = 62 - (this.#header.clusterBits - 8) - 32;
      const sectors = Math.floor((entry.offset % 512) + entry.bytes - 1) >> 9;
      return [(COMPRESSED | (sectors << shift) | high) >>> 0, low];
    }
    return [(high | (entry.copied && entry.offset !== 0 ? COPIED : 0)) >>> 0, entry.kind === "zero" ? low | ZERO : low];
  }

  #reserve(offset: number, bytes: number): void {
    const first = Math.floor(offset / this.clusterBytes);
    for (let at = 0; at * this.clusterBytes < bytes; at++) this.#refcounts.reserved.add(first + at);
  }
}

export function decodeEntry(high: number, low: number, header: Qcow2Header): ClusterEntry {
  if ((high & COMPRESSED) !== 0) {
    const shift = 62 - (header.clusterBits - 8) - 32;
    const offset = (high & (2 ** shift - 1)) * 2 ** 32 + low;
    const sectors = (high & 0x3fff_ffff) >>> shift;
    return { kind: "compressed", offset, bytes: (sectors + 1) * 512 - (offset % 512), copied: false };
  }
  const offset = placeOf(high, low);
  if (offset !== 0 && !isPlace(offset, 2 ** header.clusterBits)) {
    throw corrupt("A cluster lies at an impossible place.", { offset });
  }
  const copied = high >= COPIED;
  if ((low & ZERO) !== 0) {
    if (header.version === 2) throw corrupt("A version 2 image has a zero cluster.");
    return { kind: "zero", offset, bytes: 0, copied };
  }
  return offset === 0 ? absentCluster : { kind: "data", offset, bytes: 0, copied };
}

function placeOf(high: number, low: number): number {
  return (high & PLACE_HIGH) * 2 ** 32 + ((low & PLACE_LOW) >>> 0);
}

function split(offset: number): [high: number, low: number] {
  return [Math.floor(offset / 2 ** 32), offset % 2 ** 32];
}

/** A table of 64-bit entries as high and low halves. */
export async function readTable(store: ByteStore, offset: number, entries: number): Promise<Uint32Array<ArrayBuffer>> {
  const halves = new Uint32Array(entries * 2);
  if (entries === 0) return halves;
  const size = await store.size();
  if (offset + entries * 8 > size) throw corrupt("The image ends within its L1 table.", { offset, entries });
  const bytes = new Uint8Array(entries * 8);
  await store.read(offset, bytes);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < halves.length; at++) halves[at] = view.getUint32(at * 4);
  return halves;
}
