import type { InterruptFrame } from "../service/InterruptFrame.ts";
import { IDLE, type ServiceRun } from "../service/ServiceRun.ts";

/**
 * INT 15h AH=53h: Advanced Power Management 1.2, real-mode interface only, as far as programs use it: idling and switching
 * off. The protected-mode interfaces are refused; systems that want them have ACPI.
 */
const SIGNATURE = 0x504d;
const ALL_DEVICES = 0x0001;
const STATE_OFF = 3;

/** Errors in AH. */
const NOT_CONNECTED = 0x03;
const NO_16_BIT_INTERFACE = 0x06;
const NO_32_BIT_INTERFACE = 0x08;
const UNKNOWN_DEVICE = 0x09;
const BAD_VALUE = 0x0a;
const NO_EVENT = 0x80;
const UNSUPPORTED = 0x86;

export class AdvancedPower {
  readonly #powerOff: () => void;
  #connected = false;

  constructor(powerOff: () => void) {
    this.#powerOff = powerOff;
  }

  get connected(): boolean {
    return this.#connected;
  }
  set connected(value: boolean) {
    this.#connected = value;
  }

  serve(frame: InterruptFrame): undefined | ServiceRun {
    if (frame.al === 0x05) return this.#idle(frame);
    const status = this.#call(frame);
    frame.carry = status !== 0;
    if (status !== 0) frame.ah = status;
    return undefined;
  }

  *#idle(frame: InterruptFrame): ServiceRun {
    yield IDLE;
    frame.carry = false;
  }

  #call(frame: InterruptFrame): number {
    switch (frame.al) {
      case 0x00:
        frame.ax = 0x0102;
        frame.bx = SIGNATURE;
        frame.cx = 0;
        return 0;
      case 0x01:
        this.#connected = true;
        return 0;
      case 0x02:
        return NO_16_BIT_INTERFACE;
      case 0x03:
        return NO_32_BIT_INTERFACE;
      case 0x04:
        if (!this.#connected) return NOT_CONNECTED;
        this.#connected = false;
        return 0;
      case 0x07:
        if (frame.bx !== ALL_DEVICES) return UNKNOWN_DEVICE;
        if (frame.cx === STATE_OFF) this.#powerOff();
        return frame.cx >= 1 && frame.cx <= STATE_OFF ? 0 : BAD_VALUE;
      case 0x0a:
        // On line, no battery.
        frame.bx = 0x01ff;
        frame.cx = 0x80ff;
        frame.dx = 0xffff;
        frame.si = 0;
        return 0;
      case 0x0b:
        return NO_EVENT;
      case 0x0c:
        frame.cx = 0;
        return 0;
      case 0x0e:
        frame.ax = 0x0102;
        return 0;
      case 0x06:
      case 0x08:
      case 0x0d:
      case 0x0f:
      case 0x10:
        if (frame.al === 0x10) frame.cx = 0;
        return 0;
      default:
        return UNSUPPORTED;
    }
  }
}
