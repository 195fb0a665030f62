/**
 * The machines of a data folder: one folder a machine under `machines/`, its `machine.json` validated on reading and replaced
 * atomically on writing. A configuration that is broken, or of a newer version, makes the machine inaccessible with the reason;
 * the file is left as it is. Removing a machine without its files renames the configuration. Whether a machine runs is not
 * the library's business.
 */
import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import * as v from "valibot";
import { checkMachineDraft } from "../api/checkMachineDraft.ts";
import {
  draftOf,
  MACHINE_CONFIG_VERSION,
  type MachineConfig,
  type MachineDraft,
  machineConfigSchema,
} from "../api/MachineConfig.ts";
import { firstIssue } from "../api/message.ts";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import { errorCode, fileError } from "./fileError.ts";
import { LockFile } from "./LockFile.ts";
import { writeFileAtomically } from "./writeFileAtomically.ts";

const CONFIG_NAME = "machine.json";
/** Held by whoever runs or changes the machine. */
const LOCK_NAME = ".lock";
const REMOVED_NAME = "machine.removed.json";
/** In the folder of a machine that is being made. */
const UNFINISHED_NAME = "machine.unfinished.txt";
const UNFINISHED_TEXT = "A machine was being made here. When Guesthouse does not run, this folder can be deleted.\n";
const CONFIG_BYTES_MAX = 4 * 1024 * 1024;

export type MachineRecord =
  | { readonly id: string; readonly folder: string; readonly config: MachineConfig }
  /** `id` is made from the folder's name, stable as long as the folder keeps it. */
  | {
      readonly id: string;
      readonly folder: string;
      readonly config: null;
      readonly file: string;
      readonly reason: string;
    };

export class MachineLibrary {
  readonly folder: string;
  readonly #records = new Map<string, MachineRecord>();

  constructor(dataFolder: string) {
    this.folder = join(dataFolder, "machines");
  }

