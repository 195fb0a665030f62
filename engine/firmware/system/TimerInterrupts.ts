import type { PortAccess } from "../../contracts/PortAccess.ts";
import { BDA } from "../service/biosData.ts";
import { type GuestMemory, linearOf } from "../service/GuestMemory.ts";
import type { ServiceRun } from "../service/ServiceRun.ts";
import { type CmosMemory, RTC, RTC_ALARM, RTC_PERIODIC } from "./CmosMemory.ts";

/** INT 08h, the tick of 18.2 a second, and INT 70h, the real-time clock's alarm and periodic interrupt. */
const TICKS_PER_DAY = 0x1800b0;
/** The periodic interrupt comes 1,024 times a second. */
const PERIOD_US = 976;
const MOTOR_PORT = 0x3f2;
const MOTORS_OFF = 0x0c;

export class TimerInterrupts {
  readonly #memory: GuestMemory;
  readonly #ports: PortAccess;
  readonly #cmos: CmosMemory;

  constructor(memory: GuestMemory, ports: PortAccess, cmos: CmosMemory) {
    this.#memory = memory;
    this.#ports = ports;
    this.#cmos = cmos;
  }

  *tick(): ServiceRun {
    const memory = this.#memory;
    const ticks = memory.get32(BDA.TICKS) + 1;
    if (ticks >= TICKS_PER_DAY) {
      memory.set32(BDA.TICKS, 0);
      memory.set8(BDA.MIDNIGHT, memory.get8(BDA.MIDNIGHT) + 1);
    } else memory.set32(BDA.TICKS, ticks);
    this.#stopMotors();
    yield { kind: "interrupt", vector: 0x1c, ax: 0 };
    this.#ports.out8(0x20, 0x20);
  }

  /** Programs that drive the floppy controller themselves rely on the tick to stop the motor. */
  #stopMotors(): void {
    const memory = this.#memory;
    const count = memory.get8(BDA.FLOPPY_MOTOR_COUNT);
    if (count === 0) return;
    memory.set8(BDA.FLOPPY_MOTOR_COUNT, count - 1);
    if (count !== 1) return;
    memory.set8(BDA.FLOPPY_MOTOR, memory.get8(BDA.FLOPPY_MOTOR) & 0xf0);
    this.#ports.out8(MOTOR_PORT, MOTORS_OFF);
  }

  *clock(): ServiceRun {
    const cause = this.#cmos.read(RTC.REGISTER_C) & this.#cmos.read(RTC.REGISTER_B);
    if (cause & RTC_PERIODIC) this.#countDown();
    if (cause & RTC_ALARM) yield { kind: "interrupt", vector: 0x4a, ax: 0 };
    this.#ports.out8(0xa0, 0x20);
    this.#ports.out8(0x20, 0x20);
  }

  #countDown(): void {
    const memory = this.#memory;
    if ((memory.get8(BDA.WAIT_ACTIVE) & 1) === 0) return;
    const rest = memory.get32(BDA.WAIT_COUNT) - PERIOD_US;
    if (rest > 0) {
      memory.set32(BDA.WAIT_COUNT, rest);
      return;
    }
    memory.set32(BDA.WAIT_COUNT, 0);
    memory.set8(BDA.WAIT_ACTIVE, 0);
    const at = linearOf(memory.get16(BDA.WAIT_POINTER + 2), memory.get16(BDA.WAIT_POINTER));
    memory.set8(at, memory.get8(at) | 0x80);
    this.#cmos.write(RTC.REGISTER_B, this.#cmos.read(RTC.REGISTER_B) & ~RTC_PERIODIC);
  }
}
