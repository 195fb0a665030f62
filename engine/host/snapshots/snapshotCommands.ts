/** The commands on snapshots, saved states and clones. Whatever a crash interrupted is finished before anything else is done with a machine. */
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { HostProtocol } from "../../api/hostProtocol.ts";
import type { MachineSummary } from "../../api/MachineSummary.ts";
import type { CommandHandlers } from "../../api/ProtocolServer.ts";
import type { Snapshot, snapshotCommands as snapshotProtocol } from "../../api/snapshotProtocol.ts";
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { LongWork } from "../../contracts/DiskImage.ts";
import type { SnapshotNode } from "../../snapshot/tree/SnapshotDocument.ts";
import { freeBytes } from "../diskSize.ts";
import type { DiskPassphrase } from "../encryptedDisks.ts";
import type { Locking } from "../FileStore.ts";
import type { HostConnection } from "../HostConnection.ts";
import type { JobList } from "../JobList.ts";
import type { MachineRecord } from "../MachineLibrary.ts";
import type { MachineRegistry } from "../MachineRegistry.ts";
import { type MediaRegistry, type MediumUse, realPath } from "../MediaRegistry.ts";
import { cloneCommand } from "./cloneCommand.ts";
import { FolderFiles } from "./FolderFiles.ts";
import { keptMachine, watchedMachine } from "./libraryMachine.ts";
import { JOURNAL, MachineSnapshots } from "./MachineSnapshots.ts";
import { fileOf } from "./machineLayers.ts";
import { joinWhatCan, removeAndJoin } from "./removeAndJoin.ts";
import { removeLive } from "./removeLive.ts";
import { asJob, saveState, takeLive } from "./savedStates.ts";

type Handlers = CommandHandlers<HostProtocol, HostConnection>;

export interface SnapshotContext {
  readonly registry: MachineRegistry;
  readonly media: MediaRegistry;
  readonly jobs: JobList;
  /** Tells all clients of a machine that has other settings, or is new. */
  announce(id: string): { machine: MachineSummary };
  /** Tells all clients that a machine's snapshots are other ones. */
  changed(id: string): void;
  /** What a crash interrupted is not seen. */
  recovered(id: string): Promise<void>;
}

