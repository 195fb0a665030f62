import { NS_PER_S } from "../../base/units.ts";
import type { Clock } from "../../contracts/Clock.ts";
import type { PortAccess } from "../../contracts/PortAccess.ts";
import { BDA } from "../service/biosData.ts";
import type { GuestMemory } from "../service/GuestMemory.ts";
import type { InterruptFrame } from "../service/InterruptFrame.ts";
import type { ServiceRun, Wait } from "../service/ServiceRun.ts";

/** INT 14h (serial ports, AH=00h-05h) and INT 17h (printers: none is fitted, every call says time-out). */
const DIVISORS = [0x417, 0x300, 0x180, 0xc0, 0x60, 0x30, 0x18, 0x0c];
const EXTENDED_DIVISORS = [0x417, 0x300, 0x180, 0xc0, 0x60, 0x30, 0x18, 0x0c, 6];
const LINE_STATUS = 5;
const MODEM_STATUS = 6;
const DATA_READY = 0x01;
const TRANSMITTER_EMPTY = 0x20;
const TIME_OUT = 0x80;
const POLL: Wait = { kind: "poll" };

export class SerialAndPrinter {
  readonly #memory: GuestMemory;
  readonly #ports: PortAccess;
  readonly #clock: Clock;

  constructor(memory: GuestMemory, ports: PortAccess, clock: Clock) {
    this.#memory = memory;
    this.#ports = ports;
    this.#clock = clock;
  }

  serial(frame: InterruptFrame): undefined | ServiceRun {
    const base = frame.dx < 4 ? this.#memory.get16(BDA.COM_PORTS + frame.dx * 2) : 0;
    if (base === 0) {
      frame.ah = TIME_OUT;
      return undefined;
    }
    switch (frame.ah) {
      case 0x00:
        this.#setUp(base, DIVISORS[frame.al >> 5]!, frame.al & 0x1f);
        return this.#status(frame, base);
      case 0x01:
        return this.#send(frame, base);
      case 0x02:
        return this.#receive(frame, base);
      case 0x03:
        return this.#status(frame, base);
      case 0x04:
        this.#setUp(
          base,
          EXTENDED_DIVISORS[frame.cl] ?? 0x0c,
          (frame.ch & 3) | ((frame.bl & 1) << 2) | ((frame.bh & 3) << 3),
        );
        return this.#status(frame, base);
      case 0x05:
        if (frame.al === 1) this.#ports.out8(base + 4, frame.bl);
        else frame.bl = this.#ports.in8(base + 4);
        return this.#status(frame, base);
      default:
        return undefined;
    }
  }

  #setUp(base: number, divisor: number, format: number): void {
    const ports = this.#ports;
    ports.out8(base + 3, 0x80);
    ports.out8(base, divisor & 0xff);
    ports.out8(base + 1, divisor >> 8);
    ports.out8(base + 3, format);
    ports.out8(base + 1, 0);
    ports.out8(base + 4, 0x03);
  }

  #status(frame: InterruptFrame, base: number): undefined {
    frame.ah = this.#ports.in8(base + LINE_STATUS);
    frame.al = this.#ports.in8(base + MODEM_STATUS);
    return undefined;
  }

  *#waitFor(frame: InterruptFrame, base: number, bit: number): ServiceRun<boolean> {
    const seconds = this.#memory.get8(BDA.COM_TIMEOUTS + frame.dx) || 1;
    const deadline = this.#clock.nowNs() + seconds * NS_PER_S;
    while ((this.#ports.in8(base + LINE_STATUS) & bit) === 0) {
      if (this.#clock.nowNs() > deadline) {
        frame.ah = this.#ports.in8(base + LINE_STATUS) | TIME_OUT;
        return false;
      }
      yield POLL;
    }
    return true;
  }

  *#send(frame: InterruptFrame, base: number): ServiceRun {
    if (!(yield* this.#waitFor(frame, base, TRANSMITTER_EMPTY))) return;
    this.#ports.out8(base, frame.al);
    frame.ah = this.#ports.in8(base + LINE_STATUS) & 0x7f;
  }

  *#receive(frame: InterruptFrame, base: number): ServiceRun {
    if (!(yield* this.#waitFor(frame, base, DATA_READY))) return;
    frame.ah = this.#ports.in8(base + LINE_STATUS) & 0x1e;
    frame.al = this.#ports.in8(base);
  }

  printer(frame: InterruptFrame): undefined {
    if (frame.ah <= 2) frame.ah = 0x01;
    return undefined;
  }
}
