import { NS_PER_MS, NS_PER_US } from "../../base/units.ts";
import type { Clock } from "../../contracts/Clock.ts";
import type { PortAccess } from "../../contracts/PortAccess.ts";
import { CONFIGURATION_TABLE_OFFSET, SYSTEM_SEGMENT } from "../rom/romLayout.ts";
import { BDA } from "../service/biosData.ts";
import { type GuestMemory, linearOf } from "../service/GuestMemory.ts";
import type { InterruptFrame } from "../service/InterruptFrame.ts";
import { IDLE, type ServiceRun } from "../service/ServiceRun.ts";
import type { AdvancedPower } from "./AdvancedPower.ts";
import { type CmosMemory, RTC, RTC_PERIODIC } from "./CmosMemory.ts";
import { addressMap, extendedKiB, type MemorySizes } from "./memoryMap.ts";
import type { PointingDevice } from "./PointingDevice.ts";

/**
 * INT 15h: memory size and map, A20, block move, waits, the keyboard and device hooks, power management (AH=53h) and
 * pointing device (AH=C2h). Absent: cassette, joystick (no game port), switching to protected mode (AH=89h).
 */
const UNSUPPORTED = 0x86;
const SMAP = 0x534d4150;
const PORT_A = 0x92;
const A20 = 0x02;
/** Halting between ticks is good enough until the rest of a wait is shorter than a tick. */
const TICK_NS = 55 * NS_PER_MS;
/** AH=88h answers in 16 bits, and programs of its time expect no more than 64 MiB. */
const LARGEST_88_KIB = 63 * 1024;

export class Int15 {
  readonly #memory: GuestMemory;
  readonly #ports: PortAccess;
  readonly #clock: Clock;
  readonly #cmos: CmosMemory;
  readonly #sizes: MemorySizes;
  readonly #pointing: PointingDevice;
  readonly #power: AdvancedPower;

  constructor(parts: {
    memory: GuestMemory;
    ports: PortAccess;
    clock: Clock;
    cmos: CmosMemory;
    sizes: MemorySizes;
    pointing: PointingDevice;
    power: AdvancedPower;
  }) {
    this.#memory = parts.memory;
    this.#ports = parts.ports;
    this.#clock = parts.clock;
    this.#cmos = parts.cmos;
    this.#sizes = parts.sizes;
    this.#pointing = parts.pointing;
    this.#power = parts.power;
  }

  serve(frame: InterruptFrame): undefined | ServiceRun {
    switch (frame.ah) {
      case 0x24:
        return this.#a20(frame);
      case 0x4f:
        // Nobody replaces the scan code: carry tells INT 09h to go on.
        frame.carry = true;
        return;
      case 0x53:
        return this.#power.serve(frame);
      case 0x52:
      case 0x80:
      case 0x81:
      case 0x82:
      case 0x85:
      case 0x90:
      case 0x91:
        frame.ah = 0;
        frame.carry = false;
        return;
      case 0x83:
        return this.#eventWait(frame);
      case 0x86:
        return this.#wait(frame);
      case 0x87:
        return this.#blockMove(frame);
      case 0xc0:
        frame.es = SYSTEM_SEGMENT;
        frame.bx = CONFIGURATION_TABLE_OFFSET;
        frame.ah = 0;
        frame.carry = false;
        return;
      case 0xc1:
        frame.es = this.#memory.get16(BDA.EBDA_SEGMENT);
        frame.carry = false;
        return;
      case 0xc2:
        return this.#pointing.serve(frame);
      default:
        return this.#memoryServices(frame);
    }
  }

  #memoryServices(frame: InterruptFrame): undefined {
    const extended = extendedKiB(this.#sizes);
    const below16 = Math.min(extended, 15 * 1024);
    const above16 = Math.max(0, Math.floor((extended - 15 * 1024) / 64));
    frame.carry = false;
    if (frame.ah === 0x88) {
      frame.ax = Math.min(extended, LARGEST_88_KIB);
      return;
    }
    switch (frame.ax) {
      case 0xe801:
        frame.ax = below16;
        frame.bx = above16;
        frame.cx = below16;
        frame.dx = above16;
        return;
      case 0xe881:
        frame.eax = below16;
        frame.ebx = above16;
        frame.ecx = below16;
        frame.edx = above16;
        return;
      case 0xe820:
        return this.#addressMap(frame);
      default:
        frame.ah = UNSUPPORTED;
        frame.carry = true;
    }
  }

