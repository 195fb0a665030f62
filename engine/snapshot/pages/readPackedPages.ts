import type { SnapshotServices } from "../SnapshotServices.ts";
import { CHUNK_WORDS, chunkWord, type PackedPages, progress, RUN_WORDS, runWord } from "./PackedPages.ts";
import type { PagePack } from "./PagePack.ts";
import type { PageRun, PageTable } from "./PageTable.ts";
import type { Chunk } from "./pagePackLayout.ts";

/** What is needed of a chunk. */
interface ChunkUse {
  readonly pack: PagePack;
  readonly chunk: Chunk;
  readonly runs: Pick<PageRun, "page" | "number" | "pages">[];
}

/** What is needed of chunks that lie side by side in a pack, read at one stroke. */
interface Part {
  readonly pack: PagePack;
  /** Of the first, in the pack. */
  readonly from: number;
  /** The same among all that is read. */
  readonly offset: number;
  readonly chunks: Chunk[];
  bytes: number;
}

export interface ReadPages {
  readonly packed: PackedPages;
  /** For each page of memory 1 + the number of its chunk, or 0 when it is zero. */
  readonly chunkOf: Uint32Array;
}

const PART_BYTES = 4 * 1024 * 1024;
/** While the checksums of one are looked at, the next are read. */
const PARTS_IN_FLIGHT = 3;

/** Reads all chunks that a table needs. Throws "state-damaged" for pages that their packs lack and chunks that do not match their checksums. */
export async function readPackedPages(
  table: PageTable,
  openPack: (name: string) => Promise<PagePack>,
  services: SnapshotServices,
): Promise<ReadPages> {
  const { uses, chunkOf } = await chunkUses(table, openPack);
  const packed = layOut(uses);
  await forEach(partsOf(uses), PARTS_IN_FLIGHT, async ({ pack, from, offset, chunks, bytes }) => {
    const part = packed.stored.subarray(offset, offset + bytes);
    await pack.readStored(from, part);
    for (const chunk of chunks) {
      const start = chunk.offset - from;
      pack.check(chunk, part.subarray(start, start + chunk.storedBytes));
      const pause = services.pause();
      if (pause !== undefined) await pause;
    }
  });
  return { packed, chunkOf };
}

/** Pack by pack, in the order in which chunks lie there. */
async function chunkUses(
  table: PageTable,
  openPack: (name: string) => Promise<PagePack>,
): Promise<{ uses: ChunkUse[]; chunkOf: Uint32Array }> {
  const packs = new Map<string, PagePack>();
  for (const name of table.packs) packs.set(name, await openPack(name));
  const found: ChunkUse[] = [];
  const numbers = new Map<Chunk, number>();
  const foundOf = new Uint32Array(table.pageCount);
  for (const run of table.runs()) {
    const pack = packs.get(run.pack)!;
    for (let done = 0; done < run.pages; ) {
      const [page, number] = [run.page + done, run.number + done];
      const chunk = pack.chunkOf(number);
      const pages = Math.min(run.pages - done, chunk.first + chunk.pages - number);
      let use = numbers.get(chunk);
      if (use === undefined) {
        use = found.push({ pack, chunk, runs: [] }) - 1;
        numbers.set(chunk, use);
      }
      found[use]!.runs.push({ page, number, pages });
      foundOf.fill(use + 1, page, page + pages);
      done += pages;
    }
  }
  const uses = [...packs.values()].flatMap((pack) =>
    found.filter((use) => use.pack === pack).sort((one, other) => one.chunk.offset - other.chunk.offset),
  );
  for (const [index, { chunk }] of uses.entries()) numbers.set(chunk, index);
  const places = Uint32Array.from([0, ...found.map(({ chunk }) => numbers.get(chunk)! + 1)]);
  return { uses, chunkOf: foundOf.map((use) => places[use]!) };
}

const shared = (bytes: number): SharedArrayBuffer => new SharedArrayBuffer(bytes);

function layOut(uses: readonly ChunkUse[]): PackedPages {
  const sum = (of: (use: ChunkUse) => number): number => uses.reduce((total, use) => total + of(use), 0);
  const packed: PackedPages = {
    stored: new Uint8Array(shared(sum(({ chunk }) => chunk.storedBytes))),
    offsets: new Float64Array(shared(uses.length * Float64Array.BYTES_PER_ELEMENT)),
    chunks: new Int32Array(shared(uses.length * CHUNK_WORDS * Int32Array.BYTES_PER_ELEMENT)),
    runs: new Uint32Array(shared(sum(({ runs }) => runs.length) * RUN_WORDS * Uint32Array.BYTES_PER_ELEMENT)),
  };
  let offset = 0;
  let run = 0;
  for (const [index, { chunk, runs }] of uses.entries()) {
    packed.offsets[index] = offset;
    offset += chunk.storedBytes;
    const at = index * CHUNK_WORDS;
    packed.chunks[at + chunkWord.progress] = progress.packed;
    packed.chunks[at + chunkWord.storedBytes] = chunk.storedBytes;
    packed.chunks[at + chunkWord.codec] = chunk.codec;
    packed.chunks[at + chunkWord.pages] = chunk.pages;
    packed.chunks[at + chunkWord.firstRun] = run;
    for (const { page, number, pages } of runs) {
      const to = run++ * RUN_WORDS;
      packed.runs[to + runWord.page] = page;
      packed.runs[to + runWord.inChunk] = number - chunk.first;
      packed.runs[to + runWord.pages] = pages;
    }
    packed.chunks[at + chunkWord.endRun] = run;
  }
  return packed;
}

function partsOf(uses: readonly ChunkUse[]): Part[] {
  const parts: Part[] = [];
  let offset = 0;
  for (const { pack, chunk } of uses) {
    const last = parts.at(-1);
    const follows = last?.pack === pack && last.from + last.bytes === chunk.offset;
    if (follows && last.bytes + chunk.storedBytes <= PART_BYTES) {
      last.chunks.push(chunk);
      last.bytes += chunk.storedBytes;
    } else parts.push({ pack, from: chunk.offset, offset, chunks: [chunk], bytes: chunk.storedBytes });
    offset += chunk.storedBytes;
  }
  return parts;
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
