import { resolve } from "node:path";
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { DiskImageInfo } from "../../contracts/DiskImage.ts";
import { diskInfo } from "../inspectMedium.ts";
import type { MachineRegistry } from "../MachineRegistry.ts";
import { isKept } from "./machineLayers.ts";

/** A snapshot's overlay would hold readable what the disk below keeps secret. Throws "encrypted-disk" with the first such disk. */
export async function refuseEncryptedDisks(registry: MachineRegistry, id: string): Promise<void> {
  const { folder } = registry.library.get(id);
  for (const [slot, disk] of registry.library.config(id).storage.disks.entries()) {
    if (!isKept(disk)) continue;
    // Whatever else is wrong with it is told by who needs it.
    const info = await diskInfo(resolve(folder, disk.path), disk.format).catch(() => undefined);
    if (info !== undefined) refuseEncrypted(info, { path: disk.path, slot });
  }
}

/** Throws "encrypted-disk". */
export function refuseEncrypted(
  { encrypted }: DiskImageInfo,
  disk: { readonly path: string; readonly slot?: number },
): void {
  if (!encrypted) return;
  const sentence = `There are no snapshots of encrypted disks, which “${disk.path}” is: what changes since would be readable for everybody.`;
  throw new GuesthouseError("encrypted-disk", sentence, { ...disk });
}