  #addressMap(frame: InterruptFrame): undefined {
    const ranges = addressMap(this.#sizes);
    const index = frame.ebx;
    const range = ranges[index];
    if (frame.edx !== SMAP || frame.ecx < 20 || !range) {
      frame.ah = UNSUPPORTED;
      frame.carry = true;
      return;
    }
    const at = linearOf(frame.es, frame.di);
    this.#memory.set32(at, range.start);
    this.#memory.set32(at + 4, Math.floor(range.start / 2 ** 32));
    this.#memory.set32(at + 8, range.length);
    this.#memory.set32(at + 12, Math.floor(range.length / 2 ** 32));
    this.#memory.set32(at + 16, range.type);
    frame.eax = SMAP;
    frame.ecx = 20;
    frame.ebx = index + 1 < ranges.length ? index + 1 : 0;
  }

  #a20(frame: InterruptFrame): undefined {
    const port = this.#ports.in8(PORT_A);
    frame.carry = false;
    if (frame.al === 0 || frame.al === 1) {
      this.#ports.out8(PORT_A, (frame.al === 1 ? port | A20 : port & ~A20) & ~1);
    } else if (frame.al === 2) frame.al = port & A20 ? 1 : 0;
    else if (frame.al === 3) frame.bx = 3;
    else {
      frame.ah = UNSUPPORTED;
      frame.carry = true;
      return;
    }
    frame.ah = 0;
  }

  /** AH=87h: ES:SI points to a descriptor table; its third and fourth entries are source and target. */
  #blockMove(frame: InterruptFrame): undefined {
    const table = linearOf(frame.es, frame.si);
    const base = (entry: number) => {
      const low = this.#memory.get32(table + entry + 2) & 0xffffff;
      return low + this.#memory.get8(table + entry + 7) * 0x1000000;
    };
    const bytes = new Uint8Array(frame.cx * 2);
    this.#memory.physical.read(base(0x10), bytes);
    this.#memory.physical.write(base(0x18), bytes);
    frame.ah = 0;
    frame.carry = false;
    frame.zero = true;
    return undefined;
  }

  *#wait(frame: InterruptFrame): ServiceRun {
    const deadline = this.#clock.nowNs() + ((frame.cx << 16) | frame.dx) * NS_PER_US;
    for (;;) {
      const rest = deadline - this.#clock.nowNs();
      if (rest <= 0) break;
      yield rest > TICK_NS ? IDLE : { kind: "poll" };
    }
    frame.carry = false;
  }

  /** AH=83h: sets bit 7 of a byte after a time, by the periodic interrupt of the RTC. */
  #eventWait(frame: InterruptFrame): undefined {
    const memory = this.#memory;
    const control = this.#cmos.read(RTC.REGISTER_B);
    if (frame.al === 1) {
      memory.set8(BDA.WAIT_ACTIVE, 0);
      this.#cmos.write(RTC.REGISTER_B, control & ~RTC_PERIODIC);
      frame.carry = false;
      return;
    }
    if (memory.get8(BDA.WAIT_ACTIVE) & 1) {
      frame.carry = true;
      return;
    }
    memory.set16(BDA.WAIT_POINTER, frame.bx);
    memory.set16(BDA.WAIT_POINTER + 2, frame.es);
    memory.set32(BDA.WAIT_COUNT, ((frame.cx << 16) | frame.dx) >>> 0);
    memory.set8(BDA.WAIT_ACTIVE, 1);
    this.#ports.out8(0xa1, this.#ports.in8(0xa1) & ~1);
    this.#cmos.write(RTC.REGISTER_B, control | RTC_PERIODIC);
    frame.carry = false;
  }
}
