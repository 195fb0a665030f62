/**
 * The command block registers of one drive (ATA/ATAPI-6 clause 7). The four address and count registers are two bytes
 * deep for 48-bit commands: each write pushes the byte before it, HOB in device control makes the pushed one readable.
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";

/** Offsets in the command block. */
export const FEATURES = 1;
export const SECTOR_COUNT = 2;
export const LBA_LOW = 3;
export const LBA_MID = 4;
export const LBA_HIGH = 5;
export const DEVICE = 6;

export class AtaTaskFile {
  /** Index is the register's offset; 0 and 7 are not used. */
  #current = new Uint8Array(8);
  #previous = new Uint8Array(8);

  get features(): number {
    return this.#current[FEATURES]!;
  }
  get sectorCount(): number {
    return this.#current[SECTOR_COUNT]!;
  }
  get sectorCount16(): number {
    return (this.#previous[SECTOR_COUNT]! << 8) | this.#current[SECTOR_COUNT]!;
  }
  get device(): number {
    return this.#current[DEVICE]!;
  }
  /** LBA mid and high together: the cylinder, or the byte count of a packet command. */
  get cylinder(): number {
    return (this.#current[LBA_HIGH]! << 8) | this.#current[LBA_MID]!;
  }
  get sectorNumber(): number {
    return this.#current[LBA_LOW]!;
  }
  get lba28(): number {
    return ((this.device & 0x0f) << 24) | (this.cylinder << 8) | this.sectorNumber;
  }
  get lba48(): number {
    const high = (this.#previous[LBA_HIGH]! << 16) | (this.#previous[LBA_MID]! << 8) | this.#previous[LBA_LOW]!;
    return high * 0x100_0000 + ((this.cylinder << 8) | this.sectorNumber);
  }

  read(offset: number, previous: boolean): number {
    return (previous && offset >= SECTOR_COUNT && offset <= LBA_HIGH ? this.#previous : this.#current)[offset]!;
  }

  write(offset: number, value: number): void {
    this.#previous[offset] = this.#current[offset]!;
    this.#current[offset] = value;
  }

  /** Sets a register from the drive's side, without pushing. */
  set(offset: number, value: number): void {
    this.#current[offset] = value;
  }

  setCylinder(value: number): void {
    this.#current[LBA_MID] = value & 0xff;
    this.#current[LBA_HIGH] = value >> 8;
  }

  setLba28(lba: number): void {
    this.#current[LBA_LOW] = lba;
    this.setCylinder((lba >>> 8) & 0xffff);
    this.#current[DEVICE] = (this.device & 0xf0) | ((lba >>> 24) & 0x0f);
  }

  setLba48(lba: number): void {
    const high = Math.floor(lba / 0x100_0000);
    this.#current[LBA_LOW] = lba;
    this.setCylinder((lba >>> 8) & 0xffff);
    this.#previous[LBA_LOW] = high;
    this.#previous[LBA_MID] = high >>> 8;
    this.#previous[LBA_HIGH] = high >>> 16;
  }

  /** What a reset leaves: the signature that tells the kind of drive (clause 9.12). */
  setSignature(cylinder: number): void {
    this.#current[SECTOR_COUNT] = 1;
    this.#current[LBA_LOW] = 1;
    this.setCylinder(cylinder);
    this.#current[DEVICE] = this.device & 0x10;
    this.#previous.fill(0);
  }

  clear(): void {
    this.#current.fill(0);
    this.#previous.fill(0);
  }

  save(writer: StateWriter): void {
    for (const registers of [this.#current, this.#previous]) for (const value of registers) writer.u8(value);
  }

  /** Reads a saved state and returns what makes it the present one. */
  prepareLoad(reader: StateReader): () => void {
    const current = Uint8Array.from({ length: 8 }, () => reader.u8());
    const previous = Uint8Array.from({ length: 8 }, () => reader.u8());
    return () => {
      this.#current = current;
      this.#previous = previous;
    };
  }
}
