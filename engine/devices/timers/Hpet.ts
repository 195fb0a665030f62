/**
 * A high precision event timer (IA-PC HPET 1.0a) with three comparators and a 64-bit main counter at 100 MHz: one-shot and periodic
 * mode, 32-bit mode, edge and level interrupts, legacy replacement of IRQ0 and IRQ8. Window: 1 KiB of memory at FED00000h,
 * 4-byte accesses (8-byte ones arrive as two).
 * The lines of the 8254 and the RTC run through this device (`pitInput`, `rtcInput`) because legacy replacement cuts them off. An edge
 * stays high until the next one. Comparators closer than `MINIMUM_INTERVAL_NS` fire only at every k-th period.
 * Absent: FSB (message) delivery.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { Clock } from "../../contracts/Clock.ts";
import type { Device, ResetKind } from "../../contracts/Device.ts";
import type { IoHandler, IoWidth } from "../../contracts/IoHandler.ts";
import type { IrqLine } from "../../contracts/IrqLine.ts";
import { HpetComparator, type HpetCounter } from "./HpetComparator.ts";

export const HPET_TICK_NS = 10;
const PERIOD_FEMTOSECONDS = HPET_TICK_NS * 1_000_000;
const COMPARATORS = 3;
/** Vendor 8086, legacy capable, 64-bit counter, last timer 2, revision 1. */
const CAPABILITIES = 0x8086a001 | ((COMPARATORS - 1) << 8);
/** I/O APIC pins a comparator may use: 20 to 23. */
const ROUTABLE_PINS = 0x00f00000;
const ENABLE_CNF = 0x01;
const LEG_RT_CNF = 0x02;
const TWO_32 = 0x100000000;

export class Hpet implements Device, IoHandler {
  readonly id = "hpet";
  readonly stateVersion = 1;
  readonly #clock: Clock;
  readonly #irq0: IrqLine;
  readonly #irq8: IrqLine;
  readonly #pins: ReadonlyMap<number, IrqLine>;
  readonly #comparators: readonly HpetComparator[];
  #configuration = 0;
  #status = 0;
  /** Comparators whose last edge still holds its wire high. */
  #edges = 0;
  /** The main counter when it was last started or written; a safe integer unless a guest wrote a huge value. */
  #base = 0n;
  #baseNumber = 0;
  #startNs = 0;
  #pitLevel = false;
  #rtcLevel = false;

