/**
 * One counter of an Intel 8254 (datasheet 231164): six modes, binary and BCD, LSB/MSB access, latched count and status, gate.
 * Nothing counts: the value and OUT are computed from the input-clock tick at which the count was loaded, so reading is cheap
 * and exact. Ticks are whole periods of the input clock since power-on; a count written at tick t is loaded at t + 1.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";

const ACCESS_LSB = 1;
const ACCESS_MSB = 2;
const ACCESS_BOTH = 3;
const STATUS_OUT = 0x80;
const STATUS_NULL_COUNT = 0x40;

interface State {
  mode: number;
  bcd: boolean;
  access: number;
  /** The count in the counting element, 1..65536 (10000 in BCD); 0 before the first. */
  count: number;
  /** The tick at which `count` was loaded; later than now just after a write. */
  startTick: number;
  /** Counting, as opposed to waiting for a count, a trigger or the gate. */
  running: boolean;
  /** Ticks counted before the gate stopped a running count (modes 0 and 4). */
  heldTicks: number;
  /** A count written while another runs, 0 for none; modes 2 and 3 take it over at `nextTick`, as if started at `nextStartTick`. */
  nextCount: number;
  nextTick: number;
  nextStartTick: number;
  gate: boolean;
  writeLow: number;
  /** The most significant byte is the next to be written, or to be read. */
  writeHigh: boolean;
  readHigh: boolean;
  /** -1 when nothing is latched. */
  latchedCount: number;
  latchedStatus: number;
}

function powerOnState(gate: boolean): State {
  return {
    mode: 0,
    bcd: false,
    access: ACCESS_BOTH,
    count: 0,
    startTick: 0,
    running: false,
    heldTicks: 0,
    nextCount: 0,
    nextTick: 0,
    nextStartTick: 0,
    gate,
    writeLow: 0,
    writeHigh: false,
    readHigh: false,
    latchedCount: -1,
    latchedStatus: -1,
  };
}

export class PitCounter {
  readonly #gateAtReset: boolean;
  #state: State;

  constructor(gateAtReset: boolean) {
    this.#gateAtReset = gateAtReset;
    this.#state = powerOnState(gateAtReset);
  }

  reset(): void {
    this.#state = powerOnState(this.#gateAtReset);
  }

  get mode(): number {
    return this.#state.mode;
  }

  get gate(): boolean {
    return this.#state.gate;
  }

  /** Ticks per output period, 0 unless this is a running rate or square wave generator. */
  get periodTicks(): number {
    const { mode, running, nextCount, count } = this.#state;
    return running && (mode === 2 || mode === 3) ? nextCount || count : 0;
  }

  /** A control word for this counter other than a latch command. */
  writeControl(value: number): void {
    const state = this.#state;
    const mode = (value >> 1) & 7;
    state.mode = mode > 5 ? mode - 4 : mode;
    state.bcd = (value & 1) !== 0;
    state.access = (value >> 4) & 3;
    state.count = 0;
    state.running = false;
    state.heldTicks = 0;
    state.nextCount = 0;
    state.writeHigh = state.access === ACCESS_MSB;
    state.readHigh = state.access === ACCESS_MSB;
    state.latchedCount = -1;
    state.latchedStatus = -1;
  }

  latchCount(tick: number): void {
    const state = this.#state;
    if (state.latchedCount < 0) state.latchedCount = this.#encoded(tick);
  }

  latchStatus(tick: number): void {
    const state = this.#state;
    if (state.latchedStatus >= 0) return;
    this.#takeNextCount(tick);
    const notLoaded = state.count === 0 || state.nextCount !== 0 || (state.running && tick < state.startTick);
    state.latchedStatus =
      (this.output(tick) ? STATUS_OUT : 0) |
      (notLoaded ? STATUS_NULL_COUNT : 0) |
      (state.access << 4) |
      (state.mode << 1) |
      (state.bcd ? 1 : 0);
  }

  read(tick: number): number {
    const state = this.#state;
    if (state.latchedStatus >= 0) {
      const status = state.latchedStatus;
      state.latchedStatus = -1;
      return status;
    }
    const value = state.latchedCount >= 0 ? state.latchedCount : this.#encoded(tick);
    const high = state.readHigh;
    if (state.access === ACCESS_BOTH) state.readHigh = !high;
    if (state.access !== ACCESS_BOTH || high) state.latchedCount = -1;
    return high ? value >> 8 : value & 0xff;
  }

