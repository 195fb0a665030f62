import type { StoreOpener } from "../../contracts/DiskImage.ts";

/** A machine's folder as snapshots need it. Names are relative to it, with "/", or absolute. */
export interface SnapshotFiles extends StoreOpener {
  /** Names of the files of a folder, with the folder; none when it is not there. */
  list(folder: string): Promise<string[]>;
  readText(name: string): Promise<string | undefined>;
  /** At one stroke, and lasting when it resolves. */
  replaceText(name: string, text: string): Promise<void>;
}
