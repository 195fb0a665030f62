import type { PortAccess } from "../../contracts/PortAccess.ts";
import type { DriveTable } from "../disk/DriveTable.ts";
import { floppyDriveType, floppyGeometry } from "../disk/diskGeometry.ts";
import { mediumOf } from "../disk/FirmwareDrive.ts";
import {
  FLOPPY_TABLE_OFFSET,
  IRET_OFFSET,
  NMI_OFFSET,
  SYSTEM_SEGMENT,
  upperHalfFont,
  VIDEO_ENTRY_OFFSET,
  VIDEO_PARAMETERS_OFFSET,
  VIDEO_SAVE_POINTERS_OFFSET,
  VIDEO_SEGMENT,
} from "../rom/romLayout.ts";
import { BDA, CONVENTIONAL_KIB, EBDA, EBDA_LINEAR, EBDA_SEGMENT } from "../service/biosData.ts";
import type { GuestMemory } from "../service/GuestMemory.ts";
import { type CmosMemory, fromBcd, RTC, RTC_24_HOURS } from "../system/CmosMemory.ts";
import { extendedKiB, type MemorySizes } from "../system/memoryMap.ts";

/** Fills the interrupt vectors, the BIOS data areas and the CMOS as POST leaves them. */
const SERIAL_BASES = [0x3f8, 0x2f8, 0x3e8, 0x2e8];
const SCRATCH = 7;
const TICKS_PER_HOUR = 65543.33;

function setVector(memory: GuestMemory, vector: number, offset: number, segment: number): void {
  memory.set16(vector * 4, offset);
  memory.set16(vector * 4 + 2, segment);
}

/** The vectors of the video BIOS. */
export function fillVideoVectors(memory: GuestMemory): void {
  setVector(memory, 0x10, VIDEO_ENTRY_OFFSET, VIDEO_SEGMENT);
  setVector(memory, 0x6d, VIDEO_ENTRY_OFFSET, VIDEO_SEGMENT);
  setVector(memory, 0x1d, VIDEO_PARAMETERS_OFFSET, VIDEO_SEGMENT);
  setVector(memory, 0x1f, upperHalfFont.offset, upperHalfFont.segment);
}

/** The video fields of the data area that mode setting does not write. */
export function fillVideoData(memory: GuestMemory): void {
  memory.set8(BDA.VIDEO_MODE_OPTIONS, 0x11);
  memory.set8(BDA.DISPLAY_COMBINATION, 0x0b);
  memory.set16(BDA.VIDEO_SAVE_POINTER, VIDEO_SAVE_POINTERS_OFFSET);
  memory.set16(BDA.VIDEO_SAVE_POINTER + 2, VIDEO_SEGMENT);
}

export function fillVectors(memory: GuestMemory, entries: ReadonlyMap<number, number>): void {
  const set = (vector: number, offset: number, segment = SYSTEM_SEGMENT) => setVector(memory, vector, offset, segment);
  for (let vector = 0; vector < 0x78; vector++) set(vector, IRET_OFFSET);
  // 60h to 67h are free for programs, which look for null.
  for (let vector = 0x60; vector < 0x68; vector++) set(vector, 0, 0);
  for (let vector = 0x78; vector < 0x100; vector++) set(vector, 0, 0);
  for (const [vector, offset] of entries) set(vector, offset);
  set(0x02, NMI_OFFSET);
  fillVideoVectors(memory);
  set(0x1e, FLOPPY_TABLE_OFFSET);
  set(0x41, EBDA.FIXED_DISK_0, EBDA_SEGMENT);
  set(0x46, EBDA.FIXED_DISK_1, EBDA_SEGMENT);
}

function serialPorts(ports: PortAccess): number[] {
  return SERIAL_BASES.filter((base) => {
    ports.out8(base + SCRATCH, 0x5a);
    const first = ports.in8(base + SCRATCH);
    ports.out8(base + SCRATCH, 0xa5);
    return first === 0x5a && ports.in8(base + SCRATCH) === 0xa5;
  });
}

/** The tick count that the time of day amounts to. */
function ticksNow(cmos: CmosMemory): number {
  const hours =
    fromBcd(cmos.read(RTC.HOURS)) + fromBcd(cmos.read(RTC.MINUTES)) / 60 + fromBcd(cmos.read(RTC.SECONDS)) / 3600;
  return Math.min(Math.floor(hours * TICKS_PER_HOUR), 0x1800af);
}

