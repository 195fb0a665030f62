/**
 * A twin of a machine in a folder of its own, in one state: its disks are copied whole, or are overlays on the original's files. Removable media and disks
 * that machines may share stay where they are. Without success nothing is left.
 */
import { join, resolve } from "node:path";
import type { DiskConfig, MachineDraft } from "../../api/MachineConfig.ts";
import type { DiskFormatId, LongWork } from "../../contracts/DiskImage.ts";
import { diskInfo } from "../inspectMedium.ts";
import type { MachineLibrary, MachineRecord } from "../MachineLibrary.ts";
import { createDisk } from "../mediumWork.ts";
import { ClonedDisks, isCopiedAsItIs, isShared } from "./ClonedDisks.ts";

export interface CloneOrder {
  readonly source: MachineDraft;
  /** The original's. */
  readonly folder: string;
  readonly name: string;
  readonly linked: boolean;
  readonly formatOf: (file: string) => DiskFormatId | undefined;
  /** The passphrase of a disk, tried; undefined for one that needs none. Throws "passphrase-needed" or "passphrase-wrong". */
  readonly unlock: (file: string) => Promise<string | undefined>;
}

/** Throws what `unlock` throws, before anything is made. */
export async function unlockForClone({ source, folder, linked, formatOf, unlock }: CloneOrder): Promise<void> {
  for (const disk of source.storage.disks) {
    if (isShared(disk)) continue;
    const info = await diskInfo(resolve(folder, disk.path), disk.format ?? formatOf(disk.path)).catch(() => undefined);
    if (linked || info === undefined || !isCopiedAsItIs(info)) await unlock(disk.path);
  }
}

export async function cloneMachine(
  library: MachineLibrary,
  { source, folder, name, linked, formatOf, unlock }: CloneOrder,
  work: LongWork,
): Promise<MachineRecord> {
  const whole = withWholePaths(source, folder);
  const draft: MachineDraft = {
    ...whole,
    name,
    storage: {
      ...whole.storage,
      disks: source.storage.disks.map((disk) => ({ ...disk, path: resolve(folder, disk.path) })),
    },
  };
  return await library.create(draft, async (target) => {
    const copies = new ClonedDisks(folder, target, unlock);
    const disks: DiskConfig[] = [];
    for (const [slot, disk] of source.storage.disks.entries()) {
      const format = disk.format ?? formatOf(disk.path);
      if (linked && !isShared(disk)) {
        const passphrase = await unlock(disk.path);
        disks.push(await linkDisk(draft.storage.disks[slot]!, { format, passphrase, target, slot }));
      } else disks.push(await copies.own(disk, format));
    }
    await copies.copyAll(work);
    return { ...draft, storage: { ...draft.storage, disks } };
  });
}

/** All files that settings name, from wherever one looks; those of disks are left to the caller. */
export function withWholePaths(source: MachineDraft, folder: string): MachineDraft {
  const whole = (path: string): string => resolve(folder, path);
  const inDrives = <D extends { readonly path: string | null }>(drives: readonly D[]): D[] =>
    drives.map((drive) => ({ ...drive, path: drive.path === null ? null : whole(drive.path) }));
  const { storage, directBoot, firmware } = source;
  return {
    ...source,
    firmware: firmware.kind === "rom" ? { ...firmware, path: whole(firmware.path) } : firmware,
    directBoot:
      directBoot === null
        ? null
        : {
            ...directBoot,
            kernel: whole(directBoot.kernel),
            initrd: directBoot.initrd === null ? null : whole(directBoot.initrd),
          },
    storage: { ...storage, opticals: inDrives(storage.opticals), floppies: inDrives(storage.floppies) },
  };
}

async function linkDisk(
  disk: DiskConfig,
  given: {
    readonly format: DiskFormatId | undefined;
    readonly passphrase: string | undefined;
    readonly target: string;
    readonly slot: number;
  },
): Promise<DiskConfig> {
  const { format, passphrase, target, slot } = given;
  const file = `${slot === 0 ? "disk" : `disk ${slot + 1}`}.qcow2`;
  await createDisk(join(target, file), { format: "qcow2", passphrase, parent: disk.path, parentFormat: format });
  return { ...disk, path: file, format: "qcow2" };
}
