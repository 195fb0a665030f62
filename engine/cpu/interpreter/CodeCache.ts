import type { Decoder } from "../decode/Decoder.ts";
import type { Instruction } from "../decode/Instruction.ts";
import { physPages } from "../layout/memoryPlan.ts";
import { CodePages, type PageNumbers } from "./CodePages.ts";
import { codePageLayout } from "./codePageLayout.ts";
import { codeSizeOf, handlerSpecOf } from "./HandlerSpec.ts";
import type { HandlerTable } from "./HandlerTable.ts";
import { RecordEncoder } from "./RecordEncoder.ts";
import { recordLayout, specialHandler } from "./recordLayout.ts";

const pageBytes = 4096;
/** A run of records ends after this many instructions, so that code that is never reached is rarely decoded. */
const longestRun = 32;
const recordBytes = recordLayout.sizeBytes;
/** No instruction is longer, so none that starts earlier reaches into a line. */
const longestInstruction = 15;

/** What the records of a run and new tables may take at most. */
const enoughForRun =
  (longestRun + 1) * recordBytes + codePageLayout.sizeBytes + (longestRun + 1) * codePageLayout.lineTableBytes;

/** What records are made with. */
export type Handlers = Pick<HandlerTable, "indexOf" | "pairOf" | "isPair" | "flush">;

/** Bytes to decode: where they are in memory, how many are known, and their offset in the page. */
export interface DecodeSource {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly available: number;
}

/**
 * Decoded records by page of memory (not of guest physical space: ROM seen at two addresses is decoded once). Records are handed out from
 * one pool; what is invalidated is made to decode itself anew in place, so that nothing that points to it needs to be found. When the
 * pool is full everything is dropped.
 */
export class CodeCache {
  readonly #words: Uint32Array;
  readonly #bytes: Uint8Array;
  readonly #halves: Uint16Array;
  readonly #encoder: RecordEncoder;
  readonly #decoder: Decoder;
  readonly #handlersOf: (mode: number) => Handlers;
  readonly #pages: CodePages;
  /** Instructions that end in a page but do not begin there, by that page's number. */
  readonly #crossings = new Map<number, { page: number; offset: number; record: number }[]>();
  /** Records that are entries of translated regions, by memory page. */
  readonly #regions = new Map<number, number[]>();
  /** Offsets in their page of instructions that have no record, in no page: the caller looks at them each time they are reached. */
  #unkept: ReadonlySet<number> = new Set();
  /** Statistics. */
  decoded = 0;
  drops = 0;
  invalidations = 0;

  constructor(
    buffer: ArrayBufferLike,
    decoder: Decoder,
    handlersOf: (mode: number) => Handlers,
    protectPage: (physPage: number) => void,
  ) {
    this.#words = new Uint32Array(buffer);
    this.#bytes = new Uint8Array(buffer);
    this.#halves = new Uint16Array(buffer);
    this.#encoder = new RecordEncoder(buffer);
    this.#decoder = decoder;
    this.#handlersOf = handlersOf;
    this.#pages = new CodePages(this.#words, protectPage);
    this.dropAll();
  }

  /** Whether there are records that changes of memory must make it forget. */
  get holdsCode(): boolean {
    return this.#pages.anyMarked;
  }

  /** Forgets everything. */
  dropAll(): void {
    this.#pages.dropAll();
    this.#regions.clear();
    this.#crossings.clear();
    this.drops++;
  }

  /** From now on instructions at these offsets of a page are executed without a record, here and in regions. */
  keepOut(offsets: ReadonlySet<number>): void {
    this.#unkept = offsets;
    this.dropAll();
  }
  isKeptOut(offset: number): boolean {
    return this.#unkept.has(offset);
  }

  /** The memory map changed. */
  reguard(): void {
    this.#pages.reguard();
  }

