import { GuesthouseError } from "../base/GuesthouseError.ts";
import { TypedEvent } from "../base/TypedEvent.ts";
import type { ActivitySink } from "../contracts/ActivitySink.ts";
import type { DisplaySource } from "../contracts/DisplaySink.ts";
import type { KeyboardSink, PointerSink } from "../contracts/InputSink.ts";
import type { CapturedState, RestorableState } from "../contracts/MachineStateParts.ts";
import type { RemovableDrive } from "../contracts/Medium.ts";
import type { FrozenMemory } from "../memory/FrozenMemory.ts";
import type { MachineDescription } from "../snapshot/container/stateFileLayout.ts";
import { Board } from "./board/Board.ts";
import { type Firmware, installFirmware } from "./board/firmwareSetup.ts";
import { describeHardware } from "./describeHardware.ts";
import type { ActivityCounters, MachineControl, MachineFigures } from "./MachineControl.ts";
import { MachineDebugger } from "./MachineDebugger.ts";
import type { AttachedDisk, DiskAttachment, MachineOptions, MachineStop } from "./MachineOptions.ts";
import { acceptSections, loadSections, type StatefulParts, saveSections } from "./machineState.ts";
import { RunLoop } from "./RunLoop.ts";
import { VirtualClock } from "./VirtualClock.ts";

/** A board, its firmware and the run loop, behind the calls that an owner makes. */
const SERIAL_PORTS = 2;

type Life = "off" | "restoring" | "running" | "paused";

export class PcMachine implements MachineControl {
  readonly serialOutput = new TypedEvent<{ index: number; byte: number }>();
  readonly debugOutput = new TypedEvent<number>();
  readonly stopped = new TypedEvent<MachineStop>();
  readonly #options: MachineOptions;
  readonly #clock: VirtualClock;
  readonly #board: Board;
  readonly #firmware: Firmware;
  readonly #loop: RunLoop;
  readonly debug: MachineDebugger;
  readonly #activity: ActivityCounters = {
    diskRead: 0,
    diskWritten: 0,
    opticalRead: 0,
    floppyRead: 0,
    floppyWritten: 0,
  };
  #life: Life = "off";
  #lastState: { label: string; memory: FrozenMemory } | undefined;

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
      onSuspend: () => this.#loop.atBoundary(() => this.#board.suspendProcessor()),
      onWake: () => this.#loop.atBoundary(() => this.#wakeNow()),
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
      onDebug: (exit) => {
        this.#life = "paused";
        this.debug.noteStopped(exit);
      },
    });
    this.debug = new MachineDebugger({
      vcpu: this.#board.vcpu,
      memory: this.#board.memory,
      map: this.#board.map,
      life: () => (this.#life === "running" || this.#life === "paused" ? this.#life : "off"),
      pause: () => this.pause(),
      resume: () => this.resume(),
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
  get disks(): readonly AttachedDisk[] {
    return this.#board.storage.disks;
  }
  get entropyDevice(): boolean | undefined {
    return this.#board.storage.entropyDevice;
  }
  get opticalPorts(): readonly (number | undefined)[] {
    return this.#board.storage.opticalPorts;
  }

  attachDisk(disk: DiskAttachment): number {
    return this.#board.storage.plug(disk);
  }

  async detachDisk(slot: number, force = false): Promise<AttachedDisk> {
    return await this.#board.storage.unplug(slot, force ? "unasked" : this.#life === "running" ? "asked" : "silent");
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
    this.debug.noteStopped({ kind: "paused" });
  }

  resume(): void {
    if (this.#life !== "paused") return;
    this.#life = "running";
    this.debug.noteResumed();
    this.#loop.start();
  }

  reset(): void {
    if (this.#life === "paused") this.#resetNow();
    else if (this.#life === "running") this.#loop.atBoundary(() => this.#resetNow());
  }

  captureState(label: string): CapturedState {
    if (this.#life === "running") this.#loop.settle();
    if (this.#life !== "running" && this.#life !== "paused") throw illegalState("The machine is off.");
    const last = this.#lastState;
    if (last?.memory.holdsPages === true) throw illegalState("The state of the machine is being saved already.");
    const sections = saveSections(this.#parts);
    const ram = this.#board.regions.freeze();
    this.#lastState = { label, memory: ram };
    return { sections, ram, base: last && { label: last.label, changed: last.memory.written } };
  }

  get hardware(): MachineDescription {
    return describeHardware(this.#options, this.#board.storage);
  }

  async restoreState(state: RestorableState): Promise<void> {
    if (this.#life !== "off") throw illegalState("The machine is not off.");
    const { regions } = this.#board;
    if (state.ramBytes !== regions.ramBytes) {
      throw new GuesthouseError("state-other-machine", "The saved state is of a machine with another size of memory.", {
        ramBytes: state.ramBytes,
      });
    }
    const sections = acceptSections(this.#parts, state.sections);
    this.#life = "restoring";
    try {
      this.#board.reset("power");
      this.#firmware.reset("power");
      const pages = await state.readRam(regions.ram);
      regions.receive(pages);
      loadSections(this.#parts, sections);
      void pages.arrived().then(
        () => regions.allArrived(pages),
        (error: Error) => this.#stopAtBoundary({ kind: "failure", error }),
      );
    } catch (error) {
      this.#board.reset("power");
      this.#life = "off";
      throw error;
    }
    this.#lastState?.memory.dispose();
    const memory = regions.freeze();
    memory.dispose();
    this.#lastState = { label: state.label, memory };
    this.#life = "paused";
  }

  get #parts(): StatefulParts {
    const { devices } = this.#firmware;
    return { board: this.#board, firmwareDevices: devices, clock: this.#clock, loop: this.#loop };
  }

  pressPowerButton(): void {
    if (this.#life === "running") this.#board.acpi.pressPowerButton();
  }

  powerOff(): void {
    if (this.#life === "running" || this.#life === "paused") this.#stop({ kind: "poweredOff" });
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

  /** The end of a suspend to RAM: a reset that memory outlives, and then not the boot but what the system asked for. */
  #wakeNow(): void {
    this.#resetNow();
    const address = this.#firmware.wake();
    if (address !== undefined) this.#board.startProcessorAt(address);
  }

  #stopAtBoundary(reason: MachineStop): void {
    this.#loop.atBoundary(() => this.#stop(reason));
  }

  #stop(reason: MachineStop): void {
    if (this.#life === "off") return;
    this.#life = "off";
    this.#loop.stop();
    this.#board.storage.stop();
    this.debug.noteStopped({ kind: "off" });
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

function illegalState(sentence: string): GuesthouseError {
  return new GuesthouseError("illegal-state", sentence);
}
