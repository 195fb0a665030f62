/**
 * The local APIC of one processor (Intel SDM volume 3, chapter 11): priorities, IRR/ISR/TMR, the local vector table with timer,
 * LINT0, LINT1 and error, ICR towards itself, the error and the spurious vector registers, and IA32_APIC_BASE. In xAPIC mode the
 * registers are a 4 KiB page at FEE00000h, in x2APIC mode MSRs 800h to 83Fh (11.12).
 * After reset LINT0 is an open ExtINT and LINT1 an open NMI (virtual wire mode), as a PC's firmware would leave them; the part
 * itself comes up with both masked.
 * Absent: SMI, other processors (messages to them go nowhere), level-triggered LINT pins.
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { Clock } from "../../contracts/Clock.ts";
import type { Device, ResetKind } from "../../contracts/Device.ts";
import type { IoHandler, IoWidth } from "../../contracts/IoHandler.ts";
import { ApicIdentity } from "./ApicIdentity.ts";
import { ApicTimer, type ApicTimerMode } from "./ApicTimer.ts";
import { VectorSet } from "./VectorSet.ts";
import { isReadOnlyRegister, LVT_WRITABLE, mayWriteX2 } from "./writableApicBits.ts";

export const DELIVERY_FIXED = 0;
export const DELIVERY_LOWEST_PRIORITY = 1;
export const DELIVERY_NMI = 4;
export const DELIVERY_INIT = 5;
export const DELIVERY_STARTUP = 6;
export const DELIVERY_EXTINT = 7;

const LVT_MASKED = 0x10000;
const LVT_TIMER_MODE = 0x60000;
const LVT_TIMER = 0;
const LVT_LINT0 = 3;
const LVT_LINT1 = 4;
const LVT_ERROR = 5;
const LVT_RESET = [0x10000, 0x10000, 0x10000, 0x00700, 0x00400, 0x10000];

const SVR_ENABLE = 0x100;
const ESR_SEND_ILLEGAL_VECTOR = 0x20;
const ESR_RECEIVE_ILLEGAL_VECTOR = 0x40;
const ESR_ILLEGAL_REGISTER = 0x80;
const VERSION = 0x00050014;
const BASE_BSP = 0x100n;
const BASE_ENABLE = 0x800n;
const BASE_X2APIC = 0x400n;
const BASE_ADDRESS = 0xffffff000n;
const BASE_WRITABLE = BASE_ADDRESS | BASE_ENABLE | BASE_X2APIC;
const BASE_RESET = 0xfee00000n | BASE_ENABLE | BASE_BSP;
const DEFAULT_FREQUENCY_HZ = 1_000_000_000;

export interface LocalApicParts {
  readonly clock: Clock;
  /** The timer's input clock before division. */
  readonly timerFrequencyHz?: number;
  /** Something that decides about pending interrupts changed. */
  onChanged(): void;
  /** A level-triggered vector ended: the I/O APIC wants to know. */
  onEndOfInterrupt(vector: number): void;
  onNmi(): void;
  onInit(): void;
  onStartup(vector: number): void;
  /** The register page moved, or vanished when the APIC is disabled in IA32_APIC_BASE. Also told on reset and load. */
  onBaseChanged(address: number | undefined): void;
}

export class LocalApic implements Device, IoHandler {
  readonly id = "local-apic";
  readonly stateVersion = 2;
  readonly #parts: LocalApicParts;
  readonly #timer: ApicTimer;
  readonly #irr = new VectorSet();
  readonly #isr = new VectorSet();
  readonly #tmr = new VectorSet();
  readonly #lvt = Uint32Array.from(LVT_RESET);
  readonly #identity = new ApicIdentity();
  #baseMsr = BASE_RESET;
  #taskPriority = 0;
  #spurious = 0xff;
  #errorStatus = 0;
  #errorsSinceWrite = 0;
  #icrLow = 0;
  #icrHigh = 0;
  #lint0 = false;

