import { floppyGeometryFor } from "../../contracts/FloppyGeometry.ts";

/** Cylinders, heads and sectors as INT 13h counts them. */
export interface DiskGeometry {
  readonly cylinders: number;
  readonly heads: number;
  readonly sectorsPerTrack: number;
}

const PARTITIONS_OFFSET = 0x1be;
const LARGEST_CYLINDERS = 1024;

/**
 * The geometry a disk was partitioned with: the first used partition entry of its master boot record ends at the last head
 * and sector of a cylinder. Undefined when no entry tells.
 */
function geometryFromPartitions(mbr: Uint8Array, totalSectors: number): DiskGeometry | undefined {
  if (mbr[510] !== 0x55 || mbr[511] !== 0xaa) return undefined;
  for (let index = 0; index < 4; index++) {
    const entry = mbr.subarray(PARTITIONS_OFFSET + index * 16, PARTITIONS_OFFSET + index * 16 + 16);
    const sectorCount = new DataView(entry.buffer, entry.byteOffset).getUint32(12, true);
    const heads = entry[5]! + 1;
    const sectorsPerTrack = entry[6]! & 0x3f;
    if (entry[4] === 0 || sectorCount === 0 || heads === 1 || sectorsPerTrack === 0) continue;
    const cylinders = Math.floor(totalSectors / (heads * sectorsPerTrack));
    if (cylinders >= 1 && cylinders <= LARGEST_CYLINDERS) return { cylinders, heads, sectorsPerTrack };
  }
  return undefined;
}

/** LBA-assisted translation: 63 sectors, heads doubling until the cylinders fit ten bits. */
function assistedGeometry(totalSectors: number): DiskGeometry {
  const sectorsPerTrack = 63;
  const heads = [16, 32, 64, 128].find((count) => totalSectors <= LARGEST_CYLINDERS * count * sectorsPerTrack) ?? 255;
  const cylinders = Math.floor(totalSectors / (heads * sectorsPerTrack));
  return { cylinders: Math.max(1, Math.min(LARGEST_CYLINDERS, cylinders)), heads, sectorsPerTrack };
}

export function diskGeometry(totalSectors: number, mbr: Uint8Array | undefined): DiskGeometry {
  return (mbr && geometryFromPartitions(mbr, totalSectors)) ?? assistedGeometry(totalSectors);
}

export function floppyGeometry(sizeBytes: number): DiskGeometry {
  return floppyGeometryFor(sizeBytes) ?? { cylinders: 80, heads: 2, sectorsPerTrack: 18 };
}

/** The drive type INT 13h AH=08h and the CMOS name: 1 360 KB, 2 1.2 MB, 3 720 KB, 4 1.44 MB, 5 2.88 MB. */
export function floppyDriveType(geometry: DiskGeometry): number {
  if (geometry.cylinders === 40) return 1;
  if (geometry.sectorsPerTrack === 15) return 2;
  if (geometry.sectorsPerTrack === 9) return 3;
  return geometry.sectorsPerTrack === 36 ? 5 : 4;
}
