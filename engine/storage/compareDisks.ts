/** Compares the content of two disks of any formats. A longer disk equals a shorter one when the rest is zeros. */
import type { BlockDevice } from "../contracts/BlockDevice.ts";
import type { LongWork } from "../contracts/DiskImage.ts";
import { contentOf } from "./convertDisk.ts";
import { refuseIfCancelled } from "./DiskImageBase.ts";

export interface DiskComparison {
  readonly equal: boolean;
  /** The first sector that differs. */
  readonly firstDifferentSector: number | undefined;
  readonly sameSize: boolean;
}

const SECTOR_BYTES = 512;

export async function compareDisks(one: BlockDevice, other: BlockDevice, work: LongWork = {}): Promise<DiskComparison> {
  const sameSize = one.sizeBytes === other.sizeBytes;
  // What one disk holds must be in the other; what only the other holds is found from its side.
  const here = await firstDifference(one, other, work, 0);
  const there = await firstDifference(other, one, work, 0.5);
  const first = Math.min(here ?? Number.POSITIVE_INFINITY, there ?? Number.POSITIVE_INFINITY);
  work.onProgress?.(1);
  return {
    equal: first === Number.POSITIVE_INFINITY,
    firstDifferentSector: Number.isFinite(first) ? first : undefined,
    sameSize,
  };
}

async function firstDifference(
  one: BlockDevice,
  other: BlockDevice,
  work: LongWork,
  progress: number,
): Promise<number | undefined> {
  for await (const { offset, bytes } of contentOf(one)) {
    refuseIfCancelled(work);
    work.onProgress?.(progress + (offset / one.sizeBytes) * 0.5);
    const shared = Math.max(0, Math.min(bytes.length, other.sizeBytes - offset));
    const theirs = new Uint8Array(bytes.length);
    if (shared > 0) await other.read(offset, theirs.subarray(0, shared));
    for (let at = 0; at < bytes.length; at += SECTOR_BYTES) {
      if (!sameSector(bytes, theirs, at)) return (offset + at) / SECTOR_BYTES;
    }
  }
  return undefined;
}

function sameSector(one: Uint8Array, other: Uint8Array, start: number): boolean {
  const end = Math.min(one.length, start + SECTOR_BYTES);
  for (let at = start; at < end; at++) if (one[at] !== other[at]) return false;
  return true;
}
