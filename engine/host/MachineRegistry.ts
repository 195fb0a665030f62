/**
 * The library's machines together with what runs: looks machines up, tells their state, and serializes changes to a
 * machine's files. Changes of a machine that rests take its lock for a moment, so that another app instance that runs it is
 * noticed.
 */
import { join } from "node:path";
import { isLegal } from "../api/commandLegality.ts";
import type { HostCommandName } from "../api/hostProtocol.ts";
import type { MachineState } from "../api/MachineState.ts";
import type { MachineSummary } from "../api/MachineSummary.ts";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import { TypedEvent } from "../base/TypedEvent.ts";
import type { EngineStock } from "./EngineStock.ts";
import { EngineSupervisor } from "./EngineSupervisor.ts";
import { LockFile } from "./LockFile.ts";
import { MachineLibrary, type MachineRecord } from "./MachineLibrary.ts";
import { hasSavedState } from "./snapshots/hasSavedState.ts";

export class MachineRegistry {
  readonly library: MachineLibrary;
  /** A supervisor was made; the owner subscribes to its events. */
  readonly supervised = new TypedEvent<{ id: string; supervisor: EngineSupervisor }>();
  readonly #engines: EngineStock;
  readonly #supervisors = new Map<string, EngineSupervisor>();
  #queue: Promise<unknown> = Promise.resolve();
  /** Machines with a state to go on from. */
  readonly #saved = new Set<string>();
  /** Work on the snapshots of each machine. */
  readonly #snapshotQueues = new Map<string, Promise<unknown>>();

  constructor(dataFolder: string, engines: EngineStock) {
    this.library = new MachineLibrary(dataFolder);
    this.#engines = engines;
  }

  async load(): Promise<void> {
    await this.library.load((id) => this.#supervisors.get(id)?.live === true);
    for (const { id, folder, config } of this.library.list()) {
      if (config === null || this.#supervisors.get(id)?.live === true) continue;
      const saved = await hasSavedState(folder);
      // It may have been started meanwhile, and its state be forgotten.
      if (this.#supervisors.get(id)?.live !== true) this.noteSaved(id, saved);
    }
  }

  /** There is a state that the machine goes on from at its next start, or no more. */
  noteSaved(id: string, saved: boolean): void {
    if (saved) this.#saved.add(id);
    else this.#saved.delete(id);
    this.#supervisors.get(id)?.noteSaved(saved);
  }

  summaries(): MachineSummary[] {
    return this.library.list().map((record) => this.summary(record));
  }

  summary(record: MachineRecord): MachineSummary {
    const facts = this.#supervisors.get(record.id)?.facts;
    return {
      id: record.id,
      name: record.config?.name ?? record.folder.split(/[/\\]/).at(-1) ?? record.id,
      folder: record.folder,
      state: this.#stateOf(record),
      config: record.config,
      engine: facts?.engine ?? null,
      stateSinceMs: facts?.stateSinceMs ?? 0,
      startedMs: facts?.startedMs ?? null,
      lastStop: facts?.lastStop ?? null,
    };
  }

  /** The supervisor of a machine that exists. */
  supervisor(id: string): EngineSupervisor {
    const { folder } = this.library.get(id);
    let supervisor = this.#supervisors.get(id);
    if (supervisor === undefined) {
      supervisor = new EngineSupervisor(folder, this.#engines, this.#saved.has(id));
      this.#supervisors.set(id, supervisor);
      this.supervised.emit({ id, supervisor });
    }
    return supervisor;
  }

  live(): EngineSupervisor[] {
    return [...this.#supervisors.values()].filter((supervisor) => supervisor.live);
  }

  /** Throws "illegal-state" unless the command is legal in the machine's present state. */
  demand(command: HostCommandName, id: string): void {
    const state = this.#stateOf(this.library.get(id));
    if (isLegal(command, state.kind)) return;
    throw new GuesthouseError("illegal-state", `This is not possible while the machine is ${words[state.kind]}.`, {
      command,
      state: state.kind,
    });
  }

  /** Changes of the library run one after the other. */
  exclusively<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(action);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  /** As `exclusively`, while no other app instance uses the machine. Throws "in-use". */
  changing<T>(id: string, action: () => Promise<T>): Promise<T> {
    return this.exclusively(async () => {
      const { folder } = this.library.get(id);
      // The own engine's run holds the lock already.
      if (this.#supervisors.get(id)?.live === true) return await action();
      const lock = await LockFile.acquire(join(folder, ".lock"), "The machine");
      try {
        return await action();
      } finally {
        await lock.release();
      }
    });
  }

  /**
   * Changes of one machine's snapshots run one after the other, also long ones while the machine runs, which hold up nothing else. `exclusively` and
   * `changing` may be called within, not around.
   */
  snapshotWork<T>(id: string, action: () => Promise<T>): Promise<T> {
    const result = (this.#snapshotQueues.get(id) ?? Promise.resolve()).then(action);
    this.#snapshotQueues.set(
      id,
      result.catch(() => undefined),
    );
    return result;
  }

  forget(id: string): void {
    this.#supervisors.delete(id);
    this.#saved.delete(id);
    this.#snapshotQueues.delete(id);
  }

  #stateOf(record: MachineRecord): MachineState {
    const supervisor = this.#supervisors.get(record.id);
    if (supervisor?.live === true) return supervisor.facts.state;
    if (record.config === null) return { kind: "inaccessible", file: record.file, reason: record.reason };
    return supervisor?.facts.state ?? { kind: this.#saved.has(record.id) ? "saved" : "poweredOff" };
  }
}

const words: Readonly<Record<MachineState["kind"], string>> = {
  poweredOff: "powered off",
  starting: "starting",
  running: "running",
  paused: "paused",
  stopping: "stopping",
  saved: "saved",
  aborted: "aborted",
  inaccessible: "inaccessible",
};
