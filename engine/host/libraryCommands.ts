/** The commands that change what machines there are and what they are made of. */
import { copyFile, readdir, rm, stat } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { checkMachineDraft, lockedChanges } from "../api/checkMachineDraft.ts";
import type { HostProtocol } from "../api/hostProtocol.ts";
import { type DiskConfig, defaultMachineDraft, draftOf, type MachineDraft } from "../api/MachineConfig.ts";
import type { MachineSummary } from "../api/MachineSummary.ts";
import type { CommandHandlers } from "../api/ProtocolServer.ts";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import { demandFile } from "./demandFile.ts";
import { checkDiskSize } from "./diskSize.ts";
import { fileError } from "./fileError.ts";
import type { HostConnection } from "./HostConnection.ts";
import { builtFile } from "./installation.ts";
import type { JobList } from "./JobList.ts";
import type { MachineRegistry } from "./MachineRegistry.ts";
import { createDisk } from "./mediumWork.ts";

type Handlers = CommandHandlers<HostProtocol, HostConnection>;
type LibraryCommand =
  | Extract<keyof HostProtocol["commands"], `library.${string}`>
  | "media.attach"
  | "media.eject"
  | "media.createDisk"
  | "builtinGuest.create";

export interface LibraryContext {
  readonly registry: MachineRegistry;
  readonly jobs: JobList;
  /** Throws when disks elsewhere rest on files of the folder. */
  readonly demandUnused?: (folder: string) => Promise<void>;
  /** Tells all clients. */
  changed(change: { changed: MachineSummary[]; removed: string[] }): void;
}

type NewDisk = Parameters<Handlers["library.create"]>[0]["newDisks"][number];
type LockRule = typeof lockedChanges;
/** Media were changed in the engine already; the configuration only follows. */
const removableToo: LockRule = () => [];

const TOUR_NAME = "Guesthouse tour";
const TOUR_IMAGE = "guest/tour.img";

/** Tells all clients of a machine that is new or has other settings. */
export function announce({ registry, changed }: LibraryContext, id: string): { machine: MachineSummary } {
  const machine = registry.summary(registry.library.get(id));
  changed({ changed: [machine], removed: [] });
  return { machine };
}

/** Changes a machine's configuration where its state allows it, and tells all clients. */
export function machineUpdater(context: LibraryContext) {
  const { registry } = context;
  return (id: string, change: (draft: MachineDraft) => MachineDraft, mayChange: LockRule = lockedChanges) =>
    registry.changing(id, async () => {
      const before = draftOf(registry.library.config(id));
      const after = change(before);
      const locked = mayChange(registry.supervisor(id).facts.state.kind, before, after)[0];
      if (locked !== undefined) {
        const message = "This setting can only be changed while the machine is powered off.";
        throw new GuesthouseError("not-while-running", message, { field: locked });
      }
      await registry.library.update(id, after);
      return announce(context, id);
    });
}

export function libraryCommands(context: LibraryContext): Pick<Handlers, LibraryCommand> {
  const { registry, jobs } = context;
  const { library } = registry;

  const update = machineUpdater(context);

  return {
    "library.list": async () => {
      await registry.exclusively(() => registry.load());
      return { machines: registry.summaries() };
    },
    "library.create": ({ draft, newDisks }) =>
      registry.exclusively(async () => {
        const trimmed = { ...draft, name: draft.name.trim() };
        const record = await library.create(trimmed, (folder) => withNewDisks(trimmed, folder, newDisks));
        return announce(context, record.id);
      }),
    "library.update": ({ id, draft }) => update(id, () => draft),
    "library.rename": ({ id, name }) => update(id, (draft) => ({ ...draft, name: name.trim() })),
    "library.remove": async ({ id, withFiles }) => {
      await registry.changing(id, async () => {
        const { folder, config } = library.get(id);
        if (withFiles) await context.demandUnused?.(folder);
        if (withFiles) await removeFolder(jobs, folder, id, config?.name ?? folder);
        else await library.removeKeepingFiles(id);
        library.forget(id);
        registry.forget(id);
      });
      context.changed({ changed: [], removed: [id] });
      return {};
    },
    "library.add": ({ path }) =>
      registry.exclusively(async () => {
        const { id } = await library.takeBack(resolve(path));
        await registry.load();
        return announce(context, id);
      }),
    "library.files": async ({ id }) => ({ files: await filesOf(library.get(id).folder) }),
    "library.checkName": ({ name, exceptId }) => ({
      taken: library.nameTaken(name, exceptId),
      suggestion: library.freeName(name),
    }),
    "media.attach": async ({ id, drive, slot, path, force }) => {
      withMedium(draftOf(library.config(id)), drive, slot, path);
      const supervisor = registry.supervisor(id);
      // Outside of the queue: an engine that takes its time must not hold up the library.
      if (supervisor.live) await supervisor.attach(drive, slot, path, force);
      else await demandFile(resolve(library.get(id).folder, path));
      await update(id, (draft) => withMedium(draft, drive, slot, path), removableToo);
      return {};
    },
    "media.eject": async ({ id, drive, slot, force }) => {
      withMedium(draftOf(library.config(id)), drive, slot, null);
      const supervisor = registry.supervisor(id);
      if (supervisor.live) await supervisor.eject(drive, slot, force);
      await update(id, (draft) => withMedium(draft, drive, slot, null), removableToo);
      return {};
    },
    "media.createDisk": async ({ path, sizeBytes, format = "raw", subformat, passphrase }) => {
      if (!isAbsolute(path)) throw new GuesthouseError("file-missing", `This is not a whole path: ${path}`, { path });
      checkDiskSize(sizeBytes);
      await createDisk(path, { format, subformat, sizeBytes, passphrase });
      return { path };
    },
    "builtinGuest.create": () =>
      registry.exclusively(async () => {
        const draft = tourDraft(library.freeName(TOUR_NAME));
        const record = await library.create(draft, async (folder) => {
          await copyTour(folder);
          return draft;
        });
        return announce(context, record.id);
      }),
  };
}

