/**
 * The Intel 82077AA floppy disk controller (datasheet 290166) in AT mode with up to two drives: registers, command,
 * execution and result phases, seeks and resets. Mechanics take a short time on the guest's clock, so that drivers see busy
 * drives and interrupts in the order they expect, but far less than a real drive.
 * Ports: 3F0h-3F5h and 3F7h, width 1 (3F6h is the ATA channel's). IRQ 6, DMA channel 2.
 * Absent: SCAN, tape drives, power-down modes, the FIFO's threshold (it is always deep enough).
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { ActivitySink } from "../../contracts/ActivitySink.ts";
import type { Clock, ClockTimer } from "../../contracts/Clock.ts";
import type { Device, ResetKind } from "../../contracts/Device.ts";
import type { DmaChannel } from "../../contracts/DmaChannel.ts";
import type { IoHandler } from "../../contracts/IoHandler.ts";
import type { IrqLine } from "../../contracts/IrqLine.ts";
import { FdcSeeks } from "./FdcSeeks.ts";
import { FdcTransfer } from "./FdcTransfer.ts";
import type { FloppyDrive } from "./FloppyDrive.ts";
import * as fdc from "./fdcRegisters.ts";
import { commandShape, fdcCommand } from "./fdcRegisters.ts";

export interface Fdc82077Options {
  readonly clock: Clock;
  readonly irq: IrqLine;
  /** Channel 2. */
  readonly dma: DmaChannel;
  readonly activity: ActivitySink;
  /** Drives A and B, as many as there are. */
  readonly drives: readonly FloppyDrive[];
}

/** What the controller's timer is for. */
const waits = ["none", "reset", "start", "end"] as const;
type Wait = (typeof waits)[number];

const RESET_NS = 20_000;
const START_NS = 100_000;
const SECTOR_NS = 20_000;
/** Two turns without an address mark. */
const NOTHING_FOUND_NS = 400_000_000;

export class Fdc82077 implements Device {
  readonly id = "fdc";
  readonly stateVersion = 1;
  readonly #clock: Clock;
  readonly #irq: IrqLine;
  readonly #drives: readonly FloppyDrive[];
  readonly #transfer: FdcTransfer;
  readonly #seeks: FdcSeeks;
  #dor = 0;
  #tapeDrive = 0;
  #dataRate = 2;
  #fifo = new Uint8Array(9);
  #received = 0;
  #result: number[] = [];
  #busy = false;
  #interrupt = false;
  #wait: Wait = "none";
  #timer: ClockTimer | undefined;
  // Set by commands.
  #specify = [0, 0];
  #configure = 0;
  #precompensationTrack = 0;
  #perpendicular = 0;
  #locked = false;
  #nextId = 0;

