/**
 * The display adapter as PCI function 1234:1111, class 030000h: BAR 0 is the 16 MiB frame buffer (prefetchable), BAR 2 the 4 KiB
 * of registers that repeat the VGA's and the display interface's ports in memory. The legacy windows answer whatever
 * the command register says, as firmware and guests expect of the primary display.
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { Device, ResetKind } from "../../contracts/Device.ts";
import type { PciFunction } from "../../contracts/PciFunction.ts";
import type { VideoMemory } from "../../contracts/VideoMemory.ts";
import { PciConfigSpace } from "../pci/PciConfigSpace.ts";

export interface VgaPciOptions {
  readonly memory: VideoMemory;
  /** Where the register window of BAR 2 is now, or undefined when it decodes nothing. */
  readonly onRegistersMoved: (address: number | undefined) => void;
}

export class VgaPci implements Device, PciFunction {
  readonly id = "vga-pci";
  readonly stateVersion = 1;
  readonly #config: PciConfigSpace;

  constructor({ memory, onRegistersMoved }: VgaPciOptions) {
    this.#config = new PciConfigSpace({
      id: this.id,
      vendorId: 0x1234,
      deviceId: 0x1111,
      revision: 2,
      classCode: 0x030000,
      subsystemVendorId: 0x1af4,
      subsystemId: 0x1100,
      // Both spaces can be turned on: the legacy ports are I/O.
      commandMask: 0x0007,
      bars: [
        {
          index: 0,
          kind: "memory",
          sizeBytes: memory.bytes.length,
          prefetchable: true,
          onChange: (address) => memory.place(address),
        },
        { index: 2, kind: "memory", sizeBytes: 0x1000, onChange: onRegistersMoved },
      ],
    });
  }

  readConfig(offset: number, width: 1 | 2 | 4): number {
    return this.#config.readConfig(offset, width);
  }

  writeConfig(offset: number, value: number, width: 1 | 2 | 4): void {
    this.#config.writeConfig(offset, value, width);
  }

  reset(kind: ResetKind): void {
    void kind;
    this.#config.reset();
  }

  save(writer: StateWriter): void {
    this.#config.save(writer);
  }

  load(reader: StateReader): void {
    this.#config.load(reader);
  }
}
