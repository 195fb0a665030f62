/**
 * The header of a VDI file, version 1.1 (VirtualBox, VDICore.h): a preheader of 72 bytes and a header of 384 or 400, all little-endian, in the first
 * sector. A differencing image names its parent by identity alone; the name that a reader without a media registry needs
 * is kept in the comment. Version 0 headers (before 2005) are deliberately absent.
 */
import { corruptImage, unsupportedImage } from "../sparse/corruptImage.ts";

export const VDI_HEADER_BYTES = 512;
export const VDI_SIGNATURE = 0xbeda107f;
const VERSION = 0x00010001;
const BACKING_MARK = "backing=";
/** 64 MiB of block map. */
const MOST_BLOCKS = 16 * 1024 * 1024;

export const vdiTypes = { dynamic: 1, fixed: 2, differencing: 4 } as const;
export type VdiType = keyof typeof vdiTypes;

export interface VdiHeader {
  type: VdiType;
  /** As stored; the mark before the backing image's name is ours. */
  comment: string;
  offBlocks: number;
  offData: number;
  cbDisk: number;
  cbBlock: number;
  cbBlockExtra: number;
  cBlocks: number;
  cBlocksAllocated: number;
  uuidCreate: Uint8Array;
  uuidModify: Uint8Array;
  uuidLinkage: Uint8Array;
  uuidParentModify: Uint8Array;
  /** The sector as read, so that fields without a name here stay. */
  raw: Uint8Array;
}

export function parseVdiHeader(raw: Uint8Array, name: string): VdiHeader {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  if (view.getUint32(64, true) !== VDI_SIGNATURE) throw corruptImage(name, "it has no VDI signature");
  const version = view.getUint32(68, true);
  if (version >>> 16 !== 1) throw unsupportedImage(name, "its VDI version is not 1", { version });
  const typeNumber = view.getUint32(76, true);
  const type = (Object.keys(vdiTypes) as VdiType[]).find((key) => vdiTypes[key] === typeNumber);
  if (type === undefined) throw unsupportedImage(name, "its VDI type is unknown", { type: typeNumber });
  const header: VdiHeader = {
    type,
    comment: readText(raw.subarray(84, 340)),
    offBlocks: view.getUint32(340, true),
    offData: view.getUint32(344, true),
    cbDisk: Number(view.getBigUint64(368, true)),
    cbBlock: view.getUint32(376, true),
    cbBlockExtra: view.getUint32(380, true),
    cBlocks: view.getUint32(384, true),
    cBlocksAllocated: view.getUint32(388, true),
    uuidCreate: raw.slice(392, 408),
    uuidModify: raw.slice(408, 424),
    uuidLinkage: raw.slice(424, 440),
    uuidParentModify: raw.slice(440, 456),
    raw: raw.slice(),
  };
  checkShape(header, view.getUint32(360, true), name);
  return header;
}

function checkShape(header: VdiHeader, sectorBytes: number, name: string): void {
  const { cbDisk, cbBlock, cbBlockExtra, cBlocks, offBlocks, offData } = header;
  if (sectorBytes !== 512) throw unsupportedImage(name, "its sectors are not of 512 bytes", { sectorBytes });
  const power = cbBlock > 0 && (cbBlock & (cbBlock - 1)) === 0;
  if (!power || cbBlock < 4096 || cbBlock > 64 * 1024 * 1024) {
    throw unsupportedImage(name, "its block size is not offered", { cbBlock });
  }
  if (cbBlockExtra % 512 !== 0 || cbBlockExtra > cbBlock) {
    throw unsupportedImage(name, "its blocks carry extra data of an odd size", { cbBlockExtra });
  }
  if (cbDisk === 0 || cbDisk % 512 !== 0 || cbDisk > cBlocks * cbBlock) {
    throw corruptImage(name, "its blocks do not cover the disk", { cbDisk, cBlocks });
  }
  if (cBlocks > MOST_BLOCKS) throw unsupportedImage(name, "it has too many blocks", { cBlocks });
  if (offBlocks < 456 || offBlocks % 512 !== 0 || offData % 512 !== 0 || offBlocks + cBlocks * 4 > offData) {
    throw corruptImage(name, "its block map overlaps its header or data", { offBlocks, offData, cBlocks });
  }
}

export function encodeVdiHeader(header: VdiHeader): Uint8Array {
  const raw = header.raw.slice();
  const view = new DataView(raw.buffer);
  view.setUint32(64, VDI_SIGNATURE, true);
  if (view.getUint32(68, true) === 0) {
    raw.set(new TextEncoder().encode("<<< Oracle VM VirtualBox Disk Image >>>\n"));
    view.setUint32(68, VERSION, true);
    view.setUint32(72, 400, true);
    view.setUint32(360, 512, true);
  }
  view.setUint32(76, vdiTypes[header.type], true);
  raw.fill(0, 84, 340).set(new TextEncoder().encode(header.comment).subarray(0, 255), 84);
  view.setUint32(340, header.offBlocks, true);
  view.setUint32(344, header.offData, true);
  view.setBigUint64(368, BigInt(header.cbDisk), true);
  view.setUint32(376, header.cbBlock, true);
  view.setUint32(380, header.cbBlockExtra, true);
  view.setUint32(384, header.cBlocks, true);
  view.setUint32(388, header.cBlocksAllocated, true);
  raw.set(header.uuidCreate, 392);
  raw.set(header.uuidModify, 408);
  raw.set(header.uuidLinkage, 424);
  raw.set(header.uuidParentModify, 440);
  return raw;
}

export function vdiBackingName(comment: string): string | undefined {
  const line = comment.split("\n").find((text) => text.startsWith(BACKING_MARK));
  return line?.slice(BACKING_MARK.length);
}

/** Names that do not fit in the comment are left out: the identity still tells. */
export function withVdiBackingName(comment: string, backingName: string | undefined): string {
  const rest = comment.split("\n").filter((text) => text !== "" && !text.startsWith(BACKING_MARK));
  const full = backingName === undefined ? rest : [`${BACKING_MARK}${backingName}`, ...rest];
  const text = full.join("\n");
  return new TextEncoder().encode(text).length < 256 ? text : rest.join("\n");
}

function readText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder("utf-8").decode(bytes.slice(0, end < 0 ? bytes.length : end));
}
