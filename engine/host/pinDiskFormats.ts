/**
 * Writes into a machine's configuration which format each of its disks has, before the machine runs for the first time with them: later the
 * content of a raw disk is its guest's, who could make it look like an image that rests on somebody else's file.
 */
import { resolve } from "node:path";
import type { DiskConfig, MachineDraft } from "../api/MachineConfig.ts";
import type { DiskFormatId } from "../contracts/DiskImage.ts";
import { formatOfFile } from "./inspectMedium.ts";
import type { MachineLibrary } from "./MachineLibrary.ts";

type UpdateMachine = (id: string, change: (draft: MachineDraft) => MachineDraft) => Promise<unknown>;

/** A disk that cannot be read stays as it is: opening it will say why. */
export async function pinDiskFormats(library: MachineLibrary, id: string, update: UpdateMachine): Promise<void> {
  const { folder } = library.get(id);
  const found = new Map<string, DiskFormatId>();
  for (const { path, format } of library.config(id).storage.disks) {
    if (format !== undefined) continue;
    const probed = await formatOfFile(resolve(folder, path)).catch(() => undefined);
    if (probed !== undefined) found.set(path, probed);
  }
  if (found.size === 0) return;
  const pinned = (disk: DiskConfig): DiskConfig => {
    const format = disk.format ?? found.get(disk.path);
    return format === undefined ? disk : { ...disk, format };
  };
  await update(id, (draft) => ({ ...draft, storage: { ...draft.storage, disks: draft.storage.disks.map(pinned) } }));
}
