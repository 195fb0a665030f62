import { memoryPlan, physMapBits } from "../layout/memoryPlan.ts";
import { codePageLayout, poolStart, zeroLine } from "./codePageLayout.ts";

/** A page as the shared memory and as the guest counts it. */
export interface PageNumbers {
  readonly memoryPage: number;
  readonly physPage: number;
}

/**
 * The structures by which the generated look-up finds records (`codePageLayout`), and the pool that they and the records come from:
 * records from its bottom up, code pages and line tables from its top down. Also which guest physical pages are marked as holding
 * code, so that writes to them are noticed.
 */
export class CodePages {
  readonly #words: Uint32Array;
  /** Tells the page walker that writes to a guest physical page must be noticed from now on. */
  readonly #protectPage: (physPage: number) => void;
  #recordsEnd = poolStart;
  #tablesStart: number = memoryPlan.recordsEnd;
  /** Memory page behind each marked guest physical page. */
  readonly #marked = new Map<number, number>();
  readonly #memoryPages = new Set<number>();

  constructor(words: Uint32Array, protectPage: (physPage: number) => void) {
    this.#words = words;
    this.#protectPage = protectPage;
    words.fill(0, zeroLine >> 2, poolStart >> 2);
  }

  /** Where the next record goes. */
  get nextRecord(): number {
    return this.#recordsEnd;
  }
  /** Records up to here are in use. */
  takeRecords(end: number): void {
    this.#recordsEnd = end;
  }
  hasRoomFor(bytes: number): boolean {
    return this.#tablesStart - this.#recordsEnd >= bytes;
  }

  /** Forgets everything. Records that are being executed stay readable until new ones are made. */
  dropAll(): void {
    for (const page of this.#memoryPages) this.#words[(memoryPlan.codeMap >> 2) + page] = 0;
    for (const page of this.#marked.keys()) this.#words[(memoryPlan.physMap >> 2) + page]! &= ~physMapBits.hasCode;
    this.#memoryPages.clear();
    this.#marked.clear();
    this.#recordsEnd = poolStart;
    this.#tablesStart = memoryPlan.recordsEnd;
    this.#words[codePageLayout.generation >> 2]!++;
  }

  // --- code pages ---
  memoryPageOf(physPage: number): number {
    return this.#words[(memoryPlan.physMap >> 2) + physPage]! >>> 12;
  }

  /** The first code page of a memory page, or 0. */
  first(memoryPage: number): number {
    return this.#words[(memoryPlan.codeMap >> 2) + memoryPage]!;
  }
  next(page: number): number {
    return this.#words[(page + codePageLayout.next) >> 2]!;
  }
  modeOf(page: number): number {
    return this.#words[(page + codePageLayout.mode) >> 2]!;
  }
  /** The code page of a memory page for a mode, or 0. */
  find(memoryPage: number, mode: number): number {
    let page = this.first(memoryPage);
    while (page !== 0 && this.modeOf(page) !== mode) page = this.next(page);
    return page;
  }

  create(memoryPage: number, mode: number): number {
    const words = this.#words;
    this.#tablesStart -= codePageLayout.sizeBytes;
    const page = this.#tablesStart;
    words[(page + codePageLayout.mode) >> 2] = mode;
    words[(page + codePageLayout.next) >> 2] = this.first(memoryPage);
    words.fill(0, (page + codePageLayout.decodedLines) >> 2, (page + codePageLayout.lines) >> 2);
    words.fill(zeroLine, (page + codePageLayout.lines) >> 2, (page + codePageLayout.sizeBytes) >> 2);
    words[(memoryPlan.codeMap >> 2) + memoryPage] = page;
    this.#memoryPages.add(memoryPage);
    return page;
  }

  recordAt(page: number, offset: number): number {
    const table = this.#words[(page + codePageLayout.lines + (offset >> 6) * 4) >> 2]!;
    return this.#words[(table >> 2) + (offset & 63)]!;
  }

  setRecordAt(page: number, offset: number, record: number): void {
    const words = this.#words;
    const line = (page + codePageLayout.lines + (offset >> 6) * 4) >> 2;
    if (words[line] === zeroLine) {
      this.#tablesStart -= codePageLayout.lineTableBytes;
      const table = this.#tablesStart;
      words.fill(0, table >> 2, (table + codePageLayout.lineTableBytes) >> 2);
      words[line] = table;
    }
    words[(words[line]! >> 2) + (offset & 63)] = record;
  }

  // --- which lines hold decoded bytes ---
  markLines(page: number, start: number, end: number): void {
    for (let line = start >> 6; line <= (end - 1) >> 6; line++) {
      this.#words[((page + codePageLayout.decodedLines) >> 2) + (line >> 5)]! |= 1 << (line & 31);
    }
  }
  isLineMarked(page: number, line: number): boolean {
    return (this.#words[((page + codePageLayout.decodedLines) >> 2) + (line >> 5)]! & (1 << (line & 31))) !== 0;
  }
  unmarkLine(page: number, line: number): void {
    this.#words[((page + codePageLayout.decodedLines) >> 2) + (line >> 5)]! &= ~(1 << (line & 31));
  }
  hasMarkedLines(page: number): boolean {
    const bits = (page + codePageLayout.decodedLines) >> 2;
    return (this.#words[bits]! | this.#words[bits + 1]!) !== 0;
  }

  // --- which guest physical pages hold code ---
  get anyMarked(): boolean {
    return this.#marked.size > 0;
  }
  /** Writes to the page must be noticed. */
  guard(physPage: number): void {
    const entry = (memoryPlan.physMap >> 2) + physPage;
    if (this.#words[entry]! & physMapBits.hasCode) return;
    this.#words[entry]! |= physMapBits.hasCode;
    this.#marked.set(physPage, this.memoryPageOf(physPage));
    this.#protectPage(physPage);
  }
  unguard(physPage: number): void {
    if (this.#marked.delete(physPage)) this.#words[(memoryPlan.physMap >> 2) + physPage]! &= ~physMapBits.hasCode;
  }

  /**
   * The memory map changed: what still is where it was stays guarded; of a page that went elsewhere nobody would tell of
   * writes, so its code goes.
   */
  reguard(): void {
    for (const [physPage, memoryPage] of this.#marked) {
      if (this.memoryPageOf(physPage) === memoryPage) {
        this.#words[(memoryPlan.physMap >> 2) + physPage]! |= physMapBits.hasCode;
      } else {
        this.#words[(memoryPlan.codeMap >> 2) + memoryPage] = 0;
        this.#marked.delete(physPage);
      }
    }
  }
}
