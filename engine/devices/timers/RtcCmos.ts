/**
 * The MC146818A real-time clock of a PC with 256 bytes of CMOS memory (ports 70h-71h for the lower, 72h-73h for the upper bank)
 * and the century at 32h. The time of day follows the wall clock plus an offset that the guest changes by setting the time; the
 * periodic interrupt counts virtual time. Flags are computed when they are read, and clock callbacks are armed only for enabled
 * interrupts.
 * The weekday follows from the date. UIP is set for the last 2 ms of a second. Bit 7 of port 70h (NMI mask) is stored.
 * Absent: square wave output, daylight saving, time that stops without its battery.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import { NS_PER_MS } from "../../base/units.ts";
import type { Clock, ClockTimer, WallClock } from "../../contracts/Clock.ts";
import type { Device, ResetKind } from "../../contracts/Device.ts";
import type { IoHandler } from "../../contracts/IoHandler.ts";
import type { IrqLine } from "../../contracts/IrqLine.ts";
import { type CivilTime, civilFromSeconds, secondsFromCivil } from "./civilTime.ts";

const SECONDS = 0x00;
const SECONDS_ALARM = 0x01;
const MINUTES = 0x02;
const MINUTES_ALARM = 0x03;
const HOURS = 0x04;
const HOURS_ALARM = 0x05;
const WEEKDAY = 0x06;
const DAY = 0x07;
const MONTH = 0x08;
const YEAR = 0x09;
const REGISTER_A = 0x0a;
const REGISTER_B = 0x0b;
const REGISTER_C = 0x0c;
const REGISTER_D = 0x0d;
const CENTURY = 0x32;

const A_UIP = 0x80;
const A_DIVIDER = 0x70;
const A_DIVIDER_NORMAL = 0x20;
const A_RESET = 0x26;
const B_SET = 0x80;
const B_PIE = 0x40;
const B_AIE = 0x20;
const B_UIE = 0x10;
const B_SQWE = 0x08;
const B_BINARY = 0x04;
const B_24_HOURS = 0x02;
const C_IRQF = 0x80;
const C_PF = 0x40;
const C_AF = 0x20;
const C_UF = 0x10;
const D_VRT = 0x80;

const HOUR_PM = 0x80;
/** Alarm bytes with both top bits set match every value. */
const ALARM_ANY = 0xc0;
const UIP_START_MS = 998;
/** A divider released from reset updates half a second later. */
const RELEASED_FRACTION_MS = 500;
const CRYSTAL_PERIOD_NS = 1e9 / 32_768;
const SECONDS_PER_DAY = 86_400;
const TIME_REGISTERS = new Set([SECONDS, MINUTES, HOURS, WEEKDAY, DAY, MONTH, YEAR, CENTURY]);

export class RtcCmos implements Device {
  readonly id = "rtc";
  readonly stateVersion = 1;
  readonly #clock: Clock;
  readonly #wallClock: WallClock;
  readonly #irq: IrqLine;
  readonly #zoneOffsetMs: number;
  readonly #cmos = new Uint8Array(256);
  readonly #index = [0, 0x80];
  /** Guest time minus (wall clock + zone). */
  #offsetMs = 0;
  /** The part of a second at which a stopped clock stands. */
  #stoppedFractionMs = 0;
  /** Seconds up to this one have set UF and AF. */
  #seenSecond: number;
  #periodicSinceNs = 0;
  #timer: ClockTimer | undefined;

  /** `zoneOffsetMs` is what local time is ahead of UTC when the guest expects local time, else 0. */
  constructor(parts: { clock: Clock; wallClock: WallClock; irq: IrqLine; zoneOffsetMs?: number }) {
    this.#clock = parts.clock;
    this.#wallClock = parts.wallClock;
    this.#irq = parts.irq;
    this.#zoneOffsetMs = parts.zoneOffsetMs ?? 0;
    this.#seenSecond = this.#second();
    this.#powerOn();
  }

