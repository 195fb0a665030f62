/**
 * The footer of a VHD file (Virtual Hard Disk Image Format Specification 1.0, "Hard Disk Footer Format"): 512 bytes, big-endian, at the end of the file and, when the
 * image is not fixed, also at its start. The size of the disk is Current Size; the geometry is for old controllers and may be smaller.
 */
import { corruptImage, unsupportedImage } from "../sparse/corruptImage.ts";

export const VHD_FOOTER_BYTES = 512;
/** 2040 GiB: what a table of sector numbers can reach, with the blocks' bitmaps. */
export const VHD_MOST_BYTES = 2040 * 1024 ** 3;
export const VHD_COOKIE = "conectix";
/** Time stamps count seconds from 2000-01-01T00:00:00Z. */
const EPOCH_MS = 946_684_800_000;
const FEATURES_RESERVED = 2;
const VERSION = 0x00010000;

export const vhdTypes = { fixed: 2, dynamic: 3, differencing: 4 } as const;
export type VhdType = keyof typeof vhdTypes;

export interface VhdFooter {
  type: VhdType;
  /** Of the dynamic disk header; all ones in a fixed image. */
  dataOffset: bigint;
  currentSize: number;
  uniqueId: Uint8Array;
  /** As read, so that fields without a name here stay. */
  raw: Uint8Array;
}

/** Undefined when the bytes are no footer with a right checksum. */
export function parseVhdFooter(raw: Uint8Array, name: string): VhdFooter | undefined {
  if (raw.length < 85 || new TextDecoder("latin1").decode(raw.slice(0, 8)) !== VHD_COOKIE) return undefined;
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  if (view.getUint32(64) !== vhdChecksum(raw, 64)) return undefined;
  const typeNumber = view.getUint32(60);
  const type = (Object.keys(vhdTypes) as VhdType[]).find((key) => vhdTypes[key] === typeNumber);
  if (type === undefined) throw unsupportedImage(name, "its VHD type is unknown", { type: typeNumber });
  const currentSize = Number(view.getBigUint64(48));
  if (currentSize <= 0 || currentSize > 2 ** 46 || currentSize % 512 !== 0) {
    throw corruptImage(name, "its size is impossible", { currentSize });
  }
  const full = new Uint8Array(VHD_FOOTER_BYTES);
  full.set(raw.subarray(0, VHD_FOOTER_BYTES));
  return { type, dataOffset: view.getBigUint64(16), currentSize, uniqueId: raw.slice(68, 84), raw: full };
}

export function newVhdFooter(type: VhdType, sizeBytes: number, uniqueId: Uint8Array, nowMs: number): VhdFooter {
  const raw = new Uint8Array(VHD_FOOTER_BYTES);
  const view = new DataView(raw.buffer);
  raw.set(ascii(VHD_COOKIE));
  view.setUint32(8, FEATURES_RESERVED);
  view.setUint32(12, VERSION);
  view.setUint32(24, vhdTime(nowMs));
  // Readers take the size from the geometry unless they know the writer for one who means Current Size; this is the name they all know.
  raw.set(ascii("win "), 28);
  view.setUint32(32, 0x000a0000);
  raw.set(ascii("Wi2k"), 36);
  view.setBigUint64(40, BigInt(sizeBytes));
  const dataOffset = type === "fixed" ? 0xffff_ffff_ffff_ffffn : BigInt(VHD_FOOTER_BYTES);
  return { type, dataOffset, currentSize: sizeBytes, uniqueId, raw };
}

export function encodeVhdFooter(footer: VhdFooter): Uint8Array {
  const raw = footer.raw.slice();
  const view = new DataView(raw.buffer);
  view.setBigUint64(16, footer.dataOffset);
  // The geometry that another writer chose stays as long as the size does.
  if (view.getBigUint64(48) !== BigInt(footer.currentSize)) {
    const { cylinders, heads, sectorsPerTrack } = vhdGeometry(footer.currentSize);
    view.setUint16(56, cylinders);
    view.setUint8(58, heads);
    view.setUint8(59, sectorsPerTrack);
  }
  view.setBigUint64(48, BigInt(footer.currentSize));
  view.setUint32(60, vhdTypes[footer.type]);
  raw.set(footer.uniqueId, 68);
  view.setUint32(64, vhdChecksum(raw, 64));
  return raw;
}

/** The ones' complement of the sum of all bytes but the checksum's own. */
export function vhdChecksum(bytes: Uint8Array, at: number): number {
  let sum = 0;
  for (const [index, byte] of bytes.entries()) if (index < at || index >= at + 4) sum += byte;
  return ~sum >>> 0;
}

export function vhdTime(nowMs: number): number {
  return Math.max(0, Math.floor((nowMs - EPOCH_MS) / 1000));
}

/** The specification's appendix "CHS Calculation". */
export function vhdGeometry(sizeBytes: number): { cylinders: number; heads: number; sectorsPerTrack: number } {
  const sectors = Math.min(Math.floor(sizeBytes / 512), 65535 * 16 * 255);
  if (sectors >= 65535 * 16 * 63) {
    return { cylinders: Math.floor(sectors / 255 / 16), heads: 16, sectorsPerTrack: 255 };
  }
  let sectorsPerTrack = 17;
  let tracks = Math.floor(sectors / sectorsPerTrack);
  let heads = Math.max(4, Math.floor((tracks + 1023) / 1024));
  if (tracks >= heads * 1024 || heads > 16) {
    sectorsPerTrack = 31;
    heads = 16;
    tracks = Math.floor(sectors / sectorsPerTrack);
  }
  if (tracks >= heads * 1024) {
    sectorsPerTrack = 63;
    heads = 16;
    tracks = Math.floor(sectors / sectorsPerTrack);
  }
  return { cylinders: Math.floor(tracks / heads), heads, sectorsPerTrack };
}

export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
