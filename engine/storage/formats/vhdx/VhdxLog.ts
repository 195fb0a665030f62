/**
 * The log of a VHDX file (MS-VHDX 2.3): whole sectors of 4 KiB that a writer meant to change, to be written again when the file was not closed. Entries lie in a ring; the
 * active sequence is the valid one with the highest number. This writer makes no entries: its changes to tables are safe in their order.
 */
import { corruptImage } from "../sparse/corruptImage.ts";
import { isNullGuid } from "../sparse/guid.ts";
import type { ImageFile } from "../sparse/ImageFile.ts";
import { crc32c } from "./crc32c.ts";
import type { VhdxHeader } from "./VhdxHeaders.ts";

const SECTOR_BYTES = 4096;
const ENTRY_HEADER_BYTES = 64;
const DESCRIPTOR_BYTES = 32;
const LOGE = 0x65676f6c;
const DESC = 0x63736564;
const ZERO = 0x6f72657a;
const DATA = 0x61746164;

/** Bytes to be at a place of the file; undefined bytes are zeros. */
export interface LoggedChange {
  readonly position: number;
  readonly length: number;
  readonly bytes: Uint8Array | undefined;
}

export interface VhdxReplay {
  readonly changes: readonly LoggedChange[];
  /** The file has at least this size afterwards. */
  readonly fileBytes: number;
}

interface LogEntry {
  readonly at: number;
  readonly length: number;
  readonly tail: number;
  readonly sequence: bigint;
  readonly flushedFileOffset: number;
  readonly lastFileOffset: number;
  readonly changes: readonly LoggedChange[];
}

/** Undefined when the log is empty. */
export async function readVhdxLog(file: ImageFile, header: VhdxHeader): Promise<VhdxReplay | undefined> {
  if (isNullGuid(header.logGuid)) return undefined;
  const log = await file.bytes(header.logOffset, header.logLength, "log");
  let best: LogEntry[] = [];
  for (let at = 0; at < log.length; at += SECTOR_BYTES) {
    const sequence = sequenceAt(log, at, header.logGuid);
    const head = sequence.at(-1);
    if (head === undefined || !sequence.some((entry) => entry.at === head.tail)) continue;
    if ((best.at(-1)?.sequence ?? -1n) < head.sequence)
      best = sequence.slice(sequence.findIndex((e) => e.at === head.tail));
  }
  const head = best.at(-1);
  if (head === undefined) throw corruptImage(file.name, "its log must be replayed and is not valid");
  if (file.sizeBytes < head.flushedFileOffset) {
    throw corruptImage(file.name, "its file is shorter than its log says", { expected: head.flushedFileOffset });
  }
  return { changes: best.flatMap(({ changes }) => changes), fileBytes: head.lastFileOffset };
}

export async function applyVhdxReplay(file: ImageFile, { changes, fileBytes }: VhdxReplay): Promise<void> {
  if (fileBytes > file.sizeBytes && fileBytes - file.sizeBytes < 2 ** 40) await file.extend(fileBytes);
  const zeros = new Uint8Array(1024 * 1024);
  for (const { position, length, bytes } of changes) {
    if (bytes !== undefined) {
      await file.write(position, bytes);
      continue;
    }
    // Past its end the file is zero already.
    const end = Math.min(position + length, file.sizeBytes);
    for (let at = position; at < end; at += zeros.length) {
      await file.write(at, zeros.subarray(0, Math.min(zeros.length, end - at)));
    }
  }
  await file.flush();
}

/** Entries that follow each other from `at`, as far as they are valid. */
function sequenceAt(log: Uint8Array, start: number, logGuid: Uint8Array): LogEntry[] {
  const entries: LogEntry[] = [];
  let at = start;
  let total = 0;
  for (;;) {
    const entry = parseEntry(log, at, logGuid);
    const last = entries.at(-1);
    if (entry === undefined || (last !== undefined && entry.sequence !== last.sequence + 1n)) return entries;
    total += entry.length;
    if (total > log.length) return entries;
    entries.push(entry);
    at = (at + entry.length) % log.length;
  }
}

function parseEntry(log: Uint8Array, at: number, logGuid: Uint8Array): LogEntry | undefined {
  const view = new DataView(log.buffer, log.byteOffset, log.byteLength);
  if (view.getUint32(at, true) !== LOGE) return undefined;
  const length = view.getUint32(at + 8, true);
  const count = view.getUint32(at + 24, true);
  if (length === 0 || length % SECTOR_BYTES !== 0 || length > log.length) return undefined;
  if (!logGuid.every((byte, index) => byte === log[at + 32 + index])) return undefined;
  const entry = ringSlice(log, at, length);
  if (view.getUint32(at + 4, true) !== crc32c(entry, 4)) return undefined;
  const sequence = view.getBigUint64(at + 16, true);
  const changes = parseChanges(entry, count, sequence);
  if (sequence === 0n || changes === undefined) return undefined;
  return {
    at,
    length,
    tail: view.getUint32(at + 12, true),
    sequence,
    flushedFileOffset: Number(view.getBigUint64(at + 48, true)),
    lastFileOffset: Number(view.getBigUint64(at + 56, true)),
    changes,
  };
}

function parseChanges(entry: Uint8Array, count: number, sequence: bigint): LoggedChange[] | undefined {
  const view = new DataView(entry.buffer, entry.byteOffset, entry.byteLength);
  const descriptorBytes = ENTRY_HEADER_BYTES + count * DESCRIPTOR_BYTES;
  let dataAt = Math.ceil(descriptorBytes / SECTOR_BYTES) * SECTOR_BYTES;
  if (dataAt > entry.length) return undefined;
  const changes: LoggedChange[] = [];
  for (let index = 0; index < count; index++) {
    const at = ENTRY_HEADER_BYTES + index * DESCRIPTOR_BYTES;
    const kind = view.getUint32(at, true);
    const position = Number(view.getBigUint64(at + 16, true));
    if (view.getBigUint64(at + 24, true) !== sequence || position % SECTOR_BYTES !== 0) return undefined;
    if (kind === ZERO) {
      changes.push({ position, length: Number(view.getBigUint64(at + 8, true)), bytes: undefined });
    } else if (kind === DESC && dataAt + SECTOR_BYTES <= entry.length) {
      const bytes = dataSector(entry, at, dataAt, sequence);
      if (bytes === undefined) return undefined;
      changes.push({ position, length: SECTOR_BYTES, bytes });
      dataAt += SECTOR_BYTES;
    } else {
      return undefined;
    }
  }
  return changes;
}

/** The sector's first eight and last four bytes stand in the descriptor: marks and numbers took their place. */
function dataSector(entry: Uint8Array, at: number, dataAt: number, sequence: bigint): Uint8Array | undefined {
  const view = new DataView(entry.buffer, entry.byteOffset, entry.byteLength);
  const found = (BigInt(view.getUint32(dataAt + 4, true)) << 32n) | BigInt(view.getUint32(dataAt + 4092, true));
  if (view.getUint32(dataAt, true) !== DATA || found !== sequence) return undefined;
  const bytes = entry.slice(dataAt, dataAt + SECTOR_BYTES);
  bytes.set(entry.subarray(at + 8, at + 16), 0);
  bytes.set(entry.subarray(at + 4, at + 8), SECTOR_BYTES - 4);
  return bytes;
}

function ringSlice(log: Uint8Array, at: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const first = Math.min(length, log.length - at);
  bytes.set(log.subarray(at, at + first));
  bytes.set(log.subarray(0, length - first), first);
  return bytes;
}
