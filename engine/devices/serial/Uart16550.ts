/**
 * A National PC16550D UART (datasheet and register map of 1995): FIFOs, all interrupts with their priorities, modem control and
 * status, loopback, divisor latch. OUT2 gates the interrupt as on a PC. Ports: 8, 1 byte wide (COM1 3F8h IRQ4, COM2 2F8h IRQ3).
 * Characters leave at once and the transmitter always has room; only the THR-empty interrupt comes a short while after a
 * write, so that an interrupt-driven guest gets to do something else. Received bytes wait in a queue without limit and
 * fill the FIFO as the guest drains it, so nothing is lost.
 * Absent: baud rate pacing, framing and parity errors, break, DMA mode. The far end always holds CTS, DSR and DCD.
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { Clock, ClockTimer } from "../../contracts/Clock.ts";
import type { Device, ResetKind } from "../../contracts/Device.ts";
import type { IoHandler } from "../../contracts/IoHandler.ts";
import type { IrqLine } from "../../contracts/IrqLine.ts";
import type { SerialBackend } from "../../contracts/SerialPort.ts";
import { ReceiveQueue } from "./ReceiveQueue.ts";

const IER_ERBFI = 0x01;
const IER_ETBEI = 0x02;
const IER_ELSI = 0x04;
const IER_EDSSI = 0x08;
const IIR_NONE = 0x01;
const IIR_MODEM_STATUS = 0x00;
const IIR_THR_EMPTY = 0x02;
const IIR_RECEIVED = 0x04;
const IIR_LINE_STATUS = 0x06;
const IIR_TIMEOUT = 0x0c;
const IIR_FIFOS_ENABLED = 0xc0;
const FCR_ENABLE = 0x01;
const FCR_CLEAR_RECEIVER = 0x02;
const LCR_DLAB = 0x80;
const MCR_DTR = 0x01;
const MCR_RTS = 0x02;
const MCR_OUT1 = 0x04;
const MCR_OUT2 = 0x08;
const MCR_LOOP = 0x10;
const LSR_DR = 0x01;
const LSR_OE = 0x02;
const LSR_THRE = 0x20;
const LSR_TEMT = 0x40;
const MSR_CTS = 0x10;
const MSR_DSR = 0x20;
const MSR_RI = 0x40;
const MSR_DCD = 0x80;
const MSR_CONNECTED = MSR_CTS | MSR_DSR | MSR_DCD;

const FIFO_SIZE = 16;
const TRIGGER_LEVELS = [1, 4, 8, 14];
/** What a character takes here, whatever the divisor says. */
const CHARACTER_NS = 10_000;

interface Registers {
  ier: number;
  fcr: number;
  lcr: number;
  mcr: number;
  msr: number;
  scr: number;
  divisor: number;
  overrun: boolean;
  thrEmptyPending: boolean;
  timeoutPending: boolean;
}

function resetRegisters(): Registers {
  return {
    ier: 0,
    fcr: 0,
    lcr: 0,
    mcr: 0,
    msr: MSR_CONNECTED,
    scr: 0,
    divisor: 0,
    overrun: false,
    thrEmptyPending: false,
    timeoutPending: false,
  };
}

export class Uart16550 implements Device, IoHandler {
  readonly id: string;
  readonly stateVersion = 1;
  readonly #clock: Clock;
  readonly #irq: IrqLine;
  readonly #backend: SerialBackend;
  readonly #queue = new ReceiveQueue();
  #registers = resetRegisters();
  #fifo: number[] = [];
  #thrTimer: ClockTimer | undefined;
  /** Refills the FIFO from the queue, and after that tells the guest of characters below the trigger level. */
  #receiveTimer: ClockTimer | undefined;

  constructor(parts: { id: string; clock: Clock; irq: IrqLine; backend: SerialBackend }) {
    this.id = parts.id;
    this.#clock = parts.clock;
    this.#irq = parts.irq;
    this.#backend = parts.backend;
  }

  /** Bytes from the far end. Any number at any time. */
  receive(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#queue.push(bytes);
    this.#armReceiver();
  }

  read(offset: number): number {
    const registers = this.#registers;
    const dlab = (registers.lcr & LCR_DLAB) !== 0;
    switch (offset) {
      case 0:
        return dlab ? registers.divisor & 0xff : this.#readReceiver();
      case 1:
        return dlab ? registers.divisor >> 8 : registers.ier;
      case 2:
        return this.#readIdentification();
      case 3:
        return registers.lcr;
      case 4:
        return registers.mcr;
      case 5:
        return this.#readLineStatus();
      case 6:
        return this.#readModemStatus();
      default:
        return registers.scr;
    }
  }

