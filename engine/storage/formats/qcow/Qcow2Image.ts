/**
 * A disk in a QCOW2 file (QEMU, docs/interop/qcow2.txt): clusters that are the image's own are written in place, others are allocated, filled,
 * and only then named by the map. Content moves outside of the volume's lock, so that requests to different clusters run side by
 * side; locks on ranges of the disk keep a cluster from being freed while somebody reads it. Extended L2 entries and external data files
 * are absent; internal snapshots are listed and left alone.
 */
import { GuesthouseError } from "../../../base/GuesthouseError.ts";
import type { BlockDevice } from "../../../contracts/BlockDevice.ts";
import type {
  BackingReference,
  CheckReport,
  DiskImageInfo,
  Extent,
  InternalSnapshot,
  LongWork,
} from "../../../contracts/DiskImage.ts";
import type { DiskCipher } from "../../crypto/DiskCipher.ts";
import { DiskImageBase, readBacking } from "../../DiskImageBase.ts";
import { absentCluster, type ClusterEntry, dataCluster, zeroCluster } from "./ClusterMap.ts";
import { deflateCluster, expandCluster } from "./clusterCompression.ts";
import { compactQcow2 } from "./compactQcow2.ts";
import { Qcow2Check } from "./Qcow2Check.ts";
import { corrupt, cryptMethods, incompatible, largestDiskBytes } from "./Qcow2Header.ts";
import type { Qcow2Volume } from "./Qcow2Volume.ts";

const BATCH_BYTES = 4 * 1024 * 1024;
const EXTENT_CLUSTERS_MAX = 65536;

/** A cluster that is being written. */
interface Placement {
  readonly cluster: number;
  readonly before: ClusterEntry;
  /** Where the content goes. */
  readonly offset: number;
  readonly fresh: boolean;
}

export interface Qcow2Parts {
  readonly volume: Qcow2Volume;
  readonly readOnly: boolean;
  readonly backing: BlockDevice | undefined;
  readonly cipher: DiskCipher | undefined;
  readonly snapshots: readonly InternalSnapshot[];
}

export class Qcow2Image extends DiskImageBase {
  readonly #volume: Qcow2Volume;
  readonly #cipher: DiskCipher | undefined;
  readonly #snapshots: readonly InternalSnapshot[];
  readonly #clusterBytes: number;
  #sizeBytes: number;
  /** The last compressed cluster that was read. */
  #expanded: { offset: number; bytes: Uint8Array } | undefined;
  /** The next free byte of a cluster that holds compressed content; 0 for none. */
  #compressedNext = 0;

  constructor(parts: Qcow2Parts) {
    const { volume, readOnly, backing } = parts;
    super({ readOnly, granuleBytes: volume.clusterBytes, backing });
    this.#volume = volume;
    this.#cipher = parts.cipher;
    this.#snapshots = parts.snapshots;
    this.#clusterBytes = volume.clusterBytes;
    this.#sizeBytes = volume.header.sizeBytes;
  }

  get sizeBytes(): number {
    return Math.ceil(this.#sizeBytes / this.blockSize) * this.blockSize;
  }

  async writeCompressed(offset: number, source: Uint8Array): Promise<void> {
    await this.writeAs(offset, source, true);
  }

  protected async doInfo(): Promise<DiskImageInfo> {
    const { header, store } = this.#volume;
    const { backingName } = header;
    return {
      format: "qcow2",
      subformat: header.version === 2 ? "v2" : "v3",
      sizeBytes: this.sizeBytes,
      allocatedBytes: (await store.allocatedBytes?.()) ?? (await store.size()),
      backing:
        backingName === undefined
          ? undefined
          : { names: [backingName], format: header.backingFormat, identity: undefined },
      identity: undefined,
      encrypted: header.cryptMethod !== cryptMethods.none,
      dirty: (header.incompatible & (incompatible.dirty | incompatible.corrupt)) !== 0n,
      snapshots: this.#snapshots,
    };
  }

  get #rests(): boolean {
    return this.backing !== undefined || this.#volume.header.backingName !== undefined;
  }

