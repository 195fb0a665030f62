/** A command slot in guest memory (AHCI 1.3.1, 4.2): header, command FIS, packet, and the regions that hold the data. */
import type { PhysicalMemory } from "../../contracts/PhysicalMemory.ts";
import type { AtaTaskFile } from "../ata/AtaTaskFile.ts";
import { DEVICE, FEATURES, LBA_HIGH, LBA_LOW, LBA_MID, SECTOR_COUNT } from "../ata/AtaTaskFile.ts";
import { GuestBuffer, type GuestSegment } from "../block/GuestBuffer.ts";
import { HEADER_BYTES, REGION_BYTES, TABLE_PACKET, TABLE_REGIONS } from "./ahciRegisters.ts";

const HIGH = 2 ** 32;
const FIS_BYTES = 20;
const PACKET_BYTES = 16;

/** Register, place of its byte, place of the byte that 48-bit commands add. */
const fisRegisters: readonly (readonly [register: number, current: number, previous: number])[] = [
  [FEATURES, 3, 11],
  [SECTOR_COUNT, 12, 13],
  [LBA_LOW, 4, 8],
  [LBA_MID, 5, 9],
  [LBA_HIGH, 6, 10],
];

export class AhciCommand {
  readonly slot: number;
  readonly fis: Uint8Array;
  readonly #memory: PhysicalMemory;
  readonly #header: number;
  readonly #table: number;
  #data: GuestBuffer | undefined;

  constructor(memory: PhysicalMemory, listAddress: number, slot: number) {
    this.#memory = memory;
    this.slot = slot;
    this.#header = listAddress + HEADER_BYTES * slot;
    const low = memory.read32(this.#header + 8);
    this.#table = memory.read32(this.#header + 12) * HIGH + (low - (low % 128));
    this.fis = new Uint8Array(FIS_BYTES);
    memory.read(this.#table, this.fis);
  }

  /** The SCSI command of PACKET. */
  get packet(): Uint8Array {
    const bytes = new Uint8Array(PACKET_BYTES);
    this.#memory.read(this.#table + TABLE_PACKET, bytes);
    return bytes;
  }

  get data(): GuestBuffer {
    this.#data ??= new GuestBuffer(this.#memory, this.#regions());
    return this.#data;
  }

  get lba48(): number {
    const { fis } = this;
    return (fis[10]! * 0x1_0000 + fis[9]! * 0x100 + fis[8]!) * 0x100_0000 + (fis[6]! << 16) + (fis[5]! << 8) + fis[4]!;
  }

  fillTaskFile(taskFile: AtaTaskFile): void {
    for (const [register, current, previous] of fisRegisters) {
      taskFile.write(register, this.fis[previous]!);
      taskFile.write(register, this.fis[current]!);
    }
    taskFile.write(DEVICE, this.fis[7]!);
  }

  /** The header's count of bytes that were moved. */
  setMoved(bytes: number): void {
    this.#memory.write32(this.#header + 4, bytes);
  }

  #regions(): GuestSegment[] {
    const memory = this.#memory;
    const count = memory.read16(this.#header + 2);
    const regions: GuestSegment[] = [];
    for (let index = 0; index < count; index++) {
      const at = this.#table + TABLE_REGIONS + REGION_BYTES * index;
      const low = memory.read32(at);
      const address = memory.read32(at + 4) * HIGH + (low - (low % 2));
      regions.push({ address, length: (memory.read32(at + 12) & 0x3f_ffff) + 1 });
    }
    return regions;
  }
}