async function withNewDisks(draft: MachineDraft, folder: string, newDisks: readonly NewDisk[]): Promise<MachineDraft> {
  const made = newDisks.map(({ format = "raw", interface: on = "ide" }, index): DiskConfig => {
    const extension = format === "raw" ? "img" : format;
    const path = index === 0 ? `disk.${extension}` : `disk ${index + 1}.${extension}`;
    return { path, format, ...(on === "ide" ? {} : { interface: on }) };
  });
  const disks = [...draft.storage.disks, ...made];
  const complete = { ...draft, storage: { ...draft.storage, disks } };
  const issue = checkMachineDraft(complete)[0];
  if (issue !== undefined) {
    throw new GuesthouseError("invalid-config", issue.message, { field: issue.field, code: issue.code });
  }
  for (const [index, { sizeBytes, subformat, passphrase }] of newDisks.entries()) {
    const { path, format = "raw" } = made[index]!;
    checkDiskSize(sizeBytes);
    await createDisk(join(folder, path), { format, subformat, sizeBytes, passphrase });
  }
  return complete;
}

/** Throws "no-such-drive". */
function withMedium(draft: MachineDraft, drive: "optical" | "floppy", slot: number, path: string | null): MachineDraft {
  const list = drive === "optical" ? "opticals" : "floppies";
  const drives = draft.storage[list];
  if (drives[slot] === undefined) {
    throw new GuesthouseError("no-such-drive", "The machine has no such drive.", { drive, slot });
  }
  const changed = drives.map((entry, index) => (index === slot ? { ...entry, path } : entry));
  return { ...draft, storage: { ...draft.storage, [list]: changed } };
}

async function filesOf(folder: string): Promise<{ path: string; sizeBytes: number }[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: unknown) =>
    Promise.reject(fileError(error, folder)),
  );
  const files = entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
  return await Promise.all(
    files.map(async (path) => ({ path, sizeBytes: (await stat(path).catch(() => undefined))?.size ?? 0 })),
  );
}

/** Cancelling keeps what is not deleted yet; the configuration goes last, so that the machine stays on the list. */
async function removeFolder(jobs: JobList, folder: string, machineId: string, subject: string): Promise<void> {
  await jobs.run({ kind: "removeFiles", subject, machineId }, async (progress, signal) => {
    const files = (await filesOf(folder))
      .map(({ path }) => path)
      .filter((path) => path !== join(folder, "machine.json"));
    for (const [index, path] of files.entries()) {
      signal.throwIfAborted();
      progress(index, files.length + 1);
      await rm(path, { force: true }).catch((error: unknown) => Promise.reject(fileError(error, path)));
    }
    await rm(folder, { recursive: true, force: true });
    progress(files.length + 1, files.length + 1);
  });
}

function tourDraft(name: string): MachineDraft {
  const draft = defaultMachineDraft(name);
  return {
    ...draft,
    description: "The guest that comes with Guesthouse: a short tour that tests the machine it runs on.",
    memoryMiB: 64,
    bootOrder: ["floppy"],
    storage: { disks: [], opticals: [{ path: null }], floppies: [{ path: "tour.img" }] },
  };
}

/** The machine gets a copy of its own: the tour writes to its diskette. */
async function copyTour(folder: string): Promise<void> {
  const path = builtFile(TOUR_IMAGE);
  await copyFile(path, join(folder, "tour.img")).catch((cause: unknown) => {
    throw new GuesthouseError("not-built", `The built-in guest is not built: ${path} is missing.`, { path }, { cause });
  });
}
