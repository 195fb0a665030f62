import { draftOf, type MachineConfig } from "../../api/MachineConfig.ts";
import { layerPlaces } from "./layerPlaces.ts";
import { watchedMachine } from "./libraryMachine.ts";
import { MachineSnapshots } from "./MachineSnapshots.ts";

/** The image that somebody put into the machine, by which people know a disk: the one that the layers of its snapshots rest on. */
export async function originalDisk(folder: string, config: MachineConfig, path: string): Promise<string> {
  const document = await new MachineSnapshots(watchedMachine(folder, config)).document().catch(() => undefined);
  return (document && layerPlaces(document, draftOf(config)).get(path)?.path) ?? path;
}
