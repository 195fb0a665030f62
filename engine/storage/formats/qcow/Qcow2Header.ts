/**
 * The header of a QCOW2 image, versions 2 and 3, with its extensions (QEMU, docs/interop/qcow2.txt). All numbers are big-endian. What is
 * recognized and not offered (external data files, extended L2 entries, unknown incompatible features) is refused by name. Limits on
 * table sizes are those of QEMU, so that a mad header asks for no mad amount of memory.
 */
import { GuesthouseError } from "../../../base/GuesthouseError.ts";
import type { DiskFormatId } from "../../../contracts/DiskImage.ts";

export const QCOW_MAGIC = 0x514649fb;
export const incompatible = { dirty: 1n, corrupt: 2n, dataFile: 4n, compression: 8n, extendedL2: 16n } as const;
export const compatible = { lazyRefcounts: 1n } as const;
export const autoclear = { bitmaps: 1n, rawData: 2n } as const;
export const cryptMethods = { none: 0, aes: 1, luks: 2 } as const;

const extensions = {
  end: 0,
  backingFormat: 0xe2792aca,
  featureNames: 0x6803f857,
  bitmaps: 0x23852875,
  crypto: 0x0537be77,
} as const;

const V2_BYTES = 72;
const V3_BYTES = 104;
/** With the compression type and its padding. */
const V3_LONG_BYTES = 112;
const L1_BYTES_MAX = 32 * 1024 * 1024;
const REFCOUNT_TABLE_BYTES_MAX = 8 * 1024 * 1024;
const SNAPSHOTS_MAX = 65536;
const BACKING_NAME_BYTES_MAX = 1023;
const EXTENSIONS_BYTES_MAX = 65536;

export interface HeaderExtension {
  readonly type: number;
  readonly data: Uint8Array;
}

export interface Qcow2Header {
  version: 2 | 3;
  clusterBits: number;
  sizeBytes: number;
  cryptMethod: number;
  l1Entries: number;
  l1Offset: number;
  refcountTableOffset: number;
  refcountTableClusters: number;
  snapshotCount: number;
  snapshotsOffset: number;
  incompatible: bigint;
  compatible: bigint;
  autoclear: bigint;
  refcountOrder: number;
  compression: "zlib" | "zstd";
  backingName: string | undefined;
  backingFormat: DiskFormatId | undefined;
  /** Where the LUKS header lies. */
  crypto: { readonly offset: number; readonly length: number } | undefined;
  bitmaps: { readonly directoryOffset: number; readonly directoryBytes: number; readonly count: number } | undefined;
  /** Kept as they are when the header is written. */
  otherExtensions: readonly HeaderExtension[];
}

/** `bytes` is the start of the file, as much of the first 68 KiB as there is. */
export function parseQcow2Header(bytes: Uint8Array): Qcow2Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < V2_BYTES || view.getUint32(0) !== QCOW_MAGIC) throw corrupt("The header of the image is missing.");
  const version = view.getUint32(4);
  if (version !== 2 && version !== 3) {
    throw new GuesthouseError("unsupported-image", `QCOW version ${version} is unknown.`, { version });
  }
  if (version === 3 && bytes.length < V3_BYTES) throw corrupt("The header of the image is cut short.");
  const headerBytes = version === 2 ? V2_BYTES : view.getUint32(100);
  const header: Qcow2Header = {
    version,
    clusterBits: view.getUint32(20),
    sizeBytes: bigNumber(view, 24),
    cryptMethod: view.getUint32(32),
    l1Entries: view.getUint32(36),
    l1Offset: bigNumber(view, 40),
    refcountTableOffset: bigNumber(view, 48),
    refcountTableClusters: view.getUint32(56),
    snapshotCount: view.getUint32(60),
    snapshotsOffset: bigNumber(view, 64),
    incompatible: version === 2 ? 0n : view.getBigUint64(72),
    compatible: version === 2 ? 0n : view.getBigUint64(80),
    autoclear: version === 2 ? 0n : view.getBigUint64(88),
    refcountOrder: version === 2 ? 4 : view.getUint32(96),
    compression: "zlib",
    backingName: undefined,
    backingFormat: undefined,
    crypto: undefined,
    bitmaps: undefined,
    otherExtensions: [],
  };
  checkNumbers(header, headerBytes);
  if (headerBytes > V3_BYTES && bytes.length > V3_BYTES) readCompression(header, bytes[V3_BYTES]!);
  readBackingName(header, bytes, view);
  const stop = Math.min(bytes.length, 2 ** header.clusterBits, bigNumber(view, 8) || Number.POSITIVE_INFINITY);
  const featureNames = readExtensions(header, bytes, view, headerBytes, stop);
  checkFeatures(header, featureNames);
  return header;
}

