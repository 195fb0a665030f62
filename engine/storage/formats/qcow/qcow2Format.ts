/**
 * Opening and making QCOW2 images. An image that was not closed cleanly is repaired when it is opened for writing, because its refcounts are not to be
 * relied on. New images have clusters of 64 KiB and 16-bit refcounts, like most tools make them.
 */
import { GuesthouseError } from "../../../base/GuesthouseError.ts";
import type { BlockDevice, ByteStore } from "../../../contracts/BlockDevice.ts";
import type {
  BackingReference,
  CreateDiskOptions,
  DiskFormat,
  DiskImage,
  OpenDiskOptions,
  StoreOpener,
} from "../../../contracts/DiskImage.ts";
import { Qcow2Check } from "./Qcow2Check.ts";
import {
  cryptMethods,
  incompatible,
  largestDiskBytes,
  parseQcow2Header,
  QCOW_MAGIC,
  type Qcow2Header,
} from "./Qcow2Header.ts";
import { Qcow2Image } from "./Qcow2Image.ts";
import { Qcow2Volume } from "./Qcow2Volume.ts";
import { readSnapshots } from "./qcow2Snapshots.ts";
import { createQcowCipher, openQcowCipher } from "./qcowCipher.ts";

const HEADER_BYTES_MAX = 128 * 1024;

export interface Qcow2Layout {
  readonly version: 2 | 3;
  readonly clusterBits: number;
  readonly refcountOrder: number;
  readonly compression: "zlib" | "zstd";
}

const layouts: Readonly<Record<string, Qcow2Layout>> = {
  v3: { version: 3, clusterBits: 16, refcountOrder: 4, compression: "zlib" },
  v2: { version: 2, clusterBits: 16, refcountOrder: 4, compression: "zlib" },
};

export const qcow2Format: DiskFormat = {
  id: "qcow2",
  subformats: Object.keys(layouts),
  probe,
  open,
  async create(opener, name, options) {
    const layout = Object.hasOwn(layouts, options.subformat ?? "v3") ? layouts[options.subformat ?? "v3"] : undefined;
    if (layout === undefined) {
      throw new GuesthouseError("unsupported-operation", `QCOW2 has no kind “${options.subformat}”.`);
    }
    return await createQcow2(opener, name, options, layout);
  },
};

async function probe(store: ByteStore): Promise<boolean> {
  const start = new Uint8Array(8);
  if ((await store.read(0, start)) < start.length) return false;
  const view = new DataView(start.buffer);
  return view.getUint32(0) === QCOW_MAGIC && view.getUint32(4) !== 1;
}

async function open(opener: StoreOpener, name: string, options: OpenDiskOptions): Promise<DiskImage> {
  const store = await opener.open(name, options.access);
  let backing: BlockDevice | undefined;
  try {
    const bytes = new Uint8Array(Math.min(await store.size(), HEADER_BYTES_MAX));
    await store.read(0, bytes);
    const header = parseQcow2Header(bytes);
    const cipher = await openQcowCipher(store, header, options);
    const volume = await Qcow2Volume.load(store, header);
    const { list: snapshots } = await readSnapshots(store, header);
    if (options.access === "write" && (header.incompatible & incompatible.dirty) !== 0n) await repairDirty(volume);
    if (header.backingName !== undefined) backing = await options.openBacking?.(referenceOf(header));
    return new Qcow2Image({ volume, readOnly: options.access === "read", backing, cipher, snapshots });
  } catch (error) {
    await backing?.close();
    await store.close();
    throw error;
  }
}

function referenceOf(header: Qcow2Header): BackingReference {
  return { names: [header.backingName!], format: header.backingFormat, identity: undefined };
}

async function repairDirty(volume: Qcow2Volume): Promise<void> {
  const { errors } = await volume.locked(() => new Qcow2Check(volume, {}).run(true));
  if (errors.length > 0) {
    throw new GuesthouseError(
      "corrupt-image",
      `The image was not closed cleanly and cannot be repaired: ${errors[0]}`,
      {
        errors: errors.length,
      },
    );
  }
}

/** Any layout, for tests and for those who know. */
export async function createQcow2(
  opener: StoreOpener,
  name: string,
  options: CreateDiskOptions,
  layout: Qcow2Layout,
): Promise<DiskImage> {
  const { sizeBytes } = options;
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 512 || sizeBytes % 512 !== 0) {
    throw new GuesthouseError("unsupported-size", "A disk has whole sectors of 512 bytes, at least one.", {
      sizeBytes,
    });
  }
  if (sizeBytes > largestDiskBytes(layout.clusterBits)) {
    throw new GuesthouseError("unsupported-size", "The disk is too large for the image's cluster size.", { sizeBytes });
  }
  const header = newHeader(options, layout);
  const store = await opener.create(name);
  try {
    const volume = await writeEmpty(store, header);
    const cipher = await createQcowCipher(volume, options);
    await volume.locked(async () => {
      await volume.map.growL1(sizeBytes);
      await volume.commit();
    });
    header.sizeBytes = sizeBytes;
    await volume.writeWholeHeader();
    return new Qcow2Image({ volume, readOnly: false, backing: options.backing?.device, cipher, snapshots: [] });
  } catch (error) {
    await store.close();
    await opener.remove(name);
    throw error;
  }
}

function newHeader({ backing, passphrase }: CreateDiskOptions, layout: Qcow2Layout): Qcow2Header {
  return {
    ...layout,
    sizeBytes: 0,
    cryptMethod: passphrase === undefined ? cryptMethods.none : cryptMethods.luks,
    l1Entries: 0,
    l1Offset: 0,
    refcountTableOffset: 2 ** layout.clusterBits,
    refcountTableClusters: 1,
    snapshotCount: 0,
    snapshotsOffset: 0,
    incompatible: layout.compression === "zstd" ? incompatible.compression : 0n,
    compatible: 0n,
    autoclear: 0n,
    backingName: backing?.reference.names[0],
    backingFormat: backing?.reference.format,
    crypto: undefined,
    bitmaps: undefined,
    otherExtensions: [],
  };
}

/** Header, refcount table and one refcount block that counts all three. */
async function writeEmpty(store: ByteStore, header: Qcow2Header): Promise<Qcow2Volume> {
  const clusterBytes = 2 ** header.clusterBits;
  const table = new DataView(new ArrayBuffer(clusterBytes));
  table.setBigUint64(0, BigInt(clusterBytes * 2));
  await store.write(clusterBytes, new Uint8Array(table.buffer));
  await store.write(clusterBytes * 2, new Uint8Array(clusterBytes));
  const volume = await Qcow2Volume.load(store, header);
  for (let cluster = 0; cluster < 3; cluster++) await volume.refcounts.setCount(cluster, 1);
  return volume;
}