export function snapshotCommands(context: SnapshotContext): Pick<Handlers, keyof typeof snapshotProtocol> {
  const { registry } = context;
  const arriving = new Set<string>();
  const listed = (node: SnapshotNode, bytes: number): Snapshot => toSnapshot(node, bytes, arriving.has(node.id));
  const mayJoin = (id: string) => async (files: readonly string[]) =>
    (await foreignChild(context, id, files)) === undefined;
  const told = (id: string): void => {
    context.announce(id);
    context.changed(id);
  };
  return {
    "snapshot.list": async ({ id }) => {
      await context.recovered(id);
      return await listSnapshots(snapshotsOf(registry, id, "none"), listed);
    },
    "snapshot.take": async ({ id, name, description, passphrases }) => {
      if (registry.supervisor(id).live) {
        const hooks = {
          taken: (node: SnapshotNode) => {
            arriving.add(node.id);
            told(id);
          },
          settled: (node: SnapshotNode) => {
            arriving.delete(node.id);
            told(id);
          },
          mayJoin: mayJoin(id),
        };
        const node = await takeLive(context, id, { name, description }, hooks);
        return { snapshot: await described(context, id, node) };
      }
      const node = await changing(context, id, "takeSnapshot", {
        passphrases,
        ready: (snapshots) => snapshots.unlock("take"),
        action: (snapshots) => snapshots.take({ name, description, takenAtMs: Date.now() }),
      });
      return { snapshot: await described(context, id, node) };
    },
    "snapshot.restore": async ({ id, snapshotId, takeCurrent, passphrases }) => {
      await changing(context, id, "restoreSnapshot", {
        passphrases,
        ready: async (snapshots) => {
          if (takeCurrent !== null) await snapshots.unlock("take");
          await snapshots.unlock({ restore: snapshotId });
        },
        action: async (snapshots, work) => {
          if (takeCurrent !== null) await snapshots.take({ ...takeCurrent, takenAtMs: Date.now() });
          await snapshots.restore(snapshotId);
          await joinWhatCan(snapshots, work, mayJoin(id));
        },
      });
      return {};
    },
    "snapshot.delete": async ({ id, snapshotId, passphrases }) => {
      const ready = async (snapshots: MachineSnapshots): Promise<void> => {
        const { files } = await snapshots.removal(snapshotId);
        await refuseForeignChildren(context, id, files);
        await snapshots.unlock({ remove: snapshotId });
      };
      const atRest = () => snapshotsOf(registry, id, "shared", passphrases);
      const removed = () => told(id);
      if (await removeLive({ ...context, id, snapshotId, passphrases, ready, removed, atRest, mayJoin: mayJoin(id) })) {
        told(id);
        return {};
      }
      await changing(context, id, "deleteSnapshot", {
        passphrases,
        ready,
        action: (snapshots, work) =>
          removeAndJoin(snapshots, snapshotId, work, () => snapshots.join(work, mayJoin(id))),
      });
      return {};
    },
    "snapshot.deleteCost": async ({ id, snapshotId }) => {
      const { neededBytes, freedBytes } = await snapshotsOf(registry, id, "none").removal(
        snapshotId,
        registry.supervisor(id).live,
      );
      return { neededBytes, freedBytes, availableBytes: await freeBytes(registry.library.get(id).folder) };
    },
    "snapshot.edit": async ({ id, snapshotId, name, description }) => {
      const node = await changing(context, id, "editSnapshot", {
        action: (snapshots) => snapshots.edit(snapshotId, { name, description }),
      });
      return { snapshot: await described(context, id, node) };
    },
    "snapshot.thumbnail": async ({ id, snapshotId }) => ({ pngBase64: await thumbnail(registry, id, snapshotId) }),
    "machine.saveState": async ({ id }) => {
      await saveState(context, id);
      context.changed(id);
      return {};
    },
    "machine.discardState": async ({ id }) => {
      await changing(context, id, "discardState", { action: (snapshots) => snapshots.discardState() });
      return {};
    },
    "machine.clone": async (order) => {
      return await cloneCommand(context, order);
    },
  };
}

/** Without locks it is good for a look, also while the machine runs. */
export function snapshotsOf(
  registry: MachineRegistry,
  id: string,
  readLock: Locking = "shared",
  passphrases?: readonly DiskPassphrase[],
): MachineSnapshots {
  return new MachineSnapshots(keptMachine(registry, id, readLock, undefined, passphrases));
}

