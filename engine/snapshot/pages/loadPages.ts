import type { PageThreads, SnapshotServices } from "../SnapshotServices.ts";
import { type ChunkUse, fillPages, type PageRun, type StoredBatch } from "./fillPages.ts";
import type { PagePack } from "./PagePack.ts";
import type { PageTable } from "./PageTable.ts";
import type { Chunk } from "./pagePackLayout.ts";

interface GrowingUse extends ChunkUse {
  readonly runs: PageRun[];
}

/** Chunks that lie side by side in a pack, read at one stroke. */
interface Batch {
  readonly pack: PagePack;
  readonly uses: GrowingUse[];
  storedBytes: number;
}

/** Some milliseconds of work, so that threads end at about the same time. */
const BATCH_BYTES = 256 * 1024;
/** While one is decompressed here the next is read. */
const BATCHES_IN_FLIGHT = 3;

/** Each chunk that the table needs, by pack. Throws "state-damaged" for pages that their packs lack. */
async function chunkUses(
  table: PageTable,
  openPack: (name: string) => Promise<PagePack>,
): Promise<Map<PagePack, Map<Chunk, GrowingUse>>> {
  const packs = new Map<string, PagePack>();
  const uses = new Map<PagePack, Map<Chunk, GrowingUse>>();
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
    const chunk = pack.chunkOf(number);
    const ofPack = uses.get(pack)!;
    let use = ofPack.get(chunk);
    if (use === undefined) {
      use = { chunk, runs: [] };
      ofPack.set(chunk, use);
    }
    const last = use.runs.at(-1);
    if (last !== undefined && last.page + last.pages === page && last.number + last.pages === number) last.pages++;
    else use.runs.push({ page, number, pages: 1 });
  }
  return uses;
}

function batches(uses: Map<PagePack, Map<Chunk, GrowingUse>>): Batch[] {
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

/** `atOnce` at a time; the first failure ends it when those under way have ended. */
async function forEach<T>(items: readonly T[], atOnce: number, action: (item: T) => Promise<void>): Promise<void> {
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
  const results = await Promise.allSettled(Array.from({ length: atOnce }, run));
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

/**
 * Writes all pages that are not zero into `target`, which is; those that are zero are not touched. All that is read is compared with its checksum: throws
 * "state-damaged", with part of the pages written. Other threads help where the platform has some.
 */
export async function loadPages(
  table: PageTable,
  openPack: (name: string) => Promise<PagePack>,
  target: Uint8Array,
  services: SnapshotServices,
): Promise<void> {
  const all = batches(await chunkUses(table, openPack));
  const threads = services.pageThreads?.(target, all.length);
  try {
    await forEach(all, BATCHES_IN_FLIGHT + (threads?.batchesAtOnce ?? 0), async ({ pack, uses }) => {
      const stored = await pack.readStored(uses.map(({ chunk }) => chunk));
      await fill({ ...stored, uses }, threads);
    });
  } finally {
    await threads?.close();
  }

  async function fill(batch: StoredBatch, threads: PageThreads | undefined): Promise<void> {
    await (threads?.fill(batch) ?? fillPages(batch, target, services));
  }
}
