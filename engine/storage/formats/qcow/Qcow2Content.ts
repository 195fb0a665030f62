/**
 * The bytes of a QCOW2 disk's clusters, wherever they lie: in the file, plain, encrypted or compressed, or in the image behind. What the map says of a
 * cluster is the caller's knowledge; locks on ranges of the disk keep it true meanwhile.
 */
import type { BlockDevice } from "../../../contracts/BlockDevice.ts";
import type { DiskCipher } from "../../crypto/DiskCipher.ts";
import { readBacking } from "../../DiskImageBase.ts";
import type { ClusterEntry } from "./ClusterMap.ts";
import { ExpandedCluster } from "./ExpandedCluster.ts";
import { cryptMethods } from "./Qcow2Header.ts";
import type { Qcow2Volume } from "./Qcow2Volume.ts";

export class Qcow2Content {
  readonly expanded: ExpandedCluster;
  readonly #volume: Qcow2Volume;
  readonly #backing: BlockDevice | undefined;
  readonly #cipher: DiskCipher | undefined;

  constructor(volume: Qcow2Volume, backing: BlockDevice | undefined, cipher: DiskCipher | undefined) {
    this.#volume = volume;
    this.#backing = backing;
    this.#cipher = cipher;
    this.expanded = new ExpandedCluster(volume.store, volume.header.compression, volume.clusterBytes);
  }

  get encrypted(): boolean {
    return this.#cipher !== undefined;
  }

  /** Whether an image lies behind, be it there or not. */
  get rests(): boolean {
    return this.#backing !== undefined || this.#volume.header.backingName !== undefined;
  }

  /** From `within` a cluster, which is at `offset` of the disk. Data may go on in the clusters that follow in the file. */
  async read(entry: ClusterEntry, within: number, offset: number, target: Uint8Array): Promise<void> {
    switch (entry.kind) {
      case "absent":
        return await readBacking(this.#backing, this.#backing === undefined && this.rests, offset, target);
      case "zero":
        return void target.fill(0);
      case "compressed":
        return target.set((await this.expanded.read(entry)).subarray(within, within + target.length));
      case "data": {
        const place = entry.offset + within;
        // A file may end within its last cluster; the rest is zeros.
        target.fill(0, await this.#volume.store.read(place, target));
        this.#cipher?.decrypt(target, this.#ivSector(place, offset));
      }
    }
  }

  /** A whole cluster; zeros behind the end of a disk of `sizeBytes`. */
  async readCluster(cluster: number, entry: ClusterEntry, sizeBytes: number): Promise<Uint8Array> {
    const { clusterBytes } = this.#volume;
    const whole = new Uint8Array(clusterBytes);
    const start = cluster * clusterBytes;
    await this.read(entry, 0, start, whole.subarray(0, Math.min(whole.length, sizeBytes - start)));
    return whole;
  }

  /** Bytes at `offset` of the disk, to `place` in the file. */
  async write(place: number, offset: number, bytes: Uint8Array): Promise<void> {
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
}
