/**
 * Saving and resuming machines, and snapshots of machines that run: what the host does step by step, so that its document and the disks always
 * fit. All of it is one machine's snapshot work; the library goes on meanwhile.
 */
import type { Job } from "../../api/MachineSummary.ts";
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { LongWork } from "../../contracts/DiskImage.ts";
import type { SnapshotNode } from "../../snapshot/tree/SnapshotDocument.ts";
import type { StartOptions } from "../EngineRun.ts";
import type { DiskPassphrase } from "../encryptedDisks.ts";
import type { JobList } from "../JobList.ts";
import type { MachineRegistry } from "../MachineRegistry.ts";
import { EngineImages } from "./EngineImages.ts";
import { keptMachine } from "./libraryMachine.ts";
import { MachineSnapshots, type MayJoin } from "./MachineSnapshots.ts";
import { joinWhatCan } from "./removeAndJoin.ts";

interface Work {
  readonly registry: MachineRegistry;
  readonly jobs: JobList;
}

/** Runs as a job that tells how far it is and takes a cancel. */
export async function asJob<T>(
  { registry, jobs }: Work,
  id: string,
  kind: Job["kind"],
  action: (work: LongWork) => Promise<T>,
): Promise<T> {
  const done = Promise.withResolvers<T>();
  const subject = registry.library.config(id).name;
  await jobs.run({ kind, subject, machineId: id }, async (progress, signal) => {
    const onProgress = (fraction: number): void => progress(Math.round(fraction * 1000), 1000);
    done.resolve(await action({ onProgress, signal }));
  });
  return await done.promise;
}

export function liveSnapshots(
  registry: MachineRegistry,
  id: string,
  passphrases?: readonly DiskPassphrase[],
): { images: EngineImages; snapshots: MachineSnapshots } {
  const images = new EngineImages(registry.supervisor(id));
  return { images, snapshots: new MachineSnapshots(keptMachine(registry, id, "none", images, passphrases)) };
}

/** Ends the run with its state kept. Cancelled or failed, the machine goes on. */
export async function saveState(work: Work, id: string): Promise<void> {
  const { registry } = work;
  await registry.snapshotWork(id, async () => {
    registry.demand("machine.saveState", id);
    const { images, snapshots } = liveSnapshots(registry, id);
    await snapshots.recover();
    const save = async (longWork: LongWork): Promise<void> => {
      try {
        await snapshots.saveState(longWork, await images.thumbnail());
      } catch (error) {
        // Once the document has the state its memory must not go on, whatever failed afterwards.
        if (!(await mayBeSaved(snapshots))) {
          await images.abandon();
          await snapshots.recover().catch(() => undefined);
          throw error;
        }
      }
      registry.noteSaved(id, true);
    };
    await registry.supervisor(id).endBy(() => asJob(work, id, "saveState", save));
  });
}

async function mayBeSaved(snapshots: MachineSnapshots): Promise<boolean> {
  return await snapshots.document().then(
    ({ current }) => current.state !== undefined,
    () => true,
  );
}

/** What a start needs to go on from a saved state; undefined without one. Throws "not-available" for a run whose changes are to be forgotten. */
export async function stateToStartFrom(
  registry: MachineRegistry,
  id: string,
  disposable: boolean,
): Promise<StartOptions["state"]> {
  const document = await new MachineSnapshots(keptMachine(registry, id, "none")).document();
  const name = document.current.state;
  if (name === undefined) return undefined;
  if (disposable) {
    const sentence = "The machine is saved: discard its state before a run whose changes are to be forgotten.";
    throw new GuesthouseError("not-available", sentence);
  }
  const given = async (): Promise<void> => {
    await registry.snapshotWork(id, async () => {
      const { snapshots } = liveSnapshots(registry, id);
      await snapshots.discardState().finally(async () => registry.noteSaved(id, await mayBeSaved(snapshots)));
    });
  };
  return { name, given };
}

export interface LiveSnapshotHooks {
  /** The snapshot is on the list, its memory on the way. */
  taken(node: SnapshotNode): void;
  /** Its memory is no longer on the way. */
  settled(node: SnapshotNode): void;
  readonly mayJoin: MayJoin;
}

/** Answers when memory is kept. Throws "cancelled" with nothing of it left on the list, or "memory-not-kept" with the rest there. */
export async function takeLive(
  work: Work,
  id: string,
  texts: Pick<SnapshotNode, "name" | "description">,
  { taken, settled, mayJoin }: LiveSnapshotHooks,
): Promise<SnapshotNode> {
  const { registry } = work;
  return await registry.snapshotWork(id, async () => {
    registry.demand("snapshot.take", id);
    const { images, snapshots } = liveSnapshots(registry, id);
    await snapshots.recover();
    return await asJob(work, id, "takeSnapshot", async (longWork) => {
      const parent = await parentState(snapshots);
      const node = await snapshots
        .takeLive({ ...texts, takenAtMs: Date.now() }, await images.thumbnail())
        .catch(async (error: unknown) => {
          // The snapshot is there or not, as the document says; the settings are to agree at once.
          await snapshots.recover().catch(() => undefined);
          throw error;
        });
      taken(node);
      try {
        await images.write(node.awaited, parent, longWork);
        return await snapshots.arrived(node.id);
      } catch (error) {
        if (longWork.signal?.aborted === true) {
          await snapshots.withdraw(node.id);
          // Next to nothing has come into the overlay yet.
          await joinWhatCan(snapshots, {}, mayJoin);
        }
        throw notKept(error);
      } finally {
        settled(node);
      }
    });
  });
}

/** The state that most pages can be shared with. */
async function parentState(snapshots: MachineSnapshots): Promise<string | undefined> {
  const { nodes, current } = await snapshots.document();
  return nodes.find(({ id }) => id === current.parent)?.state;
}

function notKept(error: unknown): GuesthouseError {
  const reason = error instanceof Error ? error.message : String(error);
  const sentence = `The snapshot holds the disks and no memory, which could not be kept: ${reason}`;
  return new GuesthouseError("memory-not-kept", sentence, {}, { cause: error });
}
