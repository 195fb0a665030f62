/**
 * Looks for what can be wrong in any block-mapped image: blocks that point outside the file or into its tables, two blocks in one place, and space
 * that nothing refers to. A repair makes blocks without a place zero, gives the second of two its own copy, and packs the file. The caller has the image alone.
 */
import { GuesthouseError } from "../../../base/GuesthouseError.ts";
import type { CheckReport, LongWork } from "../../../contracts/DiskImage.ts";
import type { BlockMap } from "./BlockMap.ts";
import { corruptImage } from "./corruptImage.ts";
import type { ImageFile } from "./ImageFile.ts";
import { packUnits, unitsOf } from "./packUnits.ts";
import type { TableCommitter } from "./TableCommitter.ts";

const MOST_ERRORS = 100;
const CHUNK_BYTES = 1024 * 1024;

interface Fault {
  readonly sentence: string;
  readonly block: number;
  readonly position: number;
  readonly shared: boolean;
}

export async function checkBlocks(
  file: ImageFile,
  map: BlockMap,
  tables: TableCommitter,
  repair: boolean,
  work: LongWork,
): Promise<CheckReport> {
  const tableFaults = await map.checkTables(repair);
  const { faults, leakedBytes } = await findFaults(file, map);
  work.onProgress?.(0.5);
  const sentences = [...tableFaults, ...faults.map(({ sentence }) => sentence)].slice(0, MOST_ERRORS);
  if (!repair) return { errors: sentences, leakedBytes, repaired: 0 };
  if (work.signal?.aborted) throw new GuesthouseError("cancelled", "The check was cancelled.");
  const copies = faults.filter(({ shared }) => shared).length * map.space.unitBytes;
  if (copies > file.sizeBytes) {
    // So many blocks in one place are a table that is none; copies of them would fill the host's disk with rubbish.
    throw corruptImage(file.name, "its tables are lost", { faults: faults.length });
  }
  for (const fault of faults) await repairFault(file, map, tables, fault);
  await tables.flush();
  if (leakedBytes > 0) await packUnits(file, map, tables, work);
  work.onProgress?.(1);
  return { errors: [], leakedBytes: 0, repaired: tableFaults.length + faults.length };
}

async function findFaults(file: ImageFile, map: BlockMap): Promise<{ faults: Fault[]; leakedBytes: number }> {
  const { unitBytes } = map.space;
  const faults: Fault[] = [];
  const ranges = (await map.metadata()).map((range) => ({ ...range, block: -1 }));
  for (const { position, block } of await unitsOf(map)) {
    if (position >= file.sizeBytes) {
      faults.push({ sentence: `Block ${block} lies past the end of the file.`, block, position, shared: false });
    } else {
      ranges.push({ position, length: unitBytes, block });
    }
  }
  ranges.sort((a, b) => a.position - b.position || a.block - b.block);
  let end = map.unitOrigin;
  let leakedBytes = 0;
  for (const { position, length, block } of ranges) {
    if (block >= 0 && position < end && position >= map.unitOrigin) {
      faults.push({ sentence: `Block ${block} overlaps what lies before it.`, block, position, shared: true });
    } else if (block >= 0 && position < map.unitOrigin) {
      faults.push({ sentence: `Block ${block} lies in the image's tables.`, block, position, shared: true });
    }
    leakedBytes += wholeUnits(position - end, unitBytes);
    end = Math.max(end, position + length);
  }
  leakedBytes += wholeUnits(file.sizeBytes - end, unitBytes);
  // Places that wait to be used again are not lost while the image is open.
  const waiting = map.space.holes * unitBytes;
  return { faults, leakedBytes: map.fixed ? 0 : Math.max(0, leakedBytes - waiting) };
}

function wholeUnits(bytes: number, unitBytes: number): number {
  return Math.max(0, Math.floor(bytes / unitBytes)) * unitBytes;
}

async function repairFault(file: ImageFile, map: BlockMap, tables: TableCommitter, fault: Fault): Promise<void> {
  if (!fault.shared) {
    await map.setState(fault.block, map.marksZero ? "zero" : "absent");
    tables.add(fault.block);
    return;
  }
  const { unitBytes } = map.space;
  const unit = map.space.take();
  const chunk = new Uint8Array(Math.min(CHUNK_BYTES, unitBytes));
  for (let at = 0; at < unitBytes; at += chunk.length) {
    const part = chunk.subarray(0, Math.min(chunk.length, unitBytes - at));
    await file.read(fault.position + at, part);
    await file.write(unit.position + at, part);
  }
  await map.setState(fault.block, unit.position);
  tables.add(fault.block);
}
