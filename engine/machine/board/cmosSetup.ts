import { MiB } from "../../base/units.ts";
import type { RtcCmos } from "../../devices/timers/RtcCmos.ts";
import type { BootSource } from "../MachineOptions.ts";
import type { RamSizes } from "./memoryRegions.ts";

/**
 * What a PC's set-up program leaves in the battery-backed memory: memory sizes, drive types and the boot order, in the places
 * where firmware of this board looks (IBM AT technical reference; 34h-35h, 5Bh-5Dh, 38h and 3Dh as SeaBIOS reads them).
 */
const FLOPPY_1440 = 4;
const DISK_TYPE_EXTENDED = 15;
const bootNibble: Record<BootSource, number> = { floppy: 1, disk: 2, cdrom: 3 };

export interface CmosFacts {
  readonly sizes: RamSizes;
  readonly floppies: number;
  readonly disks: number;
  readonly bootOrder: readonly BootSource[];
}

export function fillCmos(rtc: RtcCmos, { sizes, floppies, disks, bootOrder }: CmosFacts): void {
  const word = (index: number, value: number) => {
    rtc.setByte(index, value & 0xff);
    rtc.setByte(index + 1, (value >> 8) & 0xff);
  };
  const extendedKiB = Math.min((sizes.below4GiB - MiB) / 1024, 0xffff);
  word(0x15, 640);
  word(0x17, extendedKiB);
  word(0x30, extendedKiB);
  word(0x34, Math.max(0, (sizes.below4GiB - 16 * MiB) / 0x10000));
  const high = sizes.above4GiB / 0x10000;
  word(0x5b, high & 0xffff);
  rtc.setByte(0x5d, (high >> 16) & 0xff);
  rtc.setByte(0x10, (floppies > 0 ? FLOPPY_1440 << 4 : 0) | (floppies > 1 ? FLOPPY_1440 : 0));
  rtc.setByte(0x12, (disks > 0 ? DISK_TYPE_EXTENDED << 4 : 0) | (disks > 1 ? DISK_TYPE_EXTENDED : 0));
  // Equipment: diskettes, coprocessor, PS/2 mouse, 80-column color.
  rtc.setByte(0x14, (floppies > 0 ? 1 | ((floppies - 1) << 6) : 0) | 0x06 | 0x20);
  const [first = 0, second = 0, third = 0] = bootOrder.map((source) => bootNibble[source]);
  rtc.setByte(0x3d, first | (second << 4));
  rtc.setByte(0x38, (third << 4) | 1);
}
