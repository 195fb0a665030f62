/**
 * One machine in this process, from power-on to its end: what `guesthouse run` is. Serial output goes out as it comes, timed
 * keys and screenshots happen at their seconds since power-on, and the first of power-off, match, debug exit, crash and
 * time-out decides the exit status.
 */
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { decodeBinaryMessage } from "../api/binaryMessage.ts";
import { encodePng } from "../host/encodePng.ts";
import { GdbServer } from "../host/gdb/GdbServer.ts";
import { KeyTypist } from "../host/KeyTypist.ts";
import { loadStateFile, saveStateFile } from "../host/machineStateFile.ts";
import { type MachineParts, type OpenMachine, openMachine } from "../host/openMachine.ts";
import { SerialOutlet } from "../host/SerialOutlet.ts";
import { debugExitStatus, exitStatus } from "./exitStatus.ts";
import { OutputWatch } from "./OutputWatch.ts";
import type { RunOptions } from "./RunOptions.ts";
import { readPassphrase } from "./readPassphrase.ts";

const WATCH_MS = 50;

export type RunEnd =
  | { readonly kind: "poweredOff" | "matched" | "timeIsUp" | "interrupted" }
  | { readonly kind: "debugExit"; readonly value: number }
  | { readonly kind: "crashed" | "failed"; readonly detail: string };

export interface RunFigures {
  readonly end: RunEnd["kind"];
  readonly status: number;
  readonly wallSeconds: number;
  readonly guestSeconds: number;
  readonly instructions: number;
  readonly mips: number;
  readonly exits: number;
  readonly peakRssBytes: number;
  readonly engine: string;
}

export interface RunStreams {
  output(bytes: Uint8Array): void;
  /** A sentence for people. */
  say(text: string): void;
}

export class EphemeralRun {
  readonly #options: RunOptions;
  readonly #parts: MachineParts;
  readonly #streams: RunStreams;
  readonly #end = Promise.withResolvers<RunEnd>();
  readonly #timers: (() => void)[] = [];
  readonly #early: Uint8Array[] = [];
  #machine: OpenMachine | undefined;
  #started = false;
  #failedToSave = false;

  constructor(options: RunOptions, parts: MachineParts, streams: RunStreams) {
    this.#options = options;
    this.#parts = parts;
    this.#streams = streams;
  }

