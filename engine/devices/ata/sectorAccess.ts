/**
 * Runs of sectors on a BlockDevice that never reject: when a run fails as a whole its sectors are tried one by one, so
 * that all good sectors before the first bad one count. The result is the number of good sectors.
 */
import type { BlockDevice } from "../../contracts/BlockDevice.ts";

type Access = (offset: number, bytes: Uint8Array) => Promise<void>;

export function readSectors(
  blocks: BlockDevice,
  sector: number,
  sectorBytes: number,
  target: Uint8Array,
): Promise<number> {
  return accessSectors((offset, bytes) => blocks.read(offset, bytes), sector, sectorBytes, target);
}

export function writeSectors(
  blocks: BlockDevice,
  sector: number,
  sectorBytes: number,
  source: Uint8Array,
): Promise<number> {
  return accessSectors((offset, bytes) => blocks.write(offset, bytes), sector, sectorBytes, source);
}

async function accessSectors(access: Access, sector: number, sectorBytes: number, bytes: Uint8Array): Promise<number> {
  const count = bytes.length / sectorBytes;
  if (await succeeds(() => access(sector * sectorBytes, bytes))) return count;
  if (count === 1) return 0;
  for (let index = 0; index < count; index++) {
    const one = bytes.subarray(index * sectorBytes, (index + 1) * sectorBytes);
    if (!(await succeeds(() => access((sector + index) * sectorBytes, one)))) return index;
  }
  return count;
}

async function succeeds(operation: () => Promise<void>): Promise<boolean> {
  try {
    await operation();
    return true;
  } catch {
    return false;
  }
}
