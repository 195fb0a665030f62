/**
 * The board that system test programs expect beside their exit port (QEMU's `pc-testdev`, hw/misc/pc-testdev.c, by its behaviour): a latch
 * of 32 bits at ports E0h-E3h and its low byte again at E8h, a switch for each of the 24 global interrupts at 2000h-2017h, and 64 KiB of
 * memory that is reached like a device's registers. Port E4h, which drops a page from the emulator's caches, has nothing to do here.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { Device, ResetKind } from "../../contracts/Device.ts";
import type { IoHandler, IoWidth } from "../../contracts/IoHandler.ts";
import type { IrqLine } from "../../contracts/IrqLine.ts";

export const TEST_INTERRUPTS = 24;
export const TEST_MEMORY_BYTES = 0x1_0000;

export class TestDevice implements Device {
  readonly id = "test-device";
  readonly stateVersion = 1;
  readonly #lines: readonly IrqLine[];
  readonly #latch = new DataView(new ArrayBuffer(4));
  readonly #memory = new DataView(new ArrayBuffer(TEST_MEMORY_BYTES));
  #levels = 0;

  /** `line` makes a source on a global interrupt. */
  constructor(parts: { line: (interrupt: number) => IrqLine }) {
    this.#lines = Array.from({ length: TEST_INTERRUPTS }, (_, interrupt) => parts.line(interrupt));
  }

  /** E0h-E3h and E8h. */
  readonly latch: IoHandler = {
    read: (offset, width) => readLittle(this.#latch, offset, width),
    write: (offset, value, width) => writeLittle(this.#latch, offset, value, width),
  };

  /** E4h-E7h. */
  readonly flushPage: IoHandler = { read: () => 0xffffffff, write: () => {} };

  /** 2000h-2017h. */
  readonly interrupts: IoHandler = {
    read: () => 0xff,
    write: (offset, value) => {
      const bit = 1 << offset;
      this.#levels = value === 0 ? this.#levels & ~bit : this.#levels | bit;
      this.#lines[offset]?.set(value !== 0);
    },
  };

  /** `TEST_MEMORY_BYTES` of memory. */
  readonly window: IoHandler = {
    read: (offset, width) => readLittle(this.#memory, offset, width),
    write: (offset, value, width) => writeLittle(this.#memory, offset, value, width),
  };

  reset(kind: ResetKind): void {
    if (kind === "power") {
      this.#latch.setUint32(0, 0);
      new Uint8Array(this.#memory.buffer).fill(0);
    }
    this.#levels = 0;
    this.#driveLines();
  }

  save(writer: StateWriter): void {
    writer.u32(this.#latch.getUint32(0)).u32(this.#levels).bytes(new Uint8Array(this.#memory.buffer));
  }

  load(reader: StateReader): void {
    const [latch, levels] = [reader.u32(), reader.u32()];
    const memory = reader.bytes();
    if (memory.length !== TEST_MEMORY_BYTES)
      throw new GuesthouseError("state-invalid", "The saved state of the test device is damaged.");
    this.#latch.setUint32(0, latch);
    this.#levels = levels & ((1 << TEST_INTERRUPTS) - 1);
    new Uint8Array(this.#memory.buffer).set(memory);
    this.#driveLines();
  }

  #driveLines(): void {
    for (const [interrupt, line] of this.#lines.entries()) line.set(((this.#levels >> interrupt) & 1) !== 0);
  }
}

function readLittle(view: DataView, offset: number, width: IoWidth): number {
  if (width === 1) return view.getUint8(offset);
  return width === 2 ? view.getUint16(offset, true) : view.getUint32(offset, true);
}

function writeLittle(view: DataView, offset: number, value: number, width: IoWidth): void {
  if (width === 1) view.setUint8(offset, value);
  else if (width === 2) view.setUint16(offset, value, true);
  else view.setUint32(offset, value, true);
}