/** What the snapshots of a machine need; none where the list of them cannot be read. */
export async function snapshotUses(record: MachineRecord): Promise<MediumUse[]> {
  const { config, folder } = record;
  if (config === null) return [];
  const snapshots = new MachineSnapshots(watchedMachine(folder, config));
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

interface Change<T> {
  readonly passphrases?: readonly DiskPassphrase[] | undefined;
  /** Throws what stands in the way, before there is a job to watch. */
  readonly ready?: (snapshots: MachineSnapshots) => Promise<void>;
  readonly action: (snapshots: MachineSnapshots, work: LongWork) => Promise<T>;
}

async function changing<T>(
  context: SnapshotContext,
  id: string,
  kind: "takeSnapshot" | "restoreSnapshot" | "deleteSnapshot" | "discardState" | "editSnapshot",
  { passphrases, ready, action }: Change<T>,
): Promise<T> {
  const { registry } = context;
  const result = await registry.snapshotWork(id, () =>
    registry.changing(id, async () => {
      const { live } = registry.supervisor(id);
      // It may have been started while this waited.
      if (live && kind !== "editSnapshot") throw new GuesthouseError("illegal-state", "The machine runs.");
      const snapshots = snapshotsOf(registry, id, live ? "none" : "shared", passphrases);
      await snapshots.recover();
      try {
        await ready?.(snapshots);
        if (kind === "editSnapshot" || kind === "discardState") return await action(snapshots, {});
        return await asJob(context, id, kind, (work) => action(snapshots, work));
      } finally {
        const document = await snapshots.document().catch(() => undefined);
        if (document !== undefined) registry.noteSaved(id, document.current.state !== undefined);
      }
    }),
  );
  context.announce(id);
  context.changed(id);
  return result;
}

/** Finishes what a crash interrupted, before a machine is used. */
export async function recoverSnapshots(registry: MachineRegistry, id: string): Promise<void> {
  const { folder, config } = registry.library.get(id);
  if (config === null) return;
  const files = new FolderFiles({ folder });
  if ((await files.readText(JOURNAL)) === undefined) return;
  await registry.snapshotWork(id, () =>
    registry.changing(id, async () => void (await snapshotsOf(registry, id).recover())),
  );
}

async function listSnapshots(snapshots: MachineSnapshots, listed: (node: SnapshotNode, bytes: number) => Snapshot) {
  const document = await snapshots.document();
  const allocated = await snapshots.allocations(document);
  return {
    snapshots: document.nodes.map((node) => listed(node, allocated(node))),
    currentId: document.current.parent ?? null,
    changed: await snapshots.changed().catch(() => true),
  };
}

async function described({ registry }: SnapshotContext, id: string, node: SnapshotNode): Promise<Snapshot> {
  const snapshots = snapshotsOf(registry, id, "none");
  return toSnapshot(node, (await snapshots.allocations(await snapshots.document()))(node), false);
}

function toSnapshot(node: SnapshotNode, allocatedBytes: number, arriving: boolean): Snapshot {
  return {
    id: node.id,
    parentId: node.parent ?? null,
    name: node.name,
    description: node.description,
    takenMs: node.takenAtMs,
    withState: node.state !== undefined,
    memory: memoryOf(node, arriving),
    hasThumbnail: node.thumbnail !== undefined,
    allocatedBytes,
  };
}

function memoryOf({ state, awaited }: SnapshotNode, arriving: boolean): Snapshot["memory"] {
  if (state !== undefined) return "kept";
  if (awaited === undefined) return "none";
  return arriving ? "arriving" : "lost";
}

/** Null where there is none, or it is gone: a picture is no loss to complain about. */
async function thumbnail(registry: MachineRegistry, id: string, snapshotId: string | null): Promise<string | null> {
  const snapshots = snapshotsOf(registry, id, "none");
  const ofSnapshot = async () => (await snapshots.document()).nodes.find((node) => node.id === snapshotId)?.thumbnail;
  const file = await (snapshotId === null ? snapshots.savedPicture() : ofSnapshot());
  // A list that somebody sent names what it likes.
  if (file === undefined || !/^snapshots\/[\w-]+\.png$/.test(file)) return null;
  const bytes = await readFile(resolve(registry.library.get(id).folder, file)).catch(() => undefined);
  return bytes?.toString("base64") ?? null;
}

/** Linked clones and other disks that somebody built upon files of the snapshot. */
async function refuseForeignChildren(context: SnapshotContext, id: string, files: readonly string[]): Promise<void> {
  const child = await foreignChild(context, id, files);
  if (child === undefined) return;
  throw new GuesthouseError("has-children", `“${child.path}” rests on this snapshot.`, { path: child.path });
}

async function foreignChild(context: SnapshotContext, id: string, files: readonly string[]) {
  const { folder } = context.registry.library.get(id);
  const paths = new Set<string>();
  for (const file of files) paths.add(await realPath(resolve(folder, file)));
  const own = await realPath(folder);
  return (await context.media.list()).find(
    ({ parentPath, path }) => parentPath !== null && paths.has(parentPath) && !path.startsWith(join(own, "/")),
  );
}
