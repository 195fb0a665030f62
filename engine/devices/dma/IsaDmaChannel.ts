/**
 * One channel of the AT's DMA as a device uses it: moves a block between the device and memory at the channel's current address, as
 * far as mask, mode and count allow. Addresses wrap within the page, as the page register does not count.
 */
import type { DmaChannel, DmaResult } from "../../contracts/DmaChannel.ts";
import type { PhysicalMemory } from "../../contracts/PhysicalMemory.ts";
import { type Dma8237Chip, MODE_DECREMENT } from "./Dma8237Chip.ts";

const MODE_TRANSFER = 0x0c;
const TRANSFER_VERIFY = 0x00;
const TRANSFER_WRITE = 0x04;
const TRANSFER_READ = 0x08;
const MODE_CASCADE = 0xc0;

export interface IsaDmaChannelParts {
  readonly chip: Dma8237Chip;
  /** Within the chip. */
  readonly number: number;
  readonly unitBytes: 1 | 2;
  readonly memory: PhysicalMemory;
  page(): number;
  /** What stands between the channel and the bus besides its own mask. */
  open(): boolean;
}

export class IsaDmaChannel implements DmaChannel {
  readonly #parts: IsaDmaChannelParts;

  constructor(parts: IsaDmaChannelParts) {
    this.#parts = parts;
  }

  writeToMemory(bytes: Uint8Array): DmaResult {
    const { memory } = this.#parts;
    return this.#transfer(bytes, TRANSFER_WRITE, (address, chunk) => memory.write(address, chunk));
  }

  readFromMemory(bytes: Uint8Array): DmaResult {
    const { memory } = this.#parts;
    return this.#transfer(bytes, TRANSFER_READ, (address, chunk) => memory.read(address, chunk));
  }

  #transfer(bytes: Uint8Array, wanted: number, move: (address: number, chunk: Uint8Array) => void): DmaResult {
    const { chip, number, unitBytes } = this.#parts;
    const mode = chip.mode(number);
    const kind = mode & MODE_TRANSFER;
    const mayRun = !chip.disabled && !chip.isMasked(number) && (mode & MODE_CASCADE) !== MODE_CASCADE;
    if (!mayRun || !this.#parts.open() || (kind !== wanted && kind !== TRANSFER_VERIFY)) {
      return { transferred: 0, terminalCount: false };
    }
    const units = Math.min(Math.floor(bytes.length / unitBytes), chip.count(number) + 1);
    const part = bytes.subarray(0, units * unitBytes);
    // Verify runs the counters and moves nothing; a device that reads gets zeros.
    if (kind === TRANSFER_VERIFY) {
      if (wanted === TRANSFER_READ) part.fill(0);
    } else this.#moveUnits(part, (mode & MODE_DECREMENT) !== 0, move);
    const terminalCount = units > 0 && chip.advance(number, units);
    return { transferred: part.length, terminalCount };
  }

  #moveUnits(part: Uint8Array, decrement: boolean, move: (address: number, chunk: Uint8Array) => void): void {
    const { chip, number, unitBytes } = this.#parts;
    const pageStart = unitBytes === 1 ? this.#parts.page() << 16 : (this.#parts.page() & 0xfe) << 16;
    let address = chip.address(number);
    for (let done = 0; done < part.length; ) {
      const unitsToWrap = 0x10000 - address;
      const length = decrement ? unitBytes : Math.min(part.length - done, unitsToWrap * unitBytes);
      move(pageStart + address * unitBytes, part.subarray(done, done + length));
      done += length;
      address = (address + (decrement ? -1 : length / unitBytes)) & 0xffff;
    }
  }
}
