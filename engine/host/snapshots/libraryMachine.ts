/** The machines of the library as their snapshots need them. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { draftOf, type MachineConfig } from "../../api/MachineConfig.ts";
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import { StateStore } from "../../snapshot/StateStore.ts";
import { diskServices } from "../diskServices.ts";
import type { DiskPassphrase } from "../encryptedDisks.ts";
import type { Locking } from "../FileStore.ts";
import { FolderFiles as StateFolder } from "../FolderFiles.ts";
import type { MachineRegistry } from "../MachineRegistry.ts";
import { snapshotServices } from "../snapshotServices.ts";
import { FolderFiles } from "./FolderFiles.ts";
import type { KeptMachine, LiveImages } from "./KeptMachine.ts";
import { stateFolder } from "./stateFolder.ts";

/** Good for a look; it changes nothing and takes no locks. */
export function watchedMachine(folder: string, config: MachineConfig): KeptMachine {
  const states = new StateStore(new StateFolder(join(folder, stateFolder)), snapshotServices);
  return {
    files: new FolderFiles({ folder, readLock: "none" }),
    services: diskServices,
    draft: () => draftOf(config),
    apply: async () => {},
    newId: randomUUID,
    keepStates: async () => {},
    stateBytes: (name) => states.bytesOf(name),
    freedByStates: (names) => states.freedBy(names).catch(() => 0),
  };
}

/** With `live` it is one that runs; the library's queue is used for its settings then, and must not be held. */
export function keptMachine(
  registry: MachineRegistry,
  id: string,
  readLock: Locking,
  live?: LiveImages,
  passphrases: readonly DiskPassphrase[] = [],
): KeptMachine {
  const { library } = registry;
  const { folder } = library.get(id);
  const states = new StateStore(new StateFolder(join(folder, stateFolder)), snapshotServices);
  const update: KeptMachine["apply"] = async (change) => {
    await library.update(id, change(draftOf(library.config(id))));
  };
  return {
    ...watchedMachine(folder, library.config(id)),
    files: new FolderFiles({ folder, readLock: live === undefined ? readLock : "none" }),
    passphrases,
    draft: () => draftOf(library.config(id)),
    apply: live === undefined ? update : (change) => registry.exclusively(() => update(change)),
    keepStates: (names) => states.keepOnly(names).catch(leaveForLater),
    ...(live === undefined ? {} : { live }),
  };
}

/** States that nobody wants take room and do no harm; what cannot be read might need any of them. */
function leaveForLater(error: unknown): void {
  if (!(error instanceof GuesthouseError)) throw error;
}
