/**
 * The header section of a VHDX file (MS-VHDX 2.2): the identifier, two headers of which the later valid one counts, and two copies of the table of regions. A header
 * is changed by writing the other one with a higher number.
 */
import { corruptImage, unsupportedImage } from "../sparse/corruptImage.ts";
import { guidBytes, guidText } from "../sparse/guid.ts";
import type { ImageFile } from "../sparse/ImageFile.ts";
import { crc32c } from "./crc32c.ts";

export const VHDX_SIGNATURE = "vhdxfile";
export const MEBIBYTE = 1024 * 1024;
const HEADER_AT = [64 * 1024, 128 * 1024] as const;
const HEADER_BYTES = 4096;
const REGION_TABLE_AT = [192 * 1024, 256 * 1024] as const;
const REGION_TABLE_BYTES = 64 * 1024;
const HEAD = 0x64616568;
const REGI = 0x69676572;
const BAT_REGION = "2dc27766-f623-4200-9d64-115e9bfd4a08";
const METADATA_REGION = "8b7ca206-4790-4b9a-b8fe-575f050f886e";
const MOST_REGIONS = 2047;
/** Logs are 1 MiB in practice. */
const MOST_LOG_BYTES = 64 * MEBIBYTE;

export interface VhdxHeader {
  sequenceNumber: bigint;
  fileWriteGuid: Uint8Array;
  dataWriteGuid: Uint8Array;
  /** Zero when there is nothing to replay. */
  logGuid: Uint8Array;
  readonly logLength: number;
  readonly logOffset: number;
}

export interface VhdxRegion {
  offset: number;
  length: number;
}

export interface VhdxRegions {
  readonly bat: VhdxRegion;
  readonly metadata: VhdxRegion;
}

export async function readVhdxHeader(file: ImageFile): Promise<VhdxHeader> {
  let best: VhdxHeader | undefined;
  for (const position of HEADER_AT) {
    const raw = new Uint8Array(HEADER_BYTES);
    await file.read(position, raw);
    const view = new DataView(raw.buffer);
    if (view.getUint32(0, true) !== HEAD || view.getUint32(4, true) !== crc32c(raw, 4)) continue;
    const version = view.getUint16(66, true);
    if (version !== 1) throw unsupportedImage(file.name, "its VHDX version is unknown", { version });
    const sequenceNumber = view.getBigUint64(8, true);
    if (best !== undefined && best.sequenceNumber >= sequenceNumber) continue;
    best = {
      sequenceNumber,
      fileWriteGuid: raw.slice(16, 32),
      dataWriteGuid: raw.slice(32, 48),
      logGuid: raw.slice(48, 64),
      logLength: view.getUint32(68, true),
      logOffset: Number(view.getBigUint64(72, true)),
    };
  }
  if (best === undefined) throw corruptImage(file.name, "neither of its headers is valid");
  const { logLength, logOffset } = best;
  if (logLength % MEBIBYTE !== 0 || logOffset % MEBIBYTE !== 0 || logOffset < MEBIBYTE || logLength > MOST_LOG_BYTES) {
    throw corruptImage(file.name, "its log lies at an impossible place", { logOffset, logLength });
  }
  return best;
}

/** Over the older header, so that one is valid at any moment. */
export async function writeVhdxHeader(file: ImageFile, header: VhdxHeader): Promise<void> {
  header.sequenceNumber += 1n;
  const raw = new Uint8Array(HEADER_BYTES);
  const view = new DataView(raw.buffer);
  view.setUint32(0, HEAD, true);
  view.setBigUint64(8, header.sequenceNumber, true);
  raw.set(header.fileWriteGuid, 16);
  raw.set(header.dataWriteGuid, 32);
  raw.set(header.logGuid, 48);
  view.setUint16(66, 1, true);
  view.setUint32(68, header.logLength, true);
  view.setBigUint64(72, BigInt(header.logOffset), true);
  view.setUint32(4, crc32c(raw), true);
  await file.write(await olderHeaderAt(file), raw);
  await file.flush();
}

async function olderHeaderAt(file: ImageFile): Promise<number> {
  let oldest: { position: number; sequenceNumber: bigint } | undefined;
  for (const position of HEADER_AT) {
    const raw = new Uint8Array(HEADER_BYTES);
    await file.read(position, raw);
    const view = new DataView(raw.buffer);
    if (view.getUint32(0, true) !== HEAD || view.getUint32(4, true) !== crc32c(raw, 4)) return position;
    const sequenceNumber = view.getBigUint64(8, true);
    if (oldest === undefined || sequenceNumber < oldest.sequenceNumber) oldest = { position, sequenceNumber };
  }
  return oldest?.position ?? HEADER_AT[0];
}

export async function readVhdxRegions(file: ImageFile): Promise<VhdxRegions> {
  for (const position of REGION_TABLE_AT) {
    const raw = new Uint8Array(REGION_TABLE_BYTES);
    await file.read(position, raw);
    const view = new DataView(raw.buffer);
    if (view.getUint32(0, true) !== REGI || view.getUint32(4, true) !== crc32c(raw, 4)) continue;
    return parseRegions(view, raw, file.name);
  }
  throw corruptImage(file.name, "neither of its region tables is valid");
}

function parseRegions(view: DataView, raw: Uint8Array, name: string): VhdxRegions {
  const count = view.getUint32(8, true);
  if (count > MOST_REGIONS) throw corruptImage(name, "it has too many regions", { count });
  const found = new Map<string, VhdxRegion>();
  for (let index = 0; index < count; index++) {
    const at = 16 + index * 32;
    const id = guidText(raw.subarray(at, at + 16), "little");
    const offset = Number(view.getBigUint64(at + 16, true));
    const length = view.getUint32(at + 24, true);
    const known = id === BAT_REGION || id === METADATA_REGION;
    if (!known && (view.getUint32(at + 28, true) & 1) !== 0) {
      throw unsupportedImage(name, "it has a region that must be understood and is not", { id });
    }
    if (offset < MEBIBYTE || offset % MEBIBYTE !== 0 || !Number.isSafeInteger(offset + length)) {
      throw corruptImage(name, "a region lies at an impossible place", { id, offset });
    }
    found.set(id, { offset, length });
  }
  const bat = found.get(BAT_REGION);
  const metadata = found.get(METADATA_REGION);
  if (bat === undefined || metadata === undefined) throw corruptImage(name, "a region that it must have is missing");
  return { bat, metadata };
}

/** One copy after the other, so that one is valid at any moment. */
export async function writeVhdxRegions(file: ImageFile, { bat, metadata }: VhdxRegions): Promise<void> {
  const raw = new Uint8Array(REGION_TABLE_BYTES);
  const view = new DataView(raw.buffer);
  view.setUint32(0, REGI, true);
  view.setUint32(8, 2, true);
  for (const [index, [id, region]] of (
    [
      [BAT_REGION, bat],
      [METADATA_REGION, metadata],
    ] as const
  ).entries()) {
    const at = 16 + index * 32;
    raw.set(guidBytes(id, "little") ?? raw.subarray(0, 0), at);
    view.setBigUint64(at + 16, BigInt(region.offset), true);
    view.setUint32(at + 24, region.length, true);
    view.setUint32(at + 28, 1, true);
  }
  view.setUint32(4, crc32c(raw), true);
  for (const position of REGION_TABLE_AT) {
    await file.write(position, raw);
    await file.flush();
  }
}
