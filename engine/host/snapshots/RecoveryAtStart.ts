/**
 * Finishes or undoes, when a host opens its library, what a crash interrupted in the snapshots of its machines, so that nobody sees what is neither old nor
 * new. It says which of them became of it: in a log of the machine and as a job. Machines that another app instance uses are left to that.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { JobList } from "../JobList.ts";
import type { MachineRegistry } from "../MachineRegistry.ts";
import { RunLog } from "../RunLog.ts";
import type { Interrupted, MachineSnapshots } from "./MachineSnapshots.ts";
import { snapshotsOf } from "./snapshotCommands.ts";

export interface RecoveryContext {
  readonly registry: MachineRegistry;
  readonly jobs: JobList;
  /** Tells all clients that a machine and its snapshots are other ones. */
  readonly told: (id: string) => void;
}

export class RecoveryAtStart {
  readonly #context: RecoveryContext;
  readonly #pending = new Map<string, Promise<void>>();

  constructor(context: RecoveryContext) {
    this.#context = context;
  }

  /** Begins with all machines; what takes a moment is done meanwhile. */
  begin(): void {
    for (const { id, config } of this.#context.registry.library.list()) {
      if (config === null) continue;
      const pending = this.#recover(id).finally(() => this.#pending.delete(id));
      this.#pending.set(id, pending);
    }
  }

  /** Nothing of this machine is waiting for recovery any more, or it cannot be had now. */
  async of(id: string): Promise<void> {
    await this.#pending.get(id);
  }

  async all(): Promise<void> {
    await Promise.all(this.#pending.values());
  }

  /** Whatever stands in the way is said by the next change, too. */
  async #recover(id: string): Promise<void> {
    const { registry, told } = this.#context;
    try {
      if ((await snapshotsOf(registry, id, "none").interrupted()) === undefined) return;
      await registry.snapshotWork(id, () =>
        registry.changing(id, async () => {
          const snapshots = snapshotsOf(registry, id);
          const interrupted = await snapshots.interrupted();
          if (interrupted === undefined || registry.supervisor(id).live) return;
          await this.#settle(id, snapshots, interrupted);
        }),
      );
      told(id);
    } catch (error) {
      if (!(error instanceof GuesthouseError)) throw error;
    }
  }

  async #settle(id: string, snapshots: MachineSnapshots, { operation, outcome }: Interrupted): Promise<void> {
    const { registry, jobs } = this.#context;
    const { folder } = registry.library.get(id);
    const subject = registry.library.config(id).name;
    const kind = outcome === "new" ? "finishInterrupted" : "undoInterrupted";
    const log = new RunLog(folder, Date.now(), () => {});
    const facts = { operation, outcome };
    try {
      await jobs.run({ kind, subject, machineId: id }, async () => void (await snapshots.recover()));
      log.write("warn", sentences[outcome], facts);
      registry.noteSaved(id, (await snapshots.document()).current.state !== undefined);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log.write("error", `An interrupted change of the snapshots waits for the next change: ${reason}`, facts);
      throw error;
    } finally {
      log.close();
    }
  }
}

const sentences = {
  old: "A change of the snapshots was interrupted and is undone: everything is as it was before.",
  new: "A change of the snapshots was interrupted and is finished now.",
} as const;
