import { STATE_PAGE_BYTES } from "../../contracts/MachineStateParts.ts";
import type { PagePack } from "./PagePack.ts";
import type { PageTable } from "./PageTable.ts";
import { CHUNKS_IN_FLIGHT } from "./pagePackLayout.ts";

interface ChunkUse {
  readonly pack: PagePack;
  readonly chunk: PagePack["chunks"][number];
  readonly pages: { readonly page: number; readonly number: number }[];
}

/** All chunks that the table needs, in the order of first use. Throws "state-damaged" for pages that their packs lack. */
async function chunkUses(table: PageTable, openPack: (name: string) => Promise<PagePack>): Promise<ChunkUse[]> {
  const packs = new Map<string, PagePack>();
  for (const name of table.packs) packs.set(name, await openPack(name));
  const uses = new Map<PagePack["chunks"][number], ChunkUse>();
  for (let page = 0; page < table.pageCount; page++) {
    const place = table.at(page);
    if (place === undefined) continue;
    const pack = packs.get(place.pack)!;
    const chunk = pack.chunks[pack.chunkOf(place.number)]!;
    let use = uses.get(chunk);
    if (use === undefined) {
      use = { pack, chunk, pages: [] };
      uses.set(chunk, use);
    }
    use.pages.push({ page, number: place.number });
  }
  return [...uses.values()];
}

/** Several at a time; the first failure ends it when those under way have ended. */
async function forEach(uses: readonly ChunkUse[], action: (use: ChunkUse) => Promise<void>): Promise<void> {
  let next = 0;
  const run = async (): Promise<void> => {
    while (next < uses.length) {
      try {
        await action(uses[next++]!);
      } catch (error) {
        next = uses.length;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: CHUNKS_IN_FLIGHT }, run));
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

/** Reads everything that the table needs and compares checksums. */
export async function verifyPages(table: PageTable, openPack: (name: string) => Promise<PagePack>): Promise<void> {
  await forEach(await chunkUses(table, openPack), ({ pack, chunk }) => pack.verifyChunk(chunk));
}

/** Writes all pages that are not zero into `target`, which is. */
export async function loadPages(
  table: PageTable,
  openPack: (name: string) => Promise<PagePack>,
  target: Uint8Array,
): Promise<void> {
  await forEach(await chunkUses(table, openPack), async ({ pack, chunk, pages }) => {
    const bytes = await pack.readChunk(chunk);
    for (const { page, number } of pages) {
      const at = (number - chunk.first) * STATE_PAGE_BYTES;
      target.set(bytes.subarray(at, at + STATE_PAGE_BYTES), page * STATE_PAGE_BYTES);
    }
  });
}