  /** Ports 70h (index) and 71h (data). */
  readonly lowPorts: IoHandler = {
    read: (offset) => (offset === 0 ? 0xff : this.#readRegister(this.#index[0]! & 0x7f)),
    write: (offset, value) => {
      if (offset === 0) this.#index[0] = value & 0xff;
      else this.#writeRegister(this.#index[0]! & 0x7f, value & 0xff);
    },
  };

  /** Ports 72h and 73h: the upper bank. */
  readonly highPorts: IoHandler = {
    read: (offset) => (offset === 0 ? this.#index[1]! : this.#cmos[this.#index[1]! | 0x80]!),
    write: (offset, value) => {
      if (offset === 0) this.#index[1] = value & 0xff;
      else this.#cmos[this.#index[1]! | 0x80] = value;
    },
  };

  get nmiMasked(): boolean {
    return (this.#index[0]! & 0x80) !== 0;
  }

  /** A byte of CMOS memory as firmware or the board keeps it; 0Eh-31h and 33h-FFh are plain storage. */
  byte(index: number): number {
    return this.#cmos[index & 0xff]!;
  }

  setByte(index: number, value: number): void {
    this.#cmos[index & 0xff] = value;
  }

  /** A power reset is a fresh battery: memory cleared, time of day from outside. */
  reset(kind: ResetKind): void {
    if (kind === "power") this.#powerOn();
    this.#collectFlags();
    this.#cmos[REGISTER_B]! &= ~(B_PIE | B_AIE | B_UIE | B_SQWE);
    this.#cmos[REGISTER_C] = 0;
    this.#rearm();
  }

  save(writer: StateWriter): void {
    this.#collectFlags();
    writer.bytes(this.#cmos).u8(this.#index[0]!).u8(this.#index[1]!);
    writer
      .f64(this.#offsetMs)
      .f64(this.#stoppedFractionMs)
      .f64(this.#second() - this.#seenSecond);
    writer.f64(this.#periodicIntervalNs() === 0 ? 0 : this.#clock.nowNs() - this.#periodicSinceNs);
  }

  load(reader: StateReader): void {
    const cmos = reader.bytes();
    const [index, highIndex] = [reader.u8(), reader.u8()];
    const [offsetMs, stoppedFractionMs, behindSeconds, periodicNs] = [
      reader.f64(),
      reader.f64(),
      reader.f64(),
      reader.f64(),
    ];
    const numbers = [offsetMs, stoppedFractionMs, behindSeconds, periodicNs];
    if (cmos.length !== 256 || !numbers.every((value) => Math.abs(value) < 2 ** 52)) {
      throw new GuesthouseError("state-invalid", "The saved real-time clock is not at a possible time.");
    }
    this.#cmos.set(cmos);
    this.#index[0] = index;
    this.#index[1] = highIndex;
    this.#offsetMs = offsetMs;
    this.#stoppedFractionMs = Math.min(999, Math.max(0, stoppedFractionMs));
    this.#seenSecond = this.#second() - behindSeconds;
    this.#periodicSinceNs = this.#clock.nowNs() - periodicNs;
    this.#rearm();
  }

  #powerOn(): void {
    this.#cmos.fill(0);
    this.#cmos[REGISTER_A] = A_RESET;
    this.#cmos[REGISTER_B] = B_24_HOURS;
    this.#cmos[REGISTER_D] = D_VRT;
    this.#index[0] = 0;
    this.#index[1] = 0x80;
    this.#offsetMs = 0;
    this.#stoppedFractionMs = 0;
    this.#seenSecond = this.#second();
    this.#periodicSinceNs = this.#clock.nowNs();
  }

  get #stopped(): boolean {
    return (this.#cmos[REGISTER_B]! & B_SET) !== 0 || !this.#dividerRuns;
  }

  get #dividerRuns(): boolean {
    return (this.#cmos[REGISTER_A]! & A_DIVIDER) === A_DIVIDER_NORMAL;
  }

  #guestMs(): number {
    return Math.floor(this.#wallClock.nowMs()) + this.#zoneOffsetMs + this.#offsetMs;
  }

  #second(): number {
    return Math.floor(this.#guestMs() / 1000);
  }

  #readRegister(index: number): number {
    if (TIME_REGISTERS.has(index)) {
      if (!this.#stopped) this.#storeTime(civilFromSeconds(this.#second()));
      return this.#cmos[index]!;
    }
    if (index === REGISTER_A) {
      const updating = !this.#stopped && modulo(this.#guestMs(), 1000) >= UIP_START_MS;
      return (this.#cmos[REGISTER_A]! & ~A_UIP) | (updating ? A_UIP : 0);
    }
    if (index === REGISTER_C) return this.#readFlags();
    return index === REGISTER_D ? D_VRT : this.#cmos[index]!;
  }

  #writeRegister(index: number, value: number): void {
    if (TIME_REGISTERS.has(index)) this.#writeTime(index, value);
    else if (index === REGISTER_A) this.#writeControl(REGISTER_A, value & ~A_UIP);
    else if (index === REGISTER_B) this.#writeControl(REGISTER_B, value);
    else if (index !== REGISTER_C && index !== REGISTER_D) {
      this.#collectFlags();
      this.#cmos[index] = value;
      this.#rearm();
    }
  }

  #writeTime(index: number, value: number): void {
    if (this.#stopped) {
      this.#cmos[index] = value;
      return;
    }
    this.#collectFlags();
    const fractionMs = modulo(this.#guestMs(), 1000);
    this.#storeTime(civilFromSeconds(this.#second()));
    this.#cmos[index] = value;
    this.#setTime(fractionMs);
    this.#rearm();
  }

  #writeControl(register: number, value: number): void {
    this.#collectFlags();
    const wasStopped = this.#stopped;
    const dividerRan = this.#dividerRuns;
    const periodicBefore = this.#periodicIntervalNs();
    if (!wasStopped) this.#storeTime(civilFromSeconds(this.#second()));
    const fractionMs = wasStopped ? this.#stoppedFractionMs : modulo(this.#guestMs(), 1000);
    // Setting SET ends the update and takes UIE with it.
    this.#cmos[register] = register === REGISTER_B && (value & B_SET) !== 0 ? value & ~B_UIE : value;
    this.#stoppedFractionMs = !dividerRan && this.#dividerRuns ? RELEASED_FRACTION_MS : fractionMs;
    if (wasStopped && !this.#stopped) this.#setTime(this.#stoppedFractionMs);
    if (this.#periodicIntervalNs() !== periodicBefore) this.#periodicSinceNs = this.#clock.nowNs();
    this.#rearm();
  }

  #storeTime(time: CivilTime): void {
    const cmos = this.#cmos;
    cmos[SECONDS] = this.#encode(time.second);
    cmos[MINUTES] = this.#encode(time.minute);
    cmos[HOURS] = this.#encodeHour(time.hour);
    cmos[WEEKDAY] = this.#encode(time.weekday);
    cmos[DAY] = this.#encode(time.day);
    cmos[MONTH] = this.#encode(time.month);
    cmos[YEAR] = this.#encode(modulo(time.year, 100));
    cmos[CENTURY] = this.#encode(modulo(Math.floor(time.year / 100), 100));
  }

  /** Makes the registers the time of day from now on. */
  #setTime(fractionMs: number): void {
    const value = (register: number) => this.#decode(this.#cmos[register]!);
    const second = secondsFromCivil({
      year: value(CENTURY) * 100 + value(YEAR),
      month: Math.min(12, Math.max(1, value(MONTH))),
      day: value(DAY),
      hour: this.#decodeHour(this.#cmos[HOURS]!),
      minute: value(MINUTES),
      second: value(SECONDS),
    });
    this.#offsetMs += second * 1000 + fractionMs - this.#guestMs();
    this.#seenSecond = second;
  }

  #encode(value: number): number {
    return (this.#cmos[REGISTER_B]! & B_BINARY) !== 0 ? value : (Math.floor(value / 10) << 4) | (value % 10);
  }

  #decode(byte: number): number {
    return (this.#cmos[REGISTER_B]! & B_BINARY) !== 0 ? byte : (byte >> 4) * 10 + (byte & 15);
  }

  #encodeHour(hour: number): number {
    if ((this.#cmos[REGISTER_B]! & B_24_HOURS) !== 0) return this.#encode(hour);
    return this.#encode(hour % 12 === 0 ? 12 : hour % 12) | (hour >= 12 ? HOUR_PM : 0);
  }

  #decodeHour(byte: number): number {
    if ((this.#cmos[REGISTER_B]! & B_24_HOURS) !== 0) return this.#decode(byte);
    return (this.#decode(byte & ~HOUR_PM) % 12) + ((byte & HOUR_PM) !== 0 ? 12 : 0);
  }

  #readFlags(): number {
    this.#collectFlags();
    const flags = this.#cmos[REGISTER_C]!;
    this.#cmos[REGISTER_C] = 0;
    // The line falls even when the next period has passed in the meantime: its interrupt needs an edge.
    this.#irq.set(false);
    this.#rearm();
    return flags;
  }

  /** Brings PF, AF and UF up to now. */
  #collectFlags(): void {
    const interval = this.#periodicIntervalNs();
    const now = this.#clock.nowNs();
    if (interval !== 0 && now - this.#periodicSinceNs >= interval) {
      this.#periodicSinceNs = now - ((now - this.#periodicSinceNs) % interval);
      this.#cmos[REGISTER_C]! |= C_PF;
    }
    if (!this.#stopped) this.#collectSeconds();
    const pending = this.#cmos[REGISTER_C]! & this.#cmos[REGISTER_B]! & (C_PF | C_AF | C_UF);
    if (pending !== 0) this.#cmos[REGISTER_C]! |= C_IRQF;
    else this.#cmos[REGISTER_C]! &= ~C_IRQF;
  }

  #collectSeconds(): void {
    const second = this.#second();
    if (second <= this.#seenSecond) {
      // The wall clock may be set back.
      this.#seenSecond = second;
      return;
    }
    this.#cmos[REGISTER_C]! |= C_UF;
    const next = this.#nextAlarm(this.#seenSecond);
    if (next <= second) this.#cmos[REGISTER_C]! |= C_AF;
    this.#seenSecond = second;
  }

  /** The first second after `from` that the alarm bytes match, Infinity when none does. */
  #nextAlarm(from: number): number {
    const cmos = this.#cmos;
    const alarm = (register: number, decode: (byte: number) => number) =>
      (cmos[register]! & ALARM_ANY) === ALARM_ANY ? -1 : decode(cmos[register]!);
    const hour = alarm(HOURS_ALARM, (byte) => this.#decodeHour(byte));
    const minute = alarm(MINUTES_ALARM, (byte) => this.#decode(byte));
    const second = alarm(SECONDS_ALARM, (byte) => this.#decode(byte));
    if (hour > 23 || minute > 59 || second > 59) return Number.POSITIVE_INFINITY;
    let at = from + 1;
    // Each field that differs moves on to its next start, so that at most a day is searched in few steps.
    for (let step = 0; step < 256; step++) {
      const inDay = modulo(at, SECONDS_PER_DAY);
      if (hour >= 0 && Math.floor(inDay / 3600) !== hour) at += 3600 - (inDay % 3600);
      else if (minute >= 0 && Math.floor(inDay / 60) % 60 !== minute) at += 60 - (inDay % 60);
      else if (second >= 0 && inDay % 60 !== second) at += 1;
      else return at;
    }
    return Number.POSITIVE_INFINITY;
  }

  /** 0 when no rate is chosen or the divider is held. */
  #periodicIntervalNs(): number {
    const rate = this.#cmos[REGISTER_A]! & 0x0f;
    if (rate === 0 || !this.#dividerRuns) return 0;
    return CRYSTAL_PERIOD_NS * 2 ** ((rate <= 2 ? rate + 7 : rate) - 1);
  }

  /** Drives the line and arms the next event of an enabled interrupt. */
  #rearm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#collectFlags();
    const asserted = (this.#cmos[REGISTER_C]! & C_IRQF) !== 0;
    this.#irq.set(asserted);
    // Nothing new can happen on the line until register C is read.
    if (asserted) return;
    const deadlineNs = this.#nextEventNs();
    if (deadlineNs === Number.POSITIVE_INFINITY) return;
    this.#timer = this.#clock.schedule(deadlineNs, () => {
      this.#timer = undefined;
      this.#rearm();
    });
  }

  #nextEventNs(): number {
    const enabled = this.#cmos[REGISTER_B]!;
    const now = this.#clock.nowNs();
    let deadlineNs = Number.POSITIVE_INFINITY;
    const interval = this.#periodicIntervalNs();
    if ((enabled & B_PIE) !== 0 && interval !== 0) deadlineNs = Math.ceil(this.#periodicSinceNs + interval);
    if (this.#stopped) return deadlineNs;
    let second = Number.POSITIVE_INFINITY;
    if ((enabled & B_UIE) !== 0) second = this.#second() + 1;
    else if ((enabled & B_AIE) !== 0) second = this.#nextAlarm(this.#second());
    if (second === Number.POSITIVE_INFINITY) return deadlineNs;
    // The virtual clock may run ahead of the wall clock; then the callback finds nothing and arms again.
    const waitMs = Math.max(1, Math.min(second * 1000 - this.#guestMs(), 60_000));
    return Math.min(deadlineNs, now + waitMs * NS_PER_MS);
  }
}

function modulo(value: number, modulus: number): number {
  return ((value % modulus) + modulus) % modulus;
}
