/**
 * The header of dynamic and differencing VHD files ("Dynamic Disk Header Format"): 1024 bytes, big-endian, with the place of the block allocation
 * table and what a differencing image says of its parent: identity, name, and locators that point to names elsewhere in the file.
 */
import type { BackingReference } from "../../../contracts/DiskImage.ts";
import { corruptImage, unsupportedImage } from "../sparse/corruptImage.ts";
import { guidBytes, guidText, isNullGuid } from "../sparse/guid.ts";
import type { ImageFile } from "../sparse/ImageFile.ts";
import { ascii, vhdChecksum } from "./VhdFooter.ts";

export const VHD_DYNAMIC_HEADER_BYTES = 1024;
const COOKIE = "cxsparse";
const LOCATORS = 8;
const LOCATOR_AT = 576;
const NAME_BYTES = 512;
/** UTF-16, little-endian: relative and absolute. */
const RELATIVE = "W2ru";
const ABSOLUTE = "W2ku";
const MOST_NAME_BYTES = 64 * 1024;

export interface VhdLocator {
  readonly code: string;
  /** In bytes here; the specification says sectors, and writers differ. */
  readonly space: number;
  readonly length: number;
  readonly offset: number;
}

export interface VhdDynamicHeader {
  tableOffset: number;
  maxTableEntries: number;
  blockSize: number;
  parentUniqueId: Uint8Array;
  parentName: string;
  locators: readonly VhdLocator[];
}

export function parseVhdDynamicHeader(raw: Uint8Array, name: string): VhdDynamicHeader {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  if (new TextDecoder("latin1").decode(raw.slice(0, 8)) !== COOKIE) {
    throw corruptImage(name, "its dynamic disk header has no cookie");
  }
  if (view.getUint32(36) !== vhdChecksum(raw, 36)) {
    throw corruptImage(name, "the checksum of its dynamic disk header is wrong");
  }
  const blockSize = view.getUint32(32);
  if (blockSize < 4096 || (blockSize & (blockSize - 1)) !== 0 || blockSize > 256 * 1024 * 1024) {
    throw unsupportedImage(name, "its block size is not offered", { blockSize });
  }
  const locators: VhdLocator[] = [];
  for (let index = 0; index < LOCATORS; index++) {
    const at = LOCATOR_AT + index * 24;
    const space = view.getUint32(at + 4);
    locators.push({
      code: new TextDecoder("latin1").decode(raw.slice(at, at + 4)),
      space: space < 512 ? space * 512 : space,
      length: view.getUint32(at + 8),
      offset: Number(view.getBigUint64(at + 16)),
    });
  }
  return {
    tableOffset: Number(view.getBigUint64(16)),
    maxTableEntries: view.getUint32(28),
    blockSize,
    parentUniqueId: raw.slice(40, 56),
    parentName: utf16(raw.slice(64, 64 + NAME_BYTES), false).split("\0")[0] ?? "",
    locators: locators.filter(({ code, length }) => code !== "\0\0\0\0" && length > 0),
  };
}

export function encodeVhdDynamicHeader(header: VhdDynamicHeader): Uint8Array {
  const raw = new Uint8Array(VHD_DYNAMIC_HEADER_BYTES);
  const view = new DataView(raw.buffer);
  raw.set(ascii(COOKIE));
  view.setBigUint64(8, 0xffff_ffff_ffff_ffffn);
  view.setBigUint64(16, BigInt(header.tableOffset));
  view.setUint32(24, 0x00010000);
  view.setUint32(28, header.maxTableEntries);
  view.setUint32(32, header.blockSize);
  raw.set(header.parentUniqueId, 40);
  raw.set(utf16Bytes(header.parentName.slice(0, NAME_BYTES / 2 - 1), false), 64);
  for (const [index, locator] of header.locators.entries()) {
    const at = LOCATOR_AT + index * 24;
    raw.set(ascii(locator.code), at);
    view.setUint32(at + 4, locator.space);
    view.setUint32(at + 8, locator.length);
    view.setBigUint64(at + 16, BigInt(locator.offset));
  }
  view.setUint32(36, vhdChecksum(raw, 36));
  return raw;
}

/** What the image rests on: names in our form ("/" between parts), relative ones first. */
export async function vhdReference(file: ImageFile, header: VhdDynamicHeader): Promise<BackingReference> {
  const names: string[] = [];
  for (const code of [RELATIVE, ABSOLUTE, "Wi2r", "Wi2k"]) {
    for (const { code: found, length, offset } of header.locators) {
      if (found !== code || length > MOST_NAME_BYTES) continue;
      const bytes = await file.bytes(offset, length, "parent locator");
      const text = code.startsWith("W2") ? utf16(bytes, true) : new TextDecoder("latin1").decode(bytes);
      names.push(ownName(text.split("\0")[0] ?? ""));
    }
  }
  if (header.parentName !== "") names.push(ownName(header.parentName));
  const { parentUniqueId } = header;
  return {
    names: [...new Set(names.filter((name) => name !== ""))],
    format: undefined,
    identity: isNullGuid(parentUniqueId) ? undefined : guidText(parentUniqueId, "network"),
  };
}

/** The header's part for a reference, and the bytes that its locators need at `position`. */
export function vhdLocators(
  reference: BackingReference,
  position: number,
): { fields: Pick<VhdDynamicHeader, "parentUniqueId" | "parentName" | "locators">; bytes: Uint8Array } {
  const locators: VhdLocator[] = [];
  const parts: Uint8Array[] = [];
  let offset = position;
  for (const name of reference.names.slice(0, LOCATORS)) {
    const text = utf16Bytes(foreignName(name), true);
    const space = Math.ceil(text.length / 512) * 512;
    const part = new Uint8Array(space);
    part.set(text);
    parts.push(part);
    locators.push({ code: isAbsolute(name) ? ABSOLUTE : RELATIVE, space, length: text.length, offset });
    offset += space;
  }
  const bytes = new Uint8Array(offset - position);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  const first = reference.names[0] ?? "";
  const parentUniqueId = guidBytes(reference.identity ?? "", "network") ?? new Uint8Array(16);
  return { fields: { parentUniqueId, parentName: first.slice(first.lastIndexOf("/") + 1), locators }, bytes };
}

function isAbsolute(name: string): boolean {
  return name.startsWith("/") || /^[A-Za-z]:/.test(name);
}

function foreignName(name: string): string {
  if (name.startsWith("/")) return name;
  return isAbsolute(name) ? name.replaceAll("/", "\\") : `.\\${name.replaceAll("/", "\\")}`;
}

function ownName(name: string): string {
  if (name.startsWith("/")) return name;
  return name.replaceAll("\\", "/").replace(/^(\.\/)+/, "");
}

function utf16(bytes: Uint8Array, littleEndian: boolean): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = "";
  for (let at = 0; at + 1 < bytes.length; at += 2) text += String.fromCharCode(view.getUint16(at, littleEndian));
  return text;
}

function utf16Bytes(text: string, littleEndian: boolean): Uint8Array {
  const bytes = new Uint8Array(text.length * 2);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < text.length; index++) view.setUint16(index * 2, text.charCodeAt(index), littleEndian);
  return bytes;
}
