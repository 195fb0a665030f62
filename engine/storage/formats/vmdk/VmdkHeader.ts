/**
 * The header sector of a sparse VMDK extent (Virtual Disk Format 5.0, "Hosted Sparse Extents"): little-endian, sizes and places in sectors of 512 bytes. The older
 * header of ESX servers ("COWD") is brought into the same shape.
 */
import { corruptImage, unsupportedImage } from "../sparse/corruptImage.ts";

export const VMDK_MAGIC = 0x564d444b;
export const COWD_MAGIC = 0x44574f43;
export const vmdkFlags = {
  newLineTest: 1 << 0,
  redundantGrainTable: 1 << 1,
  zeroedGrainEntry: 1 << 2,
  compressedGrains: 1 << 16,
  markers: 1 << 17,
} as const;
/** A streamed file tells the place of its directory in a footer. */
export const GD_AT_END = 0xffff_ffff_ffff_ffffn;
/** 64 MiB of grain directory. */
const MOST_TABLES = 16 * 1024 * 1024;
const MOST_GRAIN_SECTORS = 32768;

export interface VmdkHeader {
  readonly magic: number;
  version: number;
  flags: number;
  capacitySectors: number;
  grainSectors: number;
  descriptorSector: number;
  descriptorSectors: number;
  entriesPerTable: number;
  rgdSector: number;
  /** Undefined: in the footer. */
  gdSector: number | undefined;
  overHeadSectors: number;
  unclean: boolean;
  compressAlgorithm: number;
}

export function parseVmdkHeader(raw: Uint8Array, name: string): VmdkHeader {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const magic = view.getUint32(0, true);
  if (magic === COWD_MAGIC) return checked(parseCowd(view), name);
  if (magic !== VMDK_MAGIC) throw corruptImage(name, "it has no VMDK signature");
  const sectors = (at: number) => Number(view.getBigUint64(at, true));
  const version = view.getUint32(4, true);
  const flags = view.getUint32(8, true);
  if (version === 0 || version > 3) throw unsupportedImage(name, "its VMDK version is unknown", { version });
  const header: VmdkHeader = {
    magic,
    version,
    flags,
    capacitySectors: sectors(12),
    grainSectors: sectors(20),
    descriptorSector: sectors(28),
    descriptorSectors: sectors(36),
    entriesPerTable: view.getUint32(44, true),
    rgdSector: sectors(48),
    gdSector: view.getBigUint64(56, true) === GD_AT_END ? undefined : sectors(56),
    overHeadSectors: sectors(64),
    unclean: view.getUint8(72) !== 0,
    compressAlgorithm: view.getUint16(77, true),
  };
  if ((flags & vmdkFlags.newLineTest) !== 0 && view.getUint32(73, true) !== 0x0a0d200a) {
    throw corruptImage(name, "it was transferred as text, which changed its line ends");
  }
  return checked(header, name);
}

function parseCowd(view: DataView): VmdkHeader {
  return {
    magic: COWD_MAGIC,
    version: view.getUint32(4, true),
    flags: 0,
    capacitySectors: view.getUint32(12, true),
    grainSectors: view.getUint32(16, true),
    descriptorSector: 0,
    descriptorSectors: 0,
    entriesPerTable: 4096,
    rgdSector: 0,
    gdSector: view.getUint32(20, true),
    overHeadSectors: 0,
    unclean: false,
    compressAlgorithm: 0,
  };
}

function checked(header: VmdkHeader, name: string): VmdkHeader {
  const { capacitySectors, grainSectors, entriesPerTable, descriptorSectors, gdSector, rgdSector } = header;
  const power = Number.isSafeInteger(grainSectors) && grainSectors > 0 && Math.log2(grainSectors) % 1 === 0;
  if (!power || grainSectors > MOST_GRAIN_SECTORS) {
    throw corruptImage(name, "its grain size is impossible", { grainSectors });
  }
  if (entriesPerTable === 0 || entriesPerTable > 65536) {
    throw corruptImage(name, "its grain tables have an impossible size", { entriesPerTable });
  }
  if (!Number.isSafeInteger(capacitySectors * 512) || capacitySectors === 0) {
    throw corruptImage(name, "its size is impossible", { capacitySectors });
  }
  if (vmdkTableCount(header) > MOST_TABLES) throw unsupportedImage(name, "it has too many grain tables");
  if (descriptorSectors > 8192) throw unsupportedImage(name, "its descriptor is too long", { descriptorSectors });
  for (const sector of [gdSector ?? 0, rgdSector, header.descriptorSector]) {
    if (!Number.isSafeInteger(sector * 512)) throw corruptImage(name, "its header points outside any file");
  }
  return header;
}

export function vmdkTableCount({ capacitySectors, grainSectors, entriesPerTable }: VmdkHeader): number {
  return Math.ceil(capacitySectors / (grainSectors * entriesPerTable));
}

export function encodeVmdkHeader(header: VmdkHeader): Uint8Array {
  const raw = new Uint8Array(512);
  const view = new DataView(raw.buffer);
  view.setUint32(0, VMDK_MAGIC, true);
  view.setUint32(4, header.version, true);
  view.setUint32(8, header.flags, true);
  view.setBigUint64(12, BigInt(header.capacitySectors), true);
  view.setBigUint64(20, BigInt(header.grainSectors), true);
  view.setBigUint64(28, BigInt(header.descriptorSector), true);
  view.setBigUint64(36, BigInt(header.descriptorSectors), true);
  view.setUint32(44, header.entriesPerTable, true);
  view.setBigUint64(48, BigInt(header.rgdSector), true);
  view.setBigUint64(56, header.gdSector === undefined ? GD_AT_END : BigInt(header.gdSector), true);
  view.setBigUint64(64, BigInt(header.overHeadSectors), true);
  view.setUint8(72, header.unclean ? 1 : 0);
  view.setUint32(73, 0x0a0d200a, true);
  view.setUint16(77, header.compressAlgorithm, true);
  return raw;
}
