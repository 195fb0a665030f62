/**
 * Joins the 8259A pair, the I/O APIC and the local APIC of a one-processor PC: each ISA interrupt reaches its 8259 input
 * and an I/O APIC pin together (IRQ0 pin 2, others their own number), the 8259's INT goes to LINT0 and to I/O APIC pin 0, or
 * straight to the processor when the local APIC is off. Local APIC vectors go before the 8259's.
 * Load the controllers (`devices`) after all devices that drive lines: what those do while they load must not
 * remain as an edge.
 */
import type { Clock } from "../../contracts/Clock.ts";
import type { Device } from "../../contracts/Device.ts";
import type { InterruptSource } from "../../contracts/InterruptSource.ts";
import type { IrqLine } from "../../contracts/IrqLine.ts";
import type { MessageSink } from "../../contracts/MessageSink.ts";
import { IO_APIC_PINS, IoApic } from "./IoApic.ts";
import { LocalApic } from "./LocalApic.ts";
import { PicPair } from "./PicPair.ts";
import { WiredOr } from "./WiredOr.ts";

export interface InterruptRouterParts {
  readonly clock: Clock;
  readonly apicTimerFrequencyHz?: number;
  /** The level of the processor's INTR, on every change. After a load of the processor, ask `pending()`. */
  onPendingChanged(pending: boolean): void;
  onNmi(): void;
  /** INIT and start-up messages that software sends to its own processor. */
  onInit?(): void;
  onStartup?(vector: number): void;
  /** Where the local APIC page is, undefined while it is disabled. */
  onLocalApicMoved?(address: number | undefined): void;
}

const MESSAGE_RANGE = 0xfee;

export class InterruptRouter implements InterruptSource, MessageSink {
  readonly pic: PicPair;
  readonly ioApic: IoApic;
  readonly localApic: LocalApic;
  readonly #parts: InterruptRouterParts;
  readonly #lines: readonly WiredOr[];
  #pending = false;

  constructor(parts: InterruptRouterParts) {
    this.#parts = parts;
    this.localApic = new LocalApic({
      clock: parts.clock,
      ...(parts.apicTimerFrequencyHz === undefined ? {} : { timerFrequencyHz: parts.apicTimerFrequencyHz }),
      onChanged: () => this.#update(),
      onEndOfInterrupt: (vector) => this.ioApic.endOfInterrupt(vector),
      onNmi: () => parts.onNmi(),
      onInit: () => parts.onInit?.(),
      onStartup: (vector) => parts.onStartup?.(vector),
      onBaseChanged: (address) => parts.onLocalApicMoved?.(address),
    });
    this.ioApic = new IoApic({
      deliver: (mode, vector, level, destination, logical) =>
        this.localApic.deliver(mode, vector, level, destination, logical),
      onChanged: () => this.#update(),
    });
    this.pic = new PicPair({
      onInterruptRequest: (level) => {
        this.ioApic.setPin(0, level);
        this.localApic.setLint0(level);
        this.#update();
      },
    });
    this.#lines = Array.from({ length: IO_APIC_PINS }, (_, irq) => new WiredOr(this.#input(irq)));
  }

  /** The controllers with state, in the order they must be reset and loaded. */
  get devices(): readonly Device[] {
    return [this.localApic, this.ioApic, this.pic];
  }

  /** A new source on interrupt 0-15 (ISA, both controllers) or on I/O APIC pin 16-23. */
  line(irq: number): IrqLine {
    const line = this.#lines[irq];
    if (!line) throw new Error(`interrupt ${irq} does not exist`);
    return line.input();
  }

  /**
   * A message-signalled interrupt (Intel SDM volume 3, 11.11): destination and mode in the address, vector and delivery mode in the
   * data. Writes elsewhere than to the APICs' range go nowhere.
   */
  send(address: number, data: number): void {
    if (address >>> 20 !== MESSAGE_RANGE) return;
    this.localApic.deliver((data >> 8) & 7, data & 0xff, false, (address >>> 12) & 0xff, (address & 4) !== 0);
    this.#update();
  }

  pending(): boolean {
    return this.#pending;
  }

  acknowledge(): number {
    const vector = this.localApic.acknowledge();
    if (vector >= 0) return vector;
    if (this.#picMayInterrupt() || !this.localApic.enabled) return this.pic.acknowledge();
    return this.localApic.spuriousVector;
  }

  /** The board's NMI button or a bus error, through LINT1. */
  raiseNmi(): void {
    this.localApic.pulseLint1();
  }

  getBaseMsr(): bigint {
    return this.localApic.getBaseMsr();
  }

  setBaseMsr(value: bigint): void {
    this.localApic.setBaseMsr(value);
  }

  #input(irq: number): IrqLine {
    const pin = irq === 0 ? 2 : irq;
    const onIoApic = irq !== 2;
    const onPic = irq < 16;
    return {
      set: (level) => {
        if (onPic) this.pic.setInterrupt(irq, level);
        if (onIoApic) this.ioApic.setPin(pin, level);
      },
    };
  }

  #picMayInterrupt(): boolean {
    if (!this.pic.pending()) return false;
    return !this.localApic.enabled || this.localApic.passesExtInt || this.ioApic.passesExtInt;
  }

  #update(): void {
    const pending = this.localApic.deliverable() >= 0 || this.#picMayInterrupt();
    if (pending === this.#pending) return;
    this.#pending = pending;
    this.#parts.onPendingChanged(pending);
  }
}
