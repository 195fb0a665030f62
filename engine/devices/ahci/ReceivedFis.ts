/** The FISes that a port leaves in memory for its driver (AHCI 1.3.1, 4.2.1; SATA 2.6, 10.3). */
import type { PhysicalMemory } from "../../contracts/PhysicalMemory.ts";
import type { AtaDrive } from "../ata/AtaDrive.ts";
import { DEVICE, LBA_HIGH, LBA_LOW, LBA_MID, SECTOR_COUNT } from "../ata/AtaTaskFile.ts";
import { FIS_DEVICE_BITS, FIS_INTERRUPT, FIS_PIO_SETUP, FIS_REGISTERS, receivedFis } from "./ahciRegisters.ts";

export class ReceivedFis {
  readonly #memory: PhysicalMemory;

  constructor(memory: PhysicalMemory) {
    this.#memory = memory;
  }

  registers(base: number, drive: AtaDrive, flags: number): void {
    const fis = taskFileFis(FIS_REGISTERS, drive, flags, drive.status);
    this.#memory.write(base + receivedFis.registers, fis);
  }

  /** `endStatus` is the status after the block. */
  pioSetup(base: number, drive: AtaDrive, flags: number, status: number, endStatus: number, bytes: number): void {
    const fis = taskFileFis(FIS_PIO_SETUP, drive, flags, status);
    fis[15] = endStatus;
    fis[16] = bytes & 0xff;
    fis[17] = bytes >> 8;
    this.#memory.write(base + receivedFis.pioSetup, fis);
  }

  /** Set device bits: `completed` are the slots that are done. */
  deviceBits(base: number, status: number, error: number, completed: number): void {
    const fis = Uint8Array.of(FIS_DEVICE_BITS, FIS_INTERRUPT, status & 0x77, error, 0, 0, 0, 0);
    new DataView(fis.buffer).setUint32(4, completed >>> 0, true);
    this.#memory.write(base + receivedFis.deviceBits, fis);
  }
}

function taskFileFis(type: number, drive: AtaDrive, flags: number, status: number): Uint8Array {
  const { taskFile } = drive;
  const fis = new Uint8Array(20);
  fis.set([type, flags, status, drive.error]);
  [LBA_LOW, LBA_MID, LBA_HIGH, DEVICE].forEach((register, index) => {
    fis[4 + index] = taskFile.read(register, false);
  });
  [LBA_LOW, LBA_MID, LBA_HIGH].forEach((register, index) => {
    fis[8 + index] = taskFile.read(register, true);
  });
  fis[12] = taskFile.read(SECTOR_COUNT, false);
  fis[13] = taskFile.read(SECTOR_COUNT, true);
  return fis;
}
