/**
 * PCI bus 0: functions by device and function number, configuration cycles, and the four interrupt pins of each
 * slot twisted onto PIRQA#-PIRQD# as PC boards with a PIIX wire them: pin p of device d reaches PIRQ (p + d - 2) mod 4
 * with p = 1 for INTA#, so device 1 INTA# is PIRQA#. Functions that do not exist read as all ones.
 * Absent: bridges to further buses, special cycles.
 */
import type { IrqLine } from "../../contracts/IrqLine.ts";
import type { PciFunction } from "../../contracts/PciFunction.ts";
import { WiredOr } from "../irq/WiredOr.ts";

export type PirqNumber = 0 | 1 | 2 | 3;

export class PciBus {
  readonly #functions = new Map<number, PciFunction>();
  readonly #pirqs: readonly WiredOr[];

  /** `pirqLines` are PIRQA#..PIRQD# of the ISA bridge, true when asserted. */
  constructor(pirqLines: readonly [IrqLine, IrqLine, IrqLine, IrqLine]) {
    this.#pirqs = pirqLines.map((line) => new WiredOr(line));
  }

  attach(device: number, functionNumber: number, pciFunction: PciFunction): void {
    const key = (device << 3) | functionNumber;
    if (this.#functions.has(key)) throw new Error(`PCI ${device}.${functionNumber} is taken`);
    this.#functions.set(key, pciFunction);
  }

  /** The function left its slot. It must hold no interrupt wire any more. */
  detach(device: number, functionNumber: number): void {
    this.#functions.delete((device << 3) | functionNumber);
  }

  /** The wire of an interrupt pin (1 = INTA#) of a device. */
  interruptLine(device: number, pin: number): IrqLine {
    return this.#pirqs[PciBus.pirqOf(device, pin)]!.input();
  }

  /** Which PIRQ (0 = PIRQA#) a pin reaches; ACPI and PIR tables must say the same. */
  static pirqOf(device: number, pin: number): PirqNumber {
    return ((pin + device - 2) & 3) as PirqNumber;
  }

  readConfig(bus: number, devfn: number, offset: number, width: 1 | 2 | 4): number {
    const target = bus === 0 ? this.#functions.get(devfn) : undefined;
    if (target) return target.readConfig(offset, width) >>> 0;
    return width === 4 ? 0xffffffff : width === 2 ? 0xffff : 0xff;
  }

  writeConfig(bus: number, devfn: number, offset: number, value: number, width: 1 | 2 | 4): void {
    if (bus === 0) this.#functions.get(devfn)?.writeConfig(offset, value, width);
  }
}