  write(offset: number, value: number): void {
    const registers = this.#registers;
    const dlab = (registers.lcr & LCR_DLAB) !== 0;
    switch (offset) {
      case 0:
        if (dlab) registers.divisor = (registers.divisor & 0xff00) | value;
        else this.#transmit(value);
        return;
      case 1:
        if (dlab) registers.divisor = (registers.divisor & 0x00ff) | (value << 8);
        else this.#writeInterruptEnable(value);
        return;
      case 2:
        this.#writeFifoControl(value);
        return;
      case 3:
        registers.lcr = value;
        return;
      case 4:
        this.#writeModemControl(value);
        return;
      case 5:
      case 6:
        return;
      default:
        registers.scr = value;
    }
  }

  reset(kind: ResetKind): void {
    this.#registers = resetRegisters();
    this.#fifo = [];
    if (kind === "power") this.#queue.clear();
    this.#cancelTimers();
    this.#updateInterrupt();
    this.#armReceiver();
  }

  save(writer: StateWriter): void {
    const registers = this.#registers;
    writer.u8(registers.ier).u8(registers.fcr).u8(registers.lcr).u8(registers.mcr).u8(registers.msr).u8(registers.scr);
    writer.u16(registers.divisor);
    writer.bool(registers.overrun).bool(registers.thrEmptyPending).bool(registers.timeoutPending);
    writer.bool(this.#thrTimer !== undefined);
    writer.bytes(Uint8Array.from(this.#fifo)).bytes(this.#queue.toBytes());
  }

  load(reader: StateReader): void {
    const registers: Registers = {
      ier: reader.u8() & 0x0f,
      fcr: reader.u8(),
      lcr: reader.u8(),
      mcr: reader.u8() & 0x1f,
      msr: reader.u8(),
      scr: reader.u8(),
      divisor: reader.u16(),
      overrun: reader.bool(),
      thrEmptyPending: reader.bool(),
      timeoutPending: reader.bool(),
    };
    const transmitting = reader.bool();
    const fifo = [...reader.bytes()].slice(0, FIFO_SIZE);
    const queue = reader.bytes();
    this.#cancelTimers();
    this.#registers = registers;
    this.#fifo = fifo;
    this.#queue.clear();
    this.#queue.push(queue);
    if (transmitting) this.#armThrEmpty();
    this.#updateInterrupt();
    this.#armReceiver();
  }

  get #fifosEnabled(): boolean {
    return (this.#registers.fcr & FCR_ENABLE) !== 0;
  }

  get #capacity(): number {
    return this.#fifosEnabled ? FIFO_SIZE : 1;
  }

  get #triggerLevel(): number {
    return this.#fifosEnabled ? TRIGGER_LEVELS[this.#registers.fcr >> 6]! : 1;
  }

  #readReceiver(): number {
    const byte = this.#fifo.shift() ?? 0;
    this.#registers.timeoutPending = false;
    this.#updateInterrupt();
    this.#armReceiver();
    return byte;
  }

  #readIdentification(): number {
    const cause = this.#cause();
    if (cause === IIR_THR_EMPTY) {
      this.#registers.thrEmptyPending = false;
      this.#updateInterrupt();
    }
    return cause | (this.#fifosEnabled ? IIR_FIFOS_ENABLED : 0);
  }

  #readLineStatus(): number {
    const registers = this.#registers;
    const status = LSR_THRE | LSR_TEMT | (this.#fifo.length > 0 ? LSR_DR : 0) | (registers.overrun ? LSR_OE : 0);
    if (registers.overrun) {
      registers.overrun = false;
      this.#updateInterrupt();
    }
    return status;
  }

