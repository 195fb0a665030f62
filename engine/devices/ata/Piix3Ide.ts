/**
 * The IDE function of the Intel 82371SB (PIIX3), PCI function 8086:7010: two ATA channels in compatibility mode (1F0h/
 * 3F6h on IRQ 14, 170h/376h on IRQ 15) and a bus master block of 16 ports at BAR 4. Registers as in the PIIX3 datasheet
 * (order 290550) section 2.3. The timing registers hold what is written and change nothing; IDETIM's decode enable
 * opens and closes a channel's ports, and is set from the start, as firmware leaves it on a PC. The ports answer whatever the I/O bit of the
 * command register says, because drivers of the compatibility mode never look at it.
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { Device, ResetKind } from "../../contracts/Device.ts";
import type { IoHandler, IoWidth } from "../../contracts/IoHandler.ts";
import type { IrqLine } from "../../contracts/IrqLine.ts";
import type { PciFunction } from "../../contracts/PciFunction.ts";
import type { PhysicalMemory } from "../../contracts/PhysicalMemory.ts";
import { PciConfigSpace } from "../pci/PciConfigSpace.ts";
import { AtaChannel } from "./AtaChannel.ts";
import type { AtaDrive } from "./AtaDrive.ts";
import { IdeBusMaster } from "./IdeBusMaster.ts";

/** IDE timing registers of the two channels; bit 15 of each is the decode enable. */
const IDETIM = [0x40, 0x42] as const;
const SIDETIM = 0x44;
const IDE_DECODE_ENABLE = 0x8000;

type DrivePair = readonly [AtaDrive | undefined, AtaDrive | undefined];

export interface Piix3IdeOptions {
  readonly memory: PhysicalMemory;
  /** IRQ 14 and IRQ 15. */
  readonly irqs: readonly [primary: IrqLine, secondary: IrqLine];
  /** Primary and secondary; device 0 and device 1 of each. */
  readonly drives: readonly [primary: DrivePair, secondary: DrivePair];
  /** Where the bus master block is now, or undefined when it decodes nothing. */
  readonly onBusMasterMoved: (port: number | undefined) => void;
  /** Whether a channel's command and control ports decode. */
  readonly onChannelEnabled: (channel: 0 | 1, enabled: boolean) => void;
}

export class Piix3Ide implements Device, PciFunction {
  readonly id = "piix3-ide";
  readonly stateVersion = 1;
  readonly channels: readonly [AtaChannel, AtaChannel];
  readonly #config: PciConfigSpace;
  readonly #busMasters: readonly [IdeBusMaster, IdeBusMaster];
  readonly #onChannelEnabled: Piix3IdeOptions["onChannelEnabled"];

  constructor(options: Piix3IdeOptions) {
    this.#config = new PciConfigSpace({
      id: this.id,
      vendorId: 0x8086,
      deviceId: 0x7010,
      classCode: 0x010180,
      statusReset: 0x0280,
      bars: [{ index: 4, kind: "io", sizeBytes: 16, onChange: options.onBusMasterMoved }],
    });
    for (const register of IDETIM) {
      this.#config.allowWrites(register, 2, 0xffff);
      this.#config.preset(register, 2, IDE_DECODE_ENABLE);
    }
    this.#config.allowWrites(SIDETIM, 1, 0xff);
    this.#config.onWrite = (offset) => this.#configWritten(offset);
    this.#onChannelEnabled = options.onChannelEnabled;
    const busMaster = () => new IdeBusMaster({ memory: options.memory, enabled: () => this.#config.busMasterEnabled });
    this.#busMasters = [busMaster(), busMaster()];
    const channel = (index: 0 | 1) =>
      new AtaChannel({
        id: index === 0 ? "ata-primary" : "ata-secondary",
        irq: options.irqs[index],
        busMaster: this.#busMasters[index],
        drives: options.drives[index],
      });
    this.channels = [channel(0), channel(1)];
    this.#tellChannels();
  }

  /** 16 ports at BAR 4, widths 1, 2 and 4: the primary channel's block, then the secondary's. */
  readonly busMasterBlock: IoHandler = {
    read: (offset: number, width: IoWidth): number => this.#busMasters[offset < 8 ? 0 : 1].read(offset & 7, width),
    write: (offset: number, value: number, width: IoWidth): void =>
      this.#busMasters[offset < 8 ? 0 : 1].write(offset & 7, value, width),
  };

  readConfig(offset: number, width: 1 | 2 | 4): number {
    return this.#config.readConfig(offset, width);
  }

  writeConfig(offset: number, value: number, width: 1 | 2 | 4): void {
    this.#config.writeConfig(offset, value, width);
  }

  reset(kind: ResetKind): void {
    this.#config.reset();
    for (const channel of this.channels) channel.reset(kind);
    this.#tellChannels();
  }

  save(writer: StateWriter): void {
    this.#config.save(writer);
    for (const channel of this.channels) channel.save(writer);
  }

  load(reader: StateReader): void {
    const config = this.#config.readState(reader);
    const loads = this.channels.map((channel) => channel.prepareLoad(reader));
    this.#config.apply(config);
    for (const load of loads) load();
    this.#tellChannels();
  }

  #configWritten(offset: number): void {
    if (offset >= IDETIM[0] && offset < SIDETIM) this.#tellChannels();
    // Bus mastering may have been turned on under a started transfer.
    if (offset < 0x08) for (const busMaster of this.#busMasters) busMaster.onStart?.();
  }

  #tellChannels(): void {
    for (const index of [0, 1] as const) {
      this.#onChannelEnabled(index, (this.#config.get16(IDETIM[index]) & IDE_DECODE_ENABLE) !== 0);
    }
  }
}
