/**
 * Counts who uses each cluster of a QCOW2 file and compares with what the file says: counts that are too low are faults, counts that are too
 * high are leaks. A repair writes the true counts and COPIED bits, makes impossible refcount blocks anew and takes back the marks "dirty" and
 * "corrupt". It never drops content: entries that point to impossible places stay and stay reported.
 */
import { GuesthouseError } from "../../../base/GuesthouseError.ts";
import type { CheckReport, LongWork } from "../../../contracts/DiskImage.ts";
import { refuseIfCancelled } from "../../DiskImageBase.ts";
import { type ClusterEntry, decodeEntry, readTable } from "./ClusterMap.ts";
import { autoclear, incompatible } from "./Qcow2Header.ts";
import type { Qcow2Volume } from "./Qcow2Volume.ts";
import { readSnapshots } from "./qcow2Snapshots.ts";
import { isPlace } from "./Refcounts.ts";

const ERRORS_MAX = 200;
const PAGE_CLUSTERS = 4096;
const COPIED = 0x8000_0000;

export class Qcow2Check {
  readonly #volume: Qcow2Volume;
  readonly #work: LongWork;
  readonly #errors: string[] = [];
  #errorCount = 0;
  #repaired = 0;
  #leakedClusters = 0;
  #fileClusters = 0;
  /** True counts, in pages, so that holes cost nothing. */
  readonly #uses = new Map<number, Uint32Array>();
  readonly #impossibleBlocks: number[] = [];

  constructor(volume: Qcow2Volume, work: LongWork) {
    this.#volume = volume;
    this.#work = work;
  }

  async run(repair: boolean): Promise<CheckReport> {
    const { header, store, clusterBytes } = this.#volume;
    this.#fileClusters = Math.ceil((await store.size()) / clusterBytes);
    const marked = (header.incompatible & (incompatible.dirty | incompatible.corrupt)) !== 0n;
    await this.#countMetadata();
    await this.#countMap();
    await this.#countSnapshots();
    if (repair) await this.#dropImpossibleBlocks();
    await this.#compareCounts(repair);
    await this.#compareCopied(repair);
    if (repair) await this.#finish(marked);
    else if (marked) this.#error("The image was not closed cleanly.");
    const more = this.#errorCount - this.#errors.length;
    if (more > 0) this.#errors.push(`${more} more faults.`);
    return {
      errors: this.#errors,
      leakedBytes: this.#leakedClusters * clusterBytes,
      repaired: this.#repaired,
    };
  }

  #error(text: string): void {
    this.#errorCount++;
    if (this.#errors.length < ERRORS_MAX) this.#errors.push(text);
  }

