/**
 * The commands on snapshots and clones. Machines that run are refused: their memory is not kept by this version. Whatever a crash
 * interrupted is finished before anything else is done with a machine.
 */
import { randomUUID } from "node:crypto";
import { join, resolve } from "node:path";
import type { HostProtocol } from "../../api/hostProtocol.ts";
import { draftOf, type MachineDraft } from "../../api/MachineConfig.ts";
import type { Job, MachineSummary } from "../../api/MachineSummary.ts";
import type { CommandHandlers } from "../../api/ProtocolServer.ts";
import type { Snapshot, snapshotCommands as snapshotProtocol } from "../../api/snapshotProtocol.ts";
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { LongWork } from "../../contracts/DiskImage.ts";
import type { SnapshotNode } from "../../snapshot/tree/SnapshotDocument.ts";
import { diskServices } from "../diskServices.ts";
import { freeBytes } from "../diskSize.ts";
import type { Locking } from "../FileStore.ts";
import type { HostConnection } from "../HostConnection.ts";
import type { JobList } from "../JobList.ts";
import type { MachineRecord } from "../MachineLibrary.ts";
import type { MachineRegistry } from "../MachineRegistry.ts";
import { type MediaRegistry, type MediumUse, realPath } from "../MediaRegistry.ts";
import { cloneMachine } from "./cloneMachine.ts";
import { FolderFiles } from "./FolderFiles.ts";
import { MachineSnapshots } from "./MachineSnapshots.ts";
import { draftOfSettings, fileOf } from "./machineLayers.ts";

type Handlers = CommandHandlers<HostProtocol, HostConnection>;

export interface SnapshotContext {
  readonly registry: MachineRegistry;
  readonly media: MediaRegistry;
  readonly jobs: JobList;
  /** Tells all clients of a machine that has other settings, or is new. */
  announce(id: string): { machine: MachineSummary };
  /** Tells all clients that a machine's snapshots are other ones. */
  changed(id: string): void;
}

export function snapshotCommands(context: SnapshotContext): Pick<Handlers, keyof typeof snapshotProtocol> {
  const { registry } = context;
  const refuse = (): never => {
    throw new GuesthouseError("not-available", "This version keeps no memory of a machine that runs.");
  };
  return {
    "snapshot.list": async ({ id }) => await listSnapshots(snapshotsOf(registry, id, "none")),
    "snapshot.take": async ({ id, name, description }) => {
      if (registry.supervisor(id).live) return refuse();
      const node = await changing(context, id, "takeSnapshot", (snapshots) =>
        snapshots.take({ name, description, takenAtMs: Date.now() }),
      );
      return { snapshot: await described(context, id, node) };
    },
    "snapshot.restore": async ({ id, snapshotId, takeCurrent }) => {
      await changing(context, id, "restoreSnapshot", async (snapshots) => {
        if (takeCurrent !== null) await snapshots.take({ ...takeCurrent, takenAtMs: Date.now() });
        await snapshots.restore(snapshotId);
      });
      return {};
    },
    "snapshot.delete": async ({ id, snapshotId }) => {
      await changing(context, id, "deleteSnapshot", async (snapshots, work) => {
        const { files } = await snapshots.removal(snapshotId);
        await refuseForeignChildren(context, id, files);
        await snapshots.remove(snapshotId, work);
      });
      return {};
    },
    "snapshot.deleteCost": async ({ id, snapshotId }) => {
      const { neededBytes, freedBytes } = await snapshotsOf(registry, id, "none").removal(snapshotId);
      return { neededBytes, freedBytes, availableBytes: await freeBytes(registry.library.get(id).folder) };
    },
    "snapshot.edit": async ({ id, snapshotId, name, description }) => {
      const node = await changing(context, id, undefined, (snapshots) =>
        snapshots.edit(snapshotId, { name, description }),
      );
      return { snapshot: await described(context, id, node) };
    },
    "snapshot.thumbnail": () => ({ pngBase64: null }),
    "machine.saveState": refuse,
    "machine.discardState": refuse,
    "machine.clone": async (order) => {
      return await cloneCommand(context, order);
    },
  };
}

/** Without locks it is good for a look, also while the machine runs. */
export function snapshotsOf(registry: MachineRegistry, id: string, readLock: Locking = "shared"): MachineSnapshots {
  const { library } = registry;
  const { folder } = library.get(id);
  return new MachineSnapshots({
    files: new FolderFiles({ folder, readLock }),
    services: diskServices,
    draft: () => draftOf(library.config(id)),
    apply: async (draft) => void (await library.update(id, draft)),
    newId: randomUUID,
    keepStates: async () => {},
  });
}

/** What the snapshots of a machine need; none where the list of them cannot be read. */
export async function snapshotUses(record: MachineRecord): Promise<MediumUse[]> {
  const { config, folder } = record;
  if (config === null) return [];
  const snapshots = new MachineSnapshots({
    files: new FolderFiles({ folder, readLock: "none" }),
    services: diskServices,
    draft: () => draftOf(config),
    apply: async () => {},
    newId: randomUUID,
    keepStates: async () => {},
  });
  const document = await snapshots.document().catch(() => undefined);
  if (document === undefined || document.nodes.length === 0) return [];
  const use = (file: string, slot: number, node?: SnapshotNode): MediumUse => ({
    path: resolve(folder, file),
    kind: "disk",
    format: snapshots.formatOf(file),
    attachment: {
      machineId: config.id,
      machineName: config.name,
      slot,
      snapshotId: node?.id ?? null,
      snapshotName: node?.name ?? null,
    },
  });
  const named = document.nodes.flatMap((node) =>
    Object.keys(node.layers).map((name, slot) => use(fileOf(document, node.layers, name) ?? "", slot, node)),
  );
  // Layers that no snapshot names any more are needed by those above them.
  const rest = document.layers
    .filter(({ file }) => !named.some(({ path }) => path === resolve(folder, file)))
    .filter(({ file }) => !config.storage.disks.some(({ path }) => path === file))
    .map(({ file }) => use(file, 0));
  return [...named, ...rest];
}

