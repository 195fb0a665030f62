/**
 * QCOW version 1 (QEMU, block/qcow.c describes it): two levels of tables as in QCOW2, without refcounts, zero clusters and snapshots. Read only: such
 * images are old, and are converted rather than used. Opening one for writing is refused.
 */
import { GuesthouseError } from "../../../base/GuesthouseError.ts";
import type { BlockDevice, ByteStore } from "../../../contracts/BlockDevice.ts";
import type {
  CheckReport,
  DiskFormat,
  DiskImage,
  DiskImageInfo,
  Extent,
  OpenDiskOptions,
  StoreOpener,
} from "../../../contracts/DiskImage.ts";
import type { DiskCipher } from "../../crypto/DiskCipher.ts";
import { DiskImageBase, readBacking, SECTOR_BYTES } from "../../DiskImageBase.ts";
import { readTable } from "./ClusterMap.ts";
import { ExpandedCluster } from "./ExpandedCluster.ts";
import { corrupt, cryptMethods, QCOW_MAGIC } from "./Qcow2Header.ts";
import { openQcowCipher } from "./qcowCipher.ts";
import { TableCache } from "./TableCache.ts";

const HEADER_BYTES = 48;
const BACKING_NAME_BYTES_MAX = 1023;
const L1_BYTES_MAX = 32 * 1024 * 1024;
const CACHE_BYTES = 4 * 1024 * 1024;
const COMPRESSED = 0x8000_0000;

interface Qcow1Header {
  readonly sizeBytes: number;
  readonly clusterBits: number;
  readonly l2Bits: number;
  readonly cryptMethod: number;
  readonly l1Offset: number;
  readonly l1Entries: number;
  readonly backingName: string | undefined;
}

interface Cluster {
  readonly kind: "absent" | "data" | "compressed";
  readonly offset: number;
  readonly bytes: number;
}

class Qcow1Image extends DiskImageBase {
  readonly #store: ByteStore;
  readonly #header: Qcow1Header;
  readonly #l1: Uint32Array;
  readonly #tables: TableCache;
  readonly #cipher: DiskCipher | undefined;
  readonly #clusterBytes: number;
  readonly #expanded: ExpandedCluster;

  constructor(
    store: ByteStore,
    header: Qcow1Header,
    l1: Uint32Array,
    cipher: DiskCipher | undefined,
    backing: BlockDevice | undefined,
  ) {
    super({ readOnly: true, granuleBytes: 2 ** header.clusterBits, backing });
    this.#store = store;
    this.#header = header;
    this.#l1 = l1;
    this.#cipher = cipher;
    this.#clusterBytes = 2 ** header.clusterBits;
    this.#expanded = new ExpandedCluster(store, "zlib", this.#clusterBytes);
    this.#tables = new TableCache(store, 8 * 2 ** header.l2Bits, CACHE_BYTES);
  }

