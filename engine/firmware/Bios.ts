import type { StateReader } from "../base/StateReader.ts";
import type { StateWriter } from "../base/StateWriter.ts";
import type { Clock } from "../contracts/Clock.ts";
import type { Device, ResetKind } from "../contracts/Device.ts";
import type { FirmwareCpu } from "../contracts/FirmwareCpu.ts";
import type { IoHandler, IoWidth } from "../contracts/IoHandler.ts";
import type { PhysicalMemory } from "../contracts/PhysicalMemory.ts";
import type { PortAccess } from "../contracts/PortAccess.ts";
import type { DirectBootImages } from "./boot/DirectBoot.ts";
import type { BootSource, FirmwareDrive } from "./disk/FirmwareDrive.ts";
import { TRAP_PORT } from "./rom/stubCode.ts";
import { buildSystemRom } from "./rom/systemRom.ts";
import { buildVideoRom, sealRom } from "./rom/videoRom.ts";
import { BiosServices } from "./service/BiosServices.ts";
import { GuestMemory } from "./service/GuestMemory.ts";
import { InterruptFrame } from "./service/InterruptFrame.ts";
import type { ServiceRun, Wait } from "./service/ServiceRun.ts";
import type { MemorySizes } from "./system/memoryMap.ts";
import { systemTables } from "./tables/systemTables.ts";

/**
 * The built-in BIOS: ROM images whose interrupt entries trap to the host, and the services behind them. The board maps the
 * images, and `handler` at the four ports from `trapPort` on. Between traps nothing of a service is in the machine but a frame on
 * the guest's stack, so that a service waits without holding up the machine.
 */
export interface BiosOptions {
  readonly memory: PhysicalMemory;
  readonly cpu: FirmwareCpu;
  readonly ports: PortAccess;
  readonly clock: Clock;
  readonly sizes: MemorySizes;
  readonly drives: readonly FirmwareDrive[];
  readonly bootOrder: readonly BootSource[];
  /** Show the boot menu without waiting for F12. */
  readonly bootMenu?: boolean;
  /** How long F12 is waited for. */
  readonly bootMenuWaitMs?: number;
  readonly directBoot?: DirectBootImages;
  readonly version: string;
  /** Memory of the display adapter. */
  readonly videoMemoryBytes: number;
  /** Identity of the machine, 16 bytes, for SMBIOS. */
  readonly uuid?: Uint8Array;
  readonly log: (message: string) => void;
}

export interface RomImages {
  /** 64 KiB for F0000h and the top of the 4 GiB space. */
  readonly f000: Uint8Array;
  /** 32 KiB for C0000h. */
  readonly c000: Uint8Array;
}

const ACTION_DONE = 0;
const ACTION_IDLE = 1;
const ACTION_POLL = 2;
const ACTION_INTERRUPT = 3;
const ACTION_POINTER_HANDLER = 4;

/** Calls that are waited for at the same time nest a few deep; programs that abandon calls must not fill the table. */
const MOST_RUNS = 64;

export class Bios implements Device {
  readonly id = "bios";
  readonly stateVersion = 3;
  readonly trapPort = TRAP_PORT;
  readonly handler: IoHandler;
  readonly #cpu: FirmwareCpu;
  readonly #memory: GuestMemory;
  readonly #services: BiosServices;
  readonly #images: RomImages;
  readonly #runs = new Map<number, ServiceRun>();
  #lastToken = 0;

  constructor(options: BiosOptions) {
    this.#cpu = options.cpu;
    this.#memory = new GuestMemory(options.memory, options.cpu);
    const rom = buildSystemRom();
    const video = buildVideoRom();
    const tables = systemTables(options);
    tables.placeInRom(rom.bytes);
    sealRom(video);
    this.#images = { f000: rom.bytes, c000: video };
    this.#services = new BiosServices(options, this.#memory, rom, tables);
    this.handler = {
      read: () => 0xffffffff,
      write: (offset: number, value: number, width: IoWidth) => {
        if (offset === 0 && width === 4) this.#trap(value >>> 16, value & 0xffff);
      },
    };
  }

  romImage(): RomImages {
    return this.#images;
  }

  #trap(segment: number, pointer: number): void {
    this.#memory.protectionEnabled = false;
    let frame = new InterruptFrame(this.#memory, segment, pointer);
    // Under a virtual-8086 monitor the stack itself lies behind page tables.
    if (!frame.genuine || frame.protectionEnabled) {
      this.#memory.protectionEnabled = true;
      frame = new InterruptFrame(this.#memory, segment, pointer);
      if (!frame.genuine) return;
    }
    this.#resume(frame);
  }

  #resume(frame: InterruptFrame): void {
    const token = frame.token;
    let run = token === 0 ? undefined : this.#runs.get(token);
    const resumed = { ax: frame.argument, carry: frame.action >> 8 !== 0 };
    if (run) {
      const step = run.next(resumed);
      this.#continue(frame, run, token, step);
      return;
    }
    run = this.#services.call(frame);
    if (!run) {
      frame.action = ACTION_DONE;
      return;
    }
    this.#continue(frame, run, 0, run.next(resumed));
  }

  #continue(frame: InterruptFrame, run: ServiceRun, token: number, step: IteratorResult<Wait, void>): void {
    if (step.done) {
      this.#runs.delete(token);
      frame.action = ACTION_DONE;
      return;
    }
    if (token === 0) frame.token = this.#remember(run);
    switch (step.value.kind) {
      case "idle":
        frame.action = ACTION_IDLE;
        return;
      case "poll":
        frame.action = ACTION_POLL;
        this.#cpu.yieldToHost();
        return;
      case "interrupt":
        frame.argument = step.value.ax;
        frame.action = ACTION_INTERRUPT | (step.value.vector << 8);
        return;
      case "pointerHandler":
        frame.action = ACTION_POINTER_HANDLER;
    }
  }

  #remember(run: ServiceRun): number {
    if (this.#runs.size >= MOST_RUNS) {
      const oldest = this.#runs.keys().next();
      if (!oldest.done) this.#runs.delete(oldest.value);
    }
    do this.#lastToken = (this.#lastToken + 1) & 0xffff;
    while (this.#lastToken === 0 || this.#runs.has(this.#lastToken));
    this.#runs.set(this.#lastToken, run);
    return this.#lastToken;
  }

  reset(_kind: ResetKind): void {
    this.#runs.clear();
    this.#lastToken = 0;
    this.#services.reset();
  }

  /** Instead of a self test, after a suspend to RAM: the real-mode address at which the system goes on, if it left one. */
  wake(): number | undefined {
    return this.#services.wake();
  }

  /** Services under way are not saved: their frames are in guest memory, and they start over (see ServiceRun). */
  save(writer: StateWriter): void {
    // Frames keep their tokens: new ones must not be mistaken for them.
    writer.u16(this.#lastToken);
    this.#services.save(writer);
  }

  load(reader: StateReader): void {
    const lastToken = reader.u16();
    this.#services.load(reader);
    this.#lastToken = lastToken;
    this.#runs.clear();
  }
}