function checkNumbers(header: Qcow2Header, headerBytes: number): void {
  const { clusterBits } = header;
  if (clusterBits < 9 || clusterBits > 21) throw corrupt("The cluster size is impossible.", { clusterBits });
  const clusterBytes = 2 ** clusterBits;
  if (header.refcountOrder > 6) throw corrupt("The refcount width is impossible.", { order: header.refcountOrder });
  if (headerBytes > clusterBytes || (header.version === 3 && headerBytes < V3_BYTES)) {
    throw corrupt("The header's length is impossible.", { headerBytes });
  }
  for (const offset of [header.l1Offset, header.refcountTableOffset, header.snapshotsOffset]) {
    if (offset % clusterBytes !== 0 || !Number.isSafeInteger(offset))
      throw corrupt("A table's place is impossible.", { offset });
  }
  if (header.refcountTableOffset === 0 || header.refcountTableClusters === 0)
    throw corrupt("There is no refcount table.");
  if (header.refcountTableClusters * clusterBytes > REFCOUNT_TABLE_BYTES_MAX) {
    throw corrupt("The refcount table is too large.", { clusters: header.refcountTableClusters });
  }
  if (header.l1Entries * 8 > L1_BYTES_MAX) throw corrupt("The L1 table is too large.", { entries: header.l1Entries });
  if (header.snapshotCount > SNAPSHOTS_MAX)
    throw corrupt("There are too many snapshots.", { count: header.snapshotCount });
  if (header.l1Entries < l1EntriesFor(header.sizeBytes, clusterBits)) {
    throw corrupt("The L1 table does not cover the disk.", { entries: header.l1Entries, sizeBytes: header.sizeBytes });
  }
}

export function l1EntriesFor(sizeBytes: number, clusterBits: number): number {
  return Math.ceil(sizeBytes / 2 ** (clusterBits * 2 - 3));
}

/** The largest disk that the L1 limit allows. */
export function largestDiskBytes(clusterBits: number): number {
  return Math.min((L1_BYTES_MAX / 8) * 2 ** (clusterBits * 2 - 3), 2 ** 52);
}

function readCompression(header: Qcow2Header, type: number): void {
  if (type > 1) throw new GuesthouseError("unsupported-image", `The compression type ${type} is unknown.`, { type });
  header.compression = type === 1 ? "zstd" : "zlib";
}

function readBackingName(header: Qcow2Header, bytes: Uint8Array, view: DataView): void {
  const offset = bigNumber(view, 8);
  const length = view.getUint32(16);
  if (offset === 0) return;
  if (length > BACKING_NAME_BYTES_MAX || offset + length > Math.min(bytes.length, 2 ** header.clusterBits)) {
    throw corrupt("The name of the backing image is misplaced.", { offset, length });
  }
  if (length > 0) header.backingName = new TextDecoder().decode(bytes.subarray(offset, offset + length));
}

/** Gives the table of feature names, for a message about an unknown one. */
function readExtensions(
  header: Qcow2Header,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  stop: number,
): Uint8Array {
  const others: HeaderExtension[] = [];
  let featureNames = new Uint8Array(0);
  for (let at = start; at + 8 <= stop; ) {
    const type = view.getUint32(at);
    const length = view.getUint32(at + 4);
    if (type === extensions.end) break;
    if (length > stop - at - 8) throw corrupt("A header extension is cut short.", { type, length });
    const data = bytes.slice(at + 8, at + 8 + length);
    if (type === extensions.backingFormat) header.backingFormat = formatOf(new TextDecoder().decode(data));
    else if (type === extensions.crypto && length >= 16) {
      header.crypto = { offset: bigNumber(view, at + 8), length: bigNumber(view, at + 16) };
    } else if (type === extensions.bitmaps && length >= 24) {
      const [directoryBytes, directoryOffset] = [bigNumber(view, at + 16), bigNumber(view, at + 24)];
      header.bitmaps = { count: view.getUint32(at + 8), directoryBytes, directoryOffset };
      others.push({ type, data });
    } else {
      if (type === extensions.featureNames) featureNames = data;
      others.push({ type, data });
    }
    at += 8 + Math.ceil(length / 8) * 8;
  }
  header.otherExtensions = others;
  return featureNames;
}

function formatOf(name: string): DiskFormatId | undefined {
  const known: Record<string, DiskFormatId> = {
    ...{ raw: "raw", file: "raw", qcow: "qcow", qcow2: "qcow2", vdi: "vdi", vmdk: "vmdk" },
    ...{ vpc: "vhd", vhd: "vhd", vhdx: "vhdx" },
  };
  return Object.hasOwn(known, name) ? known[name] : undefined;
}

