/**
 * What a tar archive holds and where: POSIX ustar (IEEE 1003.1, pax), with pax' path and size records, GNU's long names and sizes beyond
 * eight gibibytes. Only headers are read, so that archives of any size open at once and their files are read in place. Links, devices and
 * names that lead outside are refused. Compressed archives and sparse files are deliberately absent.
 */
import type { ByteStore } from "../../contracts/BlockDevice.ts";
import { applianceError } from "../applianceError.ts";
import { memberName } from "../memberName.ts";

export const TAR_BLOCK_BYTES = 512;
const ENTRIES_MAX = 65_536;
/** Of a long name or of pax records. */
const EXTENSION_BYTES_MAX = 64 * 1024;

export interface TarMember {
  readonly name: string;
  readonly offset: number;
  readonly sizeBytes: number;
}

interface Extensions {
  path?: string;
  size?: number;
}

/** Throws "appliance-not-recognized", "appliance-truncated", "appliance-unsafe-name", "appliance-duplicate-name", "appliance-too-large". */
export async function indexTar(store: ByteStore): Promise<TarMember[]> {
  const storeBytes = await store.size();
  const members = new Map<string, TarMember>();
  const header = new Uint8Array(TAR_BLOCK_BYTES);
  let extensions: Extensions = {};
  let at = 0;
  for (let entries = 0; ; entries++) {
    if (entries > ENTRIES_MAX) throw applianceError("too-large", "The archive has far too many files.", { entries });
    const count = await store.read(at, header);
    if (count < TAR_BLOCK_BYTES) {
      // Some writers leave out the empty blocks at the end.
      if (at === 0 || count > 0) throw at === 0 ? notTar() : truncated(at, storeBytes);
      break;
    }
    if (header.every((byte) => byte === 0)) break;
    if (!checksumHolds(header)) throw at === 0 ? notTar() : truncated(at, storeBytes);
    const offset = at + TAR_BLOCK_BYTES;
    const sizeBytes = extensions.size ?? numberAt(header, 124, 12);
    const end = offset + Math.ceil(sizeBytes / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES;
    if (offset + sizeBytes > storeBytes) throw truncated(offset + sizeBytes, storeBytes);
    const type = String.fromCharCode(header[156]!);
    if ("xL".includes(type)) extensions = { ...extensions, ...(await readExtension(store, type, offset, sizeBytes)) };
    else if (type !== "g") {
      addMember(members, type, extensions.path ?? nameOf(header), offset, sizeBytes);
      extensions = {};
    }
    at = end;
  }
  return [...members.values()];
}

function addMember(
  members: Map<string, TarMember>,
  type: string,
  given: string,
  offset: number,
  sizeBytes: number,
): void {
  if (type === "5") return;
  const name = memberName(given);
  if (!["0", "\0", "7"].includes(type)) {
    throw applianceError("unsafe-name", `“${name}” in the archive is a link or a device, not a file.`, { name });
  }
  if (members.has(name)) throw applianceError("duplicate-name", `The archive holds “${name}” twice.`, { name });
  members.set(name, { name, offset, sizeBytes });
}

function notTar(): Error {
  return applianceError("not-recognized", "This is neither a tar archive nor an appliance's descriptor.");
}

function truncated(needed: number, sizeBytes: number): Error {
  return applianceError("truncated", "The archive is damaged or ends too early.", { needed, sizeBytes });
}

/** The sum of all bytes with the field itself as spaces; old writers summed signed bytes. */
function checksumHolds(header: Uint8Array): boolean {
  let unsigned = 0;
  let signed = 0;
  for (const [index, byte] of header.entries()) {
    const counted = index >= 148 && index < 156 ? 0x20 : byte;
    unsigned += counted;
    signed += counted > 127 ? counted - 256 : counted;
  }
  const said = numberAt(header, 148, 8);
  return said === unsigned || said === signed;
}

/** Octal digits, or with the top bit set a big-endian number. */
function numberAt(header: Uint8Array, offset: number, length: number): number {
  if ((header[offset]! & 0x80) !== 0) {
    let value = header[offset]! & 0x7f;
    for (let index = 1; index < length; index++) value = value * 256 + header[offset + index]!;
    return Number.isSafeInteger(value) ? value : Number.MAX_SAFE_INTEGER;
  }
  const digits = /^[ ]*([0-7]*)/.exec(latin1(header.subarray(offset, offset + length)))![1]!;
  return digits === "" ? 0 : Number.parseInt(digits, 8);
}

function nameOf(header: Uint8Array): string {
  const name = textUntilZero(header.subarray(0, 100));
  const posix = latin1(header.subarray(257, 263)) === "ustar\0";
  const prefix = posix ? textUntilZero(header.subarray(345, 500)) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

async function readExtension(store: ByteStore, type: string, offset: number, sizeBytes: number): Promise<Extensions> {
  if (sizeBytes > EXTENSION_BYTES_MAX)
    throw applianceError("too-large", "A name in the archive is far too long.", { sizeBytes });
  const bytes = new Uint8Array(sizeBytes);
  await store.read(offset, bytes);
  if (type === "L") return { path: textUntilZero(bytes) };
  const found: Extensions = {};
  // "length key=value\n", the length counting all of itself.
  for (let at = 0; at < bytes.length; ) {
    const [, digits] = /^(\d{1,6}) /.exec(latin1(bytes.subarray(at, at + 7))) ?? [];
    const length = Number(digits ?? 0);
    if (digits === undefined || length <= digits.length + 2 || at + length > bytes.length) break;
    const record = new TextDecoder().decode(bytes.subarray(at + digits.length + 1, at + length - 1));
    if (record.startsWith("path=")) found.path = record.slice(5);
    else if (/^size=\d{1,15}$/.test(record)) found.size = Number(record.slice(5));
    at += length;
  }
  return found;
}

function textUntilZero(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