  write(tick: number, value: number): void {
    const state = this.#state;
    if (state.access === ACCESS_LSB) this.#load(tick, value);
    else if (state.access === ACCESS_MSB) this.#load(tick, value << 8);
    else if (state.writeHigh) {
      state.writeHigh = false;
      this.#load(tick, (value << 8) | state.writeLow);
    } else {
      state.writeLow = value;
      state.writeHigh = true;
      // Half a count stops mode 0 at once, so that no interrupt comes from the old one.
      if (state.mode === 0) {
        state.running = false;
        state.heldTicks = 0;
      }
    }
  }

  setGate(tick: number, level: boolean): void {
    const state = this.#state;
    if (level === state.gate) return;
    this.#takeNextCount(tick);
    state.gate = level;
    const { mode } = state;
    if (state.count === 0) return;
    if (mode === 0 || mode === 4) this.#pauseOrResume(tick, level);
    else if (level) {
      if (state.nextCount !== 0) state.count = state.nextCount;
      state.nextCount = 0;
      state.startTick = tick + 1;
      state.running = true;
    } else if (mode === 2 || mode === 3) {
      state.running = false;
    }
  }

  /** The OUT pin at a tick. */
  output(tick: number): boolean {
    const state = this.#state;
    this.#takeNextCount(tick);
    const elapsed = this.#elapsed(tick);
    const { mode, count } = state;
    if (mode === 0) return count !== 0 && elapsed >= count;
    if (!state.running || elapsed < 0) return true;
    if (mode === 1) return elapsed >= count;
    if (mode === 2) return elapsed % count !== count - 1;
    if (mode === 3) return elapsed % count < (count + 1) >> 1;
    return elapsed !== count;
  }

  /** The next tick after `tick` at which OUT rises, Infinity when it never does. */
  nextRise(tick: number): number {
    const state = this.#state;
    this.#takeNextCount(tick);
    const { mode, count, startTick, running } = state;
    if (!running || count === 0) return Number.POSITIVE_INFINITY;
    if (mode === 2 || mode === 3) {
      // A new count comes in with the end of this period (a rise) or of its high half.
      if (state.nextCount !== 0) {
        const atHalf = state.nextStartTick !== state.nextTick;
        return atHalf ? state.nextStartTick + state.nextCount : state.nextTick;
      }
      const elapsed = tick - startTick;
      return elapsed < 0 ? startTick + count : tick + count - (elapsed % count);
    }
    const end = startTick + count - state.heldTicks + (mode >= 4 ? 1 : 0);
    return end > tick ? end : Number.POSITIVE_INFINITY;
  }

  save(writer: StateWriter, tick: number): void {
    const state = this.#state;
    writer.u8(state.mode).bool(state.bcd).u8(state.access).u32(state.count);
    writer
      .f64(state.running ? tick - state.startTick : 0)
      .bool(state.running)
      .f64(state.heldTicks);
    const next = state.nextCount !== 0 && (state.mode === 2 || state.mode === 3);
    writer
      .u32(state.nextCount)
      .f64(next ? state.nextTick - tick : 0)
      .f64(next ? state.nextStartTick - tick : 0);
    writer.bool(state.gate);
    writer.u8(state.writeLow).bool(state.writeHigh).bool(state.readHigh);
    writer.u32(state.latchedCount + 1).u32(state.latchedStatus + 1);
  }

  restore(reader: StateReader, tick: number): () => void {
    const state: State = {
      mode: reader.u8() % 6,
      bcd: reader.bool(),
      access: reader.u8() & 3 || ACCESS_BOTH,
      count: Math.min(reader.u32(), 65536),
      startTick: tick - ticksOf(reader.f64()),
      running: reader.bool(),
      heldTicks: ticksOf(reader.f64()),
      nextCount: Math.min(reader.u32(), 65536),
      nextTick: tick + ticksOf(reader.f64()),
      nextStartTick: tick + ticksOf(reader.f64()),
      gate: reader.bool(),
      writeLow: reader.u8(),
      writeHigh: reader.bool(),
      readHigh: reader.bool(),
      latchedCount: (reader.u32() & 0x1ffff) - 1,
      latchedStatus: (reader.u32() & 0x1ff) - 1,
    };
    if (state.count === 0) state.running = false;
    return () => {
      this.#state = state;
    };
  }

