/**
 * The Intel 82093AA I/O APIC (datasheet 290566) with 24 pins: IOREGSEL and IOWIN at FEC00000h, the redirection table,
 * edge and level pins, remote IRR and the end-of-interrupt message. Edges on masked pins are ignored, as the
 * datasheet says. The page is 4 KiB; offsets 00h and 10h are used, in any width.
 * Absent: arbitration, SMI and INIT messages have no effect beyond delivery, pin polarity (sources drive "asserted").
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { Device, ResetKind } from "../../contracts/Device.ts";
import type { IoHandler, IoWidth } from "../../contracts/IoHandler.ts";
import { DELIVERY_EXTINT } from "./LocalApic.ts";

export const IO_APIC_PINS = 24;
const VERSION = 0x11;
const RTE_LOGICAL = 0x0800;
const RTE_REMOTE_IRR = 0x4000;
const RTE_LEVEL = 0x8000;
const RTE_MASKED = 0x10000;
const RTE_LOW_WRITABLE = 0x1afff;
const RTE_HIGH_WRITABLE = 0xff000000;

/** Sends a message to the processors; false when none is addressed. */
export type ApicDelivery = (
  mode: number,
  vector: number,
  level: boolean,
  destination: number,
  logical: boolean,
) => boolean;

export class IoApic implements Device, IoHandler {
  readonly id = "io-apic";
  readonly stateVersion = 1;
  readonly #deliver: ApicDelivery;
  readonly #onChanged: () => void;
  readonly #low = new Uint32Array(IO_APIC_PINS).fill(RTE_MASKED);
  readonly #high = new Uint32Array(IO_APIC_PINS);
  #pins = 0;
  #select = 0;
  #apicId = 0;

  /** `onChanged` is called when `passesExtInt` may have changed. */
  constructor(parts: { deliver: ApicDelivery; onChanged: () => void }) {
    this.#deliver = parts.deliver;
    this.#onChanged = parts.onChanged;
  }

  /** Pin 0, wired to the 8259's INT, is an open ExtINT. */
  get passesExtInt(): boolean {
    return (this.#low[0]! & (RTE_MASKED | 0x700)) === DELIVERY_EXTINT << 8;
  }

  setPin(pin: number, level: boolean): void {
    const bit = 1 << pin;
    if (((this.#pins & bit) !== 0) === level) return;
    this.#pins = level ? this.#pins | bit : this.#pins & ~bit;
    if (!level) return;
    const entry = this.#low[pin]!;
    if ((entry & RTE_LEVEL) !== 0) this.#serviceLevel(pin);
    else if ((entry & RTE_MASKED) === 0) this.#send(pin, false);
  }

  /** The end-of-interrupt message: levels that are still asserted are sent again. */
  endOfInterrupt(vector: number): void {
    for (let pin = 0; pin < IO_APIC_PINS; pin++) {
      const entry = this.#low[pin]!;
      if ((entry & 0xff) !== vector || (entry & RTE_REMOTE_IRR) === 0) continue;
      this.#low[pin] = entry & ~RTE_REMOTE_IRR;
      this.#serviceLevel(pin);
    }
  }

  read(offset: number, width: IoWidth): number {
    const register = offset & ~3;
    const value = register === 0 ? this.#select : register === 0x10 ? this.#readRegister() : 0;
    if (width === 4) return value >>> 0;
    return (value >>> (8 * (offset & 3))) & (width === 2 ? 0xffff : 0xff);
  }

  write(offset: number, value: number, width: IoWidth): void {
    if (offset === 0) this.#select = value & 0xff;
    else if (offset === 0x10 && width === 4) this.#writeRegister(value >>> 0);
  }

  reset(_kind: ResetKind): void {
    this.#low.fill(RTE_MASKED);
    this.#high.fill(0);
    this.#select = 0;
    this.#apicId = 0;
    this.#onChanged();
  }

  save(writer: StateWriter): void {
    writer.u8(this.#select).u32(this.#apicId).u32(this.#pins);
    for (let pin = 0; pin < IO_APIC_PINS; pin++) writer.u32(this.#low[pin]!).u32(this.#high[pin]!);
  }

  load(reader: StateReader): void {
    const [select, apicId, pins] = [reader.u8(), reader.u32(), reader.u32()];
    const entries = Array.from({ length: IO_APIC_PINS }, () => [reader.u32(), reader.u32()] as const);
    this.#select = select;
    this.#apicId = apicId & 0x0f000000;
    this.#pins = pins & 0xffffff;
    for (const [pin, [low, high]] of entries.entries()) {
      this.#low[pin] = low & (RTE_LOW_WRITABLE | RTE_REMOTE_IRR);
      this.#high[pin] = high & RTE_HIGH_WRITABLE;
    }
    this.#onChanged();
  }

  #readRegister(): number {
    switch (this.#select) {
      case 0:
      case 2: // arbitration ID, equal to the APIC ID on a bus of one
        return this.#apicId;
      case 1:
        return ((IO_APIC_PINS - 1) << 16) | VERSION;
    }
    const pin = (this.#select - 0x10) >> 1;
    if (pin < 0 || pin >= IO_APIC_PINS) return 0;
    return (this.#select & 1) === 0 ? this.#low[pin]! : this.#high[pin]!;
  }

  #writeRegister(value: number): void {
    if (this.#select === 0) this.#apicId = value & 0x0f000000;
    const pin = (this.#select - 0x10) >> 1;
    if (pin < 0 || pin >= IO_APIC_PINS) return;
    if ((this.#select & 1) !== 0) {
      this.#high[pin] = value & RTE_HIGH_WRITABLE;
      return;
    }
    // Turning a pin to edge and back is how software clears a stuck remote IRR.
    const kept = (value & RTE_LEVEL) !== 0 ? this.#low[pin]! & RTE_REMOTE_IRR : 0;
    this.#low[pin] = (value & RTE_LOW_WRITABLE) | kept;
    this.#serviceLevel(pin);
    if (pin === 0) this.#onChanged();
  }

  #serviceLevel(pin: number): void {
    const entry = this.#low[pin]!;
    const asserted = (this.#pins & (1 << pin)) !== 0;
    if (!asserted || (entry & (RTE_LEVEL | RTE_MASKED | RTE_REMOTE_IRR)) !== RTE_LEVEL) return;
    if (this.#send(pin, true)) this.#low[pin] = entry | RTE_REMOTE_IRR;
  }

  #send(pin: number, level: boolean): boolean {
    const entry = this.#low[pin]!;
    const mode = (entry >> 8) & 7;
    // ExtINT carries no vector: the processor fetches it from the 8259.
    if (mode === DELIVERY_EXTINT) return false;
    return this.#deliver(mode, entry & 0xff, level, this.#high[pin]! >>> 24, (entry & RTE_LOGICAL) !== 0);
  }
}
