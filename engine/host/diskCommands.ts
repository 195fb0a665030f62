/**
 * The commands that give a machine disks and take them away, also while it runs. The engine decides where a disk can go; the configuration
 * follows, with every place said that a machine made from it would otherwise choose differently.
 */
import { resolve } from "node:path";
import type { HostProtocol } from "../api/hostProtocol.ts";
import type { DiskConfig, MachineDraft } from "../api/MachineConfig.ts";
import type { CommandHandlers } from "../api/ProtocolServer.ts";
import type { ResultOf } from "../api/ProtocolSpec.ts";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import { diskIdentity } from "../machine/board/driveIdentity.ts";
import { demandFile } from "./demandFile.ts";
import type { EngineProtocol } from "./engineProtocol.ts";
import type { HostConnection } from "./HostConnection.ts";
import { formatOfFile } from "./inspectMedium.ts";
import type { machineUpdater } from "./libraryCommands.ts";
import type { MachineRegistry } from "./MachineRegistry.ts";
import { realPath } from "./MediaRegistry.ts";

type Handlers = CommandHandlers<HostProtocol, HostConnection>;
type DiskCommand = "machine.attachDisk" | "machine.detachDisk";
type Drives = ResultOf<EngineProtocol, "detachDisk">;

export interface DiskCommandContext {
  readonly registry: MachineRegistry;
  readonly update: ReturnType<typeof machineUpdater>;
  /** Files that disks may use outside of their own folders. */
  trusted(): Promise<string[]>;
}

/** The engine has done it already; the configuration only follows. */
const followsEngine = () => [];

export function diskCommands(context: DiskCommandContext): Pick<Handlers, DiskCommand> {
  const { registry, update } = context;
  // Places in the list are only true until the next change of it, and a state that is being kept fits the disks that it began with.
  const inTurn = <T>(id: string, command: DiskCommand, action: () => Promise<T>): Promise<T> =>
    registry.snapshotWork(id, () => {
      registry.demand(command, id);
      return action();
    });
  return {
    "machine.attachDisk": ({ id, disk, passphrase }) =>
      inTurn(id, "machine.attachDisk", async () => {
        const supervisor = registry.supervisor(id);
        const added = await acceptable(registry, id, disk);
        if (!supervisor.live) {
          await update(id, (draft) => withDisks(draft, [...draft.storage.disks, added]));
          return { slot: registry.library.config(id).storage.disks.length - 1 };
        }
        const secret = passphrase === undefined ? {} : { passphrase };
        const order = { disk: added, trusted: await context.trusted(), ...secret };
        const { slot, ...drives } = await supervisor.engine.call("attachDisk", order);
        try {
          await update(id, (draft) => placed(withDisks(draft, [...draft.storage.disks, added]), drives), followsEngine);
        } catch (error) {
          // Not a disk that the guest uses and nobody knows of tomorrow.
          await supervisor.engine.call("detachDisk", { slot, path: added.path, force: true }).catch(() => undefined);
          throw error;
        }
        return { slot };
      }),
    "machine.detachDisk": ({ id, slot, force = false }) =>
      inTurn(id, "machine.detachDisk", async () => {
        const supervisor = registry.supervisor(id);
        const { disks } = registry.library.config(id).storage;
        if (disks[slot] === undefined) {
          throw new GuesthouseError("no-such-drive", "The machine has no such disk.", { slot });
        }
        const without = (draft: MachineDraft): MachineDraft =>
          withDisks(
            draft,
            draft.storage.disks.filter((_disk, at) => at !== slot),
          );
        if (supervisor.live) {
          const drives = await supervisor.engine.call("detachDisk", { slot, path: disks[slot].path, force });
          await update(id, (draft) => placed(keepingControllers(draft, without(draft)), drives), followsEngine);
        } else {
          await update(id, without);
        }
        return {};
      }),
  };
}

/** Throws "file-missing" and the like, or "invalid-config" for a disk that the machine has. */
async function acceptable(registry: MachineRegistry, id: string, disk: DiskConfig): Promise<DiskConfig> {
  const { folder } = registry.library.get(id);
  const path = resolve(folder, disk.path);
  await demandFile(path);
  const real = await realPath(path);
  for (const other of registry.library.config(id).storage.disks) {
    if ((await realPath(resolve(folder, other.path))) !== real) continue;
    const facts = { field: "storage.disks", code: "disk-repeats" };
    throw new GuesthouseError("invalid-config", "The same disk is attached twice.", facts);
  }
  // From now on its content is the guest's, and may look like anything.
  return { ...disk, format: disk.format ?? (await formatOfFile(path)) };
}

function withDisks(draft: MachineDraft, disks: readonly DiskConfig[]): MachineDraft {
  return { ...draft, storage: { ...draft.storage, disks: [...disks] } };
}

/** Says of every drive where it is and how it calls itself, where a machine that starts would decide otherwise. */
function placed(draft: MachineDraft, drives: Drives): MachineDraft {
  const { entropyDevice: _before, ...storage } = draft.storage;
  const { disks, opticals } = storage;
  return {
    ...draft,
    storage: {
      ...storage,
      ...(drives.entropyDevice === null ? {} : { entropyDevice: drives.entropyDevice }),
      disks: disks.map((disk, index) => {
        const { port = null, serial = "" } = drives.disks[index] ?? {};
        const own = serial !== "" && serial !== diskIdentity(index).serialNumber;
        return { ...disk, ...(port === null ? {} : { port }), ...(own ? { serial } : {}) };
      }),
      opticals: opticals.map((drive, index) => {
        const port = drives.opticals[index] ?? null;
        return port === null ? drive : { ...drive, port };
      }),
    },
  };
}

/** A controller stays when its last drive leaves: the guest has seen it. */
function keepingControllers(before: MachineDraft, after: MachineDraft): MachineDraft {
  const had = [...before.storage.disks, ...before.storage.opticals].map((drive) => drive.interface);
  const kept = (["ahci", "virtio-scsi"] as const).filter(
    (kind) => had.includes(kind) || before.storage.controllers?.includes(kind),
  );
  return kept.length === 0 ? after : { ...after, storage: { ...after.storage, controllers: kept } };
}