  protected async doRead(offset: number, target: Uint8Array): Promise<void> {
    const { map } = this.#volume;
    const size = this.#clusterBytes;
    for (let at = 0; at < target.length; ) {
      const cluster = Math.floor((offset + at) / size);
      const within = (offset + at) % size;
      const entry = map.cached(cluster) ?? (await map.get(cluster));
      let end = Math.min(target.length, at + size - within);
      // Neighbours on the disk that are neighbours in the file come in one piece.
      for (let next = 1; end < target.length && entry.kind !== "compressed"; next++) {
        const follower = map.cached(cluster + next);
        if (follower?.kind !== entry.kind) break;
        if (entry.kind === "data" && follower.offset !== entry.offset + next * size) break;
        end = Math.min(target.length, end + size);
      }
      await this.#readPiece(entry, within, offset + at, target.subarray(at, end));
      at = end;
    }
  }

  async #readPiece(entry: ClusterEntry, within: number, offset: number, target: Uint8Array): Promise<void> {
    switch (entry.kind) {
      case "absent":
        return await readBacking(this.backing, this.backing === undefined && this.#rests, offset, target);
      case "zero":
        return void target.fill(0);
      case "compressed":
        return target.set((await this.#expand(entry)).subarray(within, within + target.length));
      case "data": {
        const place = entry.offset + within;
        // A file may end within its last cluster; the rest is zeros.
        target.fill(0, await this.#volume.store.read(place, target));
        this.#cipher?.decrypt(target, this.#ivSector(place, offset));
      }
    }
  }

  async #expand(entry: ClusterEntry): Promise<Uint8Array> {
    const known = this.#expanded;
    if (known?.offset === entry.offset) return known.bytes;
    const stored = new Uint8Array(entry.bytes);
    await this.#volume.store.read(entry.offset, stored);
    const bytes = expandCluster(stored, this.#volume.header.compression, this.#clusterBytes);
    this.#expanded = { offset: entry.offset, bytes };
    return bytes;
  }

  protected async doWrite(offset: number, source: Uint8Array, compressed: boolean): Promise<void> {
    const size = this.#clusterBytes;
    const batch = Math.max(size, BATCH_BYTES);
    for (let at = 0; at < source.length; ) {
      const start = offset + at;
      if (compressed && start % size === 0 && (await this.#writeDeflated(start, source.subarray(at)))) {
        at += size;
        continue;
      }
      const step = compressed ? size - (start % size) : batch - (start % batch);
      const end = Math.min(source.length, at + step);
      await this.#writeBatch(start, source.subarray(at, end));
      at = end;
    }
  }

  async #writeBatch(offset: number, source: Uint8Array): Promise<void> {
    const placements = await this.#volume.locked(() => this.#place(offset, source.length));
    try {
      await this.#writeContent(placements, offset, source);
    } catch (error) {
      await this.#volume.locked(async () => this.#unplace(placements));
      throw error;
    }
    await this.#volume.locked(() => this.#name(placements));
  }

  async #place(offset: number, length: number): Promise<Placement[]> {
    const { map, refcounts } = this.#volume;
    await this.#volume.prepareChange();
    const placements: Placement[] = [];
    const last = Math.floor((offset + length - 1) / this.#clusterBytes);
    let free = { offset: 0, clusters: 0 };
    try {
      for (let cluster = Math.floor(offset / this.#clusterBytes); cluster <= last; cluster++) {
        const before = await map.get(cluster);
        const own = before.kind !== "compressed" && before.copied && before.offset !== 0;
        if (own) {
          if (refcounts.reserved.has(before.offset / this.#clusterBytes)) {
            throw corrupt("The image would overwrite its own tables; a repair is needed before writing.", { offset });
          }
          placements.push({ cluster, before, offset: before.offset, fresh: false });
          continue;
        }
        if (free.clusters === 0) free = await refcounts.allocate(last - cluster + 1);
        placements.push({ cluster, before, offset: free.offset, fresh: true });
        free = { offset: free.offset + this.#clusterBytes, clusters: free.clusters - 1 };
      }
    } catch (error) {
      this.#unplace(placements);
      throw error;
    } finally {
      if (free.clusters > 0) refcounts.free(free.offset, free.clusters);
    }
    return placements;
  }

  #unplace(placements: readonly Placement[]): void {
    for (const { fresh, offset } of placements) if (fresh) this.#volume.refcounts.free(offset, 1);
  }

  /** Pieces that are neighbours in the file are written together. */
  async #writeContent(placements: readonly Placement[], offset: number, source: Uint8Array): Promise<void> {
    const size = this.#clusterBytes;
    let run: { place: number; start: number; end: number } | undefined;
    for (const placement of placements) {
      const clusterStart = placement.cluster * size;
      const start = Math.max(offset, clusterStart);
      const end = Math.min(offset + source.length, clusterStart + size);
      const partial = end - start < size && (placement.fresh || placement.before.kind === "zero");
      const place = placement.offset + (start - clusterStart);
      if (!partial && run !== undefined && run.place + (run.end - run.start) === place) {
        run.end = end;
        continue;
      }
      if (run !== undefined)
        await this.#store(run.place, run.start, source.subarray(run.start - offset, run.end - offset));
      run = partial ? undefined : { place, start, end };
      if (!partial) continue;
      const whole = await this.#contentOf(placement);
      whole.set(source.subarray(start - offset, end - offset), start - clusterStart);
      await this.#store(placement.offset, clusterStart, whole);
    }
    if (run !== undefined)
      await this.#store(run.place, run.start, source.subarray(run.start - offset, run.end - offset));
  }

  async #contentOf({ cluster, before }: Placement): Promise<Uint8Array> {
    const whole = new Uint8Array(this.#clusterBytes);
    const start = cluster * this.#clusterBytes;
    const inside = whole.subarray(0, Math.min(whole.length, this.sizeBytes - start));
    await this.#readPiece(before, 0, start, inside);
    return whole;
  }

  async #store(place: number, offset: number, bytes: Uint8Array): Promise<void> {
    if (this.#cipher !== undefined) {
      bytes = bytes.slice();
      this.#cipher.encrypt(bytes, this.#ivSector(place, offset));
    }
    await this.#volume.store.write(place, bytes);
  }

  /** LUKS counts sectors of the file, the older encryption those of the disk. */
  #ivSector(place: number, offset: number): number {
    return (this.#volume.header.cryptMethod === cryptMethods.luks ? place : offset) / 512;
  }

  async #name(placements: readonly Placement[]): Promise<void> {
    const { map } = this.#volume;
    const left = [...placements];
    try {
      for (const placement of placements) {
        if (placement.fresh || placement.before.kind !== "data") {
          await map.set(placement.cluster, dataCluster(placement.offset));
          if (placement.fresh) this.#release(placement.before);
        }
        left.shift();
      }
    } catch (error) {
      this.#unplace(left);
      throw error;
    }
    await this.#commitIfFull();
  }

  #release(entry: ClusterEntry): void {
    if (entry.kind === "compressed") this.#expanded = undefined;
    this.#volume.map.release(entry);
  }

  /** Writes one cluster compressed; false when it has to be written plainly. */
  async #writeDeflated(offset: number, source: Uint8Array): Promise<boolean> {
    const size = this.#clusterBytes;
    const { header } = this.#volume;
    const end = Math.min(offset + size, this.sizeBytes);
    if (header.compression !== "zlib" || this.#cipher !== undefined || source.length < end - offset) return false;
    const cluster = new Uint8Array(size);
    cluster.set(source.subarray(0, end - offset));
    const deflated = deflateCluster(cluster);
    if (deflated === undefined) return false;
    await this.#volume.locked(async () => {
      const { map, store } = this.#volume;
      await this.#volume.prepareChange();
      const before = await map.get(offset / size);
      const place = await this.#placeCompressed(deflated.length);
      const entry: ClusterEntry = { kind: "compressed", offset: place, bytes: deflated.length, copied: false };
      try {
        await store.write(place, deflated);
        await map.set(offset / size, entry);
      } catch (error) {
        map.release(entry);
        throw error;
      }
      this.#release(before);
      await this.#commitIfFull();
    });
    return true;
  }

  async #placeCompressed(bytes: number): Promise<number> {
    const { refcounts } = this.#volume;
    const size = this.#clusterBytes;
    const next = this.#compressedNext;
    const fits = next % size !== 0 && (next % size) + bytes <= size;
    if (fits && (await refcounts.share(Math.floor(next / size)))) {
      this.#compressedNext = next + bytes;
      return next;
    }
    const { offset } = await refcounts.allocate(1);
    this.#compressedNext = offset + bytes;
    return offset;
  }

  protected async doWriteZeroes(offset: number, length: number): Promise<void> {
    await this.#clear(offset, length, async (start, end) => {
      const zeros = new Uint8Array(Math.min(end - start, BATCH_BYTES));
      for (let at = start; at < end; at += zeros.length) {
        await this.doWrite(at, zeros.subarray(0, Math.min(zeros.length, end - at)), false);
      }
    });
  }

  protected async doDiscard(offset: number, length: number): Promise<void> {
    await this.#clear(offset, length, async () => undefined);
  }

  /** Makes whole clusters zeros in the map; `rest` gets what is left: pieces of clusters, and all where zeros cannot be said. */
  async #clear(offset: number, length: number, rest: (start: number, end: number) => Promise<void>): Promise<void> {
    const size = this.#clusterBytes;
    const stop = offset + length;
    for (let at = offset; at < stop; ) {
      const cluster = Math.floor(at / size);
      const end = Math.min(stop, (cluster + 1) * size);
      const whole = at % size === 0 && (end % size === 0 || end >= this.sizeBytes);
      const entry = await this.#volume.map.get(cluster);
      const zero = entry.kind === "zero" || (entry.kind === "absent" && !this.#rests);
      if (!zero || (whole && entry.offset !== 0)) {
        if (!whole || !(await this.#clearCluster(cluster))) await rest(at, end);
      }
      at = end;
    }
  }

  async #clearCluster(cluster: number): Promise<boolean> {
    const { header, map } = this.#volume;
    if (this.#rests && header.version === 2) return false;
    await this.#volume.locked(async () => {
      await this.#volume.prepareChange();
      const before = await map.get(cluster);
      await map.set(cluster, this.#rests ? zeroCluster : absentCluster);
      this.#release(before);
      await this.#commitIfFull();
    });
    return true;
  }

  protected async doExtentAt(offset: number): Promise<Extent> {
    const { map } = this.#volume;
    const size = this.#clusterBytes;
    const first = Math.floor(offset / size);
    const kind = extentKind(await map.get(first));
    const clusters = Math.ceil(this.sizeBytes / size);
    let next = first + 1;
    while (next < clusters && next - first < EXTENT_CLUSTERS_MAX) {
      const table = Math.floor(next / map.entriesPerTable);
      if (kind === "absent" && next % map.entriesPerTable === 0 && map.l1(table).offset === 0) {
        next += map.entriesPerTable;
        continue;
      }
      if (extentKind(map.cached(next) ?? (await map.get(next))) !== kind) break;
      next++;
    }
    return { kind, length: Math.min(this.sizeBytes, next * size) - offset };
  }

  protected async doFlush(): Promise<void> {
    await this.#volume.locked(() => this.#commit());
  }

  /** After steps that fill the caches or free much. */
  async #commitIfFull(): Promise<void> {
    if (this.#volume.map.full || this.#volume.refcounts.full) await this.#commit();
  }

  /** Frees become real: a cluster of compressed content may have a new owner afterwards. */
  async #commit(): Promise<void> {
    if (this.#volume.refcounts.hasFrees) this.#compressedNext = 0;
    await this.#volume.commit();
  }

  protected async doCheck(repair: boolean, work: LongWork): Promise<CheckReport> {
    return await this.#volume.locked(async () => {
      if (!this.readOnly) await this.#commit();
      return await new Qcow2Check(this.#volume, work).run(repair);
    });
  }

  protected async doResize(sizeBytes: number): Promise<void> {
    const before = this.#sizeBytes;
    if (sizeBytes > largestDiskBytes(this.#volume.header.clusterBits)) {
      throw new GuesthouseError("unsupported-size", "The disk is too large for the image's cluster size.", {
        sizeBytes,
      });
    }
    if (this.#snapshots.length > 0) {
      throw new GuesthouseError("unsupported-operation", "An image with internal snapshots keeps its size.");
    }
    if (sizeBytes < before) return await this.#shrink(sizeBytes);
    await this.#volume.locked(async () => {
      await this.#volume.prepareChange();
      await this.#commit();
      await this.#volume.map.growL1(sizeBytes);
    });
    this.#sizeBytes = sizeBytes;
    try {
      // Neither the rest of the last cluster nor a longer backing image must come to light.
      const clusterEnd = Math.ceil(before / this.#clusterBytes) * this.#clusterBytes;
      const end = Math.min(sizeBytes, Math.max(clusterEnd, this.backing?.sizeBytes ?? 0));
      const start = Math.floor(before / this.blockSize) * this.blockSize;
      if (end > start) await this.doWriteZeroes(start, end - start);
      await this.#volume.locked(() => this.#writeSize(sizeBytes));
    } catch (error) {
      this.#sizeBytes = before;
      throw error;
    }
  }

  async #shrink(sizeBytes: number): Promise<void> {
    const before = this.#sizeBytes;
    const { map } = this.#volume;
    await this.#volume.locked(async () => {
      await this.#volume.prepareChange();
      await this.#writeSize(sizeBytes);
    });
    this.#sizeBytes = sizeBytes;
    await this.#volume.locked(async () => {
      const last = Math.ceil(before / this.#clusterBytes);
      for (let cluster = Math.ceil(sizeBytes / this.#clusterBytes); cluster < last; cluster++) {
        const entry = await map.get(cluster);
        if (entry.kind === "absent") continue;
        await map.set(cluster, absentCluster);
        this.#release(entry);
        await this.#commitIfFull();
      }
      await this.#commit();
    });
  }

  async #writeSize(sizeBytes: number): Promise<void> {
    await this.#commit();
    this.#volume.header.sizeBytes = sizeBytes;
    await this.#volume.writeFields();
    await this.#volume.store.flush();
  }

  protected async doCompact(work: LongWork): Promise<void> {
    await compactQcow2(this.#volume, work, {
      sizeBytes: this.sizeBytes,
      read: (offset, target) => this.doRead(offset, target),
      clear: async (cluster) => void (await this.#clearCluster(cluster)),
      copy: async (cluster, place) => {
        const before = await this.#volume.map.get(cluster);
        const whole = await this.#contentOf({ cluster, before, offset: place, fresh: true });
        await this.#store(place, cluster * this.#clusterBytes, whole);
      },
    });
    this.#expanded = undefined;
    this.#compressedNext = 0;
  }

  protected async doRebase(backing: BackingReference | undefined): Promise<void> {
    await this.#volume.locked(async () => {
      await this.#volume.prepareChange();
      const { header } = this.#volume;
      const before = [header.backingName, header.backingFormat] as const;
      header.backingName = backing?.names[0];
      header.backingFormat = backing?.format;
      try {
        await this.#volume.writeWholeHeader();
      } catch (error) {
        [header.backingName, header.backingFormat] = before;
        throw error;
      }
    });
  }

  protected async doClose(): Promise<void> {
    const { store, refcounts } = this.#volume;
    try {
      if (this.readOnly) return;
      await this.#volume.locked(async () => {
        const frees = refcounts.hasFrees;
        await this.#commit();
        if (frees) await store.flush();
      });
    } finally {
      await store.close();
    }
  }
}

function extentKind({ kind }: ClusterEntry): Extent["kind"] {
  return kind === "compressed" ? "data" : kind;
}
