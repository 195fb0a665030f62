import { STATE_PAGE_BYTES } from "../../contracts/MachineStateParts.ts";
import type { Chunk, PagePack } from "./PagePack.ts";
import type { PageTable } from "./PageTable.ts";

/** Pages that follow each other, in memory as in a chunk. */
interface Run {
  readonly page: number;
  readonly number: number;
  pages: number;
}

interface ChunkUse {
  readonly chunk: Chunk;
  readonly runs: Run[];
}

/** Chunks that lie side by side in a pack, read at one stroke. */
interface Batch {
  readonly pack: PagePack;
  readonly uses: ChunkUse[];
  storedBytes: number;
}

const BATCH_BYTES = 1024 * 1024;
/** While one is decompressed the next is read. */
const BATCHES_IN_FLIGHT = 3;

/** Each chunk that the table needs, by pack. Throws "state-damaged" for pages that their packs lack. */
async function chunkUses(
  table: PageTable,
  openPack: (name: string) => Promise<PagePack>,
): Promise<Map<PagePack, Map<number, ChunkUse>>> {
  const packs = new Map<string, PagePack>();
  const uses = new Map<PagePack, Map<number, ChunkUse>>();
  for (const name of table.packs) {
    const pack = await openPack(name);
    packs.set(name, pack);
    uses.set(pack, new Map());
  }
  for (let page = 0; page < table.pageCount; page++) {
    const place = table.at(page);
    if (place === undefined) continue;
    const { number } = place;
    const pack = packs.get(place.pack)!;
    const index = pack.chunkOf(number);
    const ofPack = uses.get(pack)!;
    let use = ofPack.get(index);
    if (use === undefined) {
      use = { chunk: pack.chunks[index]!, runs: [] };
      ofPack.set(index, use);
    }
    const last = use.runs.at(-1);
    if (last !== undefined && last.page + last.pages === page && last.number + last.pages === number) last.pages++;
    else use.runs.push({ page, number, pages: 1 });
  }
  return uses;
}

function batches(uses: Map<PagePack, Map<number, ChunkUse>>): Batch[] {
  const all: Batch[] = [];
  for (const [pack, ofPack] of uses) {
    let batch: Batch | undefined;
    for (const use of [...ofPack.values()].sort((one, other) => one.chunk.offset - other.chunk.offset)) {
      const before = batch?.uses.at(-1)?.chunk;
      const follows = before !== undefined && before.offset + before.storedBytes === use.chunk.offset;
      if (batch === undefined || !follows || batch.storedBytes + use.chunk.storedBytes > BATCH_BYTES) {
        batch = { pack, uses: [], storedBytes: 0 };
        all.push(batch);
      }
      batch.uses.push(use);
      batch.storedBytes += use.chunk.storedBytes;
    }
  }
  return all;
}

/** Several at a time; the first failure ends it when those under way have ended. */
async function forEach<T>(items: readonly T[], action: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const run = async (): Promise<void> => {
    while (next < items.length) {
      try {
        await action(items[next++]!);
      } catch (error) {
        next = items.length;
        throw error;
      }
    }
  };
  settle(await Promise.allSettled(Array.from({ length: BATCHES_IN_FLIGHT }, run)));
}

function settle(results: readonly PromiseSettledResult<void>[]): void {
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

/**
 * Writes all pages that are not zero into `target`, which is; those that are zero are not touched. All that is read is compared with its checksum: throws
 * "state-damaged", with part of the pages written.
 */
export async function loadPages(
  table: PageTable,
  openPack: (name: string) => Promise<PagePack>,
  target: Uint8Array,
): Promise<void> {
  await forEach(batches(await chunkUses(table, openPack)), async ({ pack, uses }) => {
    const stored = await pack.readStored(uses.map(({ chunk }) => chunk));
    const filled = uses.map(async ({ chunk, runs }, index) => {
      const bytes = await pack.expand(chunk, stored[index]!);
      for (const { page, number, pages } of runs) {
        const at = (number - chunk.first) * STATE_PAGE_BYTES;
        target.set(bytes.subarray(at, at + pages * STATE_PAGE_BYTES), page * STATE_PAGE_BYTES);
      }
    });
    settle(await Promise.allSettled(filled));
  });
}