  /** Reads the folder anew. What is known of the machines that `keep` names is kept: they run. */
  async load(keep: (id: string) => boolean = () => false): Promise<void> {
    try {
      await mkdir(this.folder, { recursive: true });
    } catch (error) {
      throw fileError(error, this.folder);
    }
    const entries = await readdir(this.folder, { withFileTypes: true });
    const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => join(this.folder, entry.name));
    const found = await Promise.all(folders.map((folder) => readRecord(folder)));
    const kept = this.list().filter((record) => keep(record.id));
    this.#records.clear();
    for (const record of kept) this.#set(record);
    for (const record of found) {
      if (record === undefined || kept.some(({ folder }) => folder === record.folder)) continue;
      const twin = this.#records.get(record.id);
      this.#set(twin === undefined ? record : duplicate(record, twin));
    }
  }

  list(): MachineRecord[] {
    return [...this.#records.values()];
  }

  has(id: string): boolean {
    return this.#records.has(id);
  }

  /** Throws "no-such-machine". */
  get(id: string): MachineRecord {
    const record = this.#records.get(id);
    if (record === undefined) throw new GuesthouseError("no-such-machine", "There is no such machine.", { id });
    return record;
  }

  /** Throws "no-such-machine" or "inaccessible". */
  config(id: string): MachineConfig {
    const record = this.get(id);
    if (record.config === null) {
      throw new GuesthouseError("inaccessible", `The machine is inaccessible: ${record.reason}`, { file: record.file });
    }
    return record.config;
  }

  nameTaken(name: string, exceptId: string | null): boolean {
    const folded = name.trim().toLocaleLowerCase();
    return this.list().some(
      ({ id, config }) => id !== exceptId && config !== null && config.name.toLocaleLowerCase() === folded,
    );
  }

  /** `name`, or with the first number that makes it free. */
  freeName(name: string): string {
    let candidate = name.trim();
    for (let number = 2; this.nameTaken(candidate, null); number++) candidate = `${name.trim()} ${number}`;
    return candidate;
  }

  /**
   * Makes the folder and lets `prepare` put media there and adapt the draft; without success nothing is left. The folder says that it is unfinished until
   * it is a machine's, and is locked: see `sweep`.
   */
  async create(draft: MachineDraft, prepare: (folder: string) => Promise<MachineDraft>): Promise<MachineRecord> {
    this.#check(draft, null);
    const folder = await this.#newFolder(draft.name);
    let lock: LockFile | undefined;
    try {
      lock = await LockFile.acquire(join(folder, LOCK_NAME), "The new machine");
      await writeFile(join(folder, UNFINISHED_NAME), UNFINISHED_TEXT).catch((error: unknown) =>
        Promise.reject(fileError(error, folder)),
      );
      const prepared = await prepare(folder);
      const id = randomUUID();
      const record = await this.#write({ version: MACHINE_CONFIG_VERSION, id, ...prepared }, folder);
      await rm(join(folder, UNFINISHED_NAME), { force: true });
      return record;
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    } finally {
      await lock?.release();
    }
  }

  /** Clears away what a crash left of machines that were being made, by nobody who still lives. */
  async sweep(): Promise<void> {
    const entries = await readdir(this.folder, { withFileTypes: true }).catch(() => []);
    for (const entry of entries.filter((candidate) => candidate.isDirectory())) {
      const folder = join(this.folder, entry.name);
      if ((await stat(join(folder, UNFINISHED_NAME)).catch(() => undefined)) === undefined) continue;
      const lock = await LockFile.acquire(join(folder, LOCK_NAME), "The folder").catch(() => undefined);
      if (lock === undefined) continue;
      const isMachine = (await stat(join(folder, CONFIG_NAME)).catch(() => undefined)) !== undefined;
      const rest = isMachine ? join(folder, UNFINISHED_NAME) : folder;
      // What cannot be removed now is at the next start.
      await rm(rest, { recursive: true, force: true }).catch(() => undefined);
      await lock.release().catch(() => undefined);
    }
  }

  async update(id: string, draft: MachineDraft): Promise<MachineRecord> {
    const { folder } = this.get(id);
    const before = this.config(id);
    if (JSON.stringify(draftOf(before)) !== JSON.stringify(draft)) this.#check(draft, id);
    return await this.#write(
      { version: MACHINE_CONFIG_VERSION, id: before.id, ...draft, name: draft.name.trim() },
      folder,
    );
  }

  async removeKeepingFiles(id: string): Promise<void> {
    const { folder } = this.get(id);
    try {
      await rename(join(folder, CONFIG_NAME), join(folder, REMOVED_NAME));
    } catch (error) {
      if (errorCode(error) !== "ENOENT") throw fileError(error, folder);
    }
    this.#records.delete(id);
  }

  /** The opposite of removing with the files kept: by the file that has the machine's configuration. */
  async takeBack(path: string): Promise<MachineRecord> {
    const folder = dirname(path);
    if (dirname(folder) !== this.folder) {
      const message = `A machine's folder lies in ${this.folder}. Move it there first.`;
      throw new GuesthouseError("outside-library", message, { path });
    }
    const removed = basename(path) === REMOVED_NAME;
    if (removed && (await readRecord(folder)) !== undefined) {
      throw new GuesthouseError("file-exists", "There is a machine in this folder already.", { path });
    }
    const record = await readRecord(folder, removed ? REMOVED_NAME : CONFIG_NAME);
    if (record === undefined) throw new GuesthouseError("file-missing", `The file does not exist: ${path}`, { path });
    if (record.config === null) throw new GuesthouseError("inaccessible", record.reason, { path });
    const { config, id } = record;
    if (this.#records.has(id))
      throw new GuesthouseError("file-exists", "The machine is in the list already.", { path });
    const name = this.nameTaken(config.name, id) ? this.freeName(config.name) : config.name;
    const written = await this.#write({ ...config, name }, folder);
    if (removed) await rm(path, { force: true });
    return written;
  }

  /** Forgets a machine whose folder is being deleted. */
  forget(id: string): void {
    this.#records.delete(id);
  }

  #set(record: MachineRecord): void {
    this.#records.set(record.id, record);
  }

  #check(draft: MachineDraft, exceptId: string | null): void {
    const issue = checkMachineDraft(draft)[0];
    if (issue !== undefined) {
      throw new GuesthouseError("invalid-config", issue.message, { field: issue.field, code: issue.code });
    }
    if (this.nameTaken(draft.name, exceptId)) {
      throw new GuesthouseError("name-taken", `There is a machine named “${draft.name}” already.`, {
        name: draft.name,
      });
    }
  }

  async #newFolder(name: string): Promise<string> {
    const slug = folderName(name);
    for (let number = 1; ; number++) {
      const folder = join(this.folder, number === 1 ? slug : `${slug} ${number}`);
      try {
        await mkdir(folder);
        return folder;
      } catch (error) {
        if (errorCode(error) !== "EEXIST") throw fileError(error, folder);
      }
    }
  }

  async #write(config: MachineConfig, folder: string): Promise<MachineRecord> {
    await writeFileAtomically(join(folder, CONFIG_NAME), `${JSON.stringify(config, null, 2)}\n`);
    const record: MachineRecord = { id: config.id, folder, config };
    this.#set(record);
    return record;
  }
}