  #readModemStatus(): number {
    const status = this.#registers.msr;
    if ((status & 0x0f) !== 0) {
      this.#registers.msr = status & 0xf0;
      this.#updateInterrupt();
    }
    return status;
  }

  #transmit(byte: number): void {
    if ((this.#registers.mcr & MCR_LOOP) !== 0) this.#loopBack(byte);
    else this.#backend.transmit(byte);
    this.#registers.thrEmptyPending = false;
    this.#updateInterrupt();
    if (!this.#thrTimer) this.#armThrEmpty();
  }

  #loopBack(byte: number): void {
    if (this.#fifo.length < this.#capacity) this.#fifo.push(byte);
    else this.#registers.overrun = true;
    this.#armReceiver();
  }

  #armThrEmpty(): void {
    this.#thrTimer = this.#clock.schedule(this.#clock.nowNs() + CHARACTER_NS, () => {
      this.#thrTimer = undefined;
      this.#registers.thrEmptyPending = true;
      this.#updateInterrupt();
    });
  }

  #writeInterruptEnable(value: number): void {
    const registers = this.#registers;
    const rises = value & ~registers.ier;
    registers.ier = value & 0x0f;
    // Enabling the interrupt while the transmitter is idle raises it at once; drivers start sending this way.
    if ((rises & IER_ETBEI) !== 0 && !this.#thrTimer) registers.thrEmptyPending = true;
    this.#updateInterrupt();
  }

  #writeFifoControl(value: number): void {
    const registers = this.#registers;
    const switches = ((value ^ registers.fcr) & FCR_ENABLE) !== 0;
    registers.fcr = (value & FCR_ENABLE) !== 0 ? value & 0xc9 : 0;
    if (switches || (value & FCR_CLEAR_RECEIVER) !== 0) {
      this.#fifo = [];
      registers.timeoutPending = false;
    }
    this.#updateInterrupt();
    this.#armReceiver();
  }

  #writeModemControl(value: number): void {
    this.#registers.mcr = value & 0x1f;
    this.#setModemStatus((value & MCR_LOOP) !== 0 ? loopedStatus(value) : MSR_CONNECTED);
    this.#updateInterrupt();
  }

  #setModemStatus(lines: number): void {
    const old = this.#registers.msr;
    let deltas = ((old ^ lines) >> 4) & 0x0b;
    // RI reports its falling edge only.
    if ((old & ~lines & MSR_RI) !== 0) deltas |= MSR_RI >> 4;
    this.#registers.msr = lines | (old & 0x0f) | deltas;
  }

  #cause(): number {
    const { ier, overrun, thrEmptyPending, timeoutPending, msr } = this.#registers;
    if ((ier & IER_ELSI) !== 0 && overrun) return IIR_LINE_STATUS;
    if ((ier & IER_ERBFI) !== 0 && this.#fifo.length >= this.#triggerLevel) return IIR_RECEIVED;
    if ((ier & IER_ERBFI) !== 0 && timeoutPending && this.#fifo.length > 0) return IIR_TIMEOUT;
    if ((ier & IER_ETBEI) !== 0 && thrEmptyPending) return IIR_THR_EMPTY;
    if ((ier & IER_EDSSI) !== 0 && (msr & 0x0f) !== 0) return IIR_MODEM_STATUS;
    return IIR_NONE;
  }

  #updateInterrupt(): void {
    const gated = (this.#registers.mcr & (MCR_OUT2 | MCR_LOOP)) === MCR_OUT2;
    this.#irq.set(gated && this.#cause() !== IIR_NONE);
  }

  /** A FIFO that ran empty is refilled after the time its characters would take; a part-filled one times out. */
  #armReceiver(): void {
    const length = this.#fifo.length;
    const looped = (this.#registers.mcr & MCR_LOOP) !== 0;
    const refills = this.#queue.length > 0 && length === 0 && !looped;
    const waits = length > 0 && length < this.#triggerLevel && !this.#registers.timeoutPending;
    if (this.#receiveTimer || (!refills && !waits)) return;
    const characters = refills ? Math.min(this.#queue.length, this.#capacity) : 4;
    this.#receiveTimer = this.#clock.schedule(this.#clock.nowNs() + characters * CHARACTER_NS, () => {
      this.#receiveTimer = undefined;
      this.#onReceiveTimer();
    });
  }

  #onReceiveTimer(): void {
    const looped = (this.#registers.mcr & MCR_LOOP) !== 0;
    const wasWaiting = this.#fifo.length > 0;
    if (!looped)
      while (this.#fifo.length < this.#capacity && this.#queue.length > 0) this.#fifo.push(this.#queue.shift());
    if (wasWaiting && this.#fifo.length < this.#triggerLevel) this.#registers.timeoutPending = true;
    this.#updateInterrupt();
    this.#armReceiver();
  }

  #cancelTimers(): void {
    this.#thrTimer?.cancel();
    this.#receiveTimer?.cancel();
    this.#thrTimer = undefined;
    this.#receiveTimer = undefined;
  }
}

/** In loopback the modem outputs feed the modem inputs. */
function loopedStatus(mcr: number): number {
  return (
    ((mcr & MCR_RTS) !== 0 ? MSR_CTS : 0) |
    ((mcr & MCR_DTR) !== 0 ? MSR_DSR : 0) |
    ((mcr & MCR_OUT1) !== 0 ? MSR_RI : 0) |
    ((mcr & MCR_OUT2) !== 0 ? MSR_DCD : 0)
  );
}
