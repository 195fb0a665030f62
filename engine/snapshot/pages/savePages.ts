import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { LongWork } from "../../contracts/DiskImage.ts";
import { type CapturedState, isZeroPage } from "../../contracts/MachineStateParts.ts";
import type { SnapshotServices } from "../SnapshotServices.ts";
import type { PagePack } from "./PagePack.ts";
import type { PagePackWriter } from "./PagePackWriter.ts";
import { type PagePlace, PageTable } from "./PageTable.ts";
import { hashPage, pageWords } from "./pageContent.ts";

/** A state that pages may be shared with. */
export interface ParentPages {
  /** As in `CapturedState.base`. */
  readonly label: string;
  readonly table: PageTable;
  openPack(name: string): Promise<PagePack>;
}

/** About a tenth of a millisecond of looking at pages. */
const PAGES_AT_A_TIME = 32;

/**
 * Puts captured RAM into a pack, page by page while the guest goes on: pages that are zero or that the parent has too are only noted. Which ones the
 * guest did not write since the parent was captured is known without looking; others are compared.
 */
export async function savePages(
  captured: CapturedState,
  pack: PagePackWriter,
  packName: string,
  parent: ParentPages | undefined,
  services: SnapshotServices,
  work: LongWork = {},
): Promise<PageTable> {
  const { ram, base } = captured;
  const table = new PageTable(ram.pageCount);
  const changed = base !== undefined && base.label === parent?.label ? base.changed : undefined;
  for (let page = 0; page < ram.pageCount; page++) {
    if (page % PAGES_AT_A_TIME === 0) {
      const pause = breathe(page / ram.pageCount, services, work);
      if (pause !== undefined) await pause;
    }
    const before = parent?.table.at(page);
    if (changed !== undefined && changed[page] === 0) {
      table.set(page, before);
      ram.take(page);
      continue;
    }
    const words = pageWords(ram.page(page));
    if (!isZeroPage(words)) {
      const hash = hashPage(words);
      const shared = before !== undefined && (await isSame(ram.page(page), hash, before, parent!));
      if (shared) table.set(page, before);
      else {
        const { number, full } = pack.add(ram.page(page), hash);
        table.set(page, { pack: packName, number });
        if (full) await pack.flushChunk();
      }
    }
    ram.take(page);
  }
  work.onProgress?.(1);
  return table;
}

async function isSame(
  page: Uint8Array,
  hash: readonly [number, number],
  before: PagePlace,
  parent: ParentPages,
): Promise<boolean> {
  const pack = await parent.openPack(before.pack);
  if (!pack.hasHash(before.number, hash)) return false;
  // The place that the page is in may be the guest's, which goes on while the twin is being read.
  const copy = page.slice();
  const twin = await pack.readPage(before.number);
  return copy.every((byte, at) => twin[at] === byte);
}

function breathe(done: number, services: SnapshotServices, work: LongWork): Promise<void> | undefined {
  if (work.signal?.aborted === true) throw new GuesthouseError("cancelled", "Saving the state was cancelled.");
  work.onProgress?.(done);
  return services.pause();
}
