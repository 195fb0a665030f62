/**
 * A folder of the host as the snapshot room wants it. Names are plain: whatever else is refused. Files that are written take no lock: the folder has
 * one owner at a time, who holds the machine.
 */
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { ByteStore } from "../contracts/BlockDevice.ts";
import type { StateFiles } from "../snapshot/StateFiles.ts";
import { FileStore } from "./FileStore.ts";
import { fileError } from "./fileError.ts";
import { syncFolder } from "./writeFileAtomically.ts";

export class FolderFiles implements StateFiles {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  async list(): Promise<readonly string[]> {
    try {
      return await readdir(this.folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw fileError(error, this.folder);
    }
  }

  async open(name: string): Promise<ByteStore> {
    return await FileStore.open(this.#path(name), "read");
  }

  async create(name: string): Promise<ByteStore> {
    const path = this.#path(name);
    try {
      await mkdir(this.folder, { recursive: true });
      await (await open(path, "w")).close();
    } catch (error) {
      throw fileError(error, path);
    }
    return await FileStore.open(path, "write");
  }

  async rename(from: string, to: string): Promise<void> {
    try {
      await rename(this.#path(from), this.#path(to));
    } catch (error) {
      throw fileError(error, this.#path(to));
    }
    await syncFolder(this.folder);
  }

  async remove(name: string): Promise<void> {
    try {
      await rm(this.#path(name), { force: true });
    } catch (error) {
      throw fileError(error, this.#path(name));
    }
  }

  #path(name: string): string {
    if (name === "" || name === ".." || name !== basename(name))
      throw new GuesthouseError("file-forbidden", `This is no name of a file here: ${name}`, { name });
    return join(this.folder, name);
  }
}