  get sizeBytes(): number {
    return Math.floor(this.#header.sizeBytes / SECTOR_BYTES) * SECTOR_BYTES;
  }

  protected async doInfo(): Promise<DiskImageInfo> {
    const { backingName, cryptMethod } = this.#header;
    return {
      format: "qcow",
      subformat: "v1",
      sizeBytes: this.sizeBytes,
      allocatedBytes: (await this.#store.allocatedBytes?.()) ?? (await this.#store.size()),
      backing: backingName === undefined ? undefined : { names: [backingName], format: undefined, identity: undefined },
      identity: undefined,
      encrypted: cryptMethod !== cryptMethods.none,
      dirty: false,
    };
  }

  async #cluster(index: number): Promise<Cluster> {
    const perTable = 2 ** this.#header.l2Bits;
    const l1 = Math.floor(index / perTable);
    const place = this.#l1[l1 * 2]! * 2 ** 32 + this.#l1[l1 * 2 + 1]!;
    if (place === 0) return { kind: "absent", offset: 0, bytes: 0 };
    if (!Number.isSafeInteger(place)) throw corrupt("An L2 table lies at an impossible place.", { offset: place });
    const { view } = await this.#tables.load(place);
    const at = (index % perTable) * 8;
    const [high, low] = [view.getUint32(at), view.getUint32(at + 4)];
    if (high === 0 && low === 0) return { kind: "absent", offset: 0, bytes: 0 };
    if ((high & COMPRESSED) === 0) return { kind: "data", offset: high * 2 ** 32 + low, bytes: this.#clusterBytes };
    // Below the flag stands the length, as many bits as a cluster's offset has; below that the place.
    const shift = 63 - this.#header.clusterBits - 32;
    const bytes = ((high & 0x7fff_ffff) >>> shift) & (this.#clusterBytes - 1);
    return { kind: "compressed", offset: (high & (2 ** shift - 1)) * 2 ** 32 + low, bytes };
  }

  protected async doRead(offset: number, target: Uint8Array): Promise<void> {
    for (let at = 0; at < target.length; ) {
      const within = (offset + at) % this.#clusterBytes;
      const end = Math.min(target.length, at + this.#clusterBytes - within);
      const piece = target.subarray(at, end);
      const cluster = await this.#cluster(Math.floor((offset + at) / this.#clusterBytes));
      if (cluster.kind === "absent") {
        const missing = this.backing === undefined && this.#header.backingName !== undefined;
        await readBacking(this.backing, missing, offset + at, piece);
      } else if (cluster.kind === "compressed") {
        piece.set((await this.#expanded.read(cluster)).subarray(within, within + piece.length));
      } else {
        piece.fill(0, await this.#store.read(cluster.offset + within, piece));
        this.#cipher?.decrypt(piece, (offset + at) / SECTOR_BYTES);
      }
      at = end;
    }
  }

  protected async doExtentAt(offset: number): Promise<Extent> {
    const clusters = Math.ceil(this.sizeBytes / this.#clusterBytes);
    const first = Math.floor(offset / this.#clusterBytes);
    const absent = (await this.#cluster(first)).kind === "absent";
    let next = first + 1;
    while (next < clusters && next - first < 65536 && ((await this.#cluster(next)).kind === "absent") === absent)
      next++;
    return { kind: absent ? "absent" : "data", length: Math.min(this.sizeBytes, next * this.#clusterBytes) - offset };
  }

  /** Reads every table: those that cannot be read are the faults that can be found. */
  protected async doCheck(): Promise<CheckReport> {
    const errors: string[] = [];
    const perTable = 2 ** this.#header.l2Bits;
    for (let index = 0; index < this.#l1.length / 2 && errors.length < 100; index++) {
      try {
        await this.#cluster(index * perTable);
      } catch (error) {
        if (!(error instanceof GuesthouseError)) throw error;
        errors.push(error.message);
      }
    }
    return { errors, leakedBytes: 0, repaired: 0 };
  }

  protected async doClose(): Promise<void> {
    await this.#store.close();
  }

  // The base refuses all of these for a read-only image.
  protected async doFlush(): Promise<void> {}
  protected async doWrite(): Promise<void> {
    throw readOnly();
  }
  protected async doWriteZeroes(): Promise<void> {
    throw readOnly();
  }
  protected async doDiscard(): Promise<void> {
    throw readOnly();
  }
  protected async doResize(): Promise<void> {
    throw readOnly();
  }
  protected async doCompact(): Promise<void> {
    throw readOnly();
  }
  protected async doRebase(): Promise<void> {
    throw readOnly();
  }
}

function readOnly(): GuesthouseError {
  return new GuesthouseError("unsupported-operation", "QCOW version 1 is only read here: convert the disk to QCOW2.");
}

function parseHeader(bytes: Uint8Array): Qcow1Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < HEADER_BYTES || view.getUint32(0) !== QCOW_MAGIC || view.getUint32(4) !== 1) {
    throw corrupt("The header of the image is missing.");
  }
  const big = (at: number) => view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
  const [clusterBits, l2Bits] = [view.getUint8(32), view.getUint8(33)];
  const [sizeBytes, l1Offset] = [big(24), big(40)];
  if (clusterBits < 9 || clusterBits > 16 || l2Bits < 6 || l2Bits > 13) {
    throw corrupt("The cluster size is impossible.", { clusterBits, l2Bits });
  }
  const l1Entries = Math.ceil(sizeBytes / 2 ** (clusterBits + l2Bits));
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < SECTOR_BYTES || l1Entries * 8 > L1_BYTES_MAX) {
    throw corrupt("The size of the disk is impossible.", { sizeBytes });
  }
  const cryptMethod = view.getUint32(36);
  if (cryptMethod > cryptMethods.aes) throw corrupt("The encryption is unknown.", { cryptMethod });
  const [nameOffset, nameBytes] = [big(8), view.getUint32(16)];
  if (nameOffset !== 0 && (nameBytes > BACKING_NAME_BYTES_MAX || nameOffset + nameBytes > bytes.length)) {
    throw corrupt("The name of the backing image is misplaced.", { offset: nameOffset });
  }
  const name = new TextDecoder().decode(bytes.subarray(nameOffset, nameOffset + nameBytes));
  const backingName = nameOffset === 0 || nameBytes === 0 ? undefined : name;
  return { sizeBytes, clusterBits, l2Bits, cryptMethod, l1Offset, l1Entries, backingName };
}

async function open(opener: StoreOpener, name: string, options: OpenDiskOptions): Promise<DiskImage> {
  if (options.access === "write") throw readOnly();
  const store = await opener.open(name, "read");
  try {
    const bytes = new Uint8Array(Math.min(await store.size(), 64 * 1024));
    await store.read(0, bytes);
    const header = parseHeader(bytes);
    const cipher = await openQcowCipher(store, { cryptMethod: header.cryptMethod, crypto: undefined }, options);
    const l1 = await readTable(store, header.l1Offset, header.l1Entries);
    const { backingName } = header;
    const reference = { names: [backingName ?? ""], format: undefined, identity: undefined };
    const backing = backingName === undefined ? undefined : await options.openBacking?.(reference);
    return new Qcow1Image(store, header, l1, cipher, backing);
  } catch (error) {
    await store.close();
    throw error;
  }
}

export const qcowFormat: DiskFormat = {
  id: "qcow",
  subformats: [],
  async probe(store) {
    const start = new Uint8Array(8);
    if ((await store.read(0, start)) < start.length) return false;
    const view = new DataView(start.buffer);
    return view.getUint32(0) === QCOW_MAGIC && view.getUint32(4) === 1;
  },
  open,
  async create() {
    throw readOnly();
  },
};
