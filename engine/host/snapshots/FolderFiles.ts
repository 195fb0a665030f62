/** A machine's folder on the host, as snapshots need it: FileOpener with texts that are replaced at one stroke. */
import { readdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { FileOpener } from "../FileOpener.ts";
import { errorCode, fileError } from "../fileError.ts";
import { makeFolder } from "../makeFolder.ts";
import { syncFolder, writeFileAtomically } from "../writeFileAtomically.ts";
import type { SnapshotFiles } from "./SnapshotFiles.ts";

export class FolderFiles extends FileOpener implements SnapshotFiles {
  override async create(name: string): Promise<Awaited<ReturnType<FileOpener["create"]>>> {
    await makeFolder(dirname(this.path(name)));
    return await super.create(name);
  }

  override async remove(name: string): Promise<void> {
    await super.remove(name);
    await syncFolder(dirname(this.path(name)));
  }

  async list(folder: string): Promise<string[]> {
    const path = this.path(folder);
    const entries = await readdir(path, { withFileTypes: true }).catch((error: unknown) => {
      if (errorCode(error) === "ENOENT") return [];
      throw fileError(error, path);
    });
    return entries.filter((entry) => entry.isFile()).map(({ name }) => `${folder}/${name}`);
  }

  async readText(name: string): Promise<string | undefined> {
    const path = this.path(name);
    return await readFile(path, "utf8").catch((error: unknown) => {
      if (errorCode(error) === "ENOENT") return undefined;
      throw fileError(error, path);
    });
  }

  async replaceText(name: string, text: string): Promise<void> {
    await writeFileAtomically(this.path(name), text);
  }
}