  // --- decoding ---
  /**
   * The record for the instruction at `offset` of a memory page, with those that follow it. Undefined when its bytes go on in the
   * next page: the caller then brings them together and uses `single`.
   */
  decodeRun(memoryPage: number, physPage: number, offset: number, mode: number): number | undefined {
    if (!this.#pages.hasRoomFor(enoughForRun)) this.dropAll();
    let page = this.#pages.find(memoryPage, mode);
    if (page === 0) page = this.#pages.create(memoryPage, mode);
    this.#pages.guard(physPage);
    const known = this.#pages.recordAt(page, offset);
    if (known !== 0) return known;
    const first = this.#pages.nextRecord;
    const next = this.#encodeRun(page, memoryPage * pageBytes, offset, mode, first);
    if (next === first) return undefined;
    this.#pages.takeRecords(next + recordBytes);
    this.#handlersOf(mode).flush();
    return first;
  }

  /** Writes records from `at` on; returns the place of the last, which stands for no instruction. */
  #encodeRun(page: number, memory: number, offset: number, mode: number, at: number): number {
    const encoder = this.#encoder;
    for (let count = 0; ; count++) {
      if (offset >= pageBytes) {
        encoder.refetch(at, offset);
        return at;
      }
      if (this.#unkept.has(offset)) {
        encoder.refetch(at, offset);
        return at;
      }
      const known = count > 0 ? this.#pages.recordAt(page, offset) : 0;
      if (known !== 0) {
        encoder.follow(at, offset, known);
        return at;
      }
      if (count === longestRun) {
        encoder.resolve(at, offset);
        return at;
      }
      const decoded = this.#decode(memory + offset, pageBytes - offset, mode);
      if ("failure" in decoded && decoded.failure === "truncated") {
        encoder.resolve(at, offset);
        return at;
      }
      const length = this.#encode(at, decoded, offset, mode, true);
      this.#pages.setRecordAt(page, offset, at);
      if (count > 0) this.#pairUp(at - recordBytes, at, mode);
      const depends = "failure" in decoded ? longestInstruction : length;
      this.#pages.markLines(page, offset, Math.min(offset + depends, pageBytes));
      at += recordBytes;
      offset += length;
      if ("failure" in decoded || (decoded.row.endsBlock && !fallsThrough(decoded))) {
        if (offset >= pageBytes) encoder.refetch(at, offset);
        else encoder.resolve(at, offset);
        return at;
      }
    }
  }

