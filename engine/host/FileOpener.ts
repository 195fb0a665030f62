/**
 * The host's files behind the StoreOpener of the disk formats. What is written is locked exclusively, what is only read is shared, so that
 * nobody changes what an overlay rests on. Names that come out of an image are not trusted: an image that somebody sent could
 * name any file of the person who opens it and show it to a guest. `mayUse` decides about them; those beside the image are fine.
 */
import { realpath, rm } from "node:fs/promises";
import { dirname, resolve, sep } from "node:path";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { ByteStore } from "../contracts/BlockDevice.ts";
import type { StoreOpener } from "../contracts/DiskImage.ts";
import { FileStore, type Locking } from "./FileStore.ts";
import { fileError } from "./fileError.ts";

export interface FileOpenerOptions {
  /** What names are relative to. */
  readonly folder: string;
  /** May an image use this file, a real path, that lies outside of its own folder? Everything when absent. */
  readonly mayUse?: (path: string) => boolean;
  /** For files that are written; "shared" is for disks that several machines write to. */
  readonly writeLock?: Locking;
  /** For files that are read; "none" is for having a look. */
  readonly readLock?: Locking;
  /** Locks of this process are not in the way: it has the files open and sees to it that all goes well. */
  readonly besideOwn?: boolean;
  /** Hears of the path of every file that is opened or made. */
  readonly onFile?: (path: string) => void;
}

export class FileOpener implements StoreOpener {
  readonly #options: FileOpenerOptions;
  /** Folders of the images that led here; none for names that a person gave. */
  readonly #homes: readonly string[];

  constructor(options: FileOpenerOptions, homes: readonly string[] = []) {
    this.#options = options;
    this.#homes = homes;
  }

  async open(name: string, access: "read" | "write"): Promise<ByteStore> {
    const path = await this.#demand(name);
    const { writeLock = "exclusive", readLock = "shared", besideOwn, onFile } = this.#options;
    const store = await FileStore.open(path, access, access === "write" ? writeLock : readLock, besideOwn);
    onFile?.(path);
    return store;
  }

  async create(name: string): Promise<ByteStore> {
    const path = this.path(name);
    const store = await FileStore.create(path, this.#options.writeLock ?? "exclusive");
    this.#options.onFile?.(path);
    return store;
  }

  async remove(name: string): Promise<void> {
    const path = this.path(name);
    await rm(path, { force: true }).catch((error: unknown) => Promise.reject(fileError(error, path)));
  }

  async identify(name: string): Promise<string> {
    const path = this.path(name);
    return await realpath(path).catch(() => path);
  }

  beside(name: string): FileOpener {
    const folder = dirname(this.path(name));
    return new FileOpener({ ...this.#options, folder }, [...this.#homes, folder]);
  }

  path(name: string): string {
    return resolve(this.#options.folder, name);
  }

  /** Throws "file-missing", "file-forbidden". */
  async #demand(name: string): Promise<string> {
    const path = this.path(name);
    const { mayUse } = this.#options;
    if (this.#homes.length === 0 || mayUse === undefined) return path;
    const real = await realpath(path).catch((error: unknown) => Promise.reject(fileError(error, path)));
    const homes = await Promise.all(this.#homes.map((home) => realpath(home).catch(() => home)));
    if (homes.some((home) => real.startsWith(home + sep)) || mayUse(real)) return path;
    throw new GuesthouseError(
      "file-forbidden",
      `The disk uses a file outside of its folder: ${real}. Add that file to the media if you trust the disk.`,
      { path: real },
    );
  }
}
