/**
 * Addresses of a disk: the default CHS translation of ATA/ATAPI-5 (16 heads, 63 sectors, at most 16383 cylinders), the
 * one INITIALIZE DEVICE PARAMETERS asks for, and 28- and 48-bit LBA.
 */
import type { AtaTaskFile } from "./AtaTaskFile.ts";
import { DEVICE_LBA } from "./ataRegisters.ts";

export interface AtaGeometry {
  readonly cylinders: number;
  readonly heads: number;
  readonly sectorsPerTrack: number;
}

export const LBA28_SECTORS = 0x0fff_ffff;

export function geometryFor(sectors: number, heads: number, sectorsPerTrack: number): AtaGeometry {
  const cylinders = Math.floor(Math.min(sectors, LBA28_SECTORS) / (heads * sectorsPerTrack));
  return { cylinders: Math.max(1, Math.min(cylinders, 16383)), heads, sectorsPerTrack };
}

export function defaultGeometry(sectors: number): AtaGeometry {
  return geometryFor(sectors, 16, 63);
}

/** The sector that a 28-bit command addresses, or undefined for a CHS address that does not exist. */
export function addressedSector(taskFile: AtaTaskFile, geometry: AtaGeometry): number | undefined {
  if ((taskFile.device & DEVICE_LBA) !== 0) return taskFile.lba28;
  const head = taskFile.device & 0x0f;
  const sector = taskFile.sectorNumber;
  if (sector === 0 || sector > geometry.sectorsPerTrack || head >= geometry.heads) return undefined;
  return (taskFile.cylinder * geometry.heads + head) * geometry.sectorsPerTrack + sector - 1;
}

/** Leaves the address of `sector` in the task file in the form the command used. */
export function storeSector(taskFile: AtaTaskFile, geometry: AtaGeometry, sector: number, extended: boolean): void {
  if (extended) taskFile.setLba48(sector);
  else if ((taskFile.device & DEVICE_LBA) !== 0) taskFile.setLba28(sector);
  else {
    const track = Math.floor(sector / geometry.sectorsPerTrack);
    const cylinder = Math.floor(track / geometry.heads) & 0xffff;
    taskFile.setLba28(((track % geometry.heads) << 24) | (cylinder << 8) | ((sector % geometry.sectorsPerTrack) + 1));
  }
}
