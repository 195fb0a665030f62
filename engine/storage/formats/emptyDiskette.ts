/**
 * A diskette with nothing on it, as DOS formats it: FAT12 with the sizes of structures that go with each kind of diskette (Microsoft,
 * "FAT: General Overview of On-Disk Format", version 1.03; the values are those of MS-DOS).
 */
import { floppyFormats } from "../../contracts/FloppyGeometry.ts";

interface FatSizes {
  readonly sectorsPerCluster: number;
  readonly rootEntries: number;
  readonly sectorsPerFat: number;
  /** The first byte of each FAT. */
  readonly media: number;
}

/** By size in bytes. */
const fatSizes: ReadonlyMap<number, FatSizes> = new Map([
  [368_640, { sectorsPerCluster: 2, rootEntries: 112, sectorsPerFat: 2, media: 0xfd }],
  [737_280, { sectorsPerCluster: 2, rootEntries: 112, sectorsPerFat: 3, media: 0xf9 }],
  [1_228_800, { sectorsPerCluster: 1, rootEntries: 224, sectorsPerFat: 7, media: 0xf9 }],
  [1_474_560, { sectorsPerCluster: 1, rootEntries: 224, sectorsPerFat: 9, media: 0xf0 }],
  [2_949_120, { sectorsPerCluster: 2, rootEntries: 240, sectorsPerFat: 9, media: 0xf0 }],
]);

const SECTOR_BYTES = 512;
const FATS = 2;
const EXTENDED_SIGNATURE = 0x29;
/** JMP over the parameters; there INT 18h, which goes on with the next drive, and a loop in case it comes back. */
const jump = [0xeb, 0x3c, 0x90];
const code = [0xcd, 0x18, 0xeb, 0xfe];
const CODE_OFFSET = 0x3e;

/** `serial` is the volume's, any 32 bits. Throws for sizes that are not of `disketteSizes`. */
export function emptyDiskette(sizeBytes: number, serial: number): Uint8Array<ArrayBuffer> {
  const geometry = floppyFormats.find((candidate) => candidate.sizeBytes === sizeBytes);
  const fat = fatSizes.get(sizeBytes);
  if (geometry === undefined || fat === undefined) throw new RangeError(`no diskette has ${sizeBytes} bytes`);
  const image = new Uint8Array(sizeBytes);
  const view = new DataView(image.buffer);
  const text = (at: number, words: string): void => image.set(new TextEncoder().encode(words), at);
  image.set(jump, 0);
  text(3, "GUESTHSE");
  view.setUint16(11, SECTOR_BYTES, true);
  view.setUint8(13, fat.sectorsPerCluster);
  view.setUint16(14, 1, true); // reserved: this sector
  view.setUint8(16, FATS);
  view.setUint16(17, fat.rootEntries, true);
  view.setUint16(19, sizeBytes / SECTOR_BYTES, true);
  view.setUint8(21, fat.media);
  view.setUint16(22, fat.sectorsPerFat, true);
  view.setUint16(24, geometry.sectorsPerTrack, true);
  view.setUint16(26, geometry.heads, true);
  view.setUint8(38, EXTENDED_SIGNATURE);
  view.setUint32(39, serial, true);
  text(43, "NO NAME    FAT12   ");
  image.set(code, CODE_OFFSET);
  image.set([0x55, 0xaa], SECTOR_BYTES - 2);
  for (let copy = 0; copy < FATS; copy++) {
    image.set([fat.media, 0xff, 0xff], (1 + copy * fat.sectorsPerFat) * SECTOR_BYTES);
  }
  return image;
}
