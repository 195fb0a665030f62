import { StateReader } from "../../base/StateReader.ts";
import { StateWriter } from "../../base/StateWriter.ts";
import { damaged } from "../codecNumbers.ts";

/**
 * Where each page of RAM is kept: nowhere (it is zero), or as a numbered page of a pack. Saved as runs (u8 kind, u32 length; of pages in a pack also u16
 * pack and u32 first number) behind the number of pages and the packs' names.
 */
export const PAGE_TABLE_VERSION = 1;
/** 32 GiB. */
const PAGES_MAX = 8 * 1024 * 1024;
const PACKS_MAX = 0xfffe;
const RUN_ZERO = 0;
const RUN_PACK = 1;

/** Pages that follow each other in memory as in their pack. */
export interface PageRun {
  /** The first in memory, and in the pack. */
  readonly page: number;
  readonly number: number;
  readonly pages: number;
  readonly pack: string;
}

export interface PagePlace {
  readonly pack: string;
  readonly number: number;
}

export class PageTable {
  readonly pageCount: number;
  readonly packs: string[] = [];
  /** 1 + index in `packs`, or 0 for a page that is zero. */
  readonly #pack: Uint16Array;
  readonly #number: Uint32Array;

  constructor(pageCount: number) {
    this.pageCount = pageCount;
    this.#pack = new Uint16Array(pageCount);
    this.#number = new Uint32Array(pageCount);
  }

  at(page: number): PagePlace | undefined {
    const pack = this.#pack[page];
    return pack === undefined || pack === 0 ? undefined : { pack: this.packs[pack - 1]!, number: this.#number[page]! };
  }

  set(page: number, place: PagePlace | undefined): void {
    this.#pack[page] = place === undefined ? 0 : this.#packIndex(place.pack) + 1;
    this.#number[page] = place?.number ?? 0;
  }

  #packIndex(name: string): number {
    const index = this.packs.lastIndexOf(name);
    if (index >= 0) return index;
    if (this.packs.length >= PACKS_MAX) throw new Error("too many packs");
    return this.packs.push(name) - 1;
  }

  /** All pages that are in packs, in the order of memory. */
  *runs(): Generator<PageRun> {
    for (let page = 0; page < this.pageCount; ) {
      const end = this.#endOfRun(page);
      const pack = this.packs[this.#pack[page]! - 1];
      if (pack !== undefined) yield { page, number: this.#number[page]!, pages: end - page, pack };
      page = end;
    }
  }

  #endOfRun(start: number): number {
    const pack = this.#pack[start]!;
    const first = this.#number[start]!;
    let end = start + 1;
    while (
      end < this.pageCount &&
      this.#pack[end] === pack &&
      (pack === 0 || this.#number[end] === first + end - start)
    )
      end++;
    return end;
  }

  encode(): Uint8Array {
    const writer = new StateWriter().u32(this.pageCount).u16(this.packs.length);
    for (const name of this.packs) writer.string(name);
    for (let start = 0; start < this.pageCount; ) {
      const pack = this.#pack[start]!;
      const first = this.#number[start]!;
      const end = this.#endOfRun(start);
      writer.u8(pack === 0 ? RUN_ZERO : RUN_PACK).u32(end - start);
      if (pack !== 0) writer.u16(pack - 1).u32(first);
      start = end;
    }
    return writer.finish();
  }

  /** Throws "state-damaged" or "state-truncated". */
  static decode(payload: Uint8Array): PageTable {
    const reader = new StateReader(payload);
    const pageCount = reader.u32();
    if (pageCount > PAGES_MAX) throw damaged("It has more memory than any machine.", { pageCount });
    const table = new PageTable(pageCount);
    const packs = reader.u16();
    for (let index = 0; index < packs; index++) table.packs.push(reader.string());
    for (let start = 0; start < pageCount; ) start = table.#decodeRun(reader, start);
    reader.end();
    return table;
  }

  #decodeRun(reader: StateReader, start: number): number {
    const kind = reader.u8();
    const length = reader.u32();
    const end = start + length;
    if (kind > RUN_PACK || length === 0 || end > this.pageCount)
      throw damaged("Its memory is not in order.", { start });
    if (kind === RUN_ZERO) return end;
    const [pack, first] = [reader.u16(), reader.u32()];
    if (pack >= this.packs.length || first + length > 0xffff_ffff)
      throw damaged("It names a pack that it lacks.", { pack });
    this.#pack.fill(pack + 1, start, end);
    for (let page = start; page < end; page++) this.#number[page] = first + page - start;
    return end;
  }
}