  /** Makes two records one step where there is a handler for both; the second stays as it is for those who jump to it. */
  #pairUp(first: number, second: number, mode: number): void {
    const halves = this.#halves;
    const pair = this.#handlersOf(mode).pairOf(
      halves[(first + recordLayout.handler) >> 1]!,
      halves[(second + recordLayout.handler) >> 1]!,
    );
    if (pair !== undefined) halves[(first + recordLayout.handler) >> 1] = pair;
  }

  #decode(start: number, available: number, mode: number): ReturnType<Decoder["decode"]> {
    return this.#decoder.decode(this.#bytes, start, available, { codeSize: codeSizeOf(mode) });
  }

  /** Writes one record; returns the length of its instruction. */
  #encode(at: number, decoded: ReturnType<Decoder["decode"]>, offset: number, mode: number, linked: boolean): number {
    this.decoded++;
    if ("failure" in decoded) {
      const place = { start: offset, length: 1 };
      if (decoded.failure === "invalid") this.#encoder.raise(at, place, 6, -1);
      else this.#encoder.raise(at, place, 13, 0);
      return 1;
    }
    const end = offset + decoded.length;
    const staysInPage = (displacement: number): boolean =>
      linked && end + displacement >= 0 && end + displacement < pageBytes;
    const spec = handlerSpecOf(decoded, mode, staysInPage);
    const place = { start: offset, length: decoded.length };
    this.#encoder.instruction(at, this.#handlersOf(mode).indexOf(spec), spec, decoded, place);
    return decoded.length;
  }

  /**
   * Records for one execution of the instruction in `source` (which is at `offset` of its page), then back to the look-up, or out of
   * the loop when `leave`.
   */
  single(source: DecodeSource, offset: number, mode: number, leave: boolean): number {
    const at = codePageLayout.singleRecords;
    const decoded = this.#decoder.decode(source.bytes, source.start, source.available, { codeSize: codeSizeOf(mode) });
    const length = this.#encode(at, decoded, offset, mode, false);
    if (leave) this.#encoder.leave(at + recordBytes, offset + length);
    else this.#encoder.refetch(at + recordBytes, offset + length);
    this.#handlersOf(mode).flush();
    return at;
  }

  /**
   * Records for an instruction in `source` that begins at `offset` of one page and ends in another, good for as long as the second one
   * follows the first in linear space (which the first record looks at).
   */
  crossing(first: PageNumbers, second: PageNumbers, source: DecodeSource, offset: number, mode: number): number {
    if (!this.#pages.hasRoomFor(enoughForRun)) this.dropAll();
    const page = this.#pages.find(first.memoryPage, mode) || this.#pages.create(first.memoryPage, mode);
    this.#pages.guard(first.physPage);
    this.#pages.guard(second.physPage);
    const at = this.#pages.nextRecord;
    this.#pages.takeRecords(at + 3 * recordBytes);
    const decoded = this.#decoder.decode(source.bytes, source.start, source.available, { codeSize: codeSizeOf(mode) });
    const length = this.#encode(at + recordBytes, decoded, offset, mode, false);
    const depends = "failure" in decoded ? longestInstruction : length;
    this.#encoder.crossing(at, { start: offset, length: depends }, second.memoryPage);
    this.#encoder.refetch(at + 2 * recordBytes, offset + length);
    this.#pages.setRecordAt(page, offset, at);
    this.#pages.markLines(page, offset, pageBytes);
    const known = this.#crossings.get(second.memoryPage);
    if (known) known.push({ page, offset, record: at });
    else this.#crossings.set(second.memoryPage, [{ page, offset, record: at }]);
    this.#handlersOf(mode).flush();
    return at;
  }

  /** The memory page in which the instruction of a crossing record ends. */
  crossesTo(record: number): number {
    return this.#words[(record + recordLayout.displacement) >> 2]!;
  }

  /** Forgets instructions that end in a page when its first bytes are written; false when there are none. */
  #invalidateCrossings(memoryPage: number, offset: number): boolean {
    const crossings = this.#crossings.get(memoryPage);
    if (!crossings || offset >= longestInstruction) return crossings !== undefined;
    this.#crossings.delete(memoryPage);
    for (const { page, offset: start, record } of crossings) {
      if (this.#pages.recordAt(page, start) !== record) continue;
      this.#halves[(record + recordLayout.handler) >> 1] = specialHandler.resolve;
      this.#pages.setRecordAt(page, start, 0);
    }
    return false;
  }

  /** Back to the run loop before the instruction at `offset` of its page. */
  leaveBefore(offset: number): number {
    const at = codePageLayout.singleRecords;
    this.#encoder.leave(at, offset);
    return at;
  }

  // --- invalidation ---
  /**
   * Guest physical bytes were written, at most up to the end of the page. True when translated code is gone with it, so that
   * whoever runs it must leave.
   */
  written(physPage: number, offset: number, bytes: number): boolean {
    if (physPage >= physPages) return false;
    const memoryPage = this.#pages.memoryPageOf(physPage);
    const firstLine = offset >> 6;
    const lastLine = Math.min(offset + bytes - 1, pageBytes - 1) >> 6;
    let left = false;
    let touched = false;
    for (let page = this.#pages.first(memoryPage); page !== 0; page = this.#pages.next(page)) {
      for (let line = firstLine; line <= lastLine; line++) {
        if (this.#invalidateLine(page, line, offset, offset + bytes)) touched = true;
      }
      left ||= this.#pages.hasMarkedLines(page);
    }
    if (this.#invalidateCrossings(memoryPage, offset)) left = true;
    if (!left) this.#pages.unguard(physPage);
    return touched && this.#dropRegions(memoryPage);
  }

  // --- translated regions ---
  /** Bytes of a page that is decoded in a mode are part of a region: writes to them must be noticed. */
  markDecoded(memoryPage: number, start: number, end: number, mode: number): void {
    const page = this.#pages.find(memoryPage, mode);
    if (page !== 0) this.#pages.markLines(page, start, end);
  }

  /** From now on the record is a translated region, until anything decoded in its page is written. */
  installRegion(memoryPage: number, record: number, handler: number): void {
    this.#halves[(record + recordLayout.handler) >> 1] = handler;
    const records = this.#regions.get(memoryPage);
    if (records) records.push(record);
    else this.#regions.set(memoryPage, [record]);
  }

  hasRegion(memoryPage: number, offset: number): boolean {
    const records = this.#regions.get(memoryPage) ?? [];
    return records.some((record) => (this.#halves[(record + recordLayout.place) >> 1]! & 0xfff) === offset);
  }

  #dropRegions(memoryPage: number): boolean {
    const records = this.#regions.get(memoryPage);
    if (!records) return false;
    this.#regions.delete(memoryPage);
    for (const record of records) {
      this.#halves[(record + recordLayout.handler) >> 1] = specialHandler.resolve;
      const offset = this.#halves[(record + recordLayout.place) >> 1]! & 0xfff;
      for (let page = this.#pages.first(memoryPage); page !== 0; page = this.#pages.next(page)) {
        if (this.#pages.recordAt(page, offset) === record) this.#pages.setRecordAt(page, offset, 0);
      }
    }
    return true;
  }

  /**
   * Forgets the instructions of a line that have bytes from `first` to `end`; the others stay, since real-mode programs like to keep
   * variables beside their code. False when nothing of the line was decoded.
   */
  #invalidateLine(page: number, line: number, first: number, end: number): boolean {
    if (!this.#pages.isLineMarked(page, line)) return false;
    const lineStart = line * codePageLayout.lineBytes;
    const lineEnd = lineStart + codePageLayout.lineBytes;
    const handlers = this.#handlersOf(this.#pages.modeOf(page));
    let kept = 0;
    for (let offset = Math.max(0, lineStart - 2 * longestInstruction + 1); offset < lineEnd; offset++) {
      const record = this.#pages.recordAt(page, offset);
      if (record === 0) continue;
      const next = offset + this.#bytesBehind(record, handlers);
      if (next <= lineStart) continue;
      if (next <= first || offset >= end) {
        kept++;
        continue;
      }
      this.invalidations++;
      this.#halves[(record + recordLayout.handler) >> 1] = specialHandler.resolve;
      this.#pages.setRecordAt(page, offset, 0);
    }
    if (kept === 0) this.#pages.unmarkLine(page, line);
    return true;
  }

  /** How many bytes from its place on a record depends on; which of them made an instruction invalid is not known. */
  #bytesBehind(record: number, handlers: Handlers): number {
    const halves = this.#halves;
    if (halves[(record + recordLayout.handler) >> 1] === specialHandler.raise) return longestInstruction;
    const own = halves[(record + recordLayout.place) >> 1]! >> 12;
    if (!handlers.isPair(halves[(record + recordLayout.handler) >> 1]!)) return own;
    return own + (halves[(record + recordBytes + recordLayout.place) >> 1]! >> 12);
  }
}

/** Whether what follows in memory may well be executed next, so that decoding on is worth it. */
function fallsThrough(instruction: Instruction): boolean {
  const { operation } = instruction.row;
  if (operation === "JMP" || operation === "RET" || operation === "CALL") return false;
  return operation.startsWith("J") || operation.startsWith("LOOP") || operation === "CLI" || operation === "STI";
}
