/**
 * New files are made in a folder beside their place and moved there whole, the one that names the others last. The folder's name begins with a dot and
 * ends in ".new", and a lock beside it tells whether its maker lives: what a crash left goes when somebody makes files there again, or opens
 * a library that knows the place.
 */
import { randomBytes } from "node:crypto";
import { link, mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import { errorCode, fileError } from "./fileError.ts";
import { LockFile } from "./LockFile.ts";
import { syncFolder } from "./writeFileAtomically.ts";

const LOCK = ".lock";
const ours = /^\..+\.[0-9a-f]{12}\.new$/;

/** Moves what `make` left in the folder beside the target, which itself goes last. Throws "file-exists". */
export async function inNewFolder(target: string, make: (folder: string) => Promise<void>): Promise<void> {
  if (await fileExists(target)) throw alreadyThere(target);
  const place = dirname(target);
  await clearNewFolders(place);
  const folder = join(place, `.${basename(target)}.${randomBytes(6).toString("hex")}.new`);
  const lock = await LockFile.acquire(`${folder}${LOCK}`, folder).catch((error: unknown) =>
    Promise.reject(fileError(error, place)),
  );
  const placed: string[] = [];
  try {
    await mkdir(folder);
    await make(folder);
    const names = (await readdir(folder)).filter((name) => name !== basename(target));
    for (const name of [...names, basename(target)]) {
      await placeFile(join(folder, name), join(place, name));
      placed.push(join(place, name));
    }
    await syncFolder(place);
  } catch (error) {
    for (const path of placed) await rm(path, { force: true });
    throw fileError(error, target);
  } finally {
    await rm(folder, { recursive: true, force: true });
    await lock.release();
  }
}

/** Removes folders in `place` whose makers are gone. That something cannot be removed or looked at is nobody's concern here. */
export async function clearNewFolders(place: string): Promise<void> {
  const entries = await readdir(place, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const name = entry.isFile() && entry.name.endsWith(LOCK) ? entry.name.slice(0, -LOCK.length) : entry.name;
    // Files of such names are others': they are replaced whole.
    if (!ours.test(name) || (name === entry.name && !entry.isDirectory())) continue;
    const folder = join(place, name);
    if (await LockFile.isHeld(`${folder}${LOCK}`).catch(() => true)) continue;
    for (const path of [folder, `${folder}${LOCK}`]) {
      await rm(path, { recursive: true, force: true }).catch(() => undefined);
    }
  }
}

/** As rename, but never over another file. */
async function placeFile(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (errorCode(error) === "EEXIST") throw alreadyThere(to);
    if (await fileExists(to)) throw alreadyThere(to);
    await rename(from, to);
  }
}

export async function fileExists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

export function alreadyThere(path: string): GuesthouseError {
  return new GuesthouseError("file-exists", `The file exists already: ${path}`, { path });
}