function checkFeatures(header: Qcow2Header, names: Uint8Array): void {
  const refuse = (feature: string) =>
    new GuesthouseError("unsupported-image", `The image needs what is not offered here: ${feature}.`, { feature });
  if ((header.incompatible & incompatible.dataFile) !== 0n) throw refuse("an external data file");
  if ((header.incompatible & incompatible.extendedL2) !== 0n) throw refuse("extended L2 entries (subclusters)");
  const unknown = header.incompatible >> 5n;
  for (let bit = 0; bit < 59; bit++) {
    if (((unknown >> BigInt(bit)) & 1n) !== 0n) throw refuse(featureName(names, bit + 5) ?? `feature ${bit + 5}`);
  }
  if (header.cryptMethod > cryptMethods.luks) throw refuse(`encryption method ${header.cryptMethod}`);
  if (header.cryptMethod === cryptMethods.luks && header.crypto === undefined)
    throw corrupt("The LUKS header is missing.");
}

function featureName(names: Uint8Array, bit: number): string | undefined {
  for (let at = 0; at + 48 <= names.length; at += 48) {
    if (names[at] !== 0 || names[at + 1] !== bit) continue;
    return new TextDecoder().decode(names.subarray(at + 2, at + 48)).split("\0")[0];
  }
  return undefined;
}

/** The header, its extensions and the backing name, for the start of the first cluster. */
export function encodeQcow2Header(header: Qcow2Header): Uint8Array {
  const bytes = new Uint8Array(V3_LONG_BYTES + EXTENSIONS_BYTES_MAX);
  const view = new DataView(bytes.buffer);
  const long = header.version === 3;
  encodeNumbers(header, view);
  let at: number = long ? V3_LONG_BYTES : V2_BYTES;
  const append = ({ type, data }: HeaderExtension) => {
    view.setUint32(at, type);
    view.setUint32(at + 4, data.length);
    bytes.set(data, at + 8);
    at += 8 + Math.ceil(data.length / 8) * 8;
  };
  if (header.backingName !== undefined && header.backingFormat !== undefined) {
    const name = header.backingFormat === "vhd" ? "vpc" : header.backingFormat;
    append({ type: extensions.backingFormat, data: new TextEncoder().encode(name) });
  }
  if (header.crypto !== undefined) {
    const data = new DataView(new ArrayBuffer(16));
    data.setBigUint64(0, BigInt(header.crypto.offset));
    data.setBigUint64(8, BigInt(header.crypto.length));
    append({ type: extensions.crypto, data: new Uint8Array(data.buffer) });
  }
  for (const extension of header.otherExtensions) append(extension);
  at += 8;
  if (header.backingName !== undefined) {
    const name = new TextEncoder().encode(header.backingName);
    if (name.length > BACKING_NAME_BYTES_MAX || at + name.length > 2 ** header.clusterBits) {
      throw new GuesthouseError("invalid-name", "The name of the backing image is too long for this image.", {
        bytes: name.length,
      });
    }
    view.setBigUint64(8, BigInt(at));
    view.setUint32(16, name.length);
    bytes.set(name, at);
    at += name.length;
  }
  return bytes.subarray(0, at);
}

function encodeNumbers(header: Qcow2Header, view: DataView): void {
  view.setUint32(0, QCOW_MAGIC);
  view.setUint32(4, header.version);
  view.setUint32(20, header.clusterBits);
  view.setBigUint64(24, BigInt(header.sizeBytes));
  view.setUint32(32, header.cryptMethod);
  view.setUint32(36, header.l1Entries);
  view.setBigUint64(40, BigInt(header.l1Offset));
  view.setBigUint64(48, BigInt(header.refcountTableOffset));
  view.setUint32(56, header.refcountTableClusters);
  view.setUint32(60, header.snapshotCount);
  view.setBigUint64(64, BigInt(header.snapshotsOffset));
  if (header.version === 2) return;
  view.setBigUint64(72, header.incompatible);
  view.setBigUint64(80, header.compatible);
  view.setBigUint64(88, header.autoclear);
  view.setUint32(96, header.refcountOrder);
  view.setUint32(100, V3_LONG_BYTES);
  view.setUint8(104, header.compression === "zstd" ? 1 : 0);
}

export function corrupt(message: string, context: Record<string, string | number> = {}): GuesthouseError {
  return new GuesthouseError("corrupt-image", message, context);
}

/** Beyond 2^53 it is no place in any file; the caller's range checks say so. */
function bigNumber(view: DataView, at: number): number {
  return view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
}
