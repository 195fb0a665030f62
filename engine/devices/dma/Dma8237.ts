/**
 * The two Intel 8237A DMA controllers of an AT (datasheet 231466) and their page registers: channels 0-3 move bytes within
 * 64 KiB pages, 5-7 words within 128 KiB pages, 4 cascades the first controller. Modes, autoinitialisation, both address
 * directions, verify, terminal count, masks and the byte pointer are modelled; a device moves a whole block at once.
 * Ports: 00h-0Fh (DMA1), C0h-DFh (DMA2, even addresses), 80h-8Fh (pages), all 1 byte wide.
 * Absent: memory-to-memory transfers, bus timing, DREQ/DACK polarity. Software requests are stored without effect.
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { Device, ResetKind } from "../../contracts/Device.ts";
import type { DmaChannel } from "../../contracts/DmaChannel.ts";
import type { IoHandler } from "../../contracts/IoHandler.ts";
import type { PhysicalMemory } from "../../contracts/PhysicalMemory.ts";
import { Dma8237Chip } from "./Dma8237Chip.ts";
import { IsaDmaChannel } from "./IsaDmaChannel.ts";

/** The page register (offset from port 80h) of each channel; 4 has one, at 8Fh, that once drove refresh. */
const PAGE_OFFSET = [0x7, 0x3, 0x1, 0x2, 0xf, 0xb, 0x9, 0xa];
const CASCADE_CHANNEL = 4;

export class Dma8237 implements Device {
  readonly id = "dma";
  readonly stateVersion = 1;
  readonly #chips = [new Dma8237Chip(), new Dma8237Chip()] as const;
  readonly #pages = new Uint8Array(16);
  readonly #channels: readonly DmaChannel[];
  readonly #onPostCode: ((code: number) => void) | undefined;

  /** `onPostCode` hears what firmware writes to port 80h, which is no channel's page. */
  constructor(parts: { memory: PhysicalMemory; onPostCode?: (code: number) => void }) {
    this.#onPostCode = parts.onPostCode;
    const cascadeOpen = () => !this.#chips[1].isMasked(CASCADE_CHANNEL & 3) && !this.#chips[1].disabled;
    this.#channels = Array.from(
      { length: 8 },
      (_, index) =>
        new IsaDmaChannel({
          chip: this.#chips[index < 4 ? 0 : 1],
          number: index & 3,
          unitBytes: index < 4 ? 1 : 2,
          memory: parts.memory,
          page: () => this.#pages[PAGE_OFFSET[index]!]!,
          open: index < 4 ? cascadeOpen : () => index !== CASCADE_CHANNEL,
        }),
    );
  }

  channel(number: number): DmaChannel {
    const channel = this.#channels[number];
    if (!channel || number === CASCADE_CHANNEL) throw new Error(`DMA channel ${number} is not for devices`);
    return channel;
  }

  readonly firstPorts: IoHandler = {
    read: (offset) => this.#chips[0].read(offset),
    write: (offset, value) => this.#chips[0].write(offset, value),
  };

  /** The second controller's registers are two ports apart. */
  readonly secondPorts: IoHandler = {
    read: (offset) => this.#chips[1].read(offset >> 1),
    write: (offset, value) => this.#chips[1].write(offset >> 1, value),
  };

  readonly pagePorts: IoHandler = {
    read: (offset) => this.#pages[offset]!,
    write: (offset, value) => {
      this.#pages[offset] = value;
      if (offset === 0) this.#onPostCode?.(value);
    },
  };

  reset(_kind: ResetKind): void {
    for (const chip of this.#chips) chip.reset();
    this.#pages.fill(0);
  }

  save(writer: StateWriter): void {
    for (const page of this.#pages) writer.u8(page);
    for (const chip of this.#chips) chip.save(writer);
  }

  load(reader: StateReader): void {
    const pages = Array.from(this.#pages, () => reader.u8());
    const takes = this.#chips.map((chip) => chip.restore(reader));
    this.#pages.set(pages);
    for (const take of takes) take();
  }
}
