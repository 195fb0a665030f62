/**
 * One comparator of an HPET (IA-PC HPET 1.0a, 2.3.8 and 2.3.9): configuration, comparator value, periodic accumulation and the clock
 * callback for its next match. A match is found by equality, so a value that the counter has passed waits for the counter
 * to wrap.
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { Clock, ClockTimer } from "../../contracts/Clock.ts";

/** The main counter as a comparator sees it. */
export interface HpetCounter {
  readonly clock: Clock;
  readonly tickNs: number;
  running(): boolean;
  value(): bigint;
  /** When the counter will be that many ticks on. */
  deadlineNs(ticksFromNow: number): number;
}

const MINIMUM_INTERVAL_NS = 10_000;
const INT_TYPE_LEVEL = 0x0002;
const INT_ENB = 0x0004;
const TYPE_PERIODIC = 0x0008;
const PER_INT_CAP = 0x0010;
const SIZE_CAP = 0x0020;
const VAL_SET = 0x0040;
const MODE_32 = 0x0100;
const WRITABLE = 0x3e00 | MODE_32 | VAL_SET | TYPE_PERIODIC | INT_ENB | INT_TYPE_LEVEL;
/** Matches farther away are left unarmed: a hundred days, the reach of the virtual clock. */
const FARTHEST_TICKS = 2n ** 49n;

export class HpetComparator {
  readonly #counter: HpetCounter;
  readonly #routablePins: number;
  readonly #onMatch: () => void;
  #configuration = 0;
  #value = 0xffffffffffffffffn;
  #period = 0n;
  /** The low half was just written with VAL_SET; the high half belongs to the same write. */
  #highHalfSets = false;
  #timer: ClockTimer | undefined;

  constructor(counter: HpetCounter, routablePins: number, onMatch: () => void) {
    this.#counter = counter;
    this.#routablePins = routablePins;
    this.#onMatch = onMatch;
  }

  get level(): boolean {
    return (this.#configuration & INT_TYPE_LEVEL) !== 0;
  }

  get interruptEnabled(): boolean {
    return (this.#configuration & INT_ENB) !== 0;
  }

  /** The I/O APIC pin in use without legacy replacement. */
  get route(): number {
    return (this.#configuration >> 9) & 31;
  }

  /** 00h configuration, 04h routing capability, 08h and 0Ch comparator value, the rest FSB registers that do not exist. */
  readRegister(offset: number): number {
    switch (offset) {
      case 0x00:
        return (this.#configuration & ~VAL_SET) | PER_INT_CAP | SIZE_CAP;
      case 0x04:
        return this.#routablePins;
      case 0x08:
        return Number(this.#value & 0xffffffffn);
      case 0x0c:
        return Number(this.#value >> 32n);
      default:
        return 0;
    }
  }

  configure(value: number): void {
    let configuration = value & WRITABLE;
    if (((this.#routablePins >>> ((value >> 9) & 31)) & 1) === 0) configuration &= ~0x3e00;
    this.#configuration = configuration;
    this.#highHalfSets = false;
    if ((configuration & MODE_32) !== 0) {
      this.#value &= 0xffffffffn;
      this.#period &= 0xffffffffn;
    }
    this.rearm();
  }

  /** In periodic mode a write is the period, and with VAL_SET before it the next match as well. */
  writeValue(value: number, high: boolean): void {
    const valueSet = (this.#configuration & VAL_SET) !== 0 || (high && this.#highHalfSets);
    const merge = (old: bigint) =>
      high ? (BigInt(value) << 32n) | (old & 0xffffffffn) : (old & ~0xffffffffn) | BigInt(value);
    if (high && this.#is32Bit) return;
    if (!this.#isPeriodic || valueSet) this.#value = merge(this.#value);
    if (this.#isPeriodic) this.#period = merge(this.#period);
    this.#highHalfSets = !high && valueSet;
    this.#configuration &= ~VAL_SET;
    this.rearm();
  }

  reset(): void {
    this.#configuration = 0;
    this.#value = 0xffffffffffffffffn;
    this.#period = 0n;
    this.#highHalfSets = false;
    this.rearm();
  }

  /** Arms the next match; called when the counter starts, stops or jumps. */
  rearm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (!this.#counter.running() || (!this.interruptEnabled && !this.level)) return;
    const bits = this.#is32Bit ? 32 : 64;
    const now = this.#counter.value();
    const ticks = BigInt.asUintN(bits, this.#value - now);
    const wait = ticks === 0n ? 2n ** BigInt(bits) : ticks;
    if (wait > FARTHEST_TICKS) return;
    this.#timer = this.#counter.clock.schedule(this.#counter.deadlineNs(Number(wait)), () => this.#match());
  }

  save(writer: StateWriter): void {
    writer.u16(this.#configuration).u64(this.#value).u64(this.#period).bool(this.#highHalfSets);
  }

  restore(reader: StateReader): () => void {
    const [configuration, value, period, highHalfSets] = [reader.u16(), reader.u64(), reader.u64(), reader.bool()];
    return () => {
      this.#configuration = configuration & WRITABLE;
      this.#value = value;
      this.#period = period;
      this.#highHalfSets = highHalfSets;
      this.rearm();
    };
  }

  get #is32Bit(): boolean {
    return (this.#configuration & MODE_32) !== 0;
  }

  get #isPeriodic(): boolean {
    return (this.#configuration & TYPE_PERIODIC) !== 0;
  }

  #match(): void {
    this.#timer = undefined;
    if (this.#isPeriodic && this.#period !== 0n) this.#advance();
    this.rearm();
    this.#onMatch();
  }

  /** Moves on by whole periods to a match that is far enough in the future. */
  #advance(): void {
    const bits = this.#is32Bit ? 32 : 64;
    const minimum = BigInt(Math.ceil(MINIMUM_INTERVAL_NS / this.#counter.tickNs));
    const passed = BigInt.asIntN(bits, this.#counter.value() - this.#value);
    const behind = passed > 0n ? passed : 0n;
    const target = this.#period < minimum ? behind + minimum : behind + 1n;
    const periods = (target + this.#period - 1n) / this.#period;
    this.#value = BigInt.asUintN(bits, this.#value + periods * this.#period);
  }
}
