import { MiB } from "../../base/units.ts";
import { CONVENTIONAL_KIB } from "../service/biosData.ts";

/**
 * The address map as INT 15h E820h, the Linux zero page, multiboot and fw_cfg report it. `acpiBytes` at the top of low RAM
 * hold the ACPI tables: reclaimable, but for the last page with the FACS, which must stay.
 */
export interface MemoryRange {
  readonly start: number;
  readonly length: number;
  readonly type: 1 | 2 | 3 | 4;
}

export const RANGE_USABLE = 1;
export const RANGE_RESERVED = 2;
export const RANGE_ACPI = 3;
export const RANGE_ACPI_NVS = 4;

/** The ACPI tables take so much of the top of RAM below 4 GiB. */
export const ACPI_BYTES = 0x10000;
/** Of these, the last page is for the FACS. */
export const ACPI_NVS_BYTES = 0x1000;

export interface MemorySizes {
  readonly below4GiB: number;
  readonly above4GiB: number;
}

/** Where the ACPI tables begin. */
export function acpiTablesAddress(sizes: MemorySizes): number {
  return sizes.below4GiB - ACPI_BYTES;
}

export function addressMap(sizes: MemorySizes): MemoryRange[] {
  const conventional = CONVENTIONAL_KIB * 1024;
  const acpi = acpiTablesAddress(sizes);
  const nvs = sizes.below4GiB - ACPI_NVS_BYTES;
  const ranges: MemoryRange[] = [
    { start: 0, length: conventional, type: RANGE_USABLE },
    { start: conventional, length: 0xa0000 - conventional, type: RANGE_RESERVED },
    { start: 0xe0000, length: 0x20000, type: RANGE_RESERVED },
    { start: MiB, length: acpi - MiB, type: RANGE_USABLE },
    { start: acpi, length: nvs - acpi, type: RANGE_ACPI },
    { start: nvs, length: ACPI_NVS_BYTES, type: RANGE_ACPI_NVS },
    { start: 0xfec00000, length: 0x1000, type: RANGE_RESERVED },
    { start: 0xfee00000, length: 0x1000, type: RANGE_RESERVED },
    { start: 0xfffc0000, length: 0x40000, type: RANGE_RESERVED },
  ];
  if (sizes.above4GiB > 0) ranges.push({ start: 2 ** 32, length: sizes.above4GiB, type: RANGE_USABLE });
  return ranges;
}

/** KiB of extended memory that programs may use, from 1 MiB to the ACPI tables. */
export function extendedKiB(sizes: MemorySizes): number {
  return Math.floor((acpiTablesAddress(sizes) - MiB) / 1024);
}
