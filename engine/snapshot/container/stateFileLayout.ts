import { StateReader } from "../../base/StateReader.ts";
import { StateWriter } from "../../base/StateWriter.ts";
import { damaged } from "../codecNumbers.ts";

/**
 * A state file: magic, u32 format version, u32 length and u32 CRC of the header, the header as JSON; sections; the end mark, which is a section "end"
 * with the number of sections before it (u32) and its own place (f64). Nothing follows. A section is a head and its payload, a head: u32 CRC of the
 * rest of the head, u8 length and ASCII of the id, u32 version, u8 codec, f64 length, f64 stored length, u32 CRC of the stored payload.
 * All numbers are little-endian. Sections may come in any order, each id once.
 */
export const MAGIC = Uint8Array.from("GHSTATE\x1a", (character) => character.charCodeAt(0));
export const FORMAT_VERSION = 1;
export const END_SECTION = "end";
export const FIXED_BYTES = MAGIC.length + 12;
export const HEADER_BYTES_MAX = 1024 * 1024;

/** What a machine must have for the state to fit: names and values for people. Equal when the digests are. */
export type MachineDescription = Readonly<Record<string, string | number | boolean>>;

export interface StateHeader {
  /** Of the description, see `describedDigest`. */
  readonly digest: string;
  readonly machine: MachineDescription;
  /** Milliseconds since 1970. */
  readonly savedAtMs: number;
  readonly appVersion: string;
}

export interface SectionHead {
  readonly id: string;
  readonly version: number;
  readonly codec: number;
  readonly sizeBytes: number;
  readonly storedBytes: number;
  readonly checksum: number;
}

const idPattern = /^[a-z0-9][a-z0-9:.-]{0,63}$/;
/** Checksum and length of the id. */
export const HEAD_START_BYTES = 5;
const HEAD_REST_BYTES = 4 + 1 + 8 + 8 + 4;

export const sectionHeadBytes = (id: string): number => HEAD_START_BYTES + id.length + HEAD_REST_BYTES;

export function encodeSectionHead(head: SectionHead, crc32: (bytes: Uint8Array) => number): Uint8Array {
  if (!idPattern.test(head.id)) throw new Error(`${head.id} cannot be the name of a section`);
  const bytes = new Uint8Array(sectionHeadBytes(head.id));
  bytes[4] = head.id.length;
  bytes.set(new TextEncoder().encode(head.id), HEAD_START_BYTES);
  const rest = new StateWriter().u32(head.version).u8(head.codec).f64(head.sizeBytes).f64(head.storedBytes);
  bytes.set(rest.u32(head.checksum).finish(), HEAD_START_BYTES + head.id.length);
  new DataView(bytes.buffer).setUint32(0, crc32(bytes.subarray(4)), true);
  return bytes;
}

/** `bytes` are a whole head, as long as its fifth byte says. */
export function decodeSectionHead(bytes: Uint8Array, crc32: (bytes: Uint8Array) => number): SectionHead {
  const reader = new StateReader(bytes);
  if (reader.u32() !== crc32(bytes.subarray(4))) throw damaged("The head of a section does not match its checksum.");
  const length = reader.u8();
  const id = String.fromCharCode(...Array.from({ length }, () => reader.u8()));
  if (!idPattern.test(id)) throw damaged("A section has no proper name.");
  const head = {
    id,
    version: reader.u32(),
    codec: reader.u8(),
    sizeBytes: reader.f64(),
    storedBytes: reader.f64(),
    checksum: reader.u32(),
  };
  if (!isLength(head.sizeBytes) || !isLength(head.storedBytes))
    throw damaged("A section has no proper length.", { id });
  return head;
}

const isLength = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