  constructor(options: Fdc82077Options) {
    this.#clock = options.clock;
    this.#irq = options.irq;
    this.#drives = options.drives;
    this.#seeks = new FdcSeeks(options.clock, options.drives, () => this.#setInterrupt(true));
    this.#transfer = new FdcTransfer({
      dma: options.dma,
      activity: options.activity,
      drives: options.drives,
      nonDma: () => (this.#specify[1]! & 1) !== 0,
      dataReady: () => this.#setInterrupt(true),
      ended: (sectors) => this.#transferEnded(sectors),
    });
    this.reset("power");
  }

  /** 3F0h-3F5h. */
  readonly ports: IoHandler = {
    read: (offset: number): number => this.#read(offset),
    write: (offset: number, value: number): void => this.#write(offset, value & 0xff),
  };

  /** 3F7h: digital input register and configuration control register. */
  readonly changePort: IoHandler = {
    read: (): number => (this.#selectedDrive?.changed !== false ? 0x80 : 0x00),
    write: (_offset: number, value: number): void => {
      this.#dataRate = value & 3;
    },
  };

  get #selectedDrive(): FloppyDrive | undefined {
    return this.#drives[this.#dor & fdc.DOR_SELECT];
  }

  reset(kind: ResetKind): void {
    this.#stop();
    this.#transfer.reset();
    this.#dor = 0;
    this.#tapeDrive = 0;
    this.#dataRate = 2;
    this.#fifo.fill(0);
    this.#specify = [0, 0];
    this.#configure = fdc.CONFIGURE_EFIFO;
    this.#precompensationTrack = 0;
    this.#perpendicular = 0;
    this.#locked = false;
    this.#nextId = 0;
    if (kind === "power") for (const drive of this.#drives) drive.reset();
    this.#setInterrupt(false);
  }

  /** Ends everything that goes on. */
  #stop(): void {
    this.#transfer.abandon();
    this.#disarm();
    this.#seeks.stop();
    this.#received = 0;
    this.#result = [];
    this.#busy = false;
  }

  #read(offset: number): number {
    switch (offset) {
      case 0:
        return (this.#interrupt ? 0x80 : 0) | 0x40 | (this.#selectedDrive?.cylinder === 0 ? 0x10 : 0);
      case 1:
        return 0xc0 | ((this.#dor & 0x01) << 5);
      case 2:
        return this.#dor;
      case 3:
        return this.#tapeDrive;
      case 4:
        return this.#mainStatus();
      case 5:
        return this.#readFifo();
      default:
        return 0xff;
    }
  }

  #write(offset: number, value: number): void {
    if (offset === 2) this.#writeDor(value);
    else if (offset === 3) this.#tapeDrive = value & 3;
    else if (offset === 4) this.#writeDsr(value);
    else if (offset === 5) this.#writeFifo(value);
  }

  #mainStatus(): number {
    if ((this.#dor & fdc.DOR_NOT_RESET) === 0 || this.#wait === "reset") return 0;
    const status = (this.#busy ? fdc.CMD_BUSY : 0) | this.#seeks.busyBits;
    const { stage } = this.#transfer;
    if (stage === "toHost") return status | fdc.RQM | fdc.DIO | fdc.NON_DMA;
    if (stage === "fromHost") return status | fdc.RQM | fdc.NON_DMA;
    if (this.#result.length > 0) return status | fdc.RQM | fdc.DIO;
    return this.#executing ? status : status | fdc.RQM;
  }

  /** Between the last parameter and the first result. */
  get #executing(): boolean {
    return this.#wait !== "none" || this.#transfer.stage === "working";
  }

  #writeDor(value: number): void {
    const wasRunning = (this.#dor & fdc.DOR_NOT_RESET) !== 0;
    this.#dor = value;
    const runs = (value & fdc.DOR_NOT_RESET) !== 0;
    if (wasRunning && !runs) this.#enterReset();
    else if (!wasRunning && runs) this.#arm("reset", RESET_NS);
    this.#driveLine();
  }

  #writeDsr(value: number): void {
    this.#dataRate = value & 3;
    if ((value & fdc.DSR_SOFTWARE_RESET) === 0) return;
    this.#enterReset();
    if ((this.#dor & fdc.DOR_NOT_RESET) !== 0) this.#arm("reset", RESET_NS);
  }

  #enterReset(): void {
    this.#stop();
    if (!this.#locked) {
      this.#configure = (this.#configure & fdc.CONFIGURE_EIS) | fdc.CONFIGURE_EFIFO;
      this.#precompensationTrack = 0;
    }
    this.#perpendicular &= 0x3c;
    this.#setInterrupt(false);
  }

  // Command and result phases.

  #readFifo(): number {
    if (this.#transfer.stage === "toHost") return this.#transfer.readByte();
    const value = this.#result.shift();
    if (value === undefined) return 0;
    this.#setInterrupt(false);
    if (this.#result.length === 0) this.#busy = false;
    return value;
  }

  #writeFifo(value: number): void {
    if ((this.#dor & fdc.DOR_NOT_RESET) === 0 || this.#wait === "reset") return;
    if (this.#transfer.stage === "fromHost") {
      this.#transfer.writeByte(value);
      return;
    }
    if (this.#result.length > 0 || this.#executing) return;
    if (this.#received === 0) this.#busy = true;
    this.#fifo[this.#received++] = value;
    const shape = commandShape(this.#fifo[0]!);
    if (this.#received < (shape?.length ?? 1)) return;
    this.#received = 0;
    this.#execute(shape?.command);
  }

  /** Commands without an interrupt of their own end here; `results` may be empty. */
  #reply(...results: number[]): void {
    this.#result = results;
    this.#busy = results.length > 0;
  }

  #execute(command: number | undefined): void {
    const fifo = this.#fifo;
    switch (command) {
      case undefined:
        return this.#reply(fdc.ST0_INVALID);
      case fdcCommand.specify:
        this.#specify = [fifo[1]!, fifo[2]!];
        return this.#reply();
      case fdcCommand.senseDriveStatus:
        return this.#reply(this.#driveStatus(fifo[1]!));
      case fdcCommand.recalibrate:
        return this.#startSeek(fifo[1]! & 3, 0);
      case fdcCommand.seek:
        return this.#startSeek(fifo[1]! & 3, this.#seekTarget(fifo));
      case fdcCommand.senseInterruptStatus:
        return this.#senseInterrupt();
      case fdcCommand.dumpreg:
        return this.#reply(...this.#registers());
      case fdcCommand.version:
        return this.#reply(0x90);
      case fdcCommand.perpendicularMode:
        // OW lets the drive bits change.
        this.#perpendicular = (fifo[1]! & 0x80) !== 0 ? fifo[1]! & 0x3f : (this.#perpendicular & 0x3c) | (fifo[1]! & 3);
        return this.#reply();
      case fdcCommand.configure:
        this.#configure = fifo[2]! & 0x7f;
        this.#precompensationTrack = fifo[3]!;
        return this.#reply();
      case fdcCommand.lock:
        this.#locked = (fifo[0]! & 0x80) !== 0;
        return this.#reply(this.#locked ? 0x10 : 0x00);
      default:
        this.#forgetInterrupt();
        return this.#arm("start", this.#startDelay());
    }
  }

  #driveStatus(parameter: number): number {
    const drive = this.#drives[parameter & 3];
    const position = drive?.cylinder === 0 ? fdc.ST3_T0 : 0;
    return fdc.ST3_ALWAYS | (parameter & 7) | position | (drive?.writeProtected ? fdc.ST3_WP : 0);
  }

  #registers(): number[] {
    const cylinders = [0, 1, 2, 3].map((unit) => this.#drives[unit]?.cylinder ?? 0);
    const lock = (this.#locked ? 0x80 : 0) | this.#perpendicular;
    return [...cylinders, ...this.#specify, this.#fifo[6]!, lock, this.#configure, this.#precompensationTrack];
  }

  #seekTarget(fifo: Uint8Array): number {
    if ((fifo[0]! & 0x80) === 0) return fifo[2]!;
    const from = this.#drives[fifo[1]! & 3]?.cylinder ?? 0;
    return (fifo[0]! & 0x40) !== 0 ? from + fifo[2]! : from - fifo[2]!;
  }

  #senseInterrupt(): void {
    this.#setInterrupt(false);
    this.#reply(...this.#seeks.sense());
    // Another drive has arrived meanwhile: that is an edge of its own.
    if (this.#seeks.anyFinished) this.#setInterrupt(true);
  }

  #startSeek(unit: number, target: number): void {
    this.#forgetInterrupt();
    this.#seeks.start(unit, target);
    this.#reply();
  }

  /** A command that ends with an interrupt of its own makes those before it void. */
  #forgetInterrupt(): void {
    this.#seeks.forgetPolling();
    this.#setInterrupt(false);
  }

  // Commands that find sectors.

  #startDelay(): number {
    const drive = this.#drives[this.#fifo[1]! & 3];
    return drive?.geometry === undefined ? NOTHING_FOUND_NS : START_NS;
  }

  #start(): void {
    const fifo = this.#fifo;
    const command = fifo[0]! & 0x1f;
    const drive = this.#drives[fifo[1]! & 3];
    if (command === fdcCommand.readId) return this.#finishReadId();
    if ((this.#configure & fdc.CONFIGURE_EIS) !== 0 && command !== fdcCommand.formatTrack) drive?.stepTo(fifo[2]!);
    this.#transfer.start(fifo, this.#dataRate);
  }

  #transferEnded(sectors: number): void {
    this.#arm("end", SECTOR_NS * (sectors + 1));
  }

  #finishReadId(): void {
    const unit = this.#fifo[1]! & 7;
    const drive = this.#drives[unit & 3];
    const head = (unit >> 2) & 1;
    const sectors = drive?.geometry?.sectorsPerTrack ?? 1;
    const sector = (this.#nextId % sectors) + 1;
    this.#nextId = sector & 0xff;
    const rateFits = fdc.rateReads(this.#dataRate, drive?.geometry?.kilobitsPerSecond ?? 0);
    if (drive?.sectorIndex(head, sector) === undefined || !rateFits || (this.#fifo[0]! & fdc.MFM) === 0) {
      return this.#showResult([fdc.ST0_ABNORMAL | unit, fdc.ST1_MA, 0, 0, 0, 0, 0]);
    }
    this.#showResult([unit, 0, 0, drive.cylinder, head, sector, 2]);
  }

  #showResult(result: number[]): void {
    this.#result = result;
    this.#setInterrupt(true);
  }

  // Time and the interrupt line.

  #arm(wait: Wait, delayNs: number): void {
    this.#disarm();
    this.#wait = wait;
    this.#timer = this.#clock.schedule(this.#clock.nowNs() + delayNs, () => this.#timerRan());
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#wait = "none";
  }

  #timerRan(): void {
    const wait = this.#wait;
    this.#wait = "none";
    this.#timer = undefined;
    if (wait === "start") this.#start();
    else if (wait === "end") this.#showResult(this.#transfer.result);
    else if (wait === "reset") {
      this.#seeks.poll();
      this.#setInterrupt(true);
    }
  }

  #setInterrupt(pending: boolean): void {
    this.#interrupt = pending;
    this.#driveLine();
  }

  #driveLine(): void {
    this.#irq.set(this.#interrupt && (this.#dor & fdc.DOR_DMAGATE) !== 0);
  }

  save(writer: StateWriter): void {
    const now = this.#clock.nowNs();
    for (const drive of this.#drives) drive.save(writer);
    this.#transfer.save(writer);
    writer.u8(this.#dor).u8(this.#tapeDrive).u8(this.#dataRate).bytes(this.#fifo).u8(this.#received);
    writer.bytes(Uint8Array.from(this.#result)).bool(this.#busy).bool(this.#interrupt);
    this.#seeks.save(writer);
    writer.u8(waits.indexOf(this.#wait)).f64(this.#timer === undefined ? 0 : this.#timer.deadlineNs - now);
    writer.u8(this.#specify[0]!).u8(this.#specify[1]!).u8(this.#configure).u8(this.#precompensationTrack);
    writer.u8(this.#perpendicular).bool(this.#locked).u8(this.#nextId);
  }

  load(reader: StateReader): void {
    const loadDrives = this.#drives.map((drive) => drive.prepareLoad(reader));
    const loadTransfer = this.#transfer.prepareLoad(reader);
    const registers = { dor: reader.u8(), tapeDrive: reader.u8(), dataRate: reader.u8() & 3 };
    const fifo = reader.bytes();
    const received = reader.u8();
    const result = [...reader.bytes()];
    const busy = reader.bool();
    const interrupt = reader.bool();
    const loadSeeks = this.#seeks.prepareLoad(reader);
    const wait = waits[reader.u8()];
    const delayNs = reader.f64();
    const settings = Array.from({ length: 5 }, () => reader.u8());
    const locked = reader.bool();
    const nextId = reader.u8();
    if (fifo.length !== 9 || received > 8 || wait === undefined || !Number.isFinite(delayNs)) {
      throw new GuesthouseError("state-invalid", "The saved state of the floppy controller is damaged.");
    }
    this.#stop();
    for (const load of loadDrives) load();
    this.#dor = registers.dor;
    this.#tapeDrive = registers.tapeDrive;
    this.#dataRate = registers.dataRate;
    this.#fifo = fifo;
    this.#received = received;
    this.#result = result;
    this.#busy = busy;
    loadSeeks();
    this.#specify = settings.slice(0, 2);
    [, , this.#configure, this.#precompensationTrack, this.#perpendicular] = settings as [
      number,
      number,
      number,
      number,
      number,
    ];
    this.#locked = locked;
    this.#nextId = nextId;
    if (wait !== "none") this.#arm(wait, delayNs);
    this.#setInterrupt(interrupt);
    loadTransfer();
  }
}