/** A name that every file system takes: no separators or reserved characters, no dot or space at an end, not too long. */
function folderName(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters have no place in file names
  const safe = name.replace(/[\u0000-\u001f\u007f<>:"/\\|?*]+/g, "_").slice(0, 80);
  const trimmed = safe.replace(/^[. ]+|[. ]+$/g, "");
  const reserved = /^(con|prn|aux|nul|com\d|lpt\d)$/i.test(trimmed);
  return trimmed === "" || reserved ? `machine ${trimmed}`.trim() : trimmed;
}

async function readRecord(folder: string, name = CONFIG_NAME): Promise<MachineRecord | undefined> {
  const file = join(folder, name);
  const broken = (reason: string): MachineRecord => ({
    id: `folder:${basename(folder)}`.slice(0, 64),
    folder,
    config: null,
    file,
    reason,
  });
  let text: string;
  try {
    if ((await stat(file)).size > CONFIG_BYTES_MAX) return broken("The configuration is far too large.");
    text = await readFile(file, "utf8");
  } catch (error) {
    // A folder without a configuration is no machine.
    return errorCode(error) === "ENOENT" ? undefined : broken(fileError(error, file).message);
  }
  const parsed = parseMachineConfig(text);
  return parsed.ok ? { id: parsed.config.id, folder, config: parsed.config } : broken(parsed.reason);
}

/** Never throws: the reason is a sentence for people. */
export function parseMachineConfig(text: string): { ok: true; config: MachineConfig } | { ok: false; reason: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { ok: false, reason: `The configuration is not valid JSON: ${error instanceof Error ? error.message : ""}` };
  }
  const version = typeof value === "object" && value !== null ? (value as { version?: unknown }).version : undefined;
  if (typeof version === "number" && version > MACHINE_CONFIG_VERSION) {
    const ours = MACHINE_CONFIG_VERSION;
    return {
      ok: false,
      reason: `The configuration has version ${version}; this Guesthouse reads up to version ${ours}.`,
    };
  }
  const parsed = v.safeParse(machineConfigSchema, value);
  if (!parsed.success) return { ok: false, reason: `The configuration is damaged: ${firstIssue(parsed.issues)}` };
  const issue = checkMachineDraft(parsed.output)[0];
  if (issue !== undefined) return { ok: false, reason: `The configuration makes no sense: ${issue.message}` };
  return { ok: true, config: parsed.output };
}

/** A copied folder brings its id along. */
function duplicate(record: MachineRecord, twin: MachineRecord): MachineRecord {
  return {
    id: `folder:${basename(record.folder)}`.slice(0, 64),
    folder: record.folder,
    config: null,
    file: join(record.folder, CONFIG_NAME),
    reason: `The machine in ${twin.folder} has the same id.`,
  };
}
