/** How large a disk may be, and how much room there is for it. */
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import { MiB } from "../base/units.ts";

export const DISK_BYTES_MIN = MiB;
/** LBA28's reach is 128 GiB; LBA48 goes on, and 2 TiB is where the classic partition table ends. */
export const DISK_BYTES_MAX = 2 * 1024 * 1024 * MiB;

/** Throws "invalid-size". */
export function checkDiskSize(sizeBytes: number): void {
  if (sizeBytes % 512 === 0 && sizeBytes >= DISK_BYTES_MIN && sizeBytes <= DISK_BYTES_MAX) return;
  throw new GuesthouseError("invalid-size", "A disk has between 1 MiB and 2 TiB, in whole sectors.", { sizeBytes });
}

/** Bytes that a person may still write to the file system of `path`, 0 when that cannot be known. */
export async function freeBytes(path: string): Promise<number> {
  const facts = (await statfs(path).catch(() => undefined)) ?? (await statfs(dirname(path)).catch(() => undefined));
  return facts === undefined ? 0 : facts.bavail * facts.bsize;
}
