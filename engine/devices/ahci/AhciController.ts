/**
 * The AHCI controller of the Intel ICH9 (82801IR), PCI function 8086:2922, with up to six ports at BAR 5 (AHCI 1.3.1). It has no IDE mode:
 * the ports are its only face. Interrupts by INTA#. Absent: command completion coalescing, enclosure management, messages.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { Device, ResetKind } from "../../contracts/Device.ts";
import type { IoHandler, IoWidth } from "../../contracts/IoHandler.ts";
import type { IrqLine } from "../../contracts/IrqLine.ts";
import type { PciFunction } from "../../contracts/PciFunction.ts";
import type { PhysicalMemory } from "../../contracts/PhysicalMemory.ts";
import type { AtaDrive } from "../ata/AtaDrive.ts";
import { PciConfigSpace } from "../pci/PciConfigSpace.ts";
import { AhciPort } from "./AhciPort.ts";
import * as ahci from "./ahciRegisters.ts";

export const AHCI_PORTS = 6;
const MAP = 0x90;
const MAP_AHCI = 0x40;

export interface AhciControllerOptions {
  readonly memory: PhysicalMemory;
  /** INTA#. */
  readonly irq: IrqLine;
  /** By port; undefined is a free one. At most six. */
  readonly drives: readonly (AtaDrive | undefined)[];
  readonly onRegistersMoved: (address: number | undefined) => void;
}

export class AhciController implements Device, PciFunction {
  readonly id = "ahci";
  readonly stateVersion = 1;
  readonly ports: readonly AhciPort[];
  readonly #config: PciConfigSpace;
  readonly #irq: IrqLine;
  #control = ahci.GHC_AE;
  #status = 0;

  constructor(options: AhciControllerOptions) {
    this.#irq = options.irq;
    this.#config = new PciConfigSpace({
      id: this.id,
      vendorId: 0x8086,
      deviceId: 0x2922,
      revision: 2,
      classCode: 0x010601,
      subsystemVendorId: 0x1af4,
      subsystemId: 0x1100,
      interruptPin: 1,
      commandMask: 0x0406,
      bars: [{ index: 5, kind: "memory", sizeBytes: ahci.AHCI_WINDOW_BYTES, onChange: options.onRegistersMoved }],
    });
    this.#config.preset(MAP, 1, MAP_AHCI);
    this.#config.onWrite = () => this.#driveLine();
    this.ports = Array.from(
      { length: AHCI_PORTS },
      (_, index) =>
        new AhciPort({
          memory: options.memory,
          drive: options.drives[index],
          onInterrupt: () => this.#portInterrupt(),
        }),
    );
  }

  readonly registers: IoHandler = {
    read: (offset: number, width: IoWidth): number => {
      const value = this.#read(offset & ~3);
      return width === 4 ? value >>> 0 : (value >>> (8 * (offset & 3))) & (width === 2 ? 0xffff : 0xff);
    },
    // Registers are written as aligned dwords.
    write: (offset: number, value: number, width: IoWidth): void => {
      if (width === 4 && (offset & 3) === 0) this.#write(offset, value >>> 0);
    },
  };

  readConfig(offset: number, width: 1 | 2 | 4): number {
    return this.#config.readConfig(offset, width);
  }

  writeConfig(offset: number, value: number, width: 1 | 2 | 4): void {
    this.#config.writeConfig(offset, value, width);
  }

  #port(offset: number): AhciPort | undefined {
    return this.ports[Math.floor((offset - ahci.PORTS_AT) / ahci.PORT_BYTES)];
  }

  #read(offset: number): number {
    if (offset >= ahci.PORTS_AT) return this.#port(offset)?.read(offset % ahci.PORT_BYTES) ?? 0;
    switch (offset) {
      case ahci.hba.CAP:
        return (ahci.CAP | (AHCI_PORTS - 1)) >>> 0;
      case ahci.hba.GHC:
        return this.#control;
      case ahci.hba.IS:
        return this.#status;
      case ahci.hba.PI:
        return (1 << AHCI_PORTS) - 1;
      case ahci.hba.VS:
        return ahci.VERSION;
      default:
        return 0;
    }
  }

  #write(offset: number, value: number): void {
    if (offset >= ahci.PORTS_AT) {
      this.#port(offset)?.write(offset % ahci.PORT_BYTES, value);
    } else if (offset === ahci.hba.GHC) {
      if ((value & ahci.GHC_HR) !== 0) this.#resetHba();
      else this.#control = (ahci.GHC_AE | (value & ahci.GHC_IE)) >>> 0;
      this.#driveLine();
    } else if (offset === ahci.hba.IS) {
      this.#status &= ~value;
      this.#portInterrupt();
    }
  }

  #resetHba(): void {
    for (const port of this.ports) port.reset();
    this.#control = ahci.GHC_AE;
    this.#status = 0;
    this.#driveLine();
  }

  #portInterrupt(): void {
    // Called while the ports are being made, too.
    this.ports?.forEach((port, index) => {
      if (port.interrupting) this.#status |= 1 << index;
    });
    this.#driveLine();
  }

  #driveLine(): void {
    this.#irq.set(this.#status !== 0 && (this.#control & ahci.GHC_IE) !== 0 && this.#config.interruptEnabled);
  }

  reset(kind: ResetKind): void {
    void kind;
    this.#config.reset();
    this.#resetHba();
  }

  save(writer: StateWriter): void {
    this.#config.save(writer);
    writer.u32(this.#control).u32(this.#status);
    for (const port of this.ports) port.save(writer);
  }

  load(reader: StateReader): void {
    const config = this.#config.readState(reader);
    const [control, status] = [reader.u32(), reader.u32()];
    const loads = this.ports.map((port) => port.prepareLoad(reader));
    if (status >= 1 << AHCI_PORTS) {
      throw new GuesthouseError("state-invalid", "The saved state of an AHCI controller is damaged.", { status });
    }
    this.#config.apply(config);
    for (const load of loads) load();
    this.#control = (ahci.GHC_AE | (control & ahci.GHC_IE)) >>> 0;
    this.#status = status;
    this.#driveLine();
  }
}
