/**
 * Deletes a snapshot of a machine that runs: it leaves the list at once, its layers are joined while the guest works. When the machine ends meanwhile, the
 * rest is done at rest.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { LongWork } from "../../contracts/DiskImage.ts";
import type { EngineSupervisor } from "../EngineSupervisor.ts";
import type { DiskPassphrase } from "../encryptedDisks.ts";
import type { JobList } from "../JobList.ts";
import type { MachineRegistry } from "../MachineRegistry.ts";
import type { MachineSnapshots, MayJoin } from "./MachineSnapshots.ts";
import { removeAndJoin } from "./removeAndJoin.ts";
import { asJob, liveSnapshots } from "./savedStates.ts";

interface Removal {
  readonly registry: MachineRegistry;
  readonly jobs: JobList;
  readonly id: string;
  readonly snapshotId: string;
  /** Of encrypted disks, for layers that the machine's guest does not use. */
  readonly passphrases: readonly DiskPassphrase[] | undefined;
  /** Throws what stands in the way. */
  readonly ready: (snapshots: MachineSnapshots) => Promise<void>;
  /** The snapshot is not on the list any more. */
  readonly removed: () => void;
  readonly mayJoin: MayJoin;
  /** Of the machine when it is off. */
  readonly atRest: () => MachineSnapshots;
}

const ENDING_MS = 15_000;

/** False when the machine does not run any more and nothing was done. */
export async function removeLive(removal: Removal): Promise<boolean> {
  const { registry, id, snapshotId, passphrases, ready, removed } = removal;
  return await registry.snapshotWork(id, async () => {
    const supervisor = registry.supervisor(id);
    if (!supervisor.live) return false;
    registry.demand("snapshot.delete", id);
    const { snapshots } = liveSnapshots(registry, id, passphrases);
    await snapshots.recover();
    await ready(snapshots);
    await asJob(removal, id, "deleteSnapshot", (work) =>
      removeAndJoin(snapshots, snapshotId, work, () => {
        removed();
        return joinWhileItRuns(removal, snapshots, work);
      }),
    );
    return true;
  });
}

async function joinWhileItRuns(removal: Removal, snapshots: MachineSnapshots, work: LongWork): Promise<void> {
  const { registry, id, atRest, mayJoin } = removal;
  const supervisor = registry.supervisor(id);
  try {
    await snapshots.join(work, mayJoin);
  } catch (error) {
    if (work.signal?.aborted === true || !(await hasEnded(supervisor, error))) throw error;
    await registry.changing(id, async () => {
      const resting = atRest();
      await resting.recover();
      await resting.join(work, mayJoin);
    });
  }
}

/** What the engine says when its machine ends, or nothing more. */
async function hasEnded(supervisor: EngineSupervisor, error: unknown): Promise<boolean> {
  const kinds = ["connection-closed", "illegal-state", "cancelled", "closed"];
  if (!(error instanceof GuesthouseError) || !kinds.includes(error.kind)) return false;
  if (!supervisor.live) return true;
  if (supervisor.facts.state.kind !== "stopping" && error.kind !== "connection-closed") return false;
  const ended = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => ended.resolve(false), ENDING_MS);
  const watch = supervisor.stateChanged.subscribe(() => {
    if (!supervisor.live) ended.resolve(true);
  });
  try {
    return !supervisor.live || (await ended.promise);
  } finally {
    clearTimeout(timer);
    watch.dispose();
  }
}
