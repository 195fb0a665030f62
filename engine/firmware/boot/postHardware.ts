import { NS_PER_MS } from "../../base/units.ts";
import type { Clock } from "../../contracts/Clock.ts";
import type { PhysicalMemory } from "../../contracts/PhysicalMemory.ts";
import type { PortAccess } from "../../contracts/PortAccess.ts";
import type { ServiceRun } from "../service/ServiceRun.ts";

/** Brings the board's chips into the state that software finds after the POST of a PC AT and its successors. */
const LOCAL_APIC = 0xfee00000;
const SPURIOUS_VECTOR = 0xf0;
const LVT_LINT0 = 0x350;
const LVT_LINT1 = 0x360;
const APIC_ENABLED = 0x100;
const DELIVER_EXTINT = 0x700;
const DELIVER_NMI = 0x400;

/** Unmasked: timer, keyboard, cascade, floppy; on the second controller mouse, coprocessor, disk. */
const MASTER_MASK = 0xb8;
const SLAVE_MASK = 0x8f;

const KEYBOARD_DATA = 0x60;
const KEYBOARD_STATUS = 0x64;
const OUTPUT_FULL = 0x01;
const INPUT_FULL = 0x02;
const PATIENCE_NS = 50 * NS_PER_MS;
const RESET_PATIENCE_NS = 800 * NS_PER_MS;

export function initializeChips(ports: PortAccess): void {
  // A20 on, no fast reset.
  ports.out8(0x92, (ports.in8(0x92) | 0x02) & ~0x01);
  for (const [base, vector, cascade, mask] of [
    [0x20, 0x08, 0x04, MASTER_MASK],
    [0xa0, 0x70, 0x02, SLAVE_MASK],
  ] as const) {
    ports.out8(base, 0x11);
    ports.out8(base + 1, vector);
    ports.out8(base + 1, cascade);
    ports.out8(base + 1, 0x01);
    ports.out8(base + 1, mask);
  }
  // Counter 0 the tick, 1 refresh, 2 the speaker's tone.
  for (const [control, counter, low, high] of [
    [0x36, 0x40, 0, 0],
    [0x54, 0x41, 0x12, undefined],
    [0xb6, 0x42, 0x33, 0x05],
  ] as const) {
    ports.out8(0x43, control);
    ports.out8(counter, low);
    if (high !== undefined) ports.out8(counter, high);
  }
  ports.out8(0x61, ports.in8(0x61) & 0xfc);
  // Both DMA controllers cleared, channel 4 cascading.
  ports.out8(0x0d, 0);
  ports.out8(0xda, 0);
  ports.out8(0xd6, 0xc0);
  ports.out8(0xd4, 0x00);
  // The coprocessor's error latch.
  ports.out8(0xf0, 0);
}

/** Virtual wire: the 8259 pair through LINT0, NMI through LINT1. */
export function initializeLocalApic(memory: PhysicalMemory): void {
  // Enabled first: a disabled local APIC keeps its local vectors masked.
  memory.write32(LOCAL_APIC + SPURIOUS_VECTOR, APIC_ENABLED | 0xff);
  memory.write32(LOCAL_APIC + LVT_LINT0, DELIVER_EXTINT);
  memory.write32(LOCAL_APIC + LVT_LINT1, DELIVER_NMI);
}

class KeyboardController {
  readonly #ports: PortAccess;
  readonly #clock: Clock;

  constructor(ports: PortAccess, clock: Clock) {
    this.#ports = ports;
    this.#clock = clock;
  }

  drain(): void {
    for (let count = 0; count < 32 && this.#ports.in8(KEYBOARD_STATUS) & OUTPUT_FULL; count++) {
      this.#ports.in8(KEYBOARD_DATA);
    }
  }

  *send(port: number, value: number): ServiceRun {
    const deadline = this.#clock.nowNs() + PATIENCE_NS;
    while (this.#ports.in8(KEYBOARD_STATUS) & INPUT_FULL && this.#clock.nowNs() < deadline) yield { kind: "poll" };
    this.#ports.out8(port, value);
  }

  *receive(patienceNs = PATIENCE_NS): ServiceRun<number | undefined> {
    const deadline = this.#clock.nowNs() + patienceNs;
    while ((this.#ports.in8(KEYBOARD_STATUS) & OUTPUT_FULL) === 0) {
      if (this.#clock.nowNs() > deadline) return undefined;
      yield { kind: "poll" };
    }
    return this.#ports.in8(KEYBOARD_DATA);
  }
}

/** Tests the controller, resets the keyboard, and leaves it scanning with set-1 translation. False: no keyboard answers. */
export function* initializeKeyboard(ports: PortAccess, clock: Clock): ServiceRun<boolean> {
  const controller = new KeyboardController(ports, clock);
  // With interrupts off in the command byte, answers wait for us here instead of going to INT 09h.
  yield* controller.send(KEYBOARD_STATUS, 0xad);
  yield* controller.send(KEYBOARD_STATUS, 0xa7);
  controller.drain();
  yield* controller.send(KEYBOARD_STATUS, 0xaa);
  if ((yield* controller.receive()) !== 0x55) return false;
  yield* controller.send(KEYBOARD_STATUS, 0x60);
  yield* controller.send(KEYBOARD_DATA, 0x64);
  yield* controller.send(KEYBOARD_STATUS, 0xae);
  yield* controller.send(KEYBOARD_DATA, 0xff);
  let answer = yield* controller.receive(RESET_PATIENCE_NS);
  if (answer === 0xfa) answer = yield* controller.receive(RESET_PATIENCE_NS);
  const present = answer === 0xaa;
  yield* controller.send(KEYBOARD_DATA, 0xf4);
  yield* controller.receive();
  yield* controller.send(KEYBOARD_STATUS, 0x60);
  yield* controller.send(KEYBOARD_DATA, 0x65);
  return present;
}
