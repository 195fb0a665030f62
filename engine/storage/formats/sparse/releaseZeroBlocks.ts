/** Finds blocks that hold nothing but zeros and gives their units back. The caller has the image alone, and blocks can be zero without space. */
import { GuesthouseError } from "../../../base/GuesthouseError.ts";
import type { LongWork } from "../../../contracts/DiskImage.ts";
import type { BlockMap } from "./BlockMap.ts";
import type { ImageFile } from "./ImageFile.ts";
import type { TableCommitter } from "./TableCommitter.ts";

const CHUNK_BYTES = 1024 * 1024;

export async function releaseZeroBlocks(
  file: ImageFile,
  map: BlockMap,
  tables: TableCommitter,
  hasBacking: boolean,
  work: LongWork,
): Promise<void> {
  const count = map.blockCount();
  for (let block = 0; block < count; block++) {
    const state = await map.state(block);
    if (typeof state !== "number") continue;
    if (work.signal?.aborted) throw new GuesthouseError("cancelled", "Compacting was cancelled.");
    work.onProgress?.((0.5 * block) / count);
    if (!(await isZero(file, map, block, hasBacking))) continue;
    await map.setState(block, hasBacking ? "zero" : "absent");
    map.space.release(state);
    tables.add(block);
  }
  await tables.flush();
}

async function isZero(file: ImageFile, map: BlockMap, block: number, hasBacking: boolean): Promise<boolean> {
  const start = block * map.blockBytes;
  const end = Math.min(start + map.blockBytes, map.sizeBytes());
  for (let at = start; at < end; ) {
    const run = await map.run(at);
    if (run.kind === "absent" && hasBacking) return false;
    const part = new Uint8Array(Math.min(CHUNK_BYTES, run.length, end - at));
    if (run.kind === "data") {
      await file.read(run.position, part);
      if (part.some((byte) => byte !== 0)) return false;
    }
    at += part.length;
  }
  return true;
}
