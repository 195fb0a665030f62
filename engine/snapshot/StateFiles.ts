import type { ByteStore } from "../contracts/BlockDevice.ts";

/** A folder of files as snapshots need it. Names are plain; all promises reject with a GuesthouseError. */
export interface StateFiles {
  list(): Promise<readonly string[]>;
  /** For reading: "file-missing" when there is none. */
  open(name: string): Promise<ByteStore>;
  /** A new, empty file under a name that may be there already from a crash. */
  create(name: string): Promise<ByteStore>;
  /** Gives a closed file another name at one stroke, replacing what has it; lasting when the promise resolves. */
  rename(from: string, to: string): Promise<void>;
  /** No file is no mistake. */
  remove(name: string): Promise<void>;
}

/** A file with this at its end was not finished. */
export const UNFINISHED = ".unfinished";

/** Writes a file so that it is there whole under its name, or not at all. */
export async function writeWhole(
  files: StateFiles,
  name: string,
  fill: (store: ByteStore) => Promise<void>,
): Promise<void> {
  const temporary = `${name}${UNFINISHED}`;
  const store = await files.create(temporary);
  try {
    await fill(store);
    await store.flush();
    await store.close();
    await files.rename(temporary, name);
  } catch (error) {
    await store.close().catch(() => {});
    await files.remove(temporary).catch(() => {});
    throw error;
  }
}
