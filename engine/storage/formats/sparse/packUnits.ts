/**
 * Gives a sparse image's holes back to the host: units at the end of the file move into free places before them, and the file is cut. Copies are
 * stable before tables refer to them, and old places are kept until the tables are stable; so it can end at any moment, by a crash or because it was
 * cancelled, with nothing lost.
 */
import { GuesthouseError } from "../../../base/GuesthouseError.ts";
import type { LongWork } from "../../../contracts/DiskImage.ts";
import type { BlockMap, FileRange } from "./BlockMap.ts";
import type { ImageFile } from "./ImageFile.ts";
import type { TableCommitter } from "./TableCommitter.ts";

const CHUNK_BYTES = 1024 * 1024;
/** Units that move between two flushes. */
const BATCH_UNITS = 32;

interface PlacedUnit {
  readonly position: number;
  readonly block: number;
}

export async function unitsOf(map: BlockMap): Promise<PlacedUnit[]> {
  const units: PlacedUnit[] = [];
  for (let block = 0; block < map.blockCount(); block++) {
    const position = await map.state(block);
    if (typeof position === "number") units.push({ position, block });
  }
  return units.sort((a, b) => a.position - b.position);
}

/** The caller has the image alone. Units past the end of the file are damage, and stay as they are. */
export async function packUnits(file: ImageFile, map: BlockMap, tables: TableCommitter, work: LongWork): Promise<void> {
  await tables.flush();
  const isStored = ({ position }: PlacedUnit) => position < file.sizeBytes;
  const units = (await unitsOf(map)).filter(isStored);
  const fixed = await map.metadata();
  const slots = freeSlots(map, fixed, units);
  const moves: { unit: PlacedUnit; to: number }[] = [];
  for (let last = units.length - 1; last >= 0; last--) {
    const unit = units[last];
    const slot = slots.next();
    if (unit === undefined || slot.done || slot.value >= unit.position) break;
    moves.push({ unit, to: slot.value });
  }
  for (let done = 0; done < moves.length; done += BATCH_UNITS) {
    if (work.signal?.aborted) throw new GuesthouseError("cancelled", "Compacting was cancelled.");
    await moveBatch(file, map, tables, moves.slice(done, done + BATCH_UNITS));
    work.onProgress?.(0.5 + (0.5 * done) / moves.length);
  }
  const { unitBytes } = map.space;
  let end = 0;
  for (const range of fixed) end = Math.max(end, range.position + range.length);
  for (const unit of (await unitsOf(map)).filter(isStored)) end = Math.max(end, unit.position + unitBytes);
  map.space.restart(end);
  await map.finishFile(end);
  await file.flush();
  work.onProgress?.(1);
}

async function moveBatch(
  file: ImageFile,
  map: BlockMap,
  tables: TableCommitter,
  moves: readonly { unit: PlacedUnit; to: number }[],
): Promise<void> {
  const { unitBytes } = map.space;
  const chunk = new Uint8Array(Math.min(CHUNK_BYTES, unitBytes));
  for (const { unit, to } of moves) {
    for (let at = 0; at < unitBytes; at += chunk.length) {
      const part = chunk.subarray(0, Math.min(chunk.length, unitBytes - at));
      await file.read(unit.position + at, part);
      await file.write(to + at, part);
    }
    await map.setState(unit.block, to);
    tables.add(unit.block);
  }
  await tables.flush();
}

/** Free places for units, the first in the file first. Ranges may overlap in damaged images. */
function* freeSlots(map: BlockMap, fixed: readonly FileRange[], units: readonly PlacedUnit[]): Generator<number> {
  const { unitBytes } = map.space;
  const ranges = [...fixed, ...units.map(({ position }) => ({ position, length: unitBytes }))];
  ranges.sort((a, b) => a.position - b.position);
  let free = map.unitOrigin;
  for (const range of ranges) {
    for (let slot = aligned(map, free); slot + unitBytes <= range.position; slot = aligned(map, slot + unitBytes)) {
      yield slot;
    }
    free = Math.max(free, range.position + range.length);
  }
}

function aligned(map: BlockMap, position: number): number {
  const { unitAlignment, unitOrigin } = map;
  return unitOrigin + Math.ceil((position - unitOrigin) / unitAlignment) * unitAlignment;
}
