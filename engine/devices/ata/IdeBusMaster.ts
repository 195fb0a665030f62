/**
 * One channel of the bus master IDE function ("Programming Interface for Bus Master IDE Controller" 1.0): command,
 * status and descriptor table registers, 8 bytes, and the walk through the physical region descriptors. The drive pushes or
 * pulls when it is ready; start and the end of the table are the only other events. Transfers stand still while bus
 * mastering is off in the PCI command register.
 * Absent: posting delays and the Error bit for PCI aborts, since holes in guest memory answer like memory.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { IoHandler } from "../../contracts/IoHandler.ts";
import type { PhysicalMemory } from "../../contracts/PhysicalMemory.ts";
import type { BusMasterLink } from "./AtaDrive.ts";

/** Offsets. */
const BMICX = 0;
const BMISX = 2;
const BMIDTPX = 4;

const SSBM = 0x01;
const RWCON = 0x08;

const BMIDEA = 0x01;
const DMA_ERROR = 0x02;
const IDEINTS = 0x04;
const DRIVES_CAPABLE = 0x60;

const END_OF_TABLE = 0x8000_0000;

export interface IdeBusMasterOptions {
  readonly memory: PhysicalMemory;
  /** Bus mastering is on in the PCI command register. */
  readonly enabled: () => boolean;
}

export class IdeBusMaster implements IoHandler, BusMasterLink {
  readonly #memory: PhysicalMemory;
  readonly #enabled: () => boolean;
  #command = 0;
  #status = 0;
  #tableAddress = 0;
  /** Where the walk stands. */
  #descriptorAddress = 0;
  #regionAddress = 0;
  #regionLeft = 0;
  #lastRegion = false;
  #interruptLevel = false;
  /** The bus master has just been started: a waiting drive may move its data. */
  onStart: (() => void) | undefined;

  constructor(options: IdeBusMasterOptions) {
    this.#memory = options.memory;
    this.#enabled = options.enabled;
  }

  reset(): void {
    this.#command = 0;
    this.#status = 0;
    this.#tableAddress = 0;
    this.#regionAddress = 0;
    this.#interruptLevel = false;
    this.#rewind();
  }

  read(offset: number, width: 1 | 2 | 4): number {
    let value = 0;
    for (let index = 0; index < width; index++) value |= this.#readByte(offset + index) << (8 * index);
    return value >>> 0;
  }

  write(offset: number, value: number, width: 1 | 2 | 4): void {
    // The command comes last, so that a wide write has set the rest before it starts.
    for (let index = width - 1; index >= 0; index--) this.#writeByte(offset + index, (value >>> (8 * index)) & 0xff);
  }

  /** The drive's INTRQ: its rising edge sets the interrupt bit. */
  setInterrupt(level: boolean): void {
    if (level && !this.#interruptLevel) this.#status |= IDEINTS;
    this.#interruptLevel = level;
  }

  toMemory(source: Uint8Array): number {
    return this.#walk(source.length, RWCON, (address, from, to) => {
      this.#memory.write(address, source.subarray(from, to));
    });
  }

  fromMemory(target: Uint8Array): number {
    return this.#walk(target.length, 0, (address, from, to) => {
      this.#memory.read(address, target.subarray(from, to));
    });
  }

  #walk(length: number, direction: number, move: (address: number, from: number, to: number) => void): number {
    let moved = 0;
    while (moved < length && this.#ready(direction)) {
      const count = Math.min(length - moved, this.#regionLeft);
      move(this.#regionAddress, moved, moved + count);
      moved += count;
      this.#regionAddress += count;
      this.#regionLeft -= count;
      if (this.#regionLeft === 0 && this.#lastRegion) this.#status &= ~BMIDEA;
    }
    return moved;
  }

  /** Whether bytes can move in `direction` now; reads the next descriptor when one is due. */
  #ready(direction: number): boolean {
    if ((this.#status & BMIDEA) === 0 || (this.#command & RWCON) !== direction || !this.#enabled()) return false;
    if (this.#regionLeft === 0) {
      const control = this.#memory.read32(this.#descriptorAddress + 4);
      this.#regionAddress = (this.#memory.read32(this.#descriptorAddress) & ~1) >>> 0;
      this.#regionLeft = control & 0xfffe || 0x10000;
      this.#lastRegion = (control & END_OF_TABLE) !== 0;
      this.#descriptorAddress += 8;
    }
    return true;
  }

  #rewind(): void {
    this.#descriptorAddress = this.#tableAddress;
    this.#regionLeft = 0;
    this.#lastRegion = false;
  }

  #readByte(offset: number): number {
    if (offset === BMICX) return this.#command;
    if (offset === BMISX) return this.#status;
    return offset >= BMIDTPX ? (this.#tableAddress >>> (8 * (offset - BMIDTPX))) & 0xff : 0;
  }

  #writeByte(offset: number, value: number): void {
    if (offset === BMICX) this.#writeCommand(value);
    else if (offset === BMISX) {
      const cleared = value & (DMA_ERROR | IDEINTS);
      this.#status = (this.#status & ~cleared & ~DRIVES_CAPABLE) | (value & DRIVES_CAPABLE);
    } else if (offset >= BMIDTPX) {
      const shift = 8 * (offset - BMIDTPX);
      this.#tableAddress = (((this.#tableAddress & ~(0xff << shift)) | (value << shift)) & ~3) >>> 0;
    }
  }

  #writeCommand(value: number): void {
    const started = (value & ~this.#command & SSBM) !== 0;
    this.#command = value & (SSBM | RWCON);
    if ((value & SSBM) === 0) this.#status &= ~BMIDEA;
    if (!started) return;
    this.#rewind();
    this.#status |= BMIDEA;
    this.onStart?.();
  }

  save(writer: StateWriter): void {
    writer.u8(this.#command).u8(this.#status).u32(this.#tableAddress).bool(this.#interruptLevel);
    writer.f64(this.#descriptorAddress).f64(this.#regionAddress).u32(this.#regionLeft).bool(this.#lastRegion);
  }

  prepareLoad(reader: StateReader): () => void {
    const command = reader.u8();
    const status = reader.u8();
    const tableAddress = reader.u32();
    const interruptLevel = reader.bool();
    const descriptorAddress = reader.f64();
    const regionAddress = reader.f64();
    const regionLeft = reader.u32();
    const lastRegion = reader.bool();
    const isAddress = (value: number) => Number.isSafeInteger(value) && value >= 0 && value < 2 ** 33;
    if (!isAddress(descriptorAddress) || !isAddress(regionAddress) || regionLeft > 0x10000) {
      throw new GuesthouseError("state-invalid", "The saved state of a bus master is damaged.");
    }
    return () => {
      this.#command = command;
      this.#status = status;
      this.#tableAddress = tableAddress;
      this.#interruptLevel = interruptLevel;
      this.#descriptorAddress = descriptorAddress;
      this.#regionAddress = regionAddress;
      this.#regionLeft = regionLeft;
      this.#lastRegion = lastRegion;
    };
  }
}
