/**
 * The Intel 8254 interval timer of a PC: counter 0 clocks IRQ0, counter 1 once refreshed memory, counter 2 drives the speaker.
 * Ports: 40h-43h, 1 byte wide.
 * IRQ0 costs one clock callback per rise of OUT0. In the periodic modes the line stays high between rises, so that a tick is not
 * lost when its low phase passes while the machine is late. Periods below `MINIMUM_INTERVAL_NS` interrupt only every
 * k-th time.
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { Clock, ClockTimer } from "../../contracts/Clock.ts";
import type { Device, ResetKind } from "../../contracts/Device.ts";
import type { IoHandler } from "../../contracts/IoHandler.ts";
import type { IrqLine } from "../../contracts/IrqLine.ts";
import { PitCounter } from "./PitCounter.ts";
import { nsOfTick, PIT_TICKS, ticksAt } from "./timerTicks.ts";

const MINIMUM_INTERVAL_NS = 10_000;
const CONTROL = 3;
const READ_BACK = 3;
const READ_BACK_NO_COUNT = 0x20;
const READ_BACK_NO_STATUS = 0x10;

export class Pit8254 implements Device, IoHandler {
  readonly id = "pit";
  readonly stateVersion = 1;
  readonly #clock: Clock;
  readonly #irq: IrqLine;
  readonly #counters = [new PitCounter(true), new PitCounter(true), new PitCounter(false)] as const;
  #timer: ClockTimer | undefined;
  /** Counter 2 got another mode, count or gate: whoever makes the sound asks `speakerPeriodTicks`. */
  onSpeakerChanged: (() => void) | undefined;

  constructor(parts: { clock: Clock; irq: IrqLine }) {
    this.#clock = parts.clock;
    this.#irq = parts.irq;
  }

  /** The OUT pin of a counter now. */
  output(counter: 0 | 1 | 2): boolean {
    return this.#counters[counter].output(this.#tick());
  }

  /** GATE2, port 61h bit 0. */
  get gate2(): boolean {
    return this.#counters[2].gate;
  }

  setGate2(level: boolean): void {
    if (level === this.gate2) return;
    this.#counters[2].setGate(this.#tick(), level);
    this.onSpeakerChanged?.();
  }

  /** Input-clock ticks per period of OUT2, 0 when it makes no tone. */
  get speakerPeriodTicks(): number {
    return this.#counters[2].periodTicks;
  }

  read(offset: number): number {
    return offset === CONTROL ? 0xff : this.#counters[offset as 0 | 1 | 2].read(this.#tick());
  }

  write(offset: number, value: number): void {
    const counter = offset === CONTROL ? this.#writeControl(value) : offset;
    if (offset !== CONTROL) this.#counters[offset as 0 | 1 | 2].write(this.#tick(), value);
    if (counter === 0) this.#rearm();
    else if (counter === 2) this.onSpeakerChanged?.();
  }

  reset(_kind: ResetKind): void {
    for (const counter of this.#counters) counter.reset();
    this.#rearm();
    this.onSpeakerChanged?.();
  }

  save(writer: StateWriter): void {
    const tick = this.#tick();
    for (const counter of this.#counters) counter.save(writer, tick);
  }

  load(reader: StateReader): void {
    const tick = this.#tick();
    const takes = this.#counters.map((counter) => counter.restore(reader, tick));
    for (const take of takes) take();
    this.#rearm();
    this.onSpeakerChanged?.();
  }

  #tick(): number {
    return ticksAt(PIT_TICKS, this.#clock.nowNs());
  }

  /** Returns the counter that got a new mode, -1 when none did. */
  #writeControl(value: number): number {
    const tick = this.#tick();
    const select = value >> 6;
    if (select === READ_BACK) {
      for (const [index, counter] of this.#counters.entries()) {
        if ((value & (2 << index)) === 0) continue;
        if ((value & READ_BACK_NO_COUNT) === 0) counter.latchCount(tick);
        if ((value & READ_BACK_NO_STATUS) === 0) counter.latchStatus(tick);
      }
      return -1;
    }
    const counter = this.#counters[select as 0 | 1 | 2];
    if ((value & 0x30) === 0) {
      counter.latchCount(tick);
      return -1;
    }
    counter.writeControl(value);
    return select;
  }

  /** Drives IRQ0 with OUT0 and arms the next rise. */
  #rearm(): void {
    const counter = this.#counters[0];
    // A low phase of a running periodic counter is skipped; see the header.
    this.#irq.set(counter.periodTicks !== 0 || counter.output(this.#tick()));
    this.#arm(this.#tick());
  }

  #arm(tick: number): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const counter = this.#counters[0];
    let rise = counter.nextRise(tick);
    if (rise === Number.POSITIVE_INFINITY) return;
    const period = counter.periodTicks;
    const minimum = ticksAt(PIT_TICKS, MINIMUM_INTERVAL_NS);
    if (period !== 0 && period < minimum) rise += period * (Math.ceil(minimum / period) - 1);
    this.#timer = this.#clock.schedule(nsOfTick(PIT_TICKS, rise), () => {
      this.#timer = undefined;
      this.#irq.set(false);
      this.#irq.set(true);
      this.#arm(this.#tick());
    });
  }
}
