/** The commands on media. Whoever changes a medium that machines or other media refer to changes these too, or is refused. */
import { rm } from "node:fs/promises";
import { isAbsolute } from "node:path";
import type { HostProtocol } from "../api/hostProtocol.ts";
import type { MachineDraft } from "../api/MachineConfig.ts";
import type { Job } from "../api/MachineSummary.ts";
import type { Medium, mediumCommands as mediumProtocol } from "../api/mediumProtocol.ts";
import type { CommandHandlers } from "../api/ProtocolServer.ts";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { LongWork } from "../contracts/DiskImage.ts";
import { checkDiskSize } from "./diskSize.ts";
import { fileError } from "./fileError.ts";
import type { HostConnection } from "./HostConnection.ts";
import type { MediumFacts } from "./inspectMedium.ts";
import type { JobList } from "./JobList.ts";
import type { MachineRegistry } from "./MachineRegistry.ts";
import { type MediaRegistry, realPath } from "./MediaRegistry.ts";
import {
  checkDisk,
  compactDisk,
  copyDisk,
  copyPlainFile,
  createDisk,
  createDiskette,
  filesOfDisk,
  resizeDisk,
  tryPassphrase,
} from "./mediumWork.ts";
import { moveMedium } from "./moveMedium.ts";
import { alreadyThere, fileExists } from "./newFolder.ts";

type Handlers = CommandHandlers<HostProtocol, HostConnection>;

export interface MediumContext {
  readonly registry: MachineRegistry;
  readonly media: MediaRegistry;
  readonly jobs: JobList;
  /** Changes a machine's configuration, at rest, and tells all clients. */
  updateMachine(id: string, change: (draft: MachineDraft) => MachineDraft): Promise<unknown>;
  /** Tells all clients what is different. */
  changed(): Promise<void>;
}

export function mediumCommands(context: MediumContext): Pick<Handlers, keyof typeof mediumProtocol> {
  const { media } = context;
  const answer = async (path: string): Promise<{ medium: Medium }> => {
    await context.changed();
    return { medium: (await media.describe(path)).medium };
  };
  return {
    "media.list": async () => ({ media: await media.listShown() }),
    "media.add": async ({ path, kind }) => {
      await media.add(whole(path), kind);
      return await answer(path);
    },
    "media.info": ({ path, passphrase }) => mediumInfo(media, whole(path), passphrase),
    "media.create": async ({ path, format, subformat, sizeBytes, parentPath, passphrase }) => {
      const parent = parentPath === null ? undefined : await realPath(whole(parentPath));
      if (sizeBytes !== null) checkDiskSize(sizeBytes);
      await createDisk(whole(path), {
        format,
        subformat: subformat ?? undefined,
        sizeBytes: sizeBytes ?? undefined,
        parent,
        passphrase,
      });
      if (parent !== undefined) await media.add(parent, "disk");
      await media.add(path, "disk");
      return await answer(path);
    },
    "media.createDiskette": async ({ path, size, formatted }) => {
      await createDiskette(whole(path), size, formatted);
      await media.add(path, "floppy");
      return await answer(path);
    },
    "media.copy": async (order) => {
      await copyMedium(context, { ...order, path: await realPath(whole(order.path)), target: whole(order.target) });
      return await answer(order.target);
    },
    "media.move": async ({ path, target }) => {
      const { medium, facts } = await present(media, path);
      if (medium.state.kind === "inUse") throw inUse(medium);
      await job(context, "moveMedium", medium, (work) => moveMedium(context, medium, facts, whole(target), work));
      return await answer(target);
    },
    "media.resize": async ({ path, sizeBytes, truncate, passphrase }) => {
      const { medium, facts } = await presentDisk(media, path);
      checkDiskSize(sizeBytes);
      await refuseChildren(media, medium);
      await job(context, "resizeMedium", medium, () =>
        resizeDisk(medium.path, sizeBytes, truncate, { format: facts.format, passphrase }),
      );
      return await answer(medium.path);
    },
    "media.compact": async ({ path, passphrase }) => {
      const { medium, facts } = await presentDisk(media, path);
      await refuseChildren(media, medium);
      await job(context, "compactMedium", medium, (work) =>
        compactDisk(medium.path, work, { format: facts.format, passphrase }),
      );
      return await answer(medium.path);
    },
    "media.check": async ({ path, repair, passphrase }) => {
      const { medium, facts } = await presentDisk(media, path);
      const report = await job(context, "checkMedium", medium, (work) =>
        checkDisk(medium.path, repair, work, { format: facts.format, alone: true, passphrase }),
      );
      if (repair) await context.changed();
      return { ...report, errors: [...report.errors] };
    },
    "media.release": async ({ path, machineId }) => {
      await releaseMedium(context, await realPath(whole(path)), machineId);
      await context.changed();
      return {};
    },
    "media.remove": async ({ path, withFile }) => {
      await removeMedium(media, await realPath(whole(path)), withFile);
      await context.changed();
      return {};
    },
  };
}

type DiskFacts = MediumFacts & { readonly format: "raw" | "qcow" | "qcow2" | "vdi" | "vmdk" | "vhd" | "vhdx" };

function whole(path: string): string {
  if (!isAbsolute(path)) throw new GuesthouseError("file-missing", `This is not a whole path: ${path}`, { path });
  return path;
}

function inUse({ path, name }: Medium): GuesthouseError {
  return new GuesthouseError("in-use", `“${name}” is in use.`, { path });
}

/** Throws "file-missing" and what else keeps it from being used. */
async function present(media: MediaRegistry, path: string): Promise<{ medium: Medium; facts: MediumFacts }> {
  const found = await media.describe(whole(path));
  const { state } = found.medium;
  if (state.kind === "missing") throw new GuesthouseError("file-missing", `The file does not exist: ${path}`, { path });
  if (state.kind === "forbidden") throw new GuesthouseError("file-forbidden", state.reason, { path });
  return found;
}

