/** `guesthouse snapshot`, `save`, `discard` and `clone`: through the host that runs, or one in this process. Each prints, and returns the exit status. */
import type { HostClient } from "../api/HostClient.ts";
import type { MachineSummary } from "../api/MachineSummary.ts";
import type { Snapshot } from "../api/snapshotProtocol.ts";
import { BadArguments } from "./BadArguments.ts";
import { exitStatus } from "./exitStatus.ts";
import { withHost } from "./HostAccess.ts";
import { findMachine } from "./libraryActions.ts";
import { readPassphraseOption } from "./readPassphrase.ts";
import { showProgress } from "./showProgress.ts";
import { bySlot, unlocking } from "./unlocking.ts";

export interface JsonArgument {
  readonly json?: boolean;
}

/** What may have to open encrypted disks. */
export interface UnlockArguments extends JsonArgument {
  readonly passphraseFile?: string;
}

export interface CloneArguments extends UnlockArguments {
  readonly snapshot?: string;
  readonly linked?: boolean;
  readonly all?: boolean;
}

export async function takeSnapshot(
  machine: string,
  name: string,
  given: UnlockArguments & { description?: string },
): Promise<number> {
  const passphrase = await readPassphraseOption(given.passphraseFile);
  return await withMachine(machine, "Taking a snapshot", async (client, { id }) => {
    const order = { id, name, description: given.description ?? "" };
    const { snapshot } = await unlocking(passphrase, (known) =>
      client.call("snapshot.take", { ...order, ...bySlot(known) }),
    );
    print(given, snapshot, `Took ${snapshot.name} (${snapshot.id})`);
  });
}

export async function listSnapshots(machine: string, given: JsonArgument): Promise<number> {
  return await withMachine(machine, "Looking", async (client, { id }) => {
    const list = await client.call("snapshot.list", { id });
    if (given.json === true) {
      console.log(JSON.stringify(list));
      return;
    }
    if (list.snapshots.length === 0) console.log("No snapshots.");
    for (const line of treeLines(list.snapshots, list.currentId, list.changed)) console.log(line);
  });
}

export async function restoreSnapshot(
  machine: string,
  snapshot: string,
  given: UnlockArguments & { keepCurrent?: string },
): Promise<number> {
  const passphrase = await readPassphraseOption(given.passphraseFile);
  return await withMachine(machine, "Restoring", async (client, { id }) => {
    const { id: snapshotId, name } = await findSnapshot(client, id, snapshot);
    const takeCurrent = given.keepCurrent === undefined ? null : { name: given.keepCurrent, description: "" };
    await unlocking(passphrase, (known) =>
      client.call("snapshot.restore", { id, snapshotId, takeCurrent, ...bySlot(known) }),
    );
    print(given, { restored: snapshotId }, `The machine is as it was in ${name}.`);
  });
}

export async function deleteSnapshot(machine: string, snapshot: string, given: UnlockArguments): Promise<number> {
  const passphrase = await readPassphraseOption(given.passphraseFile);
  return await withMachine(machine, "Deleting", async (client, { id }) => {
    const { id: snapshotId, name } = await findSnapshot(client, id, snapshot);
    await unlocking(passphrase, (known) => client.call("snapshot.delete", { id, snapshotId, ...bySlot(known) }));
    print(given, { deleted: snapshotId }, `${name} is gone; what came after it stays.`);
  });
}

export async function editSnapshot(
  machine: string,
  snapshot: string,
  given: JsonArgument & { name?: string; description?: string },
): Promise<number> {
  if (given.name === undefined && given.description === undefined) {
    throw new BadArguments("--name or --description is needed");
  }
  return await withMachine(machine, "Editing", async (client, { id }) => {
    const before = await findSnapshot(client, id, snapshot);
    const { name = before.name, description = before.description } = given;
    const edited = await client.call("snapshot.edit", { id, snapshotId: before.id, name, description });
    print(given, edited.snapshot, `${edited.snapshot.name} is changed.`);
  });
}

