import { basename } from "node:path";
import { draftOf, type MachineConfig } from "../../api/MachineConfig.ts";
import { aboutDisk, isAboutPassphrase } from "../encryptedDisks.ts";
import type { MachineRecord } from "../MachineLibrary.ts";
import { layerPlaces } from "./layerPlaces.ts";
import { watchedMachine } from "./libraryMachine.ts";
import { MachineSnapshots } from "./MachineSnapshots.ts";

/** The image that somebody put into the machine, by which people know a disk: the one that the layers of its snapshots rest on. */
export async function originalDisk(folder: string, config: MachineConfig, path: string): Promise<string> {
  const document = await new MachineSnapshots(watchedMachine(folder, config)).document().catch(() => undefined);
  return (document && layerPlaces(document, draftOf(config)).get(path)?.path) ?? path;
}

/** Whose passphrase is asked for is said by the name of the original, as layers have none that anybody knows. */
export async function namingOriginal<T>({ folder, config }: MachineRecord, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!isAboutPassphrase(error) || config === null || typeof error.context.path !== "string") throw error;
    const path = await originalDisk(folder, config, error.context.path);
    throw aboutDisk(error, { path, name: basename(path) });
  }
}