async function presentDisk(media: MediaRegistry, path: string): Promise<{ medium: Medium; facts: DiskFacts }> {
  const { medium, facts } = await present(media, path);
  if (medium.kind !== "disk") {
    throw new GuesthouseError("unsupported-operation", `“${medium.name}” is not a hard disk.`, { path });
  }
  if (medium.state.kind === "inUse") throw inUse(medium);
  if (facts.format === null) {
    const reason = medium.state.kind === "broken" ? medium.state.reason : `“${medium.name}” cannot be opened.`;
    throw new GuesthouseError("corrupt-image", reason, { path });
  }
  return { medium, facts: facts as DiskFacts };
}

/** What others are built upon must stay as it is. */
async function refuseChildren(media: MediaRegistry, { path, name }: Medium): Promise<void> {
  const child = (await media.list()).find(({ parentPath }) => parentPath === path);
  if (child === undefined) return;
  throw new GuesthouseError("has-children", `“${child.name}” rests on “${name}”.`, { path, child: child.path });
}

async function job<T>(
  context: MediumContext,
  kind: Job["kind"],
  medium: Medium,
  action: (work: LongWork) => Promise<T>,
): Promise<T> {
  let result: { value: T } | undefined;
  await context.jobs.run({ kind, subject: medium.name, machineId: null }, async (progress, signal) => {
    const onProgress = (fraction: number): void => progress(Math.round(fraction * 1000), 1000);
    result = { value: await action({ onProgress, signal }) };
  });
  if (result === undefined) throw new Error("The job ended without a result.");
  return result.value;
}

async function copyMedium(context: MediumContext, order: Parameters<Handlers["media.copy"]>[0]): Promise<void> {
  const { media } = context;
  const { path, target, format, subformat, compress, passphrase, targetPassphrase } = order;
  if (await fileExists(target)) throw alreadyThere(target);
  const { medium, facts } = await present(media, path);
  if (medium.kind !== "disk") {
    await job(context, "copyMedium", medium, () => copyPlainFile(path, target));
  } else {
    const disk = await presentDisk(media, path);
    const trusted = await media.trusted();
    const source = { format: disk.facts.format, mayUse: (file: string) => trusted.includes(file), passphrase };
    // QCOW is read only; its content goes into the format that followed it.
    const made = format ?? (disk.facts.format === "qcow" ? "qcow2" : disk.facts.format);
    const kind = { format: made, subformat: subformat ?? undefined, passphrase: targetPassphrase };
    await job(context, "copyMedium", medium, (work) => copyDisk(path, target, { ...kind, compress, source }, work));
  }
  await media.add(target, facts.kind);
}

async function mediumInfo(media: MediaRegistry, path: string, passphrase: string | undefined) {
  const { medium, facts } = await media.describe(path);
  if (passphrase !== undefined) await tryPassphrase(medium.path, { passphrase });
  const chain: { path: string; format: string; allocatedBytes: number }[] = [];
  const seen = new Set([medium.path]);
  for (let next = facts.parentPath; next !== null && !seen.has(next); ) {
    seen.add(next);
    const { medium: parent } = await media.describe(next, "disk");
    chain.push({ path: parent.path, format: parent.format ?? "", allocatedBytes: parent.allocatedBytes });
    next = parent.parentPath;
  }
  return { medium, chain, innerSnapshots: facts.innerSnapshots };
}

async function releaseMedium(context: MediumContext, path: string, machineId: string | null): Promise<void> {
  const uses = (await context.media.uses()).filter(
    (use) => use.path === path && (machineId === null || use.attachment.machineId === machineId),
  );
  const kept = uses.find(({ attachment }) => attachment.snapshotId !== null)?.attachment;
  if (kept !== undefined) {
    throw new GuesthouseError("attached", `The snapshot “${kept.snapshotName}” of “${kept.machineName}” needs it.`, {
      path,
    });
  }
  // Known by its machines alone, it would be on no list any more, and nobody could attach it again.
  if (uses[0] !== undefined) await context.media.keep(path, uses[0].kind);
  for (const id of new Set(uses.map(({ attachment }) => attachment.machineId))) {
    const slots = (kind: string) => uses.filter((use) => use.attachment.machineId === id && use.kind === kind);
    const gone = (kind: string, slot: number) => slots(kind).some(({ attachment }) => attachment.slot === slot);
    await context.updateMachine(id, (draft) => ({
      ...draft,
      storage: {
        ...draft.storage,
        disks: draft.storage.disks.filter((_disk, slot) => !gone("disk", slot)),
        opticals: draft.storage.opticals.map((drive, slot) =>
          gone("optical", slot) ? { ...drive, path: null } : drive,
        ),
        floppies: draft.storage.floppies.map((drive, slot) => (gone("floppy", slot) ? { path: null } : drive)),
      },
    }));
  }
}

async function removeMedium(media: MediaRegistry, path: string, withFile: boolean): Promise<void> {
  const { medium, facts } = await media.describe(path);
  const [attachment] = medium.attachedTo;
  if (attachment !== undefined) {
    throw new GuesthouseError("attached", `“${medium.name}” belongs to “${attachment.machineName}”.`, { path });
  }
  if (withFile && medium.state.kind !== "missing") {
    if (medium.state.kind === "inUse") throw inUse(medium);
    await refuseChildren(media, medium);
    const files = medium.kind === "disk" && facts.format !== null ? await filesOfDisk(path, undefined) : [path];
    for (const file of files) {
      await rm(file, { force: true }).catch((error: unknown) => Promise.reject(fileError(error, file)));
    }
  }
  await media.forget(path);
}