  /** Typed into the first serial port; what comes before power-on waits for it. */
  sendSerial(bytes: Uint8Array): void {
    if (this.#started) this.#machine?.control.sendSerial(0, bytes);
    else this.#early.push(bytes);
  }

  interrupt(): void {
    this.#end.resolve({ kind: "interrupted" });
  }

  /** Throws when a medium cannot be opened; whatever happens later is in the result. */
  async run(): Promise<RunFigures> {
    const startedMs = performance.now();
    const log = (level: string, message: string): void => {
      if (level !== "info") this.#streams.say(message);
    };
    const passphrases = await Promise.all(
      this.#options.passphraseFiles.map(async ({ slot, file }) => ({ slot, passphrase: await readPassphrase(file) })),
    );
    const machine = await openMachine(this.#options.config, process.cwd(), this.#parts, log, { passphrases });
    this.#machine = machine;
    try {
      const closeOutlets = this.#connect(machine);
      await this.#letDebug(machine);
      await this.#powerOn(machine);
      if (this.#options.gdb?.wait === true) machine.control.pause();
      this.#started = true;
      for (const bytes of this.#early) machine.control.sendSerial(0, bytes);
      this.#schedule(machine);
      const end = await this.#end.promise;
      await this.#finalScreenshots(machine);
      await this.#saveState(machine);
      for (const cancel of this.#timers) cancel();
      const figures = this.#figures(machine, end, startedMs);
      closeOutlets();
      if (end.kind !== "poweredOff") machine.control.powerOff();
      if ("detail" in end) this.#streams.say(end.detail);
      return figures;
    } finally {
      for (const cancel of this.#timers) cancel();
      await machine.close();
    }
  }

  async #powerOn(machine: OpenMachine): Promise<void> {
    const { loadState } = this.#options;
    if (loadState === undefined) return machine.control.start();
    await loadStateFile(machine.control, resolve(loadState));
    machine.control.resume();
  }

  /** A guest that has ended by itself leaves no state. */
  async #saveState(machine: OpenMachine): Promise<void> {
    const { saveState } = this.#options;
    if (saveState === undefined) return;
    try {
      machine.control.pause();
      await saveStateFile(machine.control, resolve(saveState));
    } catch (error) {
      this.#failedToSave = true;
      this.#streams.say(`No state in ${saveState}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #connect(machine: OpenMachine): () => void {
    const { control } = machine;
    const { config, until } = this.#options;
    const watch = until === undefined ? undefined : new OutputWatch(until);
    const outlet = new SerialOutlet(config.serial, process.cwd(), (message) => {
      const decoded = decodeBinaryMessage(message);
      if (decoded.kind === "serialOutput") this.#streams.output(decoded.bytes);
    });
    const pending: { serial: number[]; debug: number[] } = { serial: [], debug: [] };
    control.serialOutput.subscribe(({ index, byte }) => {
      outlet.put(index, byte);
      if (watch !== undefined && index === 0) pending.serial.push(byte);
    });
    control.debugOutput.subscribe((byte) => {
      if (watch !== undefined) pending.debug.push(byte);
    });
    const look = (): boolean => {
      if (watch === undefined) return false;
      for (const source of ["serial", "debug"] as const) {
        if (pending[source].length > 0) watch.put(source, Uint8Array.from(pending[source]));
        pending[source] = [];
      }
      return watch.found(control.display.textScreen());
    };
    if (watch !== undefined) {
      const timer = setInterval(() => {
        if (look()) this.#end.resolve({ kind: "matched" });
      }, WATCH_MS);
      this.#timers.push(() => clearInterval(timer));
    }
    control.stopped.subscribe((stop) => {
      switch (stop.kind) {
        case "poweredOff":
          this.#end.resolve({ kind: look() ? "matched" : "poweredOff" });
          break;
        case "debugExit":
          this.#end.resolve({ kind: "debugExit", value: stop.value });
          break;
        case "tripleFault":
          this.#end.resolve({ kind: "crashed", detail: `The guest crashed (triple fault): ${stop.reason}` });
          break;
        case "failure":
          this.#end.resolve({ kind: "failed", detail: `The engine failed: ${stop.error.stack ?? stop.error.message}` });
          break;
      }
    });
    return () => outlet.close();
  }

  async #letDebug({ control }: OpenMachine): Promise<void> {
    const { gdb } = this.#options;
    if (gdb === undefined) return;
    const server = await GdbServer.listen(gdb.port, {
      target: control.debug,
      kill: () => control.powerOff(),
      ...(gdb.architecture === undefined ? {} : { architecture: gdb.architecture }),
    });
    this.#timers.push(() => server.close());
    this.#streams.say(`GDB can attach: target remote 127.0.0.1:${server.port}`);
  }

  #schedule(machine: OpenMachine): void {
    const { keys, screenshots, timeoutSeconds } = this.#options;
    const typist = new KeyTypist(machine.control.keyboard);
    for (const { atSeconds, strokes } of keys) this.#after(atSeconds, () => void typist.type(strokes));
    for (const { atSeconds, path } of screenshots) {
      if (atSeconds !== undefined) this.#after(atSeconds, () => void this.#screenshot(machine, path));
    }
    if (timeoutSeconds !== undefined) this.#after(timeoutSeconds, () => this.#end.resolve({ kind: "timeIsUp" }));
  }

  #after(seconds: number, action: () => void): void {
    const timer = setTimeout(action, seconds * 1000);
    this.#timers.push(() => clearTimeout(timer));
  }

  async #finalScreenshots(machine: OpenMachine): Promise<void> {
    for (const { atSeconds, path } of this.#options.screenshots) {
      if (atSeconds === undefined) await this.#screenshot(machine, path);
    }
  }

  /** A picture that cannot be taken or written is said so and ends nothing. */
  async #screenshot(machine: OpenMachine, path: string): Promise<void> {
    try {
      const update = machine.control.display.render(true);
      if (update === undefined) throw new Error("The display shows no picture.");
      const png = encodePng(update.width, update.height, update.pixels);
      await writeFile(path, png);
    } catch (error) {
      this.#streams.say(`No screenshot in ${path}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #figures(machine: OpenMachine, end: RunEnd, startedMs: number): RunFigures {
    const { instructions, guestNs, exits, busyNs } = machine.control.figures();
    return {
      end: end.kind,
      status: this.#statusOf(end),
      wallSeconds: round((performance.now() - startedMs) / 1000),
      guestSeconds: round(guestNs / 1e9),
      instructions,
      mips: round(busyNs > 0 ? (instructions / busyNs) * 1000 : 0),
      exits,
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
      engine: machine.control.engineDescription(),
    };
  }

  #statusOf(end: RunEnd): number {
    if (this.#failedToSave) return exitStatus.failed;
    switch (end.kind) {
      case "poweredOff":
      case "matched":
        return exitStatus.done;
      case "debugExit":
        return this.#options.debugExit ? debugExitStatus(end.value) : exitStatus.done;
      case "timeIsUp":
        return exitStatus.timeIsUp;
      case "crashed":
        return exitStatus.guestCrashed;
      case "failed":
      case "interrupted":
        return exitStatus.failed;
    }
  }
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
