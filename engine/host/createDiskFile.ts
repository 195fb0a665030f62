/** A new raw disk: a sparse file of zeros. Never replaces a file. */
import { open, rm, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import { MiB } from "../base/units.ts";
import { fileError } from "./fileError.ts";

export const DISK_BYTES_MIN = MiB;
/** LBA28's reach is 128 GiB; LBA48 goes on, and 2 TiB is where the classic partition table ends. */
export const DISK_BYTES_MAX = 2 * 1024 * 1024 * MiB;

/** Throws "file-exists", "invalid-size", "disk-full". */
export async function createDiskFile(path: string, sizeBytes: number): Promise<void> {
  if (sizeBytes % 512 !== 0 || sizeBytes < DISK_BYTES_MIN || sizeBytes > DISK_BYTES_MAX) {
    throw new GuesthouseError("invalid-size", "A disk has between 1 MiB and 2 TiB, in whole sectors.", { sizeBytes });
  }
  try {
    const file = await open(path, "wx");
    try {
      await file.truncate(sizeBytes);
      await file.sync();
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fileError(error, path);
  }
}

/** Bytes that a person may still write to the file system of `path`, 0 when that cannot be known. */
export async function freeBytes(path: string): Promise<number> {
  const facts = (await statfs(path).catch(() => undefined)) ?? (await statfs(dirname(path)).catch(() => undefined));
  return facts === undefined ? 0 : facts.bavail * facts.bsize;
}
