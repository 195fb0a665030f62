/**
 * The count-down timer of a local APIC (Intel SDM volume 3, 11.5.4): initial count, divide configuration, one-shot and periodic
 * mode on the virtual clock. The current count is computed when it is read; one clock callback is armed per expiry, and none while
 * the timer's vector is masked.
 * Periods below `MINIMUM_INTERVAL_NS` expire only at every k-th period: a guest that asks for more would never run between them.
 * In TSC-deadline mode the count registers stand still, and one deadline in ticks of the time-stamp counter takes their place.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import { NS_PER_S } from "../../base/units.ts";
import type { Clock, ClockTimer } from "../../contracts/Clock.ts";

const MINIMUM_INTERVAL_NS = 10_000;

/** Bits 17 and 18 of the timer's entry in the local vector table. */
export type ApicTimerMode = "oneShot" | "periodic" | "deadline";
const modeCodes: readonly ApicTimerMode[] = ["oneShot", "periodic", "deadline"];

export class ApicTimer {
  readonly #clock: Clock;
  readonly #frequencyHz: number;
  readonly #onExpiry: () => void;
  #initialCount = 0;
  #divideConfiguration = 0;
  #startNs = 0;
  #mode: ApicTimerMode = "oneShot";
  /** In ticks of the time-stamp counter; 0 is disarmed. */
  #deadlineTicks = 0;
  #masked = true;
  /** A one-shot count that reached zero stays there, whatever the mode becomes. */
  #running = false;
  #timer: ClockTimer | undefined;
  /** When `#timer` is due. */
  #expiryNs = 0;

  constructor(parts: { clock: Clock; frequencyHz: number; onExpiry: () => void }) {
    this.#clock = parts.clock;
    this.#frequencyHz = parts.frequencyHz;
    this.#onExpiry = parts.onExpiry;
  }

  get initialCount(): number {
    return this.#initialCount;
  }

  set initialCount(value: number) {
    if (this.#mode === "deadline") return;
    this.#initialCount = value >>> 0;
    this.#startNs = this.#clock.nowNs();
    this.#running = value !== 0;
    this.#arm();
  }

  get #periodic(): boolean {
    return this.#mode === "periodic";
  }

  /** The armed deadline in ticks of the counter without the guest's offset; 0 when there is none. */
  get deadlineTicks(): number {
    return this.#deadlineTicks;
  }

