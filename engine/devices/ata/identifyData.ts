/** The 256 words of IDENTIFY DEVICE and IDENTIFY PACKET DEVICE (ATA/ATAPI-6 8.15, 8.16) for the drives modelled here. */
import { type AtaGeometry, LBA28_SECTORS } from "./AtaGeometry.ts";

/** Text a drive reports about itself; longer text is cut to the field. */
export interface DriveIdentity {
  readonly model: string;
  readonly serialNumber: string;
  readonly firmwareRevision: string;
}

export interface TransferMode {
  /** The selected multiword DMA mode as a bit (0 none), likewise Ultra DMA. */
  readonly multiwordDma: number;
  readonly ultraDma: number;
}

export interface DiskFacts extends DriveIdentity, TransferMode {
  readonly sectors: number;
  readonly defaultGeometry: AtaGeometry;
  readonly geometry: AtaGeometry;
  readonly multipleMaximum: number;
  readonly multiple: number;
  readonly writeCache: boolean;
  readonly lookAhead: boolean;
  /** On a serial link, with native command queuing. */
  readonly serial: boolean;
  readonly solidState: boolean;
  readonly removable: boolean;
}

export const QUEUE_DEPTH = 32;
/** Sectors of a TRIM list. */
export const TRIM_SECTORS_MAX = 8;

class IdentifyWords {
  readonly bytes = new Uint8Array(512);

  set(word: number, value: number): this {
    this.bytes[word * 2] = value & 0xff;
    this.bytes[word * 2 + 1] = (value >> 8) & 0xff;
    return this;
  }

  set32(word: number, value: number): this {
    return this.set(word, value & 0xffff).set(word + 1, Math.floor(value / 0x10000) & 0xffff);
  }

  /** ASCII, padded with blanks, the first character of each pair in the high byte. */
  text(word: number, words: number, value: string): this {
    const padded = value.padEnd(words * 2, " ");
    for (let index = 0; index < words; index++) {
      const pair = (padded.charCodeAt(index * 2) & 0x7f) * 256 + (padded.charCodeAt(index * 2 + 1) & 0x7f);
      this.set(word + index, pair);
    }
    return this;
  }

  identity(drive: DriveIdentity): this {
    return this.text(10, 10, drive.serialNumber).text(23, 4, drive.firmwareRevision).text(27, 20, drive.model);
  }

  /** PIO 3 and 4, multiword DMA 0-2, Ultra DMA 0-5. */
  transferModes(mode: TransferMode): this {
    this.set(63, 0x0007 | (mode.multiwordDma << 8)).set(64, 0x0003);
    for (const word of [65, 66, 67, 68]) this.set(word, 120);
    return this.set(88, 0x003f | (mode.ultraDma << 8));
  }

  /** Word 255: A5h and the byte that makes the sum zero. */
  finish(): Uint8Array {
    this.bytes[510] = 0xa5;
    const sum = this.bytes.subarray(0, 511).reduce((total, byte) => total + byte, 0);
    this.bytes[511] = -sum & 0xff;
    return this.bytes;
  }
}

export function identifyDisk(disk: DiskFacts): Uint8Array {
  const { defaultGeometry, geometry } = disk;
  const newest = disk.serial || disk.solidState ? 0x01fe : 0x007e;
  const words = new IdentifyWords().identity(disk).transferModes(disk);
  words
    .set(0, disk.removable ? 0x0080 : 0x0040)
    .set(1, defaultGeometry.cylinders)
    .set(3, defaultGeometry.heads);
  words
    .set(4, defaultGeometry.sectorsPerTrack * 512)
    .set(5, 512)
    .set(6, defaultGeometry.sectorsPerTrack);
  words.set(20, 3).set(21, 512).set(22, 4);
  words.set(47, 0x8000 | disk.multipleMaximum).set(48, 1);
  words.set(49, 0x0f00).set(50, 0x4000).set(51, 0x0200).set(52, 0x0200).set(53, 0x0007);
  words.set(54, geometry.cylinders).set(55, geometry.heads).set(56, geometry.sectorsPerTrack);
  words.set32(57, geometry.cylinders * geometry.heads * geometry.sectorsPerTrack);
  words.set(59, disk.multiple > 0 ? 0x0100 | disk.multiple : 0);
  words.set32(60, Math.min(disk.sectors, LBA28_SECTORS));
  // ATA-1 to ATA/ATAPI-6, for what later standards brought ATA8-ACS; NOP, look-ahead, write cache and power management; 48-bit addresses and both flushes.
  // SMART; general purpose logs on a serial link.
  words
    .set(80, newest)
    .set(82, 0x4069)
    .set(83, 0x7400)
    .set(84, 0x4000 | (disk.serial ? 0x20 : 0));
  words.set(85, 0x4009 | (disk.lookAhead ? 0x40 : 0) | (disk.writeCache ? 0x20 : 0));
  words
    .set(86, 0x3400)
    .set(87, 0x4000 | (disk.serial ? 0x20 : 0))
    .set(93, disk.serial ? 0 : 0x6001);
  // 1.5 and 3 Gb/s, native queuing.
  if (disk.serial) words.set(75, QUEUE_DEPTH - 1).set(76, 0x0106);
  if (disk.solidState) words.set(105, TRIM_SECTORS_MAX).set(169, 0x0001).set(217, 0x0001);
  words.set32(100, disk.sectors % 0x1_0000_0000).set32(102, Math.floor(disk.sectors / 0x1_0000_0000));
  return words.finish();
}

export function identifyPacketDevice(drive: DriveIdentity & TransferMode): Uint8Array {
  const words = new IdentifyWords().identity(drive).transferModes(drive);
  // Removable CD-ROM device, DRQ within 50 us of PACKET, 12-byte packets.
  words.set(0, 0x85c0).set(48, 1).set(49, 0x0f00).set(51, 0x0200).set(52, 0x0200).set(53, 0x0007);
  words.set(71, 30).set(72, 30).set(80, 0x007e).set(82, 0x4210).set(83, 0x4000).set(84, 0x4000);
  words.set(85, 0x4210).set(87, 0x4000).set(93, 0x6001);
  return words.finish();
}