  constructor(parts: LocalApicParts) {
    this.#parts = parts;
    this.#timer = new ApicTimer({
      clock: parts.clock,
      frequencyHz: parts.timerFrequencyHz ?? DEFAULT_FREQUENCY_HZ,
      onExpiry: () => this.#fireLocal(LVT_TIMER),
    });
  }

  /** Globally enabled by IA32_APIC_BASE. */
  get enabled(): boolean {
    return (this.#baseMsr & BASE_ENABLE) !== 0n;
  }

  /** Registers are MSRs, not a page of memory. */
  get isX2Apic(): boolean {
    return (this.#baseMsr & (BASE_ENABLE | BASE_X2APIC)) === (BASE_ENABLE | BASE_X2APIC);
  }

  get #softwareEnabled(): boolean {
    return (this.#spurious & SVR_ENABLE) !== 0;
  }

  /** The 8259's request may pass through LINT0. */
  get passesExtInt(): boolean {
    return (this.#lvt[LVT_LINT0]! & (LVT_MASKED | 0x700)) === 0x700;
  }

  get spuriousVector(): number {
    return this.#spurious & 0xff;
  }

  getBaseMsr(): bigint {
    return this.#baseMsr;
  }

  setBaseMsr(value: bigint): void {
    const [wasEnabled, wasX2Apic] = [this.enabled, this.isX2Apic];
    this.#baseMsr = (value & BASE_WRITABLE) | BASE_BSP;
    if (wasEnabled && !this.enabled) this.#resetRegisters();
    if (!wasX2Apic && this.isX2Apic) this.#enterX2Apic();
    this.#tellBase();
    this.#parts.onChanged();
  }

  /** CR8 is the priority class of the task priority register. */
  getCr8(): number {
    return this.#taskPriority >> 4;
  }

  setCr8(value: number): void {
    this.#setTaskPriority((value & 15) << 4);
  }

  /** The vector the processor may be interrupted with now, -1 for none. */
  deliverable(): number {
    if (!this.enabled || !this.#softwareEnabled) return -1;
    const vector = this.#irr.highest();
    return vector >> 4 > this.#processorPriority() >> 4 ? vector : -1;
  }

  /** Takes the deliverable vector into service; -1 for none. */
  acknowledge(): number {
    const vector = this.deliverable();
    if (vector < 0) return -1;
    this.#irr.remove(vector);
    this.#isr.add(vector);
    this.#parts.onChanged();
    return vector;
  }

  /** A message of the I/O APIC. False when this processor is not addressed or takes no vectors. */
  deliver(mode: number, vector: number, level: boolean, destination: number, logical: boolean): boolean {
    if (!this.enabled || !this.#isDestination(destination, logical)) return false;
    this.#accept(mode, vector, level);
    return this.#softwareEnabled;
  }

  /** The LINT0 pin, wired to the 8259's INT. */
  setLint0(level: boolean): void {
    if (level === this.#lint0) return;
    this.#lint0 = level;
    if (level && this.enabled) this.#fireLocal(LVT_LINT0);
    this.#parts.onChanged();
  }

  /** A pulse on LINT1, wired to NMI. */
  pulseLint1(): void {
    if (this.enabled) this.#fireLocal(LVT_LINT1);
    else this.#parts.onNmi();
  }

  read(offset: number, width: IoWidth): number {
    const value = this.#readRegister(offset & 0xff0);
    const shift = 8 * (offset & 3);
    if ((offset & 0x0c) !== 0) return 0;
    if (width === 4) return value >>> 0;
    return (value >>> shift) & (width === 2 ? 0xffff : 0xff);
  }

  /** Only aligned 32-bit writes are defined. */
  write(offset: number, value: number, width: IoWidth): void {
    if (width !== 4 || (offset & 0x0f) !== 0) return;
    this.#writeRegister(offset, value >>> 0);
    this.#parts.onChanged();
  }

  reset(_kind: ResetKind): void {
    this.#baseMsr = BASE_RESET;
    this.#identity.apicId = 0;
    this.#resetRegisters();
    this.#tellBase();
    this.#parts.onChanged();
  }

  /** INIT: the registers start anew, base and identifier stay. */
  init(): void {
    this.#resetRegisters();
    if (this.isX2Apic) this.#enterX2Apic();
    this.#parts.onChanged();
  }

  save(writer: StateWriter): void {
    writer.u64(this.#baseMsr).u32(this.#identity.apicId).u8(this.#taskPriority).u32(this.#identity.logicalDestination);
    writer.u32(this.#identity.destinationFormat).u32(this.#spurious).u8(this.#errorStatus).u8(this.#errorsSinceWrite);
    writer.u32(this.#icrLow).u32(this.#icrHigh).bool(this.#lint0);
    for (const words of [this.#irr.words, this.#isr.words, this.#tmr.words, this.#lvt]) {
      for (const word of words) writer.u32(word);
    }
    this.#timer.save(writer);
  }

  load(reader: StateReader): void {
    const baseMsr = reader.u64();
    const [apicId, taskPriority, logicalDestination] = [reader.u32(), reader.u8(), reader.u32()];
    const [destinationFormat, spurious] = [reader.u32(), reader.u32()];
    const [errorStatus, errorsSinceWrite] = [reader.u8(), reader.u8()];
    const [icrLow, icrHigh, lint0] = [reader.u32(), reader.u32(), reader.bool()];
    const targets = [this.#irr.words, this.#isr.words, this.#tmr.words, this.#lvt];
    const words = targets.map((target) => Array.from(target, () => reader.u32()));
    const takeTimer = this.#timer.restore(reader);
    this.#baseMsr = (baseMsr & BASE_WRITABLE) | BASE_BSP;
    this.#identity.apicId = apicId & 0xff000000;
    this.#taskPriority = taskPriority;
    this.#identity.logicalDestination = logicalDestination;
    this.#identity.destinationFormat = destinationFormat;
    this.#spurious = spurious & 0x1ff;
    this.#errorStatus = errorStatus;
    this.#errorsSinceWrite = errorsSinceWrite;
    this.#icrLow = icrLow;
    this.#icrHigh = icrHigh;
    this.#lint0 = lint0;
    for (const [index, target] of targets.entries()) target.set(words[index]!);
    takeTimer();
    this.#tellBase();
    this.#parts.onChanged();
  }

  #resetRegisters(): void {
    for (const set of [this.#irr, this.#isr, this.#tmr]) set.clear();
    this.#lvt.set(LVT_RESET);
    this.#taskPriority = 0;
    this.#identity.reset();
    this.#spurious = 0xff;
    this.#errorStatus = 0;
    this.#errorsSinceWrite = 0;
    this.#icrLow = 0;
    this.#icrHigh = 0;
    this.#timer.reset();
  }

  #tellBase(): void {
    const hasPage = this.enabled && !this.isX2Apic;
    this.#parts.onBaseChanged(hasPage ? Number(this.#baseMsr & BASE_ADDRESS) : undefined);
  }

  #processorPriority(): number {
    const inService = Math.max(0, this.#isr.highest());
    return this.#taskPriority >> 4 >= inService >> 4 ? this.#taskPriority : inService & 0xf0;
  }

  #setTaskPriority(value: number): void {
    if (value === this.#taskPriority) return;
    this.#taskPriority = value;
    this.#parts.onChanged();
  }

  #readRegister(offset: number): number {
    switch (offset) {
      case 0x020:
        return this.#identity.apicId;
      case 0x030:
        return VERSION;
      case 0x080:
        return this.#taskPriority;
      case 0x090: // arbitration priority, on one processor the same as the processor priority
      case 0x0a0:
        return this.#processorPriority();
      case 0x0b0:
      case 0x0c0:
        return 0;
      case 0x0d0:
        return this.#identity.logicalDestination;
      case 0x0e0:
        return this.#identity.destinationFormat;
      case 0x0f0:
        return this.#spurious;
      case 0x280:
        return this.#errorStatus;
      case 0x300:
        return this.#icrLow;
      case 0x310:
        return this.#icrHigh;
      case 0x380:
        return this.#timer.initialCount;
      case 0x390:
        return this.#timer.currentCount;
      case 0x3e0:
        return this.#timer.divideConfiguration;
    }
    const index = (offset >> 4) & 7;
    if (offset >= 0x100 && offset < 0x180) return this.#isr.words[index]!;
    if (offset >= 0x180 && offset < 0x200) return this.#tmr.words[index]!;
    if (offset >= 0x200 && offset < 0x280) return this.#irr.words[index]!;
    if (offset >= 0x320 && offset < 0x380) return this.#lvt[index - 2]!;
    this.#raiseError(ESR_ILLEGAL_REGISTER);
    return 0;
  }

  #writeRegister(offset: number, value: number): void {
    switch (offset) {
      case 0x020:
        this.#identity.apicId = (value & 0xff000000) >>> 0;
        return;
      case 0x080:
        this.#taskPriority = value & 0xff;
        return;
      case 0x0b0:
        this.#endOfInterrupt();
        return;
      case 0x0d0:
        this.#identity.logicalDestination = (value & 0xff000000) >>> 0;
        return;
      case 0x0e0:
        this.#identity.destinationFormat = (value | 0x0fffffff) >>> 0;
        return;
      case 0x0f0:
        this.#writeSpurious(value);
        return;
      case 0x280:
        this.#errorStatus = this.#errorsSinceWrite;
        this.#errorsSinceWrite = 0;
        return;
      case 0x300:
        this.#writeIcr(value);
        return;
      case 0x310:
        this.#icrHigh = (value & 0xff000000) >>> 0;
        return;
      case 0x380:
        this.#timer.initialCount = value;
        return;
      case 0x3e0:
        this.#timer.divideConfiguration = value;
        return;
    }
    if (offset >= 0x320 && offset < 0x380) this.#writeLvt(((offset >> 4) & 7) - 2, value);
    else if (!isReadOnlyRegister(offset)) this.#raiseError(ESR_ILLEGAL_REGISTER);
  }

  #writeSpurious(value: number): void {
    this.#spurious = value & 0x1ff;
    if (this.#softwareEnabled) return;
    for (let entry = 0; entry < this.#lvt.length; entry++) this.#writeLvt(entry, this.#lvt[entry]!);
  }

  #writeLvt(entry: number, value: number): void {
    // While the APIC is software-disabled the mask bits cannot be cleared.
    const forced = this.#softwareEnabled ? 0 : LVT_MASKED;
    const lvt = (value & LVT_WRITABLE[entry]!) | forced;
    if (entry === LVT_TIMER) this.#timer.catchUp();
    this.#lvt[entry] = lvt;
    if (entry === LVT_TIMER) this.#timer.setMode(timerMode(lvt), (lvt & LVT_MASKED) !== 0);
  }

  #endOfInterrupt(): void {
    const vector = this.#isr.highest();
    if (vector < 0) return;
    this.#isr.remove(vector);
    if (this.#tmr.has(vector)) this.#parts.onEndOfInterrupt(vector);
  }

  #writeIcr(value: number): void {
    this.#icrLow = value & 0xccfff;
    const mode = (value >> 8) & 7;
    const vector = value & 0xff;
    const shorthand = (value >> 18) & 3;
    const initDeassert = mode === DELIVERY_INIT && (value & 0xc000) === 0x8000;
    if (shorthand === 3 || initDeassert) return;
    const destination = this.isX2Apic ? this.#icrHigh : this.#icrHigh >>> 24;
    const addressed = shorthand !== 0 || this.#isDestination(destination, (value & 0x800) !== 0);
    const isFixed = mode === DELIVERY_FIXED || mode === DELIVERY_LOWEST_PRIORITY;
    if (isFixed && vector < 16) this.#raiseError(ESR_SEND_ILLEGAL_VECTOR);
    else if (addressed) this.#accept(mode, vector, false);
  }

  #isDestination(destination: number, logical: boolean): boolean {
    if (this.isX2Apic) return this.#identity.isX2Destination(destination, logical);
    return this.#identity.isDestination(destination, logical);
  }

  #enterX2Apic(): void {
    this.#identity.enterX2Apic();
    this.#icrHigh = 0;
  }

  /** A register in x2APIC mode by its number from MSR 800h on; the processor has checked that it may be read. */
  readX2(register: number): bigint {
    if (register === 0x02) return BigInt(this.#identity.x2ApicId);
    if (register === 0x30) return (BigInt(this.#icrHigh >>> 0) << 32n) | BigInt(this.#icrLow >>> 0);
    return BigInt(this.#readRegister(register << 4) >>> 0);
  }

  /** False, and nothing done, when reserved bits are set: #GP. */
  writeX2(register: number, low: number, high: number): boolean {
    if (!mayWriteX2(register, low, high)) return false;
    if (register === 0x30) this.#icrHigh = high;
    if (register === 0x3f) this.#request(low & 0xff, false);
    else this.#writeRegister(register << 4, low >>> 0);
    this.#parts.onChanged();
    return true;
  }

  /** IA32_TSC_DEADLINE, in ticks without the guest's offset. */
  get deadlineTicks(): number {
    return this.#timer.deadlineTicks;
  }

  set deadlineTicks(value: number) {
    this.#timer.deadlineTicks = value;
  }

  #fireLocal(entry: number): void {
    const lvt = this.#lvt[entry]!;
    if ((lvt & LVT_MASKED) !== 0) return;
    const hasMode = entry !== LVT_TIMER && entry !== LVT_ERROR;
    const mode = hasMode ? (lvt >> 8) & 7 : DELIVERY_FIXED;
    if (mode !== DELIVERY_EXTINT) this.#accept(mode, lvt & 0xff, false);
  }

  #accept(mode: number, vector: number, level: boolean): void {
    switch (mode) {
      case DELIVERY_FIXED:
      case DELIVERY_LOWEST_PRIORITY:
        this.#request(vector, level);
        return;
      case DELIVERY_NMI:
        this.#parts.onNmi();
        return;
      case DELIVERY_INIT:
        this.#parts.onInit();
        return;
      case DELIVERY_STARTUP:
        this.#parts.onStartup(vector);
    }
  }

  #request(vector: number, level: boolean): void {
    if (vector < 16) {
      this.#raiseError(ESR_RECEIVE_ILLEGAL_VECTOR);
      return;
    }
    if (!this.#softwareEnabled) return;
    this.#irr.add(vector);
    if (level) this.#tmr.add(vector);
    else this.#tmr.remove(vector);
    this.#parts.onChanged();
  }

  #raiseError(bit: number): void {
    const vector = this.#lvt[LVT_ERROR]! & 0xff;
    const isNew = (this.#errorsSinceWrite & bit) === 0;
    this.#errorsSinceWrite |= bit;
    // An error entry with an illegal vector would raise the next error for ever.
    if (isNew && vector >= 16) this.#fireLocal(LVT_ERROR);
  }
}

function timerMode(lvt: number): ApicTimerMode {
  const code = (lvt & LVT_TIMER_MODE) >>> 17;
  return code === 1 ? "periodic" : code === 2 ? "deadline" : "oneShot";
}
