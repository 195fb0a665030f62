import { GuesthouseError } from "../base/GuesthouseError.ts";
import { statFile } from "./FileBrowser.ts";

/** Throws "file-missing", "not-a-file" or "file-forbidden" unless this is a file that can be read. */
export async function demandFile(path: string): Promise<void> {
  const facts = await statFile(path);
  if (!facts.exists) throw new GuesthouseError("file-missing", `The file does not exist: ${path}`, { path });
  if (facts.kind !== "file") throw new GuesthouseError("not-a-file", `This is not a file: ${path}`, { path });
  if (!facts.readable) throw new GuesthouseError("file-forbidden", `You may not open this file: ${path}`, { path });
}
