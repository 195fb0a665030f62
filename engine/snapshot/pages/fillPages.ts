import { STATE_PAGE_BYTES } from "../../contracts/MachineStateParts.ts";
import { damaged, unpack } from "../codecNumbers.ts";
import type { SnapshotServices } from "../SnapshotServices.ts";
import type { Chunk } from "./pagePackLayout.ts";

/** Pages that follow each other, in memory as in a pack. */
export interface PageRun {
  readonly page: number;
  readonly number: number;
  pages: number;
}

export interface ChunkUse {
  readonly chunk: Chunk;
  readonly runs: readonly PageRun[];
}

/** Chunks that lie side by side in a pack, as they were read there from `offset` on. Plain data: it may go to another thread. */
export interface StoredBatch {
  readonly offset: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly uses: readonly ChunkUse[];
}

/** The pages of a chunk from its stored bytes. Throws "state-damaged" unless these are as they were written. */
export async function expandChunk(
  { checksum, codec, pages }: Chunk,
  bytes: Uint8Array,
  services: SnapshotServices,
): Promise<Uint8Array> {
  if (services.crc32(bytes, 0) !== checksum) throw damaged("Pages do not match their checksum.");
  return await unpack({ codec, bytes }, pages * STATE_PAGE_BYTES, services);
}

/** Writes the pages of a batch to their places in memory. Throws "state-damaged", with part of them written. */
export async function fillPages(batch: StoredBatch, target: Uint8Array, services: SnapshotServices): Promise<void> {
  for (const { chunk, runs } of batch.uses) {
    const at = chunk.offset - batch.offset;
    const bytes = await expandChunk(chunk, batch.bytes.subarray(at, at + chunk.storedBytes), services);
    for (const { page, number, pages } of runs) {
      const start = (number - chunk.first) * STATE_PAGE_BYTES;
      target.set(bytes.subarray(start, start + pages * STATE_PAGE_BYTES), page * STATE_PAGE_BYTES);
    }
  }
}
