/**
 * A twin of a machine in a folder of its own: its disks are copied whole, or are overlays on the original's files. Removable media and disks
 * that machines may share stay where they are. Without success nothing is left.
 */
import { basename, extname, join, resolve } from "node:path";
import type { DiskConfig, MachineDraft } from "../../api/MachineConfig.ts";
import type { DiskFormatId, LongWork } from "../../contracts/DiskImage.ts";
import type { MachineLibrary, MachineRecord } from "../MachineLibrary.ts";
import { copyDisk, createDisk } from "../mediumWork.ts";

export interface CloneOrder {
  readonly source: MachineDraft;
  /** The original's. */
  readonly folder: string;
  readonly name: string;
  readonly linked: boolean;
  readonly formatOf: (file: string) => DiskFormatId | undefined;
}

export async function cloneMachine(
  library: MachineLibrary,
  { source, folder, name, linked, formatOf }: CloneOrder,
  work: LongWork,
): Promise<MachineRecord> {
  const whole = (path: string): string => resolve(folder, path);
  const drives = (list: MachineDraft["storage"]["opticals"]) =>
    list.map((drive) => ({ ...drive, path: drive.path === null ? null : whole(drive.path) }));
  const { storage, directBoot, firmware } = source;
  const draft: MachineDraft = {
    ...source,
    name,
    firmware: firmware.kind === "rom" ? { ...firmware, path: whole(firmware.path) } : firmware,
    directBoot:
      directBoot === null
        ? null
        : {
            ...directBoot,
            kernel: whole(directBoot.kernel),
            initrd: directBoot.initrd === null ? null : whole(directBoot.initrd),
          },
    storage: {
      ...storage,
      disks: storage.disks.map((disk) => ({ ...disk, path: whole(disk.path) })),
      opticals: drives(storage.opticals),
      floppies: drives(storage.floppies),
    },
  };
  return await library.create(draft, async (target) => {
    const disks: DiskConfig[] = [];
    const { length } = storage.disks;
    for (const [slot, disk] of storage.disks.entries()) {
      const onProgress = (fraction: number): void => work.onProgress?.((slot + fraction) / length);
      const format = disk.format ?? formatOf(disk.path);
      disks.push(
        await cloneDisk({ ...disk, path: whole(disk.path) }, format, target, slot, linked, { ...work, onProgress }),
      );
    }
    return { ...draft, storage: { ...draft.storage, disks } };
  });
}

async function cloneDisk(
  disk: DiskConfig,
  known: DiskFormatId | undefined,
  target: string,
  slot: number,
  linked: boolean,
  work: LongWork,
): Promise<DiskConfig> {
  const { kind = "normal", path } = disk;
  if (kind === "shareable" || kind === "readOnly" || kind === "multiAttach") return disk;
  const stem = slot === 0 ? "disk" : `disk ${slot + 1}`;
  const { format: _format, ...rest } = disk;
  if (linked) {
    const file = `${stem}.qcow2`;
    await createDisk(join(target, file), { format: "qcow2", parent: path, parentFormat: known });
    return { ...rest, path: file, format: "qcow2" };
  }
  const format = known === undefined || known === "qcow" ? "qcow2" : known;
  const file = `${stem}${known === format ? extname(basename(path)) : ".qcow2"}`;
  await copyDisk(path, join(target, file), { format, source: { format: known } }, work);
  return { ...rest, path: file, format };
}
