import { BDA } from "../service/biosData.ts";
import type { GuestMemory } from "../service/GuestMemory.ts";
import type { InterruptFrame } from "../service/InterruptFrame.ts";
import { type CmosMemory, RTC, RTC_24_HOURS, RTC_ALARM, RTC_SET } from "./CmosMemory.ts";
import type { PciBios } from "./PciBios.ts";

/** INT 1Ah: tick count, real-time clock and its alarm, PCI BIOS (AH=B1h). */
export class Int1A {
  readonly #memory: GuestMemory;
  readonly #cmos: CmosMemory;
  readonly #pci: PciBios;

  constructor(memory: GuestMemory, cmos: CmosMemory, pci: PciBios) {
    this.#memory = memory;
    this.#cmos = cmos;
    this.#pci = pci;
  }

  serve(frame: InterruptFrame): undefined {
    const cmos = this.#cmos;
    const memory = this.#memory;
    frame.carry = false;
    switch (frame.ah) {
      case 0x00: {
        const ticks = memory.get32(BDA.TICKS);
        frame.cx = ticks >>> 16;
        frame.dx = ticks & 0xffff;
        frame.al = memory.get8(BDA.MIDNIGHT);
        memory.set8(BDA.MIDNIGHT, 0);
        return;
      }
      case 0x01:
        memory.set32(BDA.TICKS, ((frame.cx << 16) | frame.dx) >>> 0);
        memory.set8(BDA.MIDNIGHT, 0);
        return;
      case 0x02:
        frame.ch = cmos.read(RTC.HOURS);
        frame.cl = cmos.read(RTC.MINUTES);
        frame.dh = cmos.read(RTC.SECONDS);
        frame.dl = cmos.read(RTC.REGISTER_B) & 1;
        frame.ah = 0;
        return;
      case 0x04:
        frame.ch = cmos.read(RTC.CENTURY);
        frame.cl = cmos.read(RTC.YEAR);
        frame.dh = cmos.read(RTC.MONTH);
        frame.dl = cmos.read(RTC.DAY);
        frame.ah = 0;
        return;
      case 0x03:
      case 0x05:
        this.#setClock(frame);
        return;
      case 0x06:
        this.#setAlarm(frame);
        return;
      case 0x07:
        cmos.write(RTC.REGISTER_B, cmos.read(RTC.REGISTER_B) & ~RTC_ALARM);
        return;
      case 0xb1:
        this.#pci.serve(frame);
        return;
      default:
        frame.carry = true;
    }
  }

  #setClock(frame: InterruptFrame): void {
    const cmos = this.#cmos;
    const control = cmos.read(RTC.REGISTER_B);
    cmos.write(RTC.REGISTER_B, control | RTC_SET);
    if (frame.ah === 0x03) {
      cmos.write(RTC.HOURS, frame.ch);
      cmos.write(RTC.MINUTES, frame.cl);
      cmos.write(RTC.SECONDS, frame.dh);
      cmos.write(RTC.REGISTER_B, (control & ~(RTC_SET | 1)) | RTC_24_HOURS | (frame.dl & 1));
    } else {
      cmos.write(RTC.CENTURY, frame.ch);
      cmos.write(RTC.YEAR, frame.cl);
      cmos.write(RTC.MONTH, frame.dh);
      cmos.write(RTC.DAY, frame.dl);
      cmos.write(RTC.REGISTER_B, control & ~RTC_SET);
    }
    frame.ah = 0;
  }

  #setAlarm(frame: InterruptFrame): void {
    const cmos = this.#cmos;
    const control = cmos.read(RTC.REGISTER_B);
    if (control & RTC_ALARM) {
      frame.carry = true;
      return;
    }
    cmos.write(RTC.HOURS_ALARM, frame.ch);
    cmos.write(RTC.MINUTES_ALARM, frame.cl);
    cmos.write(RTC.SECONDS_ALARM, frame.dh);
    cmos.write(RTC.REGISTER_B, (control & ~RTC_SET) | RTC_ALARM);
  }
}