  #use(offset: number, bytes: number): void {
    const { clusterBytes } = this.#volume;
    const first = Math.floor(offset / clusterBytes);
    const last = Math.floor((offset + Math.max(bytes, 1) - 1) / clusterBytes);
    for (let cluster = first; cluster <= last; cluster++) {
      const page = Math.floor(cluster / PAGE_CLUSTERS);
      let uses = this.#uses.get(page);
      if (uses === undefined) {
        uses = new Uint32Array(PAGE_CLUSTERS);
        this.#uses.set(page, uses);
      }
      uses[cluster % PAGE_CLUSTERS]!++;
    }
  }

  #usesOf(cluster: number): number {
    return this.#uses.get(Math.floor(cluster / PAGE_CLUSTERS))?.[cluster % PAGE_CLUSTERS] ?? 0;
  }

  /** A place that a table or a cluster may have; says so otherwise. */
  #possible(offset: number, what: string): boolean {
    const { clusterBytes } = this.#volume;
    // Content may lie a little behind the end (a file cut after its last used byte), but not anywhere.
    if (isPlace(offset, clusterBytes) && offset / clusterBytes < this.#fileClusters + PAGE_CLUSTERS) return true;
    this.#error(`${what} lies at an impossible place (${offset}).`);
    return false;
  }

  async #countMetadata(): Promise<void> {
    const { header, clusterBytes, refcounts } = this.#volume;
    this.#use(0, clusterBytes);
    if (header.l1Entries > 0) this.#use(header.l1Offset, header.l1Entries * 8);
    this.#use(header.refcountTableOffset, header.refcountTableClusters * clusterBytes);
    if (header.crypto !== undefined) this.#use(header.crypto.offset, header.crypto.length);
    const seen = new Set<number>();
    refcounts.blocks.forEach((block, index) => {
      if (block === 0) return;
      if (seen.has(block) || !isPlace(block, clusterBytes) || block / clusterBytes >= this.#fileClusters) {
        this.#impossibleBlocks.push(index);
        return;
      }
      seen.add(block);
      this.#use(block, clusterBytes);
    });
    if (header.bitmaps !== undefined && (header.autoclear & autoclear.bitmaps) !== 0n) await this.#countBitmaps();
  }

  /** The directory of bitmaps, their tables, and what these name. */
  async #countBitmaps(): Promise<void> {
    const { header, store, clusterBytes } = this.#volume;
    const { directoryOffset, directoryBytes } = header.bitmaps!;
    if (directoryBytes > 64 * 1024 * 1024 || !this.#possible(directoryOffset, "The directory of bitmaps")) return;
    this.#use(directoryOffset, directoryBytes);
    const directory = new Uint8Array(Math.min(directoryBytes, await store.size()));
    await store.read(directoryOffset, directory);
    const view = new DataView(directory.buffer);
    for (let at = 0; at + 24 <= directory.length; ) {
      const tableOffset = view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
      const tableEntries = view.getUint32(at + 8);
      const entryBytes = 24 + view.getUint16(at + 18) + view.getUint32(at + 20);
      at += Math.ceil(entryBytes / 8) * 8;
      if (!this.#possible(tableOffset, "A bitmap's table")) continue;
      const table = await readTable(store, tableOffset, tableEntries);
      this.#use(tableOffset, tableEntries * 8);
      for (let entry = 0; entry < tableEntries; entry++) {
        const place = (table[entry * 2]! & 0x00ff_ffff) * 2 ** 32 + ((table[entry * 2 + 1]! & 0xffff_fe00) >>> 0);
        if (place !== 0 && this.#possible(place, "A bitmap's content")) this.#use(place, clusterBytes);
      }
    }
  }

  async #countMap(): Promise<void> {
    const { map, clusterBytes } = this.#volume;
    for (let index = 0; index < map.l1Entries; index++) {
      const { offset } = map.l1(index);
      if (offset === 0) continue;
      if (!this.#possible(offset, "An L2 table")) continue;
      refuseIfCancelled(this.#work);
      this.#work.onProgress?.((index / map.l1Entries) * 0.5);
      this.#use(offset, clusterBytes);
      const table = await this.#attempt(() => map.table(index));
      if (table !== undefined) this.#countTable(table.view);
    }
  }

  #countTable(view: DataView): void {
    for (let at = 0; at < view.byteLength; at += 8) {
      const entry = this.#entry(view, at);
      if (entry === undefined || entry.offset === 0) continue;
      if (entry.kind === "compressed") {
        const lastByte = entry.offset + entry.bytes - 1;
        if (lastByte / this.#volume.clusterBytes < this.#fileClusters + PAGE_CLUSTERS)
          this.#use(entry.offset, entry.bytes);
        else this.#error(`A compressed cluster lies at an impossible place (${entry.offset}).`);
      } else if (this.#possible(entry.offset, "A cluster")) this.#use(entry.offset, this.#volume.clusterBytes);
    }
  }

  #entry(view: DataView, at: number): ClusterEntry | undefined {
    try {
      return decodeEntry(view.getUint32(at), view.getUint32(at + 4), this.#volume.header);
    } catch (error) {
      if (!(error instanceof GuesthouseError)) throw error;
      this.#error(error.message);
      return undefined;
    }
  }

  async #countSnapshots(): Promise<void> {
    const { header, store, clusterBytes } = this.#volume;
    const snapshots = await this.#attempt(() => readSnapshots(store, header));
    if (snapshots === undefined || header.snapshotCount === 0) return;
    this.#use(header.snapshotsOffset, snapshots.tableBytes);
    for (const { l1Offset, l1Entries } of snapshots.tables) {
      if (l1Entries === 0 || !this.#possible(l1Offset, "A snapshot's L1 table")) continue;
      const l1 = await this.#attempt(() => readTable(store, l1Offset, l1Entries));
      if (l1 === undefined) continue;
      this.#use(l1Offset, l1Entries * 8);
      for (let index = 0; index < l1Entries; index++) {
        const place = (l1[index * 2]! & 0x00ff_ffff) * 2 ** 32 + ((l1[index * 2 + 1]! & 0xffff_fe00) >>> 0);
        if (place === 0 || !this.#possible(place, "A snapshot's L2 table")) continue;
        this.#use(place, clusterBytes);
        const table = new Uint8Array(clusterBytes);
        await store.read(place, table);
        this.#countTable(new DataView(table.buffer));
      }
    }
  }

  async #dropImpossibleBlocks(): Promise<void> {
    for (const index of this.#impossibleBlocks) {
      this.#volume.refcounts.dropBlock(index);
      this.#repaired++;
    }
    this.#impossibleBlocks.length = 0;
    this.#volume.refcounts.settle();
  }

  async #compareCounts(repair: boolean): Promise<void> {
    for (const index of this.#impossibleBlocks) this.#error(`Refcount block ${index} lies at an impossible place.`);
    if (this.#impossibleBlocks.length > 0) return;
    const last = this.#lastCluster();
    let free = this.#firstUnused();
    const place = () => {
      this.#use(free * this.#volume.clusterBytes, 1);
      return free++;
    };
    const { blocks, countsPerBlock } = this.#volume.refcounts;
    for (let index = 0; index * countsPerBlock <= last; index++) {
      const start = index * countsPerBlock;
      refuseIfCancelled(this.#work);
      this.#work.onProgress?.(0.5 + (start / (last + 1)) * 0.4);
      // Neither counted nor used: holes of any length cost nothing.
      if ((blocks[index] ?? 0) === 0 && !this.#usedWithin(start, start + countsPerBlock)) continue;
      for (let cluster = start; cluster < start + countsPerBlock; cluster++) {
        await this.#compareCount(cluster, repair ? place : undefined);
      }
    }
  }

  #usedWithin(start: number, end: number): boolean {
    for (let at = start; at < end; at = (Math.floor(at / PAGE_CLUSTERS) + 1) * PAGE_CLUSTERS) {
      if (this.#uses.has(Math.floor(at / PAGE_CLUSTERS))) return true;
    }
    return false;
  }

  async #compareCount(cluster: number, place: (() => number) | undefined): Promise<void> {
    const { refcounts } = this.#volume;
    const uses = this.#usesOf(cluster);
    const count = await refcounts.count(cluster);
    if (count === uses) return;
    if (place === undefined) {
      if (count > uses) this.#leakedClusters++;
      else this.#error(`Cluster ${cluster} is used ${uses} times and counted ${count} times.`);
      return;
    }
    if (uses > refcounts.countMax) {
      this.#error(`Cluster ${cluster} is used more often than the image can count.`);
      return;
    }
    await refcounts.setCount(cluster, uses, place);
    this.#repaired++;
  }

  /** A cluster behind the file and behind all that is used. */
  #firstUnused(): number {
    let last = this.#fileClusters - 1;
    for (const [page, uses] of this.#uses) {
      last = Math.max(last, page * PAGE_CLUSTERS + uses.findLastIndex((count) => count > 0));
    }
    return last + 1;
  }

  /** The highest cluster that is used, or may be counted. */
  #lastCluster(): number {
    const { blocks, countsPerBlock } = this.#volume.refcounts;
    const counted = (blocks.findLastIndex((block) => block !== 0) + 1) * countsPerBlock;
    return Math.max(this.#firstUnused(), counted) - 1;
  }

  /** An active entry says COPIED exactly when its cluster has one user. */
  async #compareCopied(repair: boolean): Promise<void> {
    const { map } = this.#volume;
    for (let index = 0; index < map.l1Entries; index++) {
      const { offset, copied } = map.l1(index);
      if (offset === 0 || !isPlace(offset, this.#volume.clusterBytes)) continue;
      this.#work.onProgress?.(0.9 + (index / map.l1Entries) * 0.1);
      const single = this.#usesOf(offset / this.#volume.clusterBytes) === 1;
      const table = await this.#attempt(() => map.table(index));
      if (table === undefined) continue;
      if (copied !== single) {
        if (repair) map.setL1(index, offset, single);
        this.#mark(repair, `The L2 table at ${offset} is wrongly marked as ${copied ? "" : "not "}exclusive.`);
      }
      for (let at = 0; at < table.view.byteLength; at += 8) {
        const [high, low] = [table.view.getUint32(at), table.view.getUint32(at + 4)];
        const entry = high === 0 && low === 0 ? undefined : this.#quietEntry(high, low);
        if (entry === undefined || entry.kind === "compressed" || entry.offset === 0) continue;
        const alone = this.#usesOf(entry.offset / this.#volume.clusterBytes) === 1;
        if (entry.copied === alone) continue;
        if (repair) map.setRaw(table, at / 8, alone ? (high | COPIED) >>> 0 : high & ~COPIED, low);
        this.#mark(repair, `The cluster at ${entry.offset} is wrongly marked as ${alone ? "not " : ""}exclusive.`);
      }
    }
  }

  #quietEntry(high: number, low: number): ClusterEntry | undefined {
    try {
      return decodeEntry(high, low, this.#volume.header);
    } catch {
      // Reported while counting.
      return undefined;
    }
  }

  #mark(repair: boolean, text: string): void {
    if (repair) this.#repaired++;
    else this.#error(text);
  }

  async #finish(marked: boolean): Promise<void> {
    const { header, refcounts } = this.#volume;
    await this.#volume.commit();
    refcounts.startLow();
    if (!marked || this.#errorCount > 0) return;
    header.incompatible &= ~(incompatible.dirty | incompatible.corrupt);
    await this.#volume.writeFields();
    await this.#volume.store.flush();
    this.#repaired++;
  }

  /** What cannot be read is a fault of the image, not of the check. */
  async #attempt<T>(action: () => Promise<T>): Promise<T | undefined> {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof GuesthouseError) || error.kind !== "corrupt-image") throw error;
      this.#error(error.message);
      return undefined;
    }
  }
}
