import { mkdir } from "node:fs/promises";
import { fileError } from "./fileError.ts";

/** With the folders that it lies in, unless it is there. Throws "disk-full" and the like. */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((error: unknown) => Promise.reject(fileError(error, path)));
}
