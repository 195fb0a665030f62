import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseDocument } from "../../snapshot/tree/parseDocument.ts";
import { DOCUMENT } from "./MachineSnapshots.ts";

/** A look at a machine's folder. What cannot be read is said when somebody wants the snapshots. */
export async function hasSavedState(folder: string): Promise<boolean> {
  try {
    return parseDocument(await readFile(join(folder, DOCUMENT), "utf8")).current.state !== undefined;
  } catch {
    return false;
  }
}
