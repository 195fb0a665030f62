/**
 * An advisory lock between processes: a small file that names its owner. It is taken by `link`, which is atomic on every file
 * system that has it, and by exclusive creation elsewhere. A lock whose owner is gone is stale and is cleared away; process
 * ids that were given to another process are told apart by the start time where the platform shows it (Linux). A shared lock is
 * a file per holder beside the exclusive one's: everybody puts down its own first and looks for others then, so that of two that
 * exclude each other one may win or none, and never both.
 */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { link, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
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
const SHARED_MARK = ".shared-";
/** Longer than writing a lock takes. */
const UNFINISHED_MS = 10_000;

export class LockFile {
  readonly path: string;
  #held = true;

  private constructor(path: string) {
    this.path = path;
  }

  /**
   * Throws "in-use" with the owner's process id, or what the file system says. `besideOwn` admits shared locks of this process, which has the file open
   * for reading and sees to it that all goes well.
   */
  static async acquire(path: string, what: string, besideOwn = false): Promise<LockFile> {
    const owner: Owner = { pid: process.pid, started: startTime(process.pid), nonce: randomBytes(8).toString("hex") };
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (await place(path, owner)) return await refusingSharers(new LockFile(path), what, besideOwn);
      const found = await readOwner(path);
      if (found === undefined) continue;
      if (isAlive(found)) throw inUse(path, what, found);
      await clearStale(path, found);
    }
    throw new GuesthouseError("in-use", `${what} is in use by another Guesthouse.`, { path });
  }

  /** A lock that others may hold too, as long as nobody has the exclusive one; `besideOwn`, nobody else. Throws "in-use". */
  static async share(path: string, what: string, besideOwn = false): Promise<LockFile> {
    const owner: Owner = { pid: process.pid, started: startTime(process.pid), nonce: randomBytes(8).toString("hex") };
    const lock = new LockFile(`${path}${SHARED_MARK}${owner.nonce}`);
    await createExclusively(lock.path, owner);
    const found = await readOwner(path);
    if (found !== undefined && isAlive(found) && !(besideOwn && isOwn(found))) {
      await lock.release();
      throw inUse(path, what, found);
    }
    return lock;
  }

  /** Somebody who is alive holds it, alone or with others. */
  static async isHeld(path: string): Promise<boolean> {
    const owner = await readOwner(path);
    return (owner !== undefined && isAlive(owner)) || (await firstSharer(path)) !== undefined;
  }

  async release(): Promise<void> {
    if (!this.#held) return;
    this.#held = false;
    await rm(this.path, { force: true });
  }
}

function inUse(path: string, what: string, { pid }: Owner): GuesthouseError {
  return new GuesthouseError("in-use", `${what} is in use by another Guesthouse (process ${pid}).`, { path, pid });
}

async function refusingSharers(lock: LockFile, what: string, besideOwn: boolean): Promise<LockFile> {
  const sharer = await firstSharer(lock.path, besideOwn);
  if (sharer === undefined) return lock;
  await lock.release();
  throw inUse(lock.path, what, sharer);
}

/** Clears away what dead ones left. */
async function firstSharer(path: string, besideOwn = false): Promise<Owner | undefined> {
  const prefix = `${basename(path)}${SHARED_MARK}`;
  const names = await readdir(dirname(path)).catch((): string[] => []);
  for (const name of names.filter((candidate) => candidate.startsWith(prefix))) {
    const file = join(dirname(path), name);
    const owner = await readOwner(file);
    if (owner === undefined || (besideOwn && isOwn(owner))) continue;
    // One that cannot be read may be on its way; it was made a moment ago or never will be whole.
    if (isAlive(owner)) return owner;
    if (Number.isInteger(owner.pid) || (await isOld(file))) await rm(file, { force: true });
    else return owner;
  }
  return undefined;
}

async function isOld(file: string): Promise<boolean> {
  const facts = await stat(file).catch(() => undefined);
  return facts === undefined || Date.now() - facts.mtimeMs > UNFINISHED_MS;
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

function isOwn({ pid, started }: Owner): boolean {
  return pid === process.pid && started === startTime(process.pid);
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
