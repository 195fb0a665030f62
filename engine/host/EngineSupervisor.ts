/**
 * One machine's engine process from the host's side: starts it, relays to it, watches over it. Whatever way the process ends,
 * the machine ends in a state that says why: a crash or a process that no longer answers is "aborted" with the reason, and the
 * log is kept. Viewers of console and serial ports belong to the supervisor, so that they outlive runs.
 */

import { join } from "node:path";
import type * as v from "valibot";
import { decodeBinaryMessage, encodeSerialInput } from "../api/binaryMessage.ts";
import type { debugStopSchema } from "../api/debugProtocol.ts";
import type { MachineConfig } from "../api/MachineConfig.ts";
import { isLive, type MachineState } from "../api/MachineState.ts";
import type { Activity, Figures, LogLine } from "../api/MachineSummary.ts";
import type { ProtocolClient } from "../api/ProtocolClient.ts";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import { TypedEvent } from "../base/TypedEvent.ts";
import { ConsoleRelay } from "./ConsoleRelay.ts";
import type { DisplayMode } from "./ConsoleStreamer.ts";
import { type EngineRun, explainEnd, type RunFacts, type StartOptions } from "./EngineRun.ts";
import type { EngineStock } from "./EngineStock.ts";
import type { EngineProtocol } from "./engineProtocol.ts";
import { LockFile } from "./LockFile.ts";
import { unpackFrame } from "./PackedFrame.ts";
import { RunLog } from "./RunLog.ts";
import { SerialRelay } from "./SerialRelay.ts";

/** Figures come every second; a host that is very busy or was asleep may delay them. */
const SILENCE_MS = 30_000;
const POWER_OFF_MS = 10_000;
const EXIT_MS = 5_000;

type DebugStopped = v.InferOutput<typeof debugStopSchema>;

export class EngineSupervisor {
  readonly stateChanged = new TypedEvent<RunFacts>();
  readonly activity = new TypedEvent<Activity>();
  readonly figures = new TypedEvent<Figures>();
  readonly display = new TypedEvent<DisplayMode>();
  /** A debugger stopped the machine, which is paused then. */
  readonly debugStopped = new TypedEvent<DebugStopped>();
  readonly logLine = new TypedEvent<LogLine>();
  readonly console = new ConsoleRelay();

