import { GiB, KiB, MiB } from "../../base/units.ts";
import type { MemorySizes } from "../system/memoryMap.ts";
import { checksumOf, writeAscii } from "./acpiTables.ts";

/**
 * SMBIOS 2.8 (DMTF DSP0134): entry point and the structures BIOS (0), system (1), base board (2), chassis (3), processor (4),
 * memory array (16), device (17) and mapped address (19), boot (32) and end (127).
 */
const ENTRY_BYTES = 32;
const MAKER = "Guesthouse";
const UNKNOWN = 0x02;
const NO_HANDLE = 0xfffe;
/** A size in a memory device that is given in the extended field. */
const EXTENDED_SIZE = 0x7fff;
const LARGEST_DEVICE = 16 * GiB;

export interface SmbiosOptions {
  readonly sizes: MemorySizes;
  readonly version: string;
  readonly uuid?: Uint8Array;
}

class Structures {
  readonly bytes: number[] = [];
  count = 0;
  largest = 0;

  /** Formatted area after the four header bytes, then the strings, numbered from 1. */
  add(type: number, handle: number, area: readonly number[], strings: readonly string[] = []): void {
    const text = strings.flatMap((value) => [...value].map((character) => character.charCodeAt(0)).concat(0));
    const structure = [
      type,
      area.length + 4,
      handle & 0xff,
      handle >> 8,
      ...area,
      ...(text.length > 0 ? text : [0]),
      0,
    ];
    this.bytes.push(...structure);
    this.count++;
    this.largest = Math.max(this.largest, structure.length);
  }
}

const word = (value: number) => [value & 0xff, (value >> 8) & 0xff];
const dword = (value: number) => [...word(value & 0xffff), ...word(value >>> 16)];
const qword = (value: number) => [...dword(value % 2 ** 32), ...dword(Math.floor(value / 2 ** 32))];

function addSystem(structures: Structures, options: SmbiosOptions): void {
  const { version } = options;
  // BIOS characteristics: PCI, boot from CD, selectable boot, EDD, floppy and keyboard services; ACPI and virtual machine.
  const features = (1 << 7) | (1 << 15) | (1 << 16) | (1 << 19);
  structures.add(
    0,
    0x0000,
    [1, 2, 0x00, 0xf0, 3, 0, ...dword(features), ...dword(0), 0x01, 0x10, 0, 0, 0xff, 0xff],
    [MAKER, version, "01/01/2026"],
  );
  const uuid = options.uuid ?? new Uint8Array(16);
  structures.add(
    1,
    0x0100,
    [1, 2, 3, 0, ...uuid.subarray(0, 16), 6, 0, 4],
    [MAKER, "Guesthouse PC", version, "Virtual Machine"],
  );
  structures.add(2, 0x0200, [1, 2, 3, 0, 0, 0x01, 0, ...word(0x0300), 0x0a, 0], [MAKER, "440FX", version]);
  structures.add(3, 0x0300, [1, 0x01, 2, 0, 0, 3, 3, 3, UNKNOWN, ...dword(0), 0, 0, 0, 0, 0], [MAKER, version]);
  const processor = [
    1, // socket
    0x03, // central processor
    0x01, // family "other"
    2, // manufacturer
    ...qword(0), // CPUID is asked by the system itself
    3, // version
    0, // voltage unknown
    ...word(0),
    ...word(2000),
    ...word(2000),
    0x41, // enabled, populated
    0x01, // upgrade "other"
    ...word(0xffff),
    ...word(0xffff),
    ...word(0xffff),
    0,
    0,
    0,
    1, // cores
    1,
    1,
    ...word(0x04),
    ...word(0x01),
  ];
  structures.add(4, 0x0400, processor, ["CPU 0", MAKER, "Virtual processor"]);
}

function addMemory(structures: Structures, sizes: MemorySizes): void {
  const total = sizes.below4GiB + sizes.above4GiB;
  const devices = Math.max(1, Math.ceil(total / LARGEST_DEVICE));
  const array = [
    0x01,
    0x03,
    0x06,
    ...dword(Math.min(total / KiB, 0x80000000)),
    ...word(NO_HANDLE),
    ...word(devices),
    ...qword(0),
  ];
  structures.add(16, 0x1000, array);
  for (let index = 0; index < devices; index++) {
    const mebibytes = Math.min(LARGEST_DEVICE, total - index * LARGEST_DEVICE) / MiB;
    const small = mebibytes < EXTENDED_SIZE;
    const area = [
      ...word(0x1000),
      ...word(NO_HANDLE),
      ...word(64),
      ...word(64),
      ...word(small ? mebibytes : EXTENDED_SIZE),
      0x09, // DIMM
      0,
      1, // locator
      0,
      0x07, // RAM
      ...word(UNKNOWN),
      ...word(0),
      2, // manufacturer
      0,
      0,
      0,
      0,
      ...dword(small ? 0 : mebibytes),
      ...word(0),
      ...word(0),
      ...word(0),
      ...word(0),
    ];
    structures.add(17, 0x1100 + index, area, [`DIMM ${index}`, MAKER]);
  }
  const mapped = (handle: number, start: number, length: number) => {
    structures.add(19, handle, [
      ...dword(start / KiB),
      ...dword((start + length) / KiB - 1),
      ...word(0x1000),
      1,
      ...qword(0),
      ...qword(0),
    ]);
  };
  mapped(0x1300, 0, sizes.below4GiB);
  if (sizes.above4GiB > 0) mapped(0x1301, 4 * GiB, sizes.above4GiB);
}

/** The structures alone and what the entry point says about them. */
export function smbiosStructures(options: SmbiosOptions): { bytes: Uint8Array; count: number; largest: number } {
  const structures = new Structures();
  addSystem(structures, options);
  addMemory(structures, options.sizes);
  structures.add(32, 0x2000, [0, 0, 0, 0, 0, 0, 0]);
  structures.add(127, 0x7f00, []);
  return { bytes: Uint8Array.from(structures.bytes), count: structures.count, largest: structures.largest };
}

export function smbiosEntryPoint(options: SmbiosOptions, tableAddress: number): Uint8Array {
  const { bytes, count, largest } = smbiosStructures(options);
  const entry = new Uint8Array(31);
  const view = new DataView(entry.buffer);
  writeAscii(entry, 0, "_SM_");
  entry.set([31, 2, 8], 5);
  view.setUint16(8, largest, true);
  writeAscii(entry, 16, "_DMI_");
  view.setUint16(22, bytes.length, true);
  view.setUint32(24, tableAddress, true);
  view.setUint16(28, count, true);
  entry[30] = 0x28;
  entry[21] = checksumOf(entry.subarray(16));
  entry[4] = checksumOf(entry);
  return entry;
}

/** Entry point and structures for the address they will stand at. */
export function buildSmbios(options: SmbiosOptions, address: number): Uint8Array {
  const { bytes } = smbiosStructures(options);
  const result = new Uint8Array(ENTRY_BYTES + bytes.length);
  result.set(smbiosEntryPoint(options, address + ENTRY_BYTES));
  result.set(bytes, ENTRY_BYTES);
  return result;
}
