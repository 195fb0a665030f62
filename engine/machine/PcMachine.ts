import { TypedEvent } from "../base/TypedEvent.ts";
import type { ActivitySink } from "../contracts/ActivitySink.ts";
import type { DisplaySource } from "../contracts/DisplaySink.ts";
import type { KeyboardSink, PointerSink } from "../contracts/InputSink.ts";
import type { RemovableDrive } from "../contracts/Medium.ts";
import { Board } from "./board/Board.ts";
import { type Firmware, installFirmware } from "./board/firmwareSetup.ts";
import type { ActivityCounters, MachineControl, MachineFigures } from "./MachineControl.ts";
import type { MachineOptions, MachineStop } from "./MachineOptions.ts";
import { RunLoop } from "./RunLoop.ts";
import { VirtualClock } from "./VirtualClock.ts";

/** A board, its firmware and the run loop, behind the calls that an owner makes. */
const SERIAL_PORTS = 2;

type Life = "off" | "running" | "paused";

export class PcMachine implements MachineControl {
  readonly serialOutput = new TypedEvent<{ index: number; byte: number }>();
  readonly debugOutput = new TypedEvent<number>();
  readonly stopped = new TypedEvent<MachineStop>();
  readonly #options: MachineOptions;
  readonly #clock: VirtualClock;
  readonly #board: Board;
  readonly #firmware: Firmware;
  readonly #loop: RunLoop;
  readonly #activity: ActivityCounters = {
    diskRead: 0,
    diskWritten: 0,
    opticalRead: 0,
    floppyRead: 0,
    floppyWritten: 0,
  };
  #life: Life = "off";

  constructor(options: MachineOptions) {
    this.#options = options;
    this.#clock = new VirtualClock(options.steadyNowNs);
    this.#board = new Board({
      options,
      clock: this.#clock,
      activity: this.#activitySinks(),
      serial: Array.from({ length: SERIAL_PORTS }, (_, index) => ({
        transmit: (byte) => this.serialOutput.emit({ index, byte }),
      })),
      onInterrupt: () => this.#loop?.wake(),
      onResetRequest: () => this.#loop.atBoundary(() => this.#resetNow()),
      onInitRequest: () => this.#loop.atBoundary(() => this.#board.initProcessor()),
      onPowerOff: () => this.#stopAtBoundary({ kind: "poweredOff" }),
      onDebugByte: (byte) => this.debugOutput.emit(byte),
      onDebugExit: (value) => this.#stopAtBoundary({ kind: "debugExit", value }),
      onTone: () => {},
    });
    this.#loop = new RunLoop({
      vcpu: this.#board.vcpu,
      clock: this.#clock,
      host: options,
      onStop: (exit) =>
        this.#stop(
          exit.kind === "shutdown"
            ? { kind: "tripleFault", reason: exit.reason }
            : { kind: "failure", error: exit.error },
        ),
    });
    this.#firmware = installFirmware(this.#board, options, this.#clock, this.#activitySinks(), this.#loop);
  }

  get display(): DisplaySource {
    return this.#board.vga;
  }
  get keyboard(): KeyboardSink {
    return this.#board.keyboard;
  }
  get pointer(): PointerSink {
    return this.#board.mouse;
  }
  get opticalDrives(): readonly RemovableDrive[] {
    return this.#board.opticals;
  }
  get floppyDrives(): readonly RemovableDrive[] {
    return this.#board.floppies;
  }

  start(): void {
    if (this.#life !== "off") return;
    this.#life = "running";
    this.#board.reset("power");
    this.#firmware.reset("power");
    this.#loop.start();
  }

  pause(): void {
    if (this.#life !== "running") return;
    this.#life = "paused";
    this.#loop.stop();
  }

  resume(): void {
    if (this.#life !== "paused") return;
    this.#life = "running";
    this.#loop.start();
  }

  reset(): void {
    if (this.#life === "off") return;
    if (this.#life === "paused") this.#resetNow();
    else this.#loop.atBoundary(() => this.#resetNow());
  }

  pressPowerButton(): void {
    if (this.#life === "running") this.#board.acpi.pressPowerButton();
  }

  powerOff(): void {
    if (this.#life !== "off") this.#stop({ kind: "poweredOff" });
  }

  sendSerial(index: number, bytes: Uint8Array): void {
    this.#board.uarts[index]?.receive(bytes);
    this.#loop.wake();
  }

  activity(): ActivityCounters {
    return { ...this.#activity };
  }

  figures(): MachineFigures {
    return {
      instructions: this.#board.vcpu.instructionCount(),
      guestNs: this.#clock.nowNs(),
      exits: this.#board.ports.accesses + this.#board.mmio.accesses,
      busyNs: this.#loop.busyNs,
    };
  }

  engineDescription(): string {
    const level = this.#options.cpuLevel ?? "host";
    const processor = level === "host" ? "all features of the engine" : `x86-64-${level}`;
    return this.#options.accel === "interpreter"
      ? `Interpreter: everything is interpreted, because the settings say so. Processor: ${processor}.`
      : `Translation: hot loops are translated to WebAssembly, everything else is interpreted. Processor: ${processor}.`;
  }

  #resetNow(): void {
    this.#board.reset("hard");
    this.#firmware.reset("hard");
  }

  #stopAtBoundary(reason: MachineStop): void {
    this.#loop.atBoundary(() => this.#stop(reason));
  }

  #stop(reason: MachineStop): void {
    if (this.#life === "off") return;
    this.#life = "off";
    this.#loop.stop();
    this.#options.log("info", "the machine stopped", { reason: reason.kind });
    this.stopped.emit(reason);
  }

  #activitySinks(): { disk: ActivitySink; optical: ActivitySink; floppy: ActivitySink } {
    const counters = this.#activity;
    return {
      disk: {
        read: (bytes) => {
          counters.diskRead += bytes;
        },
        write: (bytes) => {
          counters.diskWritten += bytes;
        },
      },
      optical: {
        read: (bytes) => {
          counters.opticalRead += bytes;
        },
        write: () => {},
      },
      floppy: {
        read: (bytes) => {
          counters.floppyRead += bytes;
        },
        write: (bytes) => {
          counters.floppyWritten += bytes;
        },
      },
    };
  }
}
