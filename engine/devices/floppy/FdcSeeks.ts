/**
 * The heads on their way, and what SENSE INTERRUPT STATUS has still to tell: finished seeks and recalibrations, and the
 * drive polling after a reset (82077AA datasheet 5.2.4 to 5.2.7).
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { Clock, ClockTimer } from "../../contracts/Clock.ts";
import type { FloppyDrive } from "./FloppyDrive.ts";
import { ST0_ABNORMAL, ST0_EQUIPMENT_CHECK, ST0_INVALID, ST0_POLLING, ST0_SEEK_END } from "./fdcRegisters.ts";

const STEP_NS = 20_000;
const SETTLE_NS = 100_000;
const UNITS = [0, 1, 2, 3] as const;
/** Where the heads of a drive that is not there would have to come from. */
const FARTHEST_CYLINDER = 79;

interface Seek {
  readonly target: number;
  readonly timer: ClockTimer;
}

export class FdcSeeks {
  readonly #clock: Clock;
  readonly #drives: readonly FloppyDrive[];
  readonly #onDone: () => void;
  #underWay: (Seek | undefined)[] = UNITS.map(() => undefined);
  #finished: { st0: number; unit: number }[] = [];
  #polled: number[] = [];

  constructor(clock: Clock, drives: readonly FloppyDrive[], onDone: () => void) {
    this.#clock = clock;
    this.#drives = drives;
    this.#onDone = onDone;
  }

  /** The drive busy bits of the main status register. */
  get busyBits(): number {
    return this.#underWay.reduce((bits, seek, unit) => (seek === undefined ? bits : bits | (1 << unit)), 0);
  }

  get anyFinished(): boolean {
    return this.#polled.length === 0 && this.#finished.length > 0;
  }

  stop(): void {
    for (const seek of this.#underWay) seek?.timer.cancel();
    this.#underWay = UNITS.map(() => undefined);
    this.#finished = [];
    this.#polled = [];
  }

  /** After a reset every unit has a changed ready line to tell of. */
  poll(): void {
    this.#polled = [...UNITS];
  }

  forgetPolling(): void {
    this.#polled = [];
  }

  start(unit: number, target: number): void {
    const distance = Math.abs(target - (this.#drives[unit]?.cylinder ?? FARTHEST_CYLINDER));
    this.#schedule(unit, target, SETTLE_NS + distance * STEP_NS);
  }

  #schedule(unit: number, target: number, delayNs: number): void {
    this.#underWay[unit]?.timer.cancel();
    const timer = this.#clock.schedule(this.#clock.nowNs() + delayNs, () => this.#done(unit, target));
    this.#underWay[unit] = { target, timer };
  }

  #done(unit: number, target: number): void {
    this.#underWay[unit] = undefined;
    const drive = this.#drives[unit];
    drive?.stepTo(target);
    // Without a drive the track 0 signal never comes.
    const lost = drive === undefined && target === 0 ? ST0_ABNORMAL | ST0_EQUIPMENT_CHECK : 0;
    this.#finished.push({ st0: lost | ST0_SEEK_END | unit, unit });
    this.#onDone();
  }

  /** The result of SENSE INTERRUPT STATUS. */
  sense(): number[] {
    const polled = this.#polled.shift();
    if (polled !== undefined) return [ST0_POLLING | polled, this.#drives[polled]?.cylinder ?? 0];
    const seek = this.#finished.shift();
    return seek === undefined ? [ST0_INVALID] : [seek.st0, this.#drives[seek.unit]?.cylinder ?? 0];
  }

  save(writer: StateWriter): void {
    const now = this.#clock.nowNs();
    writer.bytes(Uint8Array.from(this.#polled));
    writer.bytes(Uint8Array.from(this.#finished.flatMap(({ st0, unit }) => [st0, unit])));
    for (const seek of this.#underWay) {
      writer.bool(seek !== undefined);
      if (seek !== undefined) writer.f64(seek.target).f64(seek.timer.deadlineNs - now);
    }
  }

  prepareLoad(reader: StateReader): () => void {
    const polled = [...reader.bytes()];
    const finished = reader.bytes();
    const seeks = UNITS.map(() => (reader.bool() ? { target: reader.f64(), delayNs: reader.f64() } : undefined));
    for (const seek of seeks) {
      if (seek === undefined || (Number.isFinite(seek.delayNs) && Number.isSafeInteger(seek.target))) continue;
      throw new GuesthouseError("state-invalid", "The saved state of the floppy controller is damaged.");
    }
    return () => {
      this.stop();
      this.#polled = polled.map((unit) => unit & 3);
      this.#finished = Array.from({ length: finished.length >> 1 }, (_, index) => ({
        st0: finished[index * 2]!,
        unit: finished[index * 2 + 1]! & 3,
      }));
      seeks.forEach((seek, unit) => {
        if (seek !== undefined) this.#schedule(unit, seek.target, seek.delayNs);
      });
    };
  }
}