  /** `line(irq)` gives a new source on an interrupt: 0, 8 and the I/O APIC pins 20 to 23. */
  constructor(parts: { clock: Clock; line: (irq: number) => IrqLine }) {
    this.#clock = parts.clock;
    this.#irq0 = parts.line(0);
    this.#irq8 = parts.line(8);
    this.#pins = new Map([20, 21, 22, 23].map((pin) => [pin, parts.line(pin)]));
    const counter: HpetCounter = {
      clock: parts.clock,
      tickNs: HPET_TICK_NS,
      running: () => this.#running,
      value: () => this.#counter(),
      deadlineNs: (ticks) => Math.ceil(this.#startNs + (this.#elapsedTicks() + ticks) * HPET_TICK_NS),
    };
    this.#comparators = Array.from(
      { length: COMPARATORS },
      (_, index) => new HpetComparator(counter, ROUTABLE_PINS, () => this.#fire(index)),
    );
  }

  /** Where the 8254's OUT0 goes. */
  readonly pitInput: IrqLine = {
    set: (level) => {
      this.#pitLevel = level;
      if (!this.#legacy) this.#irq0.set(level);
    },
  };

  /** Where the RTC's interrupt goes. */
  readonly rtcInput: IrqLine = {
    set: (level) => {
      this.#rtcLevel = level;
      if (!this.#legacy) this.#irq8.set(level);
    },
  };

  read(offset: number, width: IoWidth): number {
    const value = this.#readRegister(offset & ~3) >>> 0;
    if (width === 4) return value;
    return (value >>> (8 * (offset & 3))) & (width === 2 ? 0xffff : 0xff);
  }

  write(offset: number, value: number, width: IoWidth): void {
    if (width !== 4) return;
    const high = (offset & 4) !== 0;
    if (offset >= 0x100) this.#writeComparator(offset - 0x100, value >>> 0, high);
    else if (offset === 0x010) this.#configure(value);
    else if (offset === 0x020) this.#clearStatus(value);
    else if (offset === 0x0f0 || offset === 0x0f4) this.#writeCounter(value >>> 0, high);
  }

  reset(_kind: ResetKind): void {
    this.#configuration = 0;
    this.#status = 0;
    this.#edges = 0;
    this.#setBase(0n);
    for (const comparator of this.#comparators) comparator.reset();
    this.#driveLines();
  }

  save(writer: StateWriter): void {
    writer.u8(this.#configuration).u8(this.#status).u8(this.#edges).u64(this.#base);
    writer.f64(this.#running ? this.#clock.nowNs() - this.#startNs : 0);
    for (const comparator of this.#comparators) comparator.save(writer);
  }

  load(reader: StateReader): void {
    const [configuration, status, edges] = [reader.u8(), reader.u8(), reader.u8()];
    const [base, elapsedNs] = [reader.u64(), reader.f64()];
    const takes = this.#comparators.map((comparator) => comparator.restore(reader));
    if (!(elapsedNs >= 0 && elapsedNs <= Number.MAX_SAFE_INTEGER)) {
      throw new GuesthouseError("state-invalid", "The saved HPET is not at a possible time.", { elapsedNs });
    }
    this.#configuration = configuration & (ENABLE_CNF | LEG_RT_CNF);
    this.#status = status & ((1 << COMPARATORS) - 1);
    this.#edges = edges & ((1 << COMPARATORS) - 1);
    this.#setBase(base);
    this.#startNs = this.#clock.nowNs() - elapsedNs;
    for (const take of takes) take();
    this.#driveLines();
  }

  get #running(): boolean {
    return (this.#configuration & ENABLE_CNF) !== 0;
  }

  get #legacy(): boolean {
    return (this.#configuration & LEG_RT_CNF) !== 0;
  }

  #elapsedTicks(): number {
    return this.#running ? Math.floor((this.#clock.nowNs() - this.#startNs) / HPET_TICK_NS) : 0;
  }

  #counter(): bigint {
    return BigInt.asUintN(64, this.#base + BigInt(this.#elapsedTicks()));
  }

  /** The hot path of a guest's clock source: no BigInt while the counter is a safe integer. */
  #counterWord(high: boolean): number {
    const sum = this.#baseNumber + this.#elapsedTicks();
    if (sum <= Number.MAX_SAFE_INTEGER) return high ? Math.floor(sum / TWO_32) : sum % TWO_32;
    const value = this.#counter();
    return Number(high ? value >> 32n : value & 0xffffffffn);
  }

  #setBase(value: bigint): void {
    this.#base = value;
    this.#baseNumber = value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : Number.POSITIVE_INFINITY;
    this.#startNs = this.#clock.nowNs();
  }

  #readRegister(offset: number): number {
    switch (offset) {
      case 0x000:
        return CAPABILITIES;
      case 0x004:
        return PERIOD_FEMTOSECONDS;
      case 0x010:
        return this.#configuration;
      case 0x020:
        return this.#status;
      case 0x0f0:
        return this.#counterWord(false);
      case 0x0f4:
        return this.#counterWord(true);
    }
    const comparator = offset >= 0x100 ? this.#comparators[(offset - 0x100) >> 5] : undefined;
    return comparator?.readRegister(offset & 0x1c) ?? 0;
  }

  #configure(value: number): void {
    const configuration = value & (ENABLE_CNF | LEG_RT_CNF);
    const startsOrStops = ((configuration ^ this.#configuration) & ENABLE_CNF) !== 0;
    if (startsOrStops) this.#setBase(this.#counter());
    if (((configuration ^ this.#configuration) & LEG_RT_CNF) !== 0) this.#edges = 0;
    this.#configuration = configuration;
    if (startsOrStops) for (const comparator of this.#comparators) comparator.rearm();
    this.#driveLines();
  }

  #writeCounter(value: number, high: boolean): void {
    const old = this.#counter();
    this.#setBase(high ? (BigInt(value) << 32n) | (old & 0xffffffffn) : (old & ~0xffffffffn) | BigInt(value));
    for (const comparator of this.#comparators) comparator.rearm();
  }

  #writeComparator(offset: number, value: number, high: boolean): void {
    const comparator = this.#comparators[offset >> 5];
    if (!comparator) return;
    if ((offset & 0x1c) === 0) {
      comparator.configure(value);
      this.#edges &= ~(1 << (offset >> 5));
      this.#driveLines();
    } else if ((offset & 0x18) === 8) comparator.writeValue(value, high);
  }

  #clearStatus(value: number): void {
    this.#status &= ~value;
    this.#driveLines();
  }

  #fire(index: number): void {
    const comparator = this.#comparators[index]!;
    if (comparator.level) {
      this.#status |= 1 << index;
      this.#driveLines();
      return;
    }
    if (!comparator.interruptEnabled) return;
    const line = this.#lineOf(index);
    line?.set(false);
    line?.set(true);
    this.#edges |= 1 << index;
  }

  #lineOf(index: number): IrqLine | undefined {
    if (this.#legacy && index < 2) return index === 0 ? this.#irq0 : this.#irq8;
    return this.#pins.get(this.#comparators[index]!.route);
  }

  /** Brings every wire to what configuration and status ask for. An edge leaves its wire high until it is reconfigured. */
  #driveLines(): void {
    if (!this.#legacy) {
      this.#irq0.set(this.#pitLevel);
      this.#irq8.set(this.#rtcLevel);
    }
    const high = new Set<IrqLine>();
    for (const [index, comparator] of this.#comparators.entries()) {
      const line = this.#lineOf(index);
      const asserted = ((comparator.level ? this.#status : this.#edges) >> index) & 1;
      if (line && comparator.interruptEnabled && asserted !== 0) high.add(line);
    }
    const wires = this.#legacy ? [this.#irq0, this.#irq8, ...this.#pins.values()] : [...this.#pins.values()];
    for (const wire of wires) wire.set(high.has(wire));
  }
}
