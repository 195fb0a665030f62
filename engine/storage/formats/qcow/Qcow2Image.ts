/**
 * A disk in a QCOW2 file (QEMU, docs/interop/qcow2.txt): requests cut into clusters, and what changes the image as a whole. `Qcow2Content` reads
 * and stores clusters, `Qcow2Writer` gives them places; locks on ranges of the disk keep a cluster from being freed while somebody
 * reads it. Extended L2 entries and external data files are absent; internal snapshots are listed and left alone.
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
import { DiskImageBase } from "../../DiskImageBase.ts";
import { absentCluster, type ClusterEntry } from "./ClusterMap.ts";
import { compactQcow2 } from "./compactQcow2.ts";
import { Qcow2Check } from "./Qcow2Check.ts";
import { Qcow2Content } from "./Qcow2Content.ts";
import { cryptMethods, incompatible, largestDiskBytes } from "./Qcow2Header.ts";
import type { Qcow2Volume } from "./Qcow2Volume.ts";
import { Qcow2Writer } from "./Qcow2Writer.ts";
import { qcowPassphraseWork } from "./qcowCipher.ts";

const BATCH_BYTES = 4 * 1024 * 1024;
const EXTENT_CLUSTERS_MAX = 65536;

export interface Qcow2Parts {
  readonly volume: Qcow2Volume;
  readonly readOnly: boolean;
  readonly backing: BlockDevice | undefined;
  readonly cipher: DiskCipher | undefined;
  readonly snapshots: readonly InternalSnapshot[];
}

export class Qcow2Image extends DiskImageBase {
  readonly #volume: Qcow2Volume;
  readonly #content: Qcow2Content;
  readonly #writer: Qcow2Writer;
  readonly #snapshots: readonly InternalSnapshot[];
  readonly #clusterBytes: number;
  #sizeBytes: number;

  constructor(parts: Qcow2Parts) {
    const { volume, readOnly, backing } = parts;
    super({ readOnly, granuleBytes: volume.clusterBytes, backing });
    this.#volume = volume;
    this.#content = new Qcow2Content(volume, backing, parts.cipher);
    this.#writer = new Qcow2Writer(volume, this.#content);
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
      passphraseWork: await qcowPassphraseWork(store, header),
      dirty: (header.incompatible & (incompatible.dirty | incompatible.corrupt)) !== 0n,
      snapshots: this.#snapshots,
    };
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
      await this.#content.read(entry, within, offset + at, target.subarray(at, end));
      at = end;
    }
  }

  protected async doWrite(offset: number, source: Uint8Array, compressed: boolean): Promise<void> {
    const size = this.#clusterBytes;
    const batch = Math.max(size, BATCH_BYTES);
    for (let at = 0; at < source.length; ) {
      const start = offset + at;
      if (
        compressed &&
        start % size === 0 &&
        (await this.#writer.writeDeflated(start, source.subarray(at), this.sizeBytes))
      ) {
        at += size;
        continue;
      }
      const step = compressed ? size - (start % size) : batch - (start % batch);
      const end = Math.min(source.length, at + step);
      await this.#writer.write(start, source.subarray(at, end), this.sizeBytes);
      at = end;
    }
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
      const zero = entry.kind === "zero" || (entry.kind === "absent" && !this.#content.rests);
      if (!zero || (whole && entry.offset !== 0)) {
        if (!whole || !(await this.#writer.clear(cluster))) await rest(at, end);
      }
      at = end;
    }
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
    await this.#volume.locked(() => this.#writer.commit());
  }

  protected async doCheck(repair: boolean, work: LongWork): Promise<CheckReport> {
    return await this.#volume.locked(async () => {
      if (!this.readOnly) await this.#writer.commit();
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
      await this.#writer.commit();
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
        this.#writer.release(entry);
        await this.#writer.commitIfFull();
      }
      await this.#writer.commit();
    });
  }

  async #writeSize(sizeBytes: number): Promise<void> {
    await this.#writer.commit();
    this.#volume.header.sizeBytes = sizeBytes;
    await this.#volume.writeFields();
    await this.#volume.store.flush();
  }

  protected async doCompact(work: LongWork): Promise<void> {
    await compactQcow2(this.#volume, work, {
      sizeBytes: this.sizeBytes,
      read: (offset, target) => this.doRead(offset, target),
      clear: async (cluster) => void (await this.#writer.clear(cluster)),
      copy: async (cluster, place) => {
        const before = await this.#volume.map.get(cluster);
        const whole = await this.#content.readCluster(cluster, before, this.sizeBytes);
        await this.#content.write(place, cluster * this.#clusterBytes, whole);
      },
    });
    this.#writer.forgetPlaces();
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
        await this.#writer.commit();
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
