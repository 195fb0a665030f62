import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { BlockDevice } from "../../contracts/BlockDevice.ts";
import { type ServiceRun, settle } from "../service/ServiceRun.ts";
import type { DiskGeometry } from "./diskGeometry.ts";

/**
 * Bootable CD-ROM: finds the boot record, reads the boot catalogue and picks the entry for 80x86 (El Torito specification
 * 1.0, sections 2 and 3). Takes the initial entry or, when that is for another platform, the first bootable section entry.
 * Selection criteria and multiple choices are ignored.
 */
export interface BootImage {
  readonly emulation: "none" | "floppy" | "disk";
  /** The byte of the catalogue that names the emulation, as INT 13h AH=4Bh reports it. */
  readonly mediaType: number;
  readonly loadSegment: number;
  /** First 2048-byte sector of the image on the disc. */
  readonly sector: number;
  /** How many 512-byte sectors to load. */
  readonly loadSectors: number;
  readonly geometry: DiskGeometry;
}

const BOOT_RECORD_SECTOR = 17;
const CD_SECTOR = 2048;
const PLATFORM_X86 = 0;
const BOOTABLE = 0x88;
const SECTION_HEADER = 0x90;
const LAST_SECTION_HEADER = 0x91;
const NO_GEOMETRY: DiskGeometry = { cylinders: 0, heads: 0, sectorsPerTrack: 0 };
const FLOPPY_GEOMETRIES: Record<number, DiskGeometry> = {
  1: { cylinders: 80, heads: 2, sectorsPerTrack: 15 },
  2: { cylinders: 80, heads: 2, sectorsPerTrack: 18 },
  3: { cylinders: 80, heads: 2, sectorsPerTrack: 36 },
};

function ascii(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, to)).replace(/[\0 ]+$/, "");
}

/** The sector of the boot catalogue, from the boot record volume descriptor. */
export function bootCatalogueSector(descriptor: Uint8Array): number {
  const standard = descriptor[0] === 0 && ascii(descriptor, 1, 6) === "CD001";
  if (!standard || ascii(descriptor, 7, 39) !== "EL TORITO SPECIFICATION") {
    throw new GuesthouseError("not-bootable", "The disc has no boot record.");
  }
  return new DataView(descriptor.buffer, descriptor.byteOffset).getUint32(0x47, true);
}

function validationHolds(catalogue: Uint8Array, view: DataView): boolean {
  if (catalogue[0] !== 1 || catalogue[0x1e] !== 0x55 || catalogue[0x1f] !== 0xaa) return false;
  let sum = 0;
  for (let at = 0; at < 32; at += 2) sum += view.getUint16(at, true);
  return (sum & 0xffff) === 0;
}

function decodeEntry(view: DataView, at: number): BootImage {
  const mediaType = view.getUint8(at + 1) & 0x0f;
  const emulation = mediaType === 0 ? "none" : mediaType === 4 ? "disk" : "floppy";
  const geometry = FLOPPY_GEOMETRIES[mediaType] ?? NO_GEOMETRY;
  if (emulation === "floppy" && geometry === NO_GEOMETRY) {
    throw new GuesthouseError("not-bootable", "The boot catalogue names an unknown kind of medium.", { mediaType });
  }
  return {
    emulation,
    mediaType,
    loadSegment: view.getUint16(at + 2, true) || 0x07c0,
    loadSectors: Math.max(1, view.getUint16(at + 6, true)),
    sector: view.getUint32(at + 8, true),
    geometry,
  };
}

/** Picks the entry to boot from a catalogue's first sector. Throws "not-bootable". */
export function chooseBootEntry(catalogue: Uint8Array): BootImage {
  const view = new DataView(catalogue.buffer, catalogue.byteOffset, catalogue.byteLength);
  if (!validationHolds(catalogue, view)) {
    throw new GuesthouseError("not-bootable", "The boot catalogue is damaged.");
  }
  if (catalogue[1] === PLATFORM_X86 && catalogue[32] === BOOTABLE) return decodeEntry(view, 32);
  for (let at = 64; at + 64 <= catalogue.length; ) {
    const header = catalogue[at]!;
    if (header !== SECTION_HEADER && header !== LAST_SECTION_HEADER) break;
    const count = view.getUint16(at + 2, true);
    if (catalogue[at + 1] === PLATFORM_X86 && count > 0 && catalogue[at + 32] === BOOTABLE)
      return decodeEntry(view, at + 32);
    at += 32 * (count + 1);
    if (header === LAST_SECTION_HEADER) break;
  }
  throw new GuesthouseError("not-bootable", "The disc has no boot entry for this kind of machine.");
}

/** The geometry of an emulated hard disk: its only partition ends at the last head and sector. */
export function emulatedDiskGeometry(mbr: Uint8Array): DiskGeometry {
  const endHead = mbr[0x1be + 5] ?? 0;
  const endSector = mbr[0x1be + 6] ?? 0;
  const endCylinder = mbr[0x1be + 7] ?? 0;
  return {
    heads: endHead + 1,
    sectorsPerTrack: Math.max(1, endSector & 0x3f),
    cylinders: (((endSector & 0xc0) << 2) | endCylinder) + 1,
  };
}

function* readSector(blocks: BlockDevice, sector: number): ServiceRun<Uint8Array> {
  const bytes = new Uint8Array(CD_SECTOR);
  if ((sector + 1) * CD_SECTOR > blocks.sizeBytes) {
    throw new GuesthouseError("not-bootable", "The disc ends before its boot catalogue or image.", { sector });
  }
  const result = yield* settle(blocks.read(sector * CD_SECTOR, bytes));
  if (!result.ok) throw result.error;
  return bytes;
}

/** Finds what to boot on a disc. Throws a GuesthouseError "not-bootable" that says why not. */
export function* findBootImage(blocks: BlockDevice): ServiceRun<BootImage> {
  const descriptor = yield* readSector(blocks, BOOT_RECORD_SECTOR);
  const catalogue = yield* readSector(blocks, bootCatalogueSector(descriptor));
  const image = chooseBootEntry(catalogue);
  if (image.emulation !== "disk") return image;
  return { ...image, geometry: emulatedDiskGeometry(yield* readSector(blocks, image.sector)) };
}
