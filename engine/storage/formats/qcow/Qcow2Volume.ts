/**
 * A QCOW2 file's metadata as a whole: header, refcounts, cluster map, and the order in which changes reach the file. After a loss
 * of power at any moment nothing points at a cluster whose content or count was not there before: counts first, then L2 tables, then L1,
 * then the header; and what is freed is given out again only after all that. What may be left over is space nobody uses.
 */
import { GuesthouseError } from "../../../base/GuesthouseError.ts";
import type { ByteStore } from "../../../contracts/BlockDevice.ts";
import { RangeLock } from "../../RangeLock.ts";
import { ClusterMap } from "./ClusterMap.ts";
import { encodeQcow2Header, incompatible, type Qcow2Header } from "./Qcow2Header.ts";
import { Refcounts } from "./Refcounts.ts";

/** What of the header changes in place: everything between the backing name and the header's length. */
const FIELDS_START = 20;
const FIELDS_END_V2 = 72;
const FIELDS_END_V3 = 100;

export class Qcow2Volume {
  readonly store: ByteStore;
  readonly header: Qcow2Header;
  readonly refcounts: Refcounts;
  readonly map: ClusterMap;
  readonly clusterBytes: number;
  readonly #lock = new RangeLock();
  #prepared = false;

  private constructor(store: ByteStore, header: Qcow2Header) {
    this.store = store;
    this.header = header;
    this.clusterBytes = 2 ** header.clusterBits;
    this.refcounts = new Refcounts(store, header);
    this.map = new ClusterMap(store, header, this.refcounts);
  }

  static async load(store: ByteStore, header: Qcow2Header): Promise<Qcow2Volume> {
    const volume = new Qcow2Volume(store, header);
    volume.refcounts.reserved.add(0);
    await volume.refcounts.readTable();
    await volume.map.readL1();
    return volume;
  }

  /** Changes of metadata run one at a time. */
  async locked<T>(action: () => Promise<T>): Promise<T> {
    return await this.#lock.runAlone(action);
  }

  /** To be called, locked, before anything changes. Forgets what others derived from the content and does not hold any more. */
  async prepareChange(): Promise<void> {
    if (this.#prepared) return;
    if ((this.header.incompatible & incompatible.corrupt) !== 0n) {
      throw new GuesthouseError("corrupt-image", "The image is marked as damaged; a repair is needed before writing.");
    }
    if (this.header.autoclear !== 0n) {
      this.header.autoclear = 0n;
      await this.writeFields();
      await this.store.flush();
    }
    this.#prepared = true;
  }

  /** Afterwards everything that was changed before is on stable storage. Call it locked. */
  async commit(): Promise<void> {
    const { store, refcounts, map } = this;
    const writeFields = () => this.#writeTablePlaces();
    if (refcounts.changed || map.changed) {
      await refcounts.writeCounts(writeFields);
      await store.flush();
      await map.writeL2();
      if (map.l1Waits) {
        await store.flush();
        await map.writeL1(writeFields);
      }
    }
    await store.flush();
    if (!refcounts.hasFrees) return;
    const freed = await refcounts.applyFrees();
    await refcounts.writeBlocks();
    await this.#punch(freed);
  }

  /** The changeable numbers of the header; they share its first sector. */
  async writeFields(): Promise<void> {
    const end = this.header.version === 2 ? FIELDS_END_V2 : FIELDS_END_V3;
    await this.store.write(FIELDS_START, encodeQcow2Header(this.header).subarray(FIELDS_START, end));
  }

  async writeWholeHeader(): Promise<void> {
    await this.store.write(0, encodeQcow2Header(this.header));
    await this.store.flush();
  }

  async #writeTablePlaces(): Promise<void> {
    await this.writeFields();
    await this.store.flush();
  }

  async #punch(clusters: number[]): Promise<void> {
    const { store, clusterBytes } = this;
    if (store.punchHole === undefined) return;
    const size = await store.size();
    clusters.sort((one, other) => one - other);
    for (let at = 0; at < clusters.length; ) {
      let end = at + 1;
      while (end < clusters.length && clusters[end] === clusters[end - 1]! + 1) end++;
      const start = clusters[at]! * clusterBytes;
      const length = Math.min((end - at) * clusterBytes, size - start);
      if (length > 0) await store.punchHole(start, length);
      at = end;
    }
  }
}
