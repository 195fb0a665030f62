import { NS_PER_MS } from "../../base/units.ts";
import type { Clock } from "../../contracts/Clock.ts";
import type { PortAccess } from "../../contracts/PortAccess.ts";
import { EBDA, extendedArea } from "../service/biosData.ts";
import type { GuestMemory } from "../service/GuestMemory.ts";
import type { InterruptFrame } from "../service/InterruptFrame.ts";
import type { ServiceRun, Wait } from "../service/ServiceRun.ts";

/**
 * INT 15h AH=C2h and INT 74h: the PS/2 mouse. Commands go through the keyboard controller with its interrupts off, so that
 * answers are not taken for data; packets are collected in the extended BIOS data area and handed to the program's far routine.
 */
const DATA = 0x60;
const STATUS = 0x64;
const OUTPUT_FULL = 0x01;
const INPUT_FULL = 0x02;
const READ_COMMAND_BYTE = 0x20;
const WRITE_COMMAND_BYTE = 0x60;
const TO_POINTER = 0xd4;
const KEYBOARD_INTERRUPT = 0x01;
const POINTER_INTERRUPT = 0x02;
const POINTER_DISABLED = 0x20;
const ACKNOWLEDGE = 0xfa;
const PATIENCE_NS = 100 * NS_PER_MS;
const RESET_PATIENCE_NS = 600 * NS_PER_MS;
const POLL: Wait = { kind: "poll" };

const HANDLER_INSTALLED = 0x80;

/** Results in AH. */
const INVALID_FUNCTION = 1;
const INVALID_INPUT = 2;
const INTERFACE_ERROR = 3;
const NO_HANDLER = 5;

const SAMPLE_RATES = [10, 20, 40, 60, 80, 100, 200];

export class PointingDevice {
  readonly #memory: GuestMemory;
  readonly #ports: PortAccess;
  readonly #clock: Clock;

  constructor(memory: GuestMemory, ports: PortAccess, clock: Clock) {
    this.#memory = memory;
    this.#ports = ports;
    this.#clock = clock;
  }