export function fillDataAreas(parts: {
  memory: GuestMemory;
  ports: PortAccess;
  cmos: CmosMemory;
  drives: DriveTable;
}): void {
  const { memory, ports, cmos, drives } = parts;
  const warm = memory.get16(BDA.RESET_FLAG);
  memory.write(0x400, new Uint8Array(0x101));
  memory.set16(BDA.RESET_FLAG, warm);
  memory.write(EBDA_LINEAR, new Uint8Array(1024));
  memory.set8(EBDA_LINEAR + EBDA.SIZE_KIB, 1);
  memory.set16(BDA.EBDA_SEGMENT, EBDA_SEGMENT);
  memory.set16(BDA.MEMORY_KIB, CONVENTIONAL_KIB);
  const serial = serialPorts(ports);
  serial.forEach((base, index) => {
    memory.set16(BDA.COM_PORTS + index * 2, base);
  });
  memory.set16(BDA.EQUIPMENT, equipmentWord(drives.floppies.length, serial.length));
  memory.write(BDA.COM_TIMEOUTS, Uint8Array.of(1, 1, 1, 1));
  memory.write(BDA.LPT_TIMEOUTS, Uint8Array.of(20, 20, 20, 20));
  memory.set16(BDA.KEYBOARD_BUFFER_START, 0x1e);
  memory.set16(BDA.KEYBOARD_BUFFER_END, 0x3e);
  memory.set16(BDA.KEYBOARD_HEAD, 0x1e);
  memory.set16(BDA.KEYBOARD_TAIL, 0x1e);
  memory.set8(BDA.KEYBOARD_FLAGS_3, 0x10);
  fillVideoData(memory);
  memory.set8(BDA.DISK_COUNT, drives.disks.length);
  memory.write(BDA.FLOPPY_MEDIA_STATE, Uint8Array.of(0x07, 0x07));
  memory.set8(BDA.FLOPPY_MEDIA_CONTROL + 4, 0x77);
  memory.set32(BDA.TICKS, ticksNow(cmos));
  [EBDA.FIXED_DISK_0, EBDA.FIXED_DISK_1].forEach((offset, index) => {
    fillFixedDiskTable(memory, EBDA_LINEAR + offset, drives, 0x80 + index);
  });
}

/** Floppies, coprocessor, pointing device, 80-column colour, serial ports. */
function equipmentWord(floppyCount: number, serialCount: number): number {
  const floppies = floppyCount > 0 ? 1 | ((floppyCount - 1) << 6) : 0;
  return floppies | 0x02 | 0x04 | 0x20 | (serialCount << 9);
}

/** The fixed disk parameter table that vectors 41h and 46h point to. */
export function fillFixedDiskTable(memory: GuestMemory, at: number, drives: DriveTable, number: number): void {
  const target = drives.find(number);
  if (!target) return;
  const { cylinders, heads, sectorsPerTrack } = target.geometry;
  memory.set16(at, cylinders);
  memory.set8(at + 2, heads);
  memory.set16(at + 5, 0xffff);
  memory.set8(at + 8, heads > 8 ? 0x08 : 0);
  memory.set16(at + 12, cylinders);
  memory.set8(at + 14, sectorsPerTrack);
}

export function fillCmos(cmos: CmosMemory, sizes: MemorySizes, drives: DriveTable): void {
  cmos.write(RTC.REGISTER_A, 0x26);
  cmos.write(RTC.REGISTER_B, RTC_24_HOURS);
  cmos.read(RTC.REGISTER_C);
  const types = [0, 1].map((index) => {
    const drive = drives.floppies[index];
    return drive ? floppyDriveType(floppyGeometry(mediumOf(drive)?.sizeBytes ?? 0)) : 0;
  });
  cmos.write(0x10, (types[0]! << 4) | types[1]!);
  cmos.write(0x12, (drives.disks.length > 0 ? 0xf0 : 0) | (drives.disks.length > 1 ? 0x0f : 0));
  cmos.write(0x19, drives.disks.length > 0 ? 47 : 0);
  cmos.write(0x1a, drives.disks.length > 1 ? 47 : 0);
  cmos.write(0x14, equipmentWord(drives.floppies.length, 0));
  const extended = extendedKiB(sizes);
  const word = (index: number, value: number) => {
    cmos.write(index, value);
    cmos.write(index + 1, value >> 8);
  };
  word(0x15, 640);
  word(0x17, Math.min(extended, 0xffff));
  word(0x30, Math.min(extended, 0xffff));
  word(0x34, Math.max(0, Math.floor((extended - 15 * 1024) / 64)));
  const high = Math.floor(sizes.above4GiB / 0x10000);
  word(0x5b, high);
  cmos.write(0x5d, high >> 16);
  cmos.seal();
}
