/**
 * The host's files for a picker in a browser page: only what the person who runs Guesthouse may see, and only names, sizes and
 * dates, never contents. What may not be read is said to be unreadable instead of failing.
 */
import { constants } from "node:fs";
import { access, lstat, readdir, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import type { FileEntry } from "../api/hostProtocol.ts";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import { fileError } from "./fileError.ts";

const ENTRIES_MAX = 5000;

export interface FolderListing {
  path: string;
  parent: string | null;
  readable: boolean;
  entries: FileEntry[];
  places: { label: string; path: string }[];
}

export interface FileFacts {
  path: string;
  exists: boolean;
  kind: "file" | "folder" | "other" | null;
  sizeBytes: number;
  readable: boolean;
  writable: boolean;
}

/** Folders first, each by name. Throws "file-missing" and "not-a-folder". */
export async function listFolder(path: string | null, libraryFolder: string): Promise<FolderListing> {
  const folder = absolute(path ?? homedir());
  const facts = await stat(folder).catch((error: unknown) => Promise.reject(fileError(error, folder)));
  if (!facts.isDirectory())
    throw new GuesthouseError("not-a-folder", `This is not a folder: ${folder}`, { path: folder });
  const names = await readdir(folder).catch(() => undefined);
  const entries = await Promise.all((names ?? []).slice(0, ENTRIES_MAX).map((name) => readEntry(folder, name)));
  const parent = dirname(folder);
  return {
    path: folder,
    parent: parent === folder ? null : parent,
    readable: names !== undefined,
    entries: entries.sort(byKindAndName),
    places: await places(libraryFolder),
  };
}

export async function statFile(path: string): Promise<FileFacts> {
  const full = absolute(path);
  const facts = await stat(full).catch(() => undefined);
  const may = (mode: number) =>
    access(full, mode).then(
      () => true,
      () => false,
    );
  return {
    path: full,
    exists: facts !== undefined,
    kind: facts === undefined ? null : kindOf(facts),
    sizeBytes: facts?.size ?? 0,
    readable: await may(constants.R_OK),
    writable: await may(constants.W_OK),
  };
}

/** A leading "~" is the home folder; other relative paths have no meaning for a page. */
function absolute(path: string): string {
  const expanded = path === "~" || path.startsWith("~/") ? join(homedir(), path.slice(1)) : path;
  if (!isAbsolute(expanded) || expanded.includes("\0")) {
    throw new GuesthouseError("file-missing", `This is not a whole path: ${path}`, { path });
  }
  return resolve(expanded);
}

function kindOf(facts: { isFile(): boolean; isDirectory(): boolean; isBlockDevice(): boolean }): FileEntry["kind"] {
  if (facts.isDirectory()) return "folder";
  return facts.isFile() || facts.isBlockDevice() ? "file" : "other";
}

async function readEntry(folder: string, name: string): Promise<FileEntry> {
  const path = join(folder, name);
  try {
    // A link that leads nowhere is shown as what it is.
    const facts = await stat(path).catch(() => lstat(path));
    const kind = kindOf(facts);
    const mode = kind === "folder" ? constants.R_OK | constants.X_OK : constants.R_OK;
    const readable = await access(path, mode).then(
      () => true,
      () => false,
    );
    return { name, path, kind, sizeBytes: facts.size, modifiedMs: facts.mtimeMs, readable };
  } catch {
    return { name, path, kind: "other", sizeBytes: 0, modifiedMs: 0, readable: false };
  }
}

function byKindAndName(first: FileEntry, second: FileEntry): number {
  if ((first.kind === "folder") !== (second.kind === "folder")) return first.kind === "folder" ? -1 : 1;
  return first.name.localeCompare(second.name, undefined, { numeric: true, sensitivity: "base" });
}

async function places(libraryFolder: string): Promise<{ label: string; path: string }[]> {
  const home = homedir();
  const candidates = [home, join(home, "Downloads"), join(home, "Desktop"), libraryFolder];
  if (process.platform === "win32") candidates.push(..."CDEFGH".split("").map((letter) => `${letter}:\\`));
  else candidates.push("/", "/media", "/mnt", "/Volumes");
  const found = await Promise.all(
    candidates.map(async (path) => ((await stat(path).catch(() => undefined))?.isDirectory() ? path : undefined)),
  );
  return found.filter((path) => path !== undefined).map((path) => ({ label: basename(path) || path, path }));
}