  #ebda8(offset: number): number {
    return this.#memory.get8(extendedArea(this.#memory) + offset);
  }
  #setEbda8(offset: number, value: number): void {
    this.#memory.set8(extendedArea(this.#memory) + offset, value);
  }

  *#receive(patienceNs = PATIENCE_NS): ServiceRun<number | undefined> {
    const deadline = this.#clock.nowNs() + patienceNs;
    while ((this.#ports.in8(STATUS) & OUTPUT_FULL) === 0) {
      if (this.#clock.nowNs() > deadline) return undefined;
      yield POLL;
    }
    return this.#ports.in8(DATA);
  }

  *#waitToSend(): ServiceRun {
    const deadline = this.#clock.nowNs() + PATIENCE_NS;
    while (this.#ports.in8(STATUS) & INPUT_FULL && this.#clock.nowNs() <= deadline) yield POLL;
  }

  *#controller(command: number, value?: number): ServiceRun {
    yield* this.#waitToSend();
    this.#ports.out8(STATUS, command);
    if (value === undefined) return;
    yield* this.#waitToSend();
    this.#ports.out8(DATA, value);
  }

  /** Sends bytes to the mouse; the answer's bytes after the acknowledgement, or undefined when it does not answer. */
  *#exchange(bytes: readonly number[], answers: number, patienceNs = PATIENCE_NS): ServiceRun<number[] | undefined> {
    yield* this.#controller(READ_COMMAND_BYTE);
    const commandByte = (yield* this.#receive()) ?? 0x65;
    const quiet = commandByte & ~(KEYBOARD_INTERRUPT | POINTER_INTERRUPT | POINTER_DISABLED);
    yield* this.#controller(WRITE_COMMAND_BYTE, quiet);
    const result = yield* this.#dialogue(bytes, answers, patienceNs);
    const after = (commandByte & ~POINTER_DISABLED) | POINTER_INTERRUPT;
    yield* this.#controller(WRITE_COMMAND_BYTE, after);
    return result;
  }

  *#dialogue(bytes: readonly number[], answers: number, patienceNs: number): ServiceRun<number[] | undefined> {
    for (const byte of bytes) {
      yield* this.#controller(TO_POINTER, byte);
      if ((yield* this.#receive()) !== ACKNOWLEDGE) return undefined;
    }
    const received: number[] = [];
    while (received.length < answers) {
      const byte = yield* this.#receive(patienceNs);
      if (byte === undefined) return undefined;
      received.push(byte);
    }
    return received;
  }

  *serve(frame: InterruptFrame): ServiceRun {
    const status = yield* this.#function(frame);
    frame.ah = status;
    frame.carry = status !== 0;
  }

  *#function(frame: InterruptFrame): ServiceRun<number> {
    switch (frame.al) {
      case 0x00:
        if (frame.bh > 1) return INVALID_INPUT;
        if (frame.bh === 1 && (this.#ebda8(EBDA.POINTER_FLAGS_2) & HANDLER_INSTALLED) === 0) return NO_HANDLER;
        this.#setEbda8(EBDA.POINTER_FLAGS_1, 0);
        return yield* this.#simple([frame.bh ? 0xf4 : 0xf5]);
      case 0x01:
      case 0x05:
        return yield* this.#reset(frame);
      case 0x02: {
        const rate = SAMPLE_RATES[frame.bh];
        return rate === undefined ? INVALID_INPUT : yield* this.#simple([0xf3, rate]);
      }
      case 0x03:
        return frame.bh > 3 ? INVALID_INPUT : yield* this.#simple([0xe8, frame.bh]);
      case 0x04: {
        const type = yield* this.#exchange([0xf2], 1);
        if (!type) return INTERFACE_ERROR;
        frame.bh = type[0]!;
        return 0;
      }
      case 0x06:
        return yield* this.#extended(frame);
      case 0x07:
        return this.#install(frame);
      default:
        return INVALID_FUNCTION;
    }
  }

  *#simple(bytes: readonly number[]): ServiceRun<number> {
    return (yield* this.#exchange(bytes, 0)) ? 0 : INTERFACE_ERROR;
  }

  *#reset(frame: InterruptFrame): ServiceRun<number> {
    if (frame.al === 0x05) {
      if (frame.bh < 1 || frame.bh > 8) return INVALID_INPUT;
      const flags = this.#ebda8(EBDA.POINTER_FLAGS_2);
      this.#setEbda8(EBDA.POINTER_FLAGS_2, (flags & HANDLER_INSTALLED) | (frame.bh - 1));
    }
    this.#setEbda8(EBDA.POINTER_FLAGS_1, 0);
    const answer = yield* this.#exchange([0xff], 2, RESET_PATIENCE_NS);
    if (!answer) return INTERFACE_ERROR;
    if (frame.al === 0x01) {
      frame.bl = answer[0]!;
      frame.bh = answer[1]!;
    }
    return 0;
  }

  *#extended(frame: InterruptFrame): ServiceRun<number> {
    if (frame.bh === 1 || frame.bh === 2) return yield* this.#simple([frame.bh === 1 ? 0xe6 : 0xe7]);
    if (frame.bh !== 0) return INVALID_INPUT;
    const status = yield* this.#exchange([0xe9], 3);
    if (!status) return INTERFACE_ERROR;
    frame.bl = status[0]!;
    frame.cl = status[1]!;
    frame.dl = status[2]!;
    return 0;
  }

  #install(frame: InterruptFrame): number {
    this.#memory.set16(extendedArea(this.#memory) + EBDA.POINTER_HANDLER, frame.bx);
    this.#memory.set16(extendedArea(this.#memory) + EBDA.POINTER_HANDLER + 2, frame.es);
    const flags = this.#ebda8(EBDA.POINTER_FLAGS_2);
    const installed = frame.es !== 0 || frame.bx !== 0;
    const size = flags & 7 || 2;
    this.#setEbda8(EBDA.POINTER_FLAGS_2, installed ? HANDLER_INSTALLED | size : size);
    return 0;
  }

  /** INT 74h: one byte of a packet; the handler is called when the packet is complete. */
  *interrupt(): ServiceRun {
    const status = this.#ports.in8(STATUS);
    const fromPointer = (status & 0x21) === 0x21;
    if (fromPointer && this.#collect(this.#ports.in8(DATA))) yield { kind: "pointerHandler" };
    this.#ports.out8(0xa0, 0x20);
    this.#ports.out8(0x20, 0x20);
  }

  #collect(byte: number): boolean {
    const flags = this.#ebda8(EBDA.POINTER_FLAGS_2);
    if ((flags & HANDLER_INSTALLED) === 0) return false;
    const size = (flags & 7) + 1;
    const index = this.#ebda8(EBDA.POINTER_FLAGS_1) & 7;
    // Bit 3 of a first byte is always set: this brings a stream that lost a byte back into step.
    if (index === 0 && (byte & 0x08) === 0 && size >= 3) return false;
    this.#setEbda8(EBDA.POINTER_DATA + index, byte);
    const complete = index + 1 >= size;
    this.#setEbda8(EBDA.POINTER_FLAGS_1, complete ? 0 : index + 1);
    if (!complete) return false;
    for (let word = 0; word < 3; word++) {
      const value = word < size ? this.#ebda8(EBDA.POINTER_DATA + word) : 0;
      this.#memory.set16(extendedArea(this.#memory) + EBDA.POINTER_ARGUMENTS + word * 2, value);
    }
    return true;
  }
}
