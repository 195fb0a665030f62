/**
 * An advisory lock between processes: a small file that names its owner. It is taken by `link`, which is atomic on every file
 * system that has it, and by exclusive creation elsewhere. A lock whose owner is gone is stale and is cleared away; process
 * ids that were given to another process are told apart by the start time where the platform shows it (Linux).
 */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import { errorCode, fileError } from "./fileError.ts";

interface Owner {
  readonly pid: number;
  /** The kernel's start time in ticks, empty where it cannot be known. */
  readonly started: string;
  /** Tells two locks of one process apart. */
  readonly nonce: string;
}

const ATTEMPTS = 5;

export class LockFile {
  readonly path: string;
  #held = true;

  private constructor(path: string) {
    this.path = path;
  }

  /** Throws "in-use" with the owner's process id, or what the file system says. */
  static async acquire(path: string, what: string): Promise<LockFile> {
    const owner: Owner = { pid: process.pid, started: startTime(process.pid), nonce: randomBytes(8).toString("hex") };
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (await place(path, owner)) return new LockFile(path);
      const found = await readOwner(path);
      if (found === undefined) continue;
      if (isAlive(found)) {
        throw new GuesthouseError("in-use", `${what} is in use by another Guesthouse (process ${found.pid}).`, {
          path,
          pid: found.pid,
        });
      }
      await clearStale(path, found);
    }
    throw new GuesthouseError("in-use", `${what} is in use by another Guesthouse.`, { path });
  }

  async release(): Promise<void> {
    if (!this.#held) return;
    this.#held = false;
    await rm(this.path, { force: true });
  }
}

async function place(path: string, owner: Owner): Promise<boolean> {
  const temporary = `${path}.${owner.nonce}`;
  try {
    await writeFile(temporary, JSON.stringify(owner), { flag: "wx" });
    await link(temporary, path);
    return true;
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    if (errorCode(error) !== "EPERM" && errorCode(error) !== "ENOTSUP" && errorCode(error) !== "ENOSYS") {
      throw fileError(error, path);
    }
    return await createExclusively(path, owner);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** For file systems without hard links. */
async function createExclusively(path: string, owner: Owner): Promise<boolean> {
  try {
    await writeFile(path, JSON.stringify(owner), { flag: "wx" });
    return true;
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    throw fileError(error, path);
  }
}

async function readOwner(path: string): Promise<Owner | undefined> {
  try {
    const value = JSON.parse(await readFile(path, "utf8")) as Partial<Owner>;
    return { pid: Number(value.pid), started: String(value.started), nonce: String(value.nonce) };
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    // A lock nobody can read belongs to nobody.
    return { pid: Number.NaN, started: "", nonce: "" };
  }
}

function isAlive(owner: Owner): boolean {
  if (!Number.isInteger(owner.pid) || owner.pid <= 0) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if (errorCode(error) === "ESRCH") return false;
  }
  const started = startTime(owner.pid);
  return started === "" || owner.started === "" || started === owner.started;
}

/** Moves the stale lock aside first: of several that try, one succeeds, and a lock taken meanwhile is put back. */
async function clearStale(path: string, stale: Owner): Promise<void> {
  const aside = `${path}.${randomBytes(8).toString("hex")}.stale`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  const moved = await readOwner(aside);
  if (moved !== undefined && moved.nonce !== stale.nonce) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}

/** Field 22 of /proc/<pid>/stat (proc_pid_stat(5)); the command name before it may contain anything but ends at the last ")". */
function startTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}