async function changing<T>(
  context: SnapshotContext,
  id: string,
  kind: Job["kind"] | undefined,
  action: (snapshots: MachineSnapshots, work: LongWork) => Promise<T>,
): Promise<T> {
  const { registry, jobs } = context;
  const result = await registry.changing(id, async () => {
    const snapshots = snapshotsOf(registry, id);
    await snapshots.recover();
    if (kind === undefined) return await action(snapshots, {});
    const done = Promise.withResolvers<T>();
    const subject = registry.library.config(id).name;
    await jobs.run({ kind, subject, machineId: id }, async (progress, signal) => {
      const onProgress = (fraction: number): void => progress(Math.round(fraction * 1000), 1000);
      done.resolve(await action(snapshots, { onProgress, signal }));
    });
    return await done.promise;
  });
  context.announce(id);
  context.changed(id);
  return result;
}

/** Finishes what a crash interrupted, before a machine is used. */
export async function recoverSnapshots(registry: MachineRegistry, id: string): Promise<void> {
  const { folder, config } = registry.library.get(id);
  if (config === null) return;
  const files = new FolderFiles({ folder });
  if ((await files.readText("snapshots.journal.json")) === undefined) return;
  await registry.changing(id, async () => void (await snapshotsOf(registry, id).recover()));
}

async function listSnapshots(snapshots: MachineSnapshots) {
  const document = await snapshots.document();
  const allocated = await snapshots.allocations(document);
  return {
    snapshots: document.nodes.map((node) => toSnapshot(node, allocated(node))),
    currentId: document.current.parent ?? null,
    changed: await snapshots.changed().catch(() => true),
  };
}

async function described({ registry }: SnapshotContext, id: string, node: SnapshotNode): Promise<Snapshot> {
  const snapshots = snapshotsOf(registry, id, "none");
  return toSnapshot(node, (await snapshots.allocations(await snapshots.document()))(node));
}

function toSnapshot(node: SnapshotNode, allocatedBytes: number): Snapshot {
  return {
    id: node.id,
    parentId: node.parent ?? null,
    name: node.name,
    description: node.description,
    takenMs: node.takenAtMs,
    withState: node.state !== undefined,
    memory: node.state === undefined ? "none" : "kept",
    hasThumbnail: node.thumbnail !== undefined,
    allocatedBytes,
  };
}

/** Linked clones and other disks that somebody built upon files of the snapshot. */
async function refuseForeignChildren(context: SnapshotContext, id: string, files: readonly string[]): Promise<void> {
  const { folder } = context.registry.library.get(id);
  const paths = new Set<string>();
  for (const file of files) paths.add(await realPath(resolve(folder, file)));
  const own = await realPath(folder);
  const child = (await context.media.list()).find(
    ({ parentPath, path }) => parentPath !== null && paths.has(parentPath) && !path.startsWith(join(own, "/")),
  );
  if (child === undefined) return;
  throw new GuesthouseError("has-children", `“${child.path}” rests on this snapshot.`, { path: child.path });
}

async function cloneCommand(
  context: SnapshotContext,
  { id, snapshotId, name, linked, scope }: Parameters<Handlers["machine.clone"]>[0],
): Promise<{ machine: MachineSummary }> {
  const { registry, jobs } = context;
  if (scope === "all") {
    throw new GuesthouseError("not-available", "This version clones one state, without the snapshots before it.");
  }
  const record = await registry.changing(id, async () => {
    const snapshots = snapshotsOf(registry, id);
    await snapshots.recover();
    let from = snapshotId;
    if (linked && from === null) {
      from = (await snapshots.take({ name: `Linked base for ${name}`, description: "", takenAtMs: Date.now() })).id;
    }
    const document = await snapshots.document();
    const node = document.nodes.find((candidate) => candidate.id === from);
    if (from !== null && node === undefined) {
      throw new GuesthouseError("snapshot-missing", "There is no such snapshot.", { snapshot: from });
    }
    const source: MachineDraft =
      node === undefined ? draftOf(registry.library.config(id)) : draftOfSettings(document, node.settings, node.layers);
    const done = Promise.withResolvers<MachineRecord>();
    const subject = registry.library.config(id).name;
    await jobs.run({ kind: "cloneMachine", subject, machineId: id }, async (progress, signal) => {
      const onProgress = (fraction: number): void => progress(Math.round(fraction * 1000), 1000);
      const { folder } = registry.library.get(id);
      const order = { source, folder, name: name.trim(), linked, formatOf: (file: string) => snapshots.formatOf(file) };
      done.resolve(await cloneMachine(registry.library, order, { onProgress, signal }));
    });
    return await done.promise;
  });
  if (linked) {
    context.announce(id);
    context.changed(id);
  }
  return context.announce(record.id);
}
