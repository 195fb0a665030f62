/** A machine's state in one file, as `guesthouse run` keeps it. */
import { basename, dirname } from "node:path";
import type { LongWork } from "../contracts/DiskImage.ts";
import type { MachineControl } from "../machine/MachineControl.ts";
import { checkDescription, describedDigest } from "../snapshot/container/describedDigest.ts";
import type { StateHeader } from "../snapshot/container/stateFileLayout.ts";
import { writeWhole } from "../snapshot/StateFiles.ts";
import { openSingleState, saveSingleState } from "../snapshot/saveSingleState.ts";
import { FileStore } from "./FileStore.ts";
import { FolderFiles } from "./FolderFiles.ts";
import { appVersion } from "./installation.ts";
import { PageCrew } from "./PageCrew.ts";
import { snapshotServices } from "./snapshotServices.ts";

export function stateHeader(control: MachineControl): StateHeader {
  const machine = control.hardware;
  return { digest: describedDigest(machine), machine, savedAtMs: Date.now(), appVersion: appVersion() };
}

/** The state is the one at the time of the call; the machine may run on. The file is there whole under its name, or not at all. */
export async function saveStateFile(control: MachineControl, path: string, work?: LongWork): Promise<void> {
  const captured = control.captureState(path);
  try {
    await writeWhole(new FolderFiles(dirname(path)), basename(path), (store) =>
      saveSingleState(store, stateHeader(control), captured, snapshotServices, work),
    );
  } finally {
    captured.ram.dispose();
  }
}

/** Brings the state into a machine that is off; it is paused then. Throws what is wrong with the file, or "state-other-machine". */
export async function loadStateFile(control: MachineControl, path: string): Promise<void> {
  const store = await FileStore.open(path, "read");
  const pageThreads = new PageCrew();
  try {
    const { header, load } = await openSingleState(store, { ...snapshotServices, pageThreads });
    checkDescription(header, control.hardware);
    await control.restoreState(await load(path));
  } finally {
    await store.close();
  }
}