  /** Arms the deadline, or disarms with 0; one that has passed expires at once. Means nothing in the other modes. */
  set deadlineTicks(value: number) {
    if (this.#mode !== "deadline") return;
    this.#deadlineTicks = value;
    this.#arm();
    this.catchUp();
  }

  /** An expiry whose time has come before the clock called happens now: software may have seen the count at zero, and goes by it. */
  catchUp(): void {
    if (!this.#timer || this.#expiryNs > this.#clock.nowNs()) return;
    this.#timer.cancel();
    this.#expire();
  }

  get currentCount(): number {
    if (!this.#running || this.#mode === "deadline") return 0;
    const elapsed = this.#elapsedTicks();
    if (this.#periodic) return this.#initialCount - (elapsed % this.#initialCount);
    return Math.max(0, this.#initialCount - elapsed);
  }

  get divideConfiguration(): number {
    return this.#divideConfiguration;
  }

  set divideConfiguration(value: number) {
    const consumed = this.#initialCount - this.currentCount;
    this.#divideConfiguration = value & 0x0b;
    this.#startNs = this.#clock.nowNs() - consumed * this.#tickNs();
    this.#arm();
  }

  /** Follows the timer entry of the local vector table. */
  setMode(mode: ApicTimerMode, masked: boolean): void {
    if (mode === this.#mode && masked === this.#masked) return;
    if (mode === "deadline" || this.#mode === "deadline") {
      this.#setDeadlineMode(mode, masked);
      return;
    }
    const periodic = mode === "periodic";
    const ranOut = !this.#periodic && this.#running && this.#elapsedTicks() >= this.#initialCount;
    // Nobody saw it run out while it was masked; otherwise its interrupt is on its way.
    if (ranOut && this.#masked) this.#running = false;
    if (this.#periodic && !periodic && this.#running) {
      this.#startNs = this.#clock.nowNs() - (this.#initialCount - this.currentCount) * this.#tickNs();
    }
    this.#mode = mode;
    this.#masked = masked;
    this.#arm();
  }

  /** Into, out of or within deadline mode: changing the mode disarms, and what ran out while masked is gone. */
  #setDeadlineMode(mode: ApicTimerMode, masked: boolean): void {
    const ranOut = this.#masked && this.#deadlineNs() <= this.#clock.nowNs();
    if (mode !== this.#mode || ranOut) this.#deadlineTicks = 0;
    if (mode !== this.#mode) this.#running = false;
    this.#mode = mode;
    this.#masked = masked;
    this.#arm();
  }

  #deadlineNs(): number {
    return (this.#deadlineTicks * NS_PER_S) / this.#frequencyHz;
  }

  reset(): void {
    this.#initialCount = 0;
    this.#divideConfiguration = 0;
    this.#startNs = this.#clock.nowNs();
    this.#mode = "oneShot";
    this.#deadlineTicks = 0;
    this.#masked = true;
    this.#running = false;
    this.#arm();
  }

  save(writer: StateWriter): void {
    writer.u32(this.#initialCount).u8(this.#divideConfiguration);
    writer.f64(this.#running ? this.#clock.nowNs() - this.#startNs : 0);
    writer.u8(modeCodes.indexOf(this.#mode)).bool(this.#masked).bool(this.#running);
    writer.f64(this.#deadlineTicks);
  }

  restore(reader: StateReader): () => void {
    const initialCount = reader.u32();
    const divideConfiguration = reader.u8() & 0x0b;
    const elapsedNs = reader.f64();
    const mode = modeCodes[reader.u8()];
    const [masked, running, deadlineTicks] = [reader.bool(), reader.bool(), reader.f64()];
    if (mode === undefined || !Number.isFinite(deadlineTicks) || deadlineTicks < 0) {
      throw new GuesthouseError("state-invalid", "The saved APIC timer is in no possible mode.", { deadlineTicks });
    }
    if (!Number.isFinite(elapsedNs) || elapsedNs < 0 || elapsedNs > Number.MAX_SAFE_INTEGER) {
      throw new GuesthouseError("state-invalid", "The saved APIC timer is not at a possible time.", { elapsedNs });
    }
    return () => {
      this.#initialCount = initialCount;
      this.#divideConfiguration = divideConfiguration;
      this.#startNs = this.#clock.nowNs() - elapsedNs;
      this.#mode = mode;
      this.#deadlineTicks = deadlineTicks;
      this.#masked = masked;
      this.#running = running && initialCount !== 0;
      this.#arm();
    };
  }

  #tickNs(): number {
    // Bits 3, 1 and 0: 000 divides by 2 .. 110 by 128, 111 by 1.
    const code = ((this.#divideConfiguration >> 1) & 4) | (this.#divideConfiguration & 3);
    return ((code === 7 ? 1 : 2 << code) * NS_PER_S) / this.#frequencyHz;
  }

  #elapsedTicks(): number {
    return Math.floor((this.#clock.nowNs() - this.#startNs) / this.#tickNs());
  }

  #arm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#masked) return;
    if (this.#mode === "deadline") {
      this.#armDeadline();
      return;
    }
    if (!this.#running) return;
    const periodNs = this.#initialCount * this.#tickNs();
    let periods = 1;
    if (this.#periodic) {
      const interval = Math.max(1, Math.ceil(MINIMUM_INTERVAL_NS / periodNs));
      const passed = Math.floor((this.#clock.nowNs() - this.#startNs) / periodNs);
      periods = passed + interval;
    }
    // A one-shot count that ran out before its callback could (host time passes in here too) is still due: at once.
    this.#schedule(Math.ceil(this.#startNs + periods * periodNs));
  }

  #armDeadline(): void {
    if (this.#deadlineTicks !== 0) this.#schedule(Math.ceil(this.#deadlineNs()));
  }

  #schedule(expiryNs: number): void {
    this.#expiryNs = expiryNs;
    this.#timer = this.#clock.schedule(expiryNs, () => this.#expire(), this.#periodic ? "exact" : "lenient");
  }

  #expire(): void {
    this.#timer = undefined;
    if (this.#mode === "deadline") this.#deadlineTicks = 0;
    else if (this.#periodic) this.#arm();
    else this.#running = false;
    this.#onExpiry();
  }
}