export async function saveState(machine: string, given: JsonArgument): Promise<number> {
  return await withMachine(machine, "Saving", async (client, { id, name }) => {
    await client.call("machine.saveState", { id });
    print(given, { saved: id }, `${name} is saved.`);
  });
}

export async function discardState(machine: string, given: JsonArgument): Promise<number> {
  return await withMachine(machine, "Discarding", async (client, { id, name }) => {
    await client.call("machine.discardState", { id });
    print(given, { discarded: id }, `${name} is off.`);
  });
}

export async function cloneMachine(machine: string, name: string, given: CloneArguments): Promise<number> {
  if (given.all === true && (given.linked === true || given.snapshot !== undefined)) {
    throw new BadArguments("--all copies everything: it goes with neither --linked nor --snapshot");
  }
  const passphrase = await readPassphraseOption(given.passphraseFile);
  return await withMachine(machine, "Cloning", async (client, { id }) => {
    const snapshotId = given.snapshot === undefined ? null : (await findSnapshot(client, id, given.snapshot)).id;
    const order = { id, snapshotId, name, linked: given.linked === true } as const;
    const scope = given.all === true ? "all" : "state";
    const { machine: made } = await unlocking(passphrase, (known) =>
      client.call("machine.clone", { ...order, scope, ...bySlot(known) }),
    );
    print(given, made, `Created ${made.name} (${made.id})`);
  });
}

async function withMachine(
  nameOrId: string,
  title: string,
  action: (client: HostClient, machine: MachineSummary) => Promise<void>,
): Promise<number> {
  return await withHost(false, async (client) => {
    const machine = await findMachine(client, nameOrId);
    const progress = showProgress(title);
    client.on("job.changed", ({ job }) => {
      if (job.machineId === machine.id && job.state === "running" && job.total > 0)
        progress.report(job.done / job.total);
    });
    try {
      await action(client, machine);
    } finally {
      progress.end();
    }
    return exitStatus.done;
  });
}

/** By id, by name, or by the beginning of an id that only one has. */
async function findSnapshot(client: HostClient, id: string, nameOrId: string): Promise<Snapshot> {
  const { snapshots } = await client.call("snapshot.list", { id });
  const named = snapshots.filter((snapshot) => snapshot.id === nameOrId || snapshot.name === nameOrId);
  const close = named.length > 0 ? named : snapshots.filter((snapshot) => snapshot.id.startsWith(nameOrId));
  const [found] = close;
  if (found !== undefined && close.length === 1) return found;
  const many = close.length > 1 ? `${close.length} snapshots are called` : "There is no snapshot called";
  throw new BadArguments(`${many} “${nameOrId}”; see guesthouse snapshot list`);
}

function print({ json }: JsonArgument, value: unknown, sentence: string): void {
  console.log(json === true ? JSON.stringify(value) : sentence);
}

const memoryWords: Readonly<Record<Snapshot["memory"], string>> = {
  none: "",
  arriving: "  (memory is being written)",
  kept: "  (with memory)",
  lost: "  (memory is lost)",
};

function treeLines(
  snapshots: readonly Snapshot[],
  currentId: string | null,
  changed: boolean,
  parentId: string | null = null,
  depth = 0,
): string[] {
  const indent = "  ".repeat(depth);
  return snapshots
    .filter((snapshot) => snapshot.parentId === parentId)
    .flatMap((snapshot) => [
      `${indent}${snapshot.name}  ${new Date(snapshot.takenMs).toISOString()}  ${snapshot.id}${memoryWords[snapshot.memory]}`,
      ...treeLines(snapshots, currentId, changed, snapshot.id, depth + 1),
      ...(snapshot.id === currentId ? [`${indent}  Current state${changed ? " (changed)" : ""}`] : []),
    ]);
}
