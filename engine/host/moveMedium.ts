/**
 * A medium gets another path, and all that refer to it follow: machines and overlays. While they are told, the file has both names, so
 * that a crash leaves every reference leading somewhere. An image of several files is copied, because they name each other.
 */
import { link, rm } from "node:fs/promises";
import { dirname, isAbsolute, join, resolve } from "node:path";
import type { Medium } from "../api/mediumProtocol.ts";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { DiskFormatId, LongWork } from "../contracts/DiskImage.ts";
import { errorCode, fileError } from "./fileError.ts";
import type { MediumFacts } from "./inspectMedium.ts";
import { diskInfo } from "./inspectMedium.ts";
import { configUses, realPath } from "./MediaRegistry.ts";
import type { MediumContext } from "./mediumCommands.ts";
import { copyDisk, copyPlainFile, filesOfDisk, openDiskFile, referenceName } from "./mediumWork.ts";
import { alreadyThere, fileExists } from "./newFolder.ts";
import { syncFolder } from "./writeFileAtomically.ts";

export async function moveMedium(
  context: MediumContext,
  medium: Medium,
  facts: MediumFacts,
  target: string,
  work: LongWork,
): Promise<void> {
  const { media } = context;
  const { path } = medium;
  if (await fileExists(target)) throw alreadyThere(target);
  const uses = (await media.uses()).filter((use) => use.path === path);
  if (uses.some(({ attachment }) => attachment.snapshotId !== null)) {
    throw new GuesthouseError("attached", `“${medium.name}” belongs to a snapshot and stays where it is.`, { path });
  }
  for (const { attachment } of uses) {
    const { disks } = context.registry.library.config(attachment.machineId).storage;
    // The overlays of such a disk are found by its path.
    if (medium.kind === "disk" && disks[attachment.slot]?.kind === "multiAttach") {
      throw new GuesthouseError("attached", `“${medium.name}” lies below changes that machines made.`, { path });
    }
    context.registry.demand("machine.start", attachment.machineId);
  }
  const children = (await media.list()).filter(({ parentPath }) => parentPath === path);
  const busy = children.find(({ state }) => state.kind === "inUse");
  if (busy !== undefined) throw new GuesthouseError("in-use", `“${busy.name}” is in use.`, { path: busy.path });
  const format = (facts.format ?? undefined) as DiskFormatId | undefined;
  const files = medium.kind === "disk" && format !== undefined ? await filesOfDisk(path, format) : [path];
  if (files.length > 1 && format !== undefined) {
    await copyDisk(path, target, { format, subformat: facts.subformat ?? undefined, source: { format } }, work);
  } else {
    await placeAgain(path, target);
    await followRelativeBacking(path, target, facts);
  }
  for (const child of children) await rebaseChild(child.path, target);
  for (const id of new Set(uses.map(({ attachment }) => attachment.machineId)))
    await followInMachine(context, id, path, target);
  if (medium.added) await media.add(target, medium.kind);
  await media.forget(path);
  for (const file of files) await rm(file, { force: true });
  await syncFolder(dirname(path));
}

async function followInMachine(context: MediumContext, id: string, path: string, target: string): Promise<void> {
  const { library } = context.registry;
  const { folder } = library.get(id);
  const uses = configUses(library.config(id), folder);
  const same = new Set<string>();
  for (const use of uses) if ((await realPath(use.path)) === path) same.add(use.path);
  const moved = (old: string): string =>
    same.has(resolve(folder, old)) ? referenceName(join(folder, "machine.json"), target) : old;
  await context.updateMachine(id, (draft) => ({
    ...draft,
    storage: {
      ...draft.storage,
      disks: draft.storage.disks.map((disk) => ({ ...disk, path: moved(disk.path) })),
      opticals: draft.storage.opticals.map((drive) => ({
        ...drive,
        path: drive.path === null ? null : moved(drive.path),
      })),
      floppies: draft.storage.floppies.map((drive) => ({
        ...drive,
        path: drive.path === null ? null : moved(drive.path),
      })),
    },
  }));
}

/** A second name, or a copy where the file system has no such thing or the target lies on another one. */
async function placeAgain(path: string, target: string): Promise<void> {
  try {
    await link(path, target);
  } catch (error) {
    if (errorCode(error) === "EEXIST") throw alreadyThere(target);
    if (!["EXDEV", "EPERM", "ENOTSUP", "ENOSYS"].includes(errorCode(error) ?? "")) throw fileError(error, target);
    await copyPlainFile(path, target);
  }
}

/** A relative name of what it rests on leads elsewhere from another folder. */
async function followRelativeBacking(path: string, target: string, { backing, format }: MediumFacts): Promise<void> {
  if (backing === undefined || dirname(path) === dirname(target)) return;
  if (backing.names.every((name) => isAbsolute(name))) return;
  const names = backing.names.map((name) => resolve(dirname(path), name));
  const image = await openDiskFile(target, "write", { format: format as DiskFormatId, alone: true });
  await image.rebase({ ...backing, names }).finally(() => image.close());
}

async function rebaseChild(child: string, parent: string): Promise<void> {
  const { identity, format } = await diskInfo(parent);
  const names = [referenceName(await realPath(child), parent)];
  const image = await openDiskFile(child, "write", { alone: true });
  await image.rebase({ names, format, identity }).finally(() => image.close());
}
