/**
 * A ByteStore on a file of the host: positional asynchronous I/O, `flush` is fdatasync. A writer holds an advisory lock
 * beside the file, so that two machines cannot write to one disk; readers take none unless they ask for a shared one, which
 * keeps writers out. A full disk is "disk-full"; reading past an end that was there when the file was opened is left to the
 * format to judge. Direct I/O is absent, and so are holes in the middle of files, which Node has no call for.
 */

import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { access, type FileHandle, open, realpath, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { ByteStore } from "../contracts/BlockDevice.ts";
import { fileError } from "./fileError.ts";
import { LockFile } from "./LockFile.ts";

/** "shared" admits other shared ones and no exclusive one. */
export type Locking = "none" | "shared" | "exclusive";

const STAT_BLOCK_BYTES = 512;

export class FileStore implements ByteStore {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #lock: LockFile | undefined;
  #closed = false;

  private constructor(path: string, file: FileHandle, lock: LockFile | undefined) {
    this.path = path;
    this.#file = file;
    this.#lock = lock;
  }

  /** Throws "file-missing", "file-forbidden", "not-a-file", "in-use" and the like. With `besideOwn`, locks of this process are not in the way. */
  static async open(
    path: string,
    access: "read" | "write",
    locking: Locking = access === "write" ? "exclusive" : "none",
    besideOwn = false,
  ): Promise<FileStore> {
    const real = await realpath(path).catch((error: unknown) => Promise.reject(fileError(error, path)));
    // Opening a named pipe would wait for its other end.
    const facts = await stat(real);
    if (!facts.isFile() && !facts.isBlockDevice()) {
      throw new GuesthouseError("not-a-file", `This is not a file: ${path}`, { path });
    }
    const lock = await acquire(real, locking, besideOwn);
    try {
      return new FileStore(path, await open(real, access === "write" ? "r+" : "r"), lock);
    } catch (error) {
      await lock?.release();
      throw fileError(error, path);
    }
  }

  /** A new, empty file. Throws "file-exists" and the like. */
  static async create(path: string, locking: Locking = "exclusive"): Promise<FileStore> {
    let file: FileHandle;
    try {
      file = await open(path, "wx+");
    } catch (error) {
      throw fileError(error, path);
    }
    try {
      return new FileStore(path, file, await acquire(await realpath(path), locking));
    } catch (error) {
      await file.close();
      await rm(path, { force: true });
      throw fileError(error, path);
    }
  }

  async size(): Promise<number> {
    return await this.#use(async (file) => {
      const facts = await file.stat();
      return facts.isBlockDevice() ? await blockDeviceSize(file) : facts.size;
    });
  }

  async read(offset: number, target: Uint8Array): Promise<number> {
    return await this.#use(async (file) => {
      let count = 0;
      while (count < target.length) {
        const { bytesRead } = await file.read(target, count, target.length - count, offset + count);
        if (bytesRead === 0) break;
        count += bytesRead;
      }
      return count;
    });
  }

  async write(offset: number, source: Uint8Array): Promise<void> {
    await this.#use(async (file) => {
      let count = 0;
      while (count < source.length) {
        const { bytesWritten } = await file.write(source, count, source.length - count, offset + count);
        count += bytesWritten;
      }
    });
  }

  async truncate(size: number): Promise<void> {
    await this.#use((file) => file.truncate(size));
  }

  async allocatedBytes(): Promise<number> {
    return await this.#use(async (file) => {
      const { blocks, size } = await file.stat();
      // Windows counts no blocks.
      return process.platform === "win32" ? size : blocks * STAT_BLOCK_BYTES;
    });
  }

  async flush(): Promise<void> {
    await this.#use((file) => file.datasync());
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#file.close();
    await this.#lock?.release();
  }

  async #use<T>(action: (file: FileHandle) => Promise<T>): Promise<T> {
    if (this.#closed) throw new GuesthouseError("closed", `The file is closed: ${this.path}`, { path: this.path });
    try {
      return await action(this.#file);
    } catch (error) {
      throw fileError(error, this.path);
    }
  }
}

async function acquire(real: string, locking: Locking, besideOwn = false): Promise<LockFile | undefined> {
  if (locking === "none") return undefined;
  const path = await lockPath(real);
  const what = `“${basename(real)}”`;
  return locking === "exclusive"
    ? await LockFile.acquire(path, what, besideOwn)
    : await LockFile.share(path, what, besideOwn);
}

/** Somebody has the file open for writing, or for reading with nobody else writing. */
export async function isFileLocked(path: string): Promise<boolean> {
  const real = await realpath(path).catch(() => undefined);
  return real !== undefined && (await LockFile.isHeld(await lockPath(real)));
}

/** Beside the file, or in the temporary folder where its own folder takes no files. */
async function lockPath(real: string): Promise<string> {
  const folder = dirname(real);
  const writable = await access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );
  if (writable) return join(folder, `.${basename(real)}.lock`);
  return join(tmpdir(), `guesthouse-${createHash("sha256").update(real).digest("hex").slice(0, 24)}.lock`);
}

/** stat says 0 for block devices; the last readable byte is found by halving. */
async function blockDeviceSize(file: FileHandle): Promise<number> {
  const probe = new Uint8Array(1);
  const readable = async (offset: number): Promise<boolean> => (await file.read(probe, 0, 1, offset)).bytesRead === 1;
  let low = 0;
  let high = 512;
  while (await readable(high - 1)) {
    low = high;
    high *= 2;
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (await readable(middle - 1)) low = middle;
    else high = middle;
  }
  return low;
}
