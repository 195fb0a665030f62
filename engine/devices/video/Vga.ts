/**
 * A VGA with the Bochs display interface: joins registers, memory, DAC and display interface, and shows what they describe when a
 * viewer asks. Nothing is rendered otherwise; registers only note that something changed. The content of the video memory
 * is saved with the guest's memory, not here.
 * Windows: ports 3B0h-3BBh and 3C0h-3DFh (width 1), 1CEh-1D0h (widths 1 and 2), memory A0000h-BFFFFh (widths 1, 2, 4).
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { Clock } from "../../contracts/Clock.ts";
import type { Device, ResetKind } from "../../contracts/Device.ts";
import type { DisplaySource, DisplayUpdate } from "../../contracts/DisplaySink.ts";
import type { IoHandler, IoWidth } from "../../contracts/IoHandler.ts";
import type { VideoMemory } from "../../contracts/VideoMemory.ts";
import { BeamPosition } from "./BeamPosition.ts";
import { DirtyPages } from "./DirtyPages.ts";
import { ScreenPainter } from "./ScreenPainter.ts";
import { VbeDispi } from "./VbeDispi.ts";
import { VgaDac } from "./VgaDac.ts";
import { VgaMemory } from "./VgaMemory.ts";
import { VgaRegisters } from "./VgaRegisters.ts";

export interface VgaOptions {
  readonly clock: Clock;
  readonly memory: VideoMemory;
}

export class Vga implements Device, DisplaySource {
  readonly id = "vga";
  readonly stateVersion = 1;
  readonly #memoryBytes: Uint8Array;
  readonly #dac: VgaDac;
  readonly #registers: VgaRegisters;
  readonly #memory: VgaMemory;
  readonly #dispi: VbeDispi;
  readonly #dirty: DirtyPages;
  readonly #beam: BeamPosition;
  readonly #painter: ScreenPainter;
  #poweredBefore = false;

  /** `memory` must be zero: it is as at power-on. */
  constructor({ clock, memory }: VgaOptions) {
    this.#memoryBytes = memory.bytes;
    this.#dirty = new DirtyPages(memory);
    this.#beam = new BeamPosition(clock, () => this.#registers);
    this.#dac = new VgaDac(() => this.#painter?.noteColors());
    this.#registers = new VgaRegisters({
      dac: this.#dac,
      beam: () => this.#beam.status(),
      onChange: (block) => this.#registersChanged(block),
    });
    this.#memory = new VgaMemory(memory.bytes, this.#registers, this.#dirty);
    this.#dispi = new VbeDispi({
      memoryBytes: memory.bytes.length,
      onChange: (clearBytes) => this.#dispiChanged(clearBytes),
    });
    this.#painter = new ScreenPainter({
      clock,
      bytes: memory.bytes,
      registers: this.#registers,
      memory: this.#memory,
      dac: this.#dac,
      dispi: this.#dispi,
      dirty: this.#dirty,
    });
    this.#dirty.markAll();
    this.#resetRegisters();
  }

  /** 3C0h-3DFh, width 1. */
  readonly ports: IoHandler = {
    read: (offset: number): number => this.#registers.read(0x3c0 + offset),
    write: (offset: number, value: number): void => this.#registers.write(0x3c0 + offset, value & 0xff),
  };

  /** 3B0h-3BBh, width 1. */
  readonly monochromePorts: IoHandler = {
    read: (offset: number): number => this.#registers.read(0x3b0 + offset),
    write: (offset: number, value: number): void => this.#registers.write(0x3b0 + offset, value & 0xff),
  };

  /** 1CEh-1D0h, widths 1 and 2: index, then data at the next port and at the one after it. */
  readonly dispiPorts: IoHandler = {
    read: (offset: number): number => (offset === 0 ? this.#dispi.index : this.#dispi.read()),
    write: (offset: number, value: number): void => {
      if (offset === 0) this.#dispi.index = value;
      else this.#dispi.write(value);
    },
  };

  /** A0000h-BFFFFh, widths 1, 2 and 4. */
  get legacyWindow(): IoHandler {
    return this.#memory;
  }

  /** The 4 KiB of registers behind BAR 2, widths 1 and 2: the VGA's ports from 400h, the display interface from 500h. */
  readonly mmio: IoHandler = {
    read: (offset: number, width: IoWidth): number => this.#readMmio(offset, width),
    write: (offset: number, value: number, width: IoWidth): void => this.#writeMmio(offset, value, width),
  };

  reset(kind: ResetKind): void {
    if (kind === "power") {
      // New memory is zero; clearing it would make the host provide all of it at once.
      if (this.#poweredBefore) this.#memoryBytes.fill(0);
      this.#poweredBefore = true;
      this.#dirty.markAll();
    }
    this.#resetRegisters();
  }

  #resetRegisters(): void {
    this.#dac.reset();
    this.#registers.reset();
    this.#memory.reset();
    this.#dispi.reset();
  }

  render(full: boolean): DisplayUpdate | undefined {
    return this.#painter.render(full);
  }

  textScreen(): readonly string[] | undefined {
    return this.#painter.textScreen();
  }

  #registersChanged(block: string): void {
    if (block === "sequencer" || block === "graphics" || block === "miscellaneous") this.#memory.update();
    if (block !== "graphics" && block !== "attribute") this.#beam.forgetTiming();
    if (block === "attribute") this.#painter.noteColors();
    else this.#painter.noteRegisters();
  }

  #dispiChanged(clearBytes: number): void {
    if (clearBytes > 0) {
      this.#memoryBytes.fill(0, 0, clearBytes);
      this.#dirty.markAll();
    }
    const mode = this.#dispi.mode;
    this.#dac.eightBits = mode !== undefined && this.#dispi.eightBitDac;
    const bank = mode?.bank ?? 0;
    if (mode === undefined || mode.depth === 4) this.#memory.setBank(undefined, bank * 0x10000);
    else this.#memory.setBank(bank * 0x10000, 0);
    this.#painter.noteRegisters();
  }

  #readMmio(offset: number, width: IoWidth): number {
    if (offset >= 0x500 && offset < 0x516)
      return this.#dispi.read((offset - 0x500) >> 1) & (width === 1 ? 0xff : 0xffff);
    let value = 0;
    for (let index = 0; index < width; index++) {
      const port = offset + index - 0x400;
      value |= (port >= 0 && port < 0x20 ? this.#registers.read(0x3c0 + port) : 0xff) << (8 * index);
    }
    return value >>> 0;
  }

  #writeMmio(offset: number, value: number, width: IoWidth): void {
    if (offset >= 0x500 && offset < 0x516) {
      this.#dispi.write(value, (offset - 0x500) >> 1);
      return;
    }
    for (let index = 0; index < width; index++) {
      const port = offset + index - 0x400;
      if (port >= 0 && port < 0x20) this.#registers.write(0x3c0 + port, (value >>> (8 * index)) & 0xff);
    }
  }

  save(writer: StateWriter): void {
    this.#dac.save(writer);
    this.#registers.save(writer);
    this.#memory.save(writer);
    this.#dispi.save(writer);
  }

  load(reader: StateReader): void {
    const loads = [this.#dac, this.#registers, this.#memory, this.#dispi].map((part) => part.prepareLoad(reader));
    for (const load of loads) load();
    this.#poweredBefore = true;
    this.#dirty.markAll();
    this.#painter.forget();
  }
}