  #load(tick: number, raw: number): void {
    const state = this.#state;
    const value = state.bcd ? fromBcd(raw) : raw;
    const count = value === 0 ? (state.bcd ? 10000 : 65536) : value;
    const { mode } = state;
    if ((mode === 2 || mode === 3) && state.running && tick >= state.startTick) {
      this.#loadLater(tick, count);
      return;
    }
    if (mode === 1 || mode === 5) {
      // A running pulse goes on; the new count serves the next trigger.
      if (state.running) state.nextCount = count;
      else state.count = count;
      return;
    }
    state.count = count;
    state.nextCount = 0;
    state.heldTicks = 0;
    state.startTick = tick + 1;
    state.running = state.gate;
  }

  /** Modes 2 and 3 look for a new count at the end of the period, the square wave also at the end of its high half. */
  #loadLater(tick: number, nextCount: number): void {
    const state = this.#state;
    this.#takeNextCount(tick);
    const { startTick, count, mode } = state;
    const periodStart = tick - ((tick - startTick) % count);
    const halfTick = periodStart + ((count + 1) >> 1);
    const atHalf = mode === 3 && tick < halfTick;
    state.nextCount = nextCount;
    state.nextTick = atHalf ? halfTick : periodStart + count;
    // The wave then goes on with the low half of the new count.
    state.nextStartTick = atHalf ? halfTick - ((nextCount + 1) >> 1) : state.nextTick;
  }

  #takeNextCount(tick: number): void {
    const state = this.#state;
    const waits = state.nextCount !== 0 && state.running && (state.mode === 2 || state.mode === 3);
    if (!waits || tick < state.nextTick) return;
    state.count = state.nextCount;
    state.startTick = state.nextStartTick;
    state.nextCount = 0;
  }

  #pauseOrResume(tick: number, level: boolean): void {
    const state = this.#state;
    if (level) {
      state.startTick = tick;
      state.running = true;
    } else if (state.running) {
      state.heldTicks = Math.max(0, this.#elapsed(tick));
      state.running = false;
    }
  }

  /** Ticks counted since the count was loaded; negative before. */
  #elapsed(tick: number): number {
    const { running, startTick, heldTicks } = this.#state;
    return running ? tick - startTick + heldTicks : heldTicks;
  }

  #value(tick: number): number {
    this.#takeNextCount(tick);
    const { mode, count, bcd, running } = this.#state;
    const modulus = bcd ? 10000 : 65536;
    const elapsed = Math.max(0, this.#elapsed(tick));
    if (count === 0) return 0;
    if (mode === 2) return (running ? count - (elapsed % count) : count) % modulus;
    if (mode === 3) {
      if (!running) return count % modulus;
      const half = (count + 1) >> 1;
      const position = elapsed % count;
      return ((count & ~1) - 2 * (position < half ? position : position - half)) % modulus;
    }
    if ((mode === 1 || mode === 5) && !running) return count % modulus;
    return (((count - elapsed) % modulus) + modulus) % modulus;
  }

  #encoded(tick: number): number {
    const value = this.#value(tick);
    return this.#state.bcd ? toBcd(value) : value;
  }
}

/** Farther away than a virtual clock can be exact; beyond it every count is long over. */
const FARTHEST_TICK = 2 ** 43;

function ticksOf(value: number): number {
  if (!Number.isInteger(value)) {
    throw new GuesthouseError("state-invalid", "A saved timer count is not at a possible tick.", { value });
  }
  return Math.max(-FARTHEST_TICK, Math.min(FARTHEST_TICK, value));
}

function fromBcd(value: number): number {
  return (value & 15) + ((value >> 4) & 15) * 10 + ((value >> 8) & 15) * 100 + ((value >> 12) & 15) * 1000;
}

function toBcd(value: number): number {
  return (
    (value % 10) |
    ((Math.floor(value / 10) % 10) << 4) |
    ((Math.floor(value / 100) % 10) << 8) |
    (Math.floor(value / 1000) << 12)
  );
}
