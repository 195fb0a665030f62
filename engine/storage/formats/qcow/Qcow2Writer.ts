/**
 * Changes of a QCOW2 disk's clusters: a cluster that is the image's own is written in place, another is allocated, filled, and only then named by
 * the map. Content moves outside of the volume's lock, so that requests to different clusters run side by side.
 */
import { absentCluster, type ClusterEntry, dataCluster, zeroCluster } from "./ClusterMap.ts";
import { deflateCluster } from "./clusterCompression.ts";
import type { Qcow2Content } from "./Qcow2Content.ts";
import { corrupt } from "./Qcow2Header.ts";
import type { Qcow2Volume } from "./Qcow2Volume.ts";

/** A cluster that is being written. */
interface Placement {
  readonly cluster: number;
  readonly before: ClusterEntry;
  /** Where the content goes. */
  readonly offset: number;
  readonly fresh: boolean;
}

export class Qcow2Writer {
  readonly #volume: Qcow2Volume;
  readonly #content: Qcow2Content;
  readonly #clusterBytes: number;
  /** The next free byte of a cluster that holds compressed content; 0 for none. */
  #compressedNext = 0;

  constructor(volume: Qcow2Volume, content: Qcow2Content) {
    this.#volume = volume;
    this.#content = content;
    this.#clusterBytes = volume.clusterBytes;
  }

  /** Plainly, into a disk of `sizeBytes`. What is not whole clusters of new places is filled up with what was there before. */
  async write(offset: number, source: Uint8Array, sizeBytes: number): Promise<void> {
    const placements = await this.#volume.locked(() => this.#place(offset, source.length));
    try {
      await this.#writeContent(placements, offset, source, sizeBytes);
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
  async #writeContent(
    placements: readonly Placement[],
    offset: number,
    source: Uint8Array,
    sizeBytes: number,
  ): Promise<void> {
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
        await this.#content.write(run.place, run.start, source.subarray(run.start - offset, run.end - offset));
      run = partial ? undefined : { place, start, end };
      if (!partial) continue;
      const whole = await this.#content.readCluster(placement.cluster, placement.before, sizeBytes);
      whole.set(source.subarray(start - offset, end - offset), start - clusterStart);
      await this.#content.write(placement.offset, clusterStart, whole);
    }
    if (run !== undefined)
      await this.#content.write(run.place, run.start, source.subarray(run.start - offset, run.end - offset));
  }

  async #name(placements: readonly Placement[]): Promise<void> {
    const { map } = this.#volume;
    const left = [...placements];
    try {
      for (const placement of placements) {
        if (placement.fresh || placement.before.kind !== "data") {
          await map.set(placement.cluster, dataCluster(placement.offset));
          if (placement.fresh) this.release(placement.before);
        }
        left.shift();
      }
    } catch (error) {
      this.#unplace(left);
      throw error;
    }
    await this.commitIfFull();
  }

  /** What the map named before and does not any more. */
  release(entry: ClusterEntry): void {
    if (entry.kind === "compressed") this.#content.expanded.forget();
    this.#volume.map.release(entry);
  }

  /** Writes one cluster compressed; false when it has to be written plainly. */
  async writeDeflated(offset: number, source: Uint8Array, sizeBytes: number): Promise<boolean> {
    const size = this.#clusterBytes;
    const { header } = this.#volume;
    const end = Math.min(offset + size, sizeBytes);
    if (header.compression !== "zlib" || this.#content.encrypted || source.length < end - offset) return false;
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
      this.release(before);
      await this.commitIfFull();
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

  /** Makes a cluster zeros in the map; false when zeros cannot be said. */
  async clear(cluster: number): Promise<boolean> {
    const { header, map } = this.#volume;
    if (this.#content.rests && header.version === 2) return false;
    await this.#volume.locked(async () => {
      await this.#volume.prepareChange();
      const before = await map.get(cluster);
      await map.set(cluster, this.#content.rests ? zeroCluster : absentCluster);
      this.release(before);
      await this.commitIfFull();
    });
    return true;
  }

  /** After steps that fill the caches or free much. */
  async commitIfFull(): Promise<void> {
    if (this.#volume.map.full || this.#volume.refcounts.full) await this.commit();
  }

  /** Frees become real: a cluster of compressed content may have a new owner afterwards. */
  async commit(): Promise<void> {
    if (this.#volume.refcounts.hasFrees) this.#compressedNext = 0;
    await this.#volume.commit();
  }

  /** After clusters were moved. */
  forgetPlaces(): void {
    this.#content.expanded.forget();
    this.#compressedNext = 0;
  }
}