  readonly #folder: string;
  readonly #engines: EngineStock;
  readonly #serial = new Map<number, SerialRelay>();
  #run: EngineRun | undefined;
  #facts: RunFacts = {
    state: { kind: "poweredOff" },
    stateSinceMs: Date.now(),
    startedMs: null,
    engine: null,
    lastStop: null,
  };
  residentBytes = 0;
  #saved: boolean;

  /** `saved`: there is a state to go on from. */
  constructor(folder: string, engines: EngineStock, saved = false) {
    this.#folder = folder;
    this.#engines = engines;
    this.#saved = saved;
    if (saved) this.#facts = { ...this.#facts, state: { kind: "saved" } };
  }

  /** There is a state to go on from, or no more. */
  noteSaved(saved: boolean): void {
    if (saved === this.#saved) return;
    this.#saved = saved;
    if (!this.live) this.#change({ state: this.#restState() });
  }

  #restState(): MachineState {
    return this.#saved ? { kind: "saved" } : { kind: "poweredOff" };
  }

  get facts(): RunFacts {
    return this.#facts;
  }

  get live(): boolean {
    return isLive(this.#facts.state.kind);
  }

  /** Resolves when the guest runs. Rejects with why it cannot, the machine then being off. */
  async start(config: MachineConfig, how: StartOptions = {}): Promise<void> {
    if (this.live) throw new GuesthouseError("illegal-state", "The machine runs already.");
    this.#change({ state: { kind: "starting" }, startedMs: Date.now(), lastStop: null });
    let run: EngineRun;
    try {
      run = await this.#launch(config);
    } catch (error) {
      this.#change({ state: this.#restState(), startedMs: null });
      throw error;
    }
    try {
      const { engine } = await run.client.call("boot", {
        config,
        folder: this.#folder,
        disposable: how.disposable === true,
        trusted: [...(how.trusted ?? [])],
        passphrases: [...(how.passphrases ?? [])],
        ...(how.state === undefined ? {} : { state: how.state.name }),
      });
      if (how.state !== undefined) {
        await how.state.given();
        await run.client.call("resume", {});
      }
      run.log.write("info", "The machine runs.", { engine });
      if (this.#run === run && this.#facts.state.kind === "starting") {
        this.#change({ state: { kind: "running" }, engine });
      }
      this.console.attach(run.client);
    } catch (error) {
      await this.#abandon(run, error);
    }
  }

  async #launch(config: MachineConfig): Promise<EngineRun> {
    const lock = await LockFile.acquire(join(this.#folder, ".lock"), `The machine “${config.name}”`);
    try {
      const log = new RunLog(this.#folder, Date.now(), (line) => this.logLine.emit(line));
      log.write("info", "The machine starts.", { name: config.name, memoryMiB: config.memoryMiB });
      const run: EngineRun = {
        ...this.#engines.take(config.name),
        log,
        lock,
        ended: Promise.withResolvers(),
        lastSign: performance.now(),
        stop: undefined,
        failure: undefined,
        closedBecause: "",
        watchdog: undefined,
        writing: false,
        ending: false,
      };
      this.#run = run;
      this.#listen(run);
      return run;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  #listen(run: EngineRun): void {
    const { child, client, log } = run;
    run.watchdog = setInterval(() => {
      if (performance.now() - run.lastSign < SILENCE_MS) return;
      this.#fail(run, `The engine gave no sign of life for ${SILENCE_MS / 1000} seconds.`);
    }, 1000);
    run.watchdog.unref();
    client.on("figures", (figures) => {
      run.lastSign = performance.now();
      this.residentBytes = figures.residentBytes;
      this.figures.emit(figures);
    });
    client.on("stateProgress", () => {
      run.lastSign = performance.now();
    });
    client.on("activity", (activity) => this.activity.emit(activity));
    client.on("display", (mode) => this.display.emit(mode));
    client.on("life", ({ state, stop }) => {
      const { kind } = this.#facts.state;
      if (kind !== state && (kind === "running" || kind === "paused")) this.#change({ state: { kind: state } });
      if (stop !== null) this.debugStopped.emit(stop);
    });
    client.on("log", ({ level, message, facts }) => log.write(level, message, parseFacts(facts)));
    client.on("stopped", (stop) => {
      run.stop = stop;
      if (this.#facts.state.kind !== "stopping") this.#change({ state: { kind: "stopping" } });
      client.close("the machine stopped");
      setTimeout(() => child.kill(), EXIT_MS).unref();
    });
    client.binary.subscribe((bytes) => this.#receiveBinary(run, bytes));
    // A protocol error leaves the process without a host: it ends by itself, and if it does not, it is ended.
    client.closed.subscribe((reason) => {
      run.closedBecause = reason;
      setTimeout(() => child.kill(), EXIT_MS).unref();
    });
    child.onOutput((text) => log.write("warn", text.trimEnd(), { source: "engine process" }));
    child.onExit((code, signal) => void this.#ended(run, code, signal));
  }

  /** Boot was refused: a typed answer means the machine is off, anything else is an engine that broke. */
  async #abandon(run: EngineRun, error: unknown): Promise<never> {
    const known = error instanceof GuesthouseError ? error : new GuesthouseError("internal", String(error));
    const cancelled = run.stop !== undefined;
    const broke = known.kind === "connection-closed" || known.kind === "internal";
    if (!cancelled) run.log.write("error", known.message, known.context);
    if (known.kind === "internal") run.failure ??= `The engine failed: ${known.message}`;
    if (!broke) run.stop ??= { kind: "poweredOff", detail: known.message, exitValue: null };
    run.client.close("boot failed");
    await this.#exited(run);
    if (cancelled) throw new GuesthouseError("start-cancelled", "The machine was powered off while it started.");
    if (this.#facts.state.kind === "aborted") throw new GuesthouseError("engine-crashed", this.#facts.state.reason);
    throw known;
  }

  async #exited(run: EngineRun): Promise<void> {
    const timer = setTimeout(() => run.child.kill(), EXIT_MS);
    await run.ended.promise;
    clearTimeout(timer);
  }

  #fail(run: EngineRun, reason: string): void {
    run.failure ??= reason;
    run.child.kill();
  }

  async #ended(run: EngineRun, code: number | null, signal: string | null): Promise<void> {
    if (this.#run !== run) return;
    this.#run = undefined;
    clearInterval(run.watchdog);
    this.residentBytes = 0;
    const stop = run.stop ?? { kind: "failure", detail: explainEnd(run, code, signal), exitValue: null };
    const crashed = stop.kind === "tripleFault" || stop.kind === "failure";
    run.log.write(crashed ? "error" : "info", stop.detail);
    run.log.close();
    run.client.close("the engine process ended");
    await run.lock.release().catch(() => undefined);
    this.console.attach(undefined);
    const state: MachineState = crashed && !this.#saved ? { kind: "aborted", reason: stop.detail } : this.#restState();
    this.#change({ state, engine: null, startedMs: null, lastStop: stop });
    run.ended.resolve();
  }

  async pause(): Promise<void> {
    await this.#running().client.call("pause", {});
    if (this.#facts.state.kind === "running") this.#change({ state: { kind: "paused" } });
  }

  async resume(): Promise<void> {
    await this.#running().client.call("resume", {});
    if (this.#facts.state.kind === "paused") this.#change({ state: { kind: "running" } });
  }

  async reset(): Promise<void> {
    await this.#running().client.call("reset", {});
  }

  async powerButton(): Promise<void> {
    await this.#running().client.call("powerButton", {});
  }

  /** Resolves when the process is gone. An engine that does not obey in time is ended. */
  async powerOff(): Promise<void> {
    const run = this.#run;
    if (run === undefined) return;
    const saving = run.writing && this.#facts.state.kind === "stopping";
    run.ending = true;
    if (saving) run.client.call("cancelState", {}).catch(() => undefined);
    this.#change({ state: { kind: "stopping" } });
    const impatience = setInterval(() => {
      // A snapshot's memory is worth waiting for; its job can be cancelled.
      if (run.writing) return;
      run.stop ??= { kind: "poweredOff", detail: "The machine was ended because it did not stop.", exitValue: null };
      run.child.kill();
    }, POWER_OFF_MS);
    // An answer that never comes is settled by the process's end.
    run.client.call("powerOff", {}).catch((error: unknown) => {
      const notBooted = error instanceof GuesthouseError && error.kind === "illegal-state";
      if (!notBooted || run.stop !== undefined) return;
      run.stop = { kind: "poweredOff", detail: "The machine was powered off.", exitValue: null };
      run.client.close("powered off before it ran");
    });
    await run.ended.promise;
    clearInterval(impatience);
  }

  /**
   * Ends the run by `save`, which keeps the machine's state: it is "stopping" meanwhile, and as it was before when `save` fails.
   */
  async endBy(save: () => Promise<void>): Promise<void> {
    const run = this.#running();
    const before = this.#facts.state;
    this.#change({ state: { kind: "stopping" } });
    try {
      await save();
    } catch (error) {
      if (this.#run === run && run.stop === undefined && !run.ending) this.#change({ state: before });
      throw error;
    }
    run.log.write("info", "The state of the machine was saved.");
    await this.powerOff();
  }

  /** Has memory written: whatever ends the machine meanwhile lets that end first. */
  async write(name: string, parent: string | null): Promise<void> {
    const run = this.#running();
    run.writing = true;
    try {
      await run.client.call("writeState", { name, parent });
    } finally {
      run.writing = false;
    }
  }

  async attach(drive: "optical" | "floppy", slot: number, path: string, force: boolean): Promise<void> {
    await this.#running().client.call("attach", { drive, slot, path, force });
  }

  async eject(drive: "optical" | "floppy", slot: number, force: boolean): Promise<void> {
    await this.#running().client.call("eject", { drive, slot, force });
  }

  /** The engine itself, for console and keyboard calls. Throws "illegal-state" while the machine is off. */
  get engine(): ProtocolClient<EngineProtocol> {
    return this.#running().client;
  }

  serialPort(port: number): SerialRelay {
    let relay = this.#serial.get(port);
    if (relay === undefined) {
      relay = new SerialRelay();
      this.#serial.set(port, relay);
    }
    return relay;
  }

  /** Typed into a serial port; lost while the machine is off. */
  sendSerial(port: number, bytes: Uint8Array): void {
    this.#run?.client.sendBinary(encodeSerialInput(port, bytes));
  }

  #running(): EngineRun {
    if (this.#run === undefined) throw new GuesthouseError("illegal-state", "The machine does not run.");
    return this.#run;
  }

  #receiveBinary(run: EngineRun, bytes: Uint8Array): void {
    try {
      const whole = unpackFrame(bytes);
      const message = decodeBinaryMessage(whole);
      if (message.kind === "serialOutput") this.serialPort(message.channel).put(message.bytes);
      else if (message.kind === "frame") this.console.frame(message.channel, whole);
    } catch (error) {
      this.#fail(run, error instanceof Error ? error.message : "malformed message");
    }
  }

  #change(change: Partial<RunFacts>): void {
    const since = change.state === undefined ? this.#facts.stateSinceMs : Date.now();
    this.#facts = { ...this.#facts, stateSinceMs: since, ...change };
    this.stateChanged.emit(this.#facts);
  }
}

function parseFacts(facts: string): Record<string, unknown> {
  if (facts === "") return {};
  try {
    const value: unknown = JSON.parse(facts);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : { value };
  } catch {
    return { facts };
  }
}
