import type { PortAccess } from "../../contracts/PortAccess.ts";

/** The RTC and its battery-backed memory through ports 70h and 71h; NMI stays enabled. */
export class CmosMemory {
  readonly #ports: PortAccess;

  constructor(ports: PortAccess) {
    this.#ports = ports;
  }

  read(index: number): number {
    this.#ports.out8(0x70, index);
    return this.#ports.in8(0x71);
  }

  write(index: number, value: number): void {
    this.#ports.out8(0x70, index);
    this.#ports.out8(0x71, value & 0xff);
  }

  /** The checksum over 10h-2Dh that set-up programs compare. */
  seal(): void {
    let sum = 0;
    for (let index = 0x10; index < 0x2e; index++) sum += this.read(index);
    this.write(0x2e, sum >> 8);
    this.write(0x2f, sum);
  }
}

export const RTC = {
  SECONDS: 0x00,
  SECONDS_ALARM: 0x01,
  MINUTES: 0x02,
  MINUTES_ALARM: 0x03,
  HOURS: 0x04,
  HOURS_ALARM: 0x05,
  DAY: 0x07,
  MONTH: 0x08,
  YEAR: 0x09,
  REGISTER_A: 0x0a,
  REGISTER_B: 0x0b,
  REGISTER_C: 0x0c,
  REGISTER_D: 0x0d,
  CENTURY: 0x32,
} as const;

/** Bits of register B. */
export const RTC_SET = 0x80;
export const RTC_PERIODIC = 0x40;
export const RTC_ALARM = 0x20;
/** Bit of registers B and C: update ended. */
export const RTC_UPDATE = 0x10;
export const RTC_24_HOURS = 0x02;

export const fromBcd = (value: number) => (value >> 4) * 10 + (value & 0x0f);
