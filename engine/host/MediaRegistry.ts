/**
 * All media that the host knows: what machines and their snapshots use, what somebody added (kept in `media.json` of the data folder), and
 * what these rest on. Files are looked at when somebody asks; an answer is kept as long as the file looks the same from outside.
 */
import { existsSync } from "node:fs";
import { readFile, realpath, stat } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import * as v from "valibot";
import type { MachineConfig } from "../api/MachineConfig.ts";
import { type Medium, type MediumKind, mediumKindSchema } from "../api/mediumProtocol.ts";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { DiskFormatId } from "../contracts/DiskImage.ts";
import { isFileLocked } from "./FileStore.ts";
import { errorCode, fileError } from "./fileError.ts";
import { inspectMedium, type MediumFacts } from "./inspectMedium.ts";
import type { MachineRecord } from "./MachineLibrary.ts";
import { clearNewFolders } from "./newFolder.ts";
import { ownOverlay } from "./openMachineDisk.ts";
import { writeFileAtomically } from "./writeFileAtomically.ts";

const FILE_NAME = "media.json";
const CHAIN_MAX = 256;

const addedSchema = v.strictObject({
  version: v.literal(1),
  media: v.array(v.strictObject({ path: v.string(), kind: mediumKindSchema })),
});
type Added = v.InferOutput<typeof addedSchema>["media"][number];

/** A use of a medium by a machine or by one of its snapshots. */
export interface MediumUse {
  readonly path: string;
  readonly kind: MediumKind;
  readonly format: DiskFormatId | undefined;
  readonly attachment: Medium["attachedTo"][number];
}

export interface MediaSources {
  readonly dataFolder: string;
  machines(): readonly MachineRecord[];
  /** What snapshots of a machine need beyond what the machine uses now. */
  snapshotUses(record: MachineRecord): Promise<readonly MediumUse[]>;
}

export class MediaRegistry {
  readonly #sources: MediaSources;
  readonly #known = new Map<string, { look: string; facts: MediumFacts }>();
  #shown: Map<string, string> | undefined;

  constructor(sources: MediaSources) {
    this.#sources = sources;
  }

  /** Removes what a crash left of new files, where media are known to lie. */
  async clearUnfinished(): Promise<void> {
    const paths = [...(await this.uses()).map(({ path }) => path), ...(await this.added()).keys()];
    for (const place of new Set(paths.map((path) => dirname(path)))) await clearNewFolders(place);
  }

  /** Sorted by path. */
  async list(): Promise<Medium[]> {
    const uses = await this.uses();
    const added = await this.added();
    const media = new Map<string, Medium>();
    const visit = async (path: string, kind: MediumKind, format: DiskFormatId | undefined, depth: number) => {
      const before = media.get(path);
      if (before !== undefined || depth > CHAIN_MAX) return;
      const facts = await this.#inspect(path, kind, format);
      const attachedTo = uses.filter((use) => use.path === path).map(({ attachment }) => attachment);
      media.set(path, shown(facts, attachedTo, added.has(path)));
      if (facts.parentPath !== null) await visit(facts.parentPath, "disk", facts.backing?.format, depth + 1);
    };
    for (const { path, kind, format } of uses) await visit(path, kind, format, 0);
    for (const { path, kind } of added.values()) await visit(path, kind, undefined, 0);
    return [...media.values()].map((medium) => this.#withParentState(medium, media)).sort(byPath);
  }

  /** The same list, and what is different from the last time that it was asked for here. Nobody asked yet: no difference. */
  async changes(): Promise<{ changed: Medium[]; removed: string[] } | undefined> {
    if (this.#shown === undefined) return undefined;
    const before = this.#shown;
    const media = await this.listShown();
    const changed = media.filter((medium) => before.get(medium.path) !== JSON.stringify(medium));
    const removed = [...before.keys()].filter((path) => !media.some((medium) => medium.path === path));
    return changed.length + removed.length === 0 ? undefined : { changed, removed };
  }

  async listShown(): Promise<Medium[]> {
    const media = await this.list();
    this.#shown = new Map(media.map((medium) => [medium.path, JSON.stringify(medium)]));
    return media;
  }

  /** One medium, known or not, seen anew. */
  async describe(path: string, kind?: MediumKind): Promise<{ medium: Medium; facts: MediumFacts }> {
    const real = await realPath(path);
    const uses = (await this.uses()).filter((use) => use.path === real);
    const added = (await this.added()).get(real);
    const asWhat = kind ?? uses[0]?.kind ?? added?.kind ?? (await guessKind(real));
    const facts = await inspectMedium(real, asWhat, uses.find(({ format }) => format !== undefined)?.format);
    const attachments = uses.map(({ attachment }) => attachment);
    return { medium: shown(facts, attachments, added !== undefined), facts };
  }

  async added(): Promise<Map<string, Added>> {
    const path = join(this.#sources.dataFolder, FILE_NAME);
    try {
      const parsed = v.safeParse(addedSchema, JSON.parse(await readFile(path, "utf8")));
      return new Map(parsed.success ? parsed.output.media.map((medium) => [medium.path, medium]) : []);
    } catch (error) {
      if (errorCode(error) === "ENOENT" || error instanceof SyntaxError) return new Map();
      throw fileError(error, path);
    }
  }

  /** Throws "file-missing" and the like, or why it is no such medium. */
  async add(path: string, kind: MediumKind): Promise<void> {
    const real = await realPath(path);
    const { state } = await inspectMedium(real, kind);
    if (state.kind === "missing")
      throw new GuesthouseError("file-missing", `The file does not exist: ${path}`, { path });
    if ("reason" in state && state.kind !== "parentMissing") {
      throw new GuesthouseError(state.kind === "forbidden" ? "file-forbidden" : "not-a-medium", state.reason, { path });
    }
    await this.keep(real, kind);
  }

  /** It stays on the list, whatever it is and whether it is there. */
  async keep(path: string, kind: MediumKind): Promise<void> {
    const added = await this.added();
    added.set(path, { path, kind });
    await this.#write(added);
  }

  async forget(path: string): Promise<void> {
    const added = await this.added();
    if (added.delete(path)) await this.#write(added);
  }

  /** Media that images may use outside of their own folders: those that a person named. */
  async trusted(): Promise<string[]> {
    const disks = (await this.uses()).filter(({ kind }) => kind === "disk").map(({ path }) => path);
    const added = [...(await this.added()).values()].filter(({ kind }) => kind === "disk").map(({ path }) => path);
    return [...new Set([...disks, ...added])];
  }

  /** Throws "has-children" when a disk outside of the folder rests on a file in it. */
  async demandUnused(folder: string): Promise<void> {
    const inside = (await realPath(folder)) + sep;
    const child = (await this.list()).find(
      ({ path, parentPath }) => parentPath?.startsWith(inside) === true && !path.startsWith(inside),
    );
    if (child === undefined) return;
    throw new GuesthouseError("has-children", `“${child.path}” rests on a disk of this machine.`, { path: child.path });
  }

  async uses(): Promise<MediumUse[]> {
    const lists = this.#sources.machines().map(async (record) => {
      if (record.config === null) return [];
      return [...configUses(record.config, record.folder), ...(await this.#sources.snapshotUses(record))];
    });
    const uses = (await Promise.all(lists)).flat();
    return await Promise.all(uses.map(async (use) => ({ ...use, path: await realPath(use.path) })));
  }

  async #write(added: Map<string, Added>): Promise<void> {
    const path = join(this.#sources.dataFolder, FILE_NAME);
    await writeFileAtomically(path, `${JSON.stringify({ version: 1, media: [...added.values()] }, null, 2)}\n`);
  }

  async #inspect(path: string, kind: MediumKind, format: DiskFormatId | undefined): Promise<MediumFacts> {
    const facts = await stat(path).catch(() => undefined);
    const look = `${kind} ${format} ${facts?.ino} ${facts?.size} ${facts?.mtimeMs} ${facts?.ctimeMs} ${await isFileLocked(path)}`;
    const known = this.#known.get(path);
    const lasting = known?.facts.state.kind === "ready" || known?.facts.state.kind === "broken";
    if (known?.look === look && facts !== undefined && lasting) return known.facts;
    const fresh = await inspectMedium(path, kind, format);
    this.#known.set(path, { look, facts: fresh });
    return fresh;
  }

  /** A parent that is there may still be the wrong one. */
  #withParentState(medium: Medium, media: ReadonlyMap<string, Medium>): Medium {
    if (medium.parentPath === null || medium.state.kind !== "ready") return medium;
    const parent = media.get(medium.parentPath);
    const wanted = this.#known.get(medium.path)?.facts.backing?.identity;
    const found = this.#known.get(medium.parentPath)?.facts.identity;
    if (wanted !== undefined && found !== undefined && wanted !== found) {
      const reason = `“${medium.parentPath}” is another disk than the one that was built upon, or has changed.`;
      return { ...medium, state: { kind: "parentMissing", reason } };
    }
    if (parent === undefined || parent.state.kind === "ready" || parent.state.kind === "inUse") return medium;
    const why = "reason" in parent.state ? parent.state.reason : "it is missing.";
    return { ...medium, state: { kind: "parentMissing", reason: `“${parent.path}” cannot be used: ${why}` } };
  }
}

export function configUses(config: MachineConfig, folder: string): MediumUse[] {
  const use = (path: string, kind: MediumKind, slot: number, format?: DiskFormatId): MediumUse => ({
    path: resolve(folder, path),
    kind,
    format,
    attachment: { machineId: config.id, machineName: config.name, slot, snapshotId: null, snapshotName: null },
  });
  const { disks, opticals, floppies } = config.storage;
  const drives = (list: typeof opticals, kind: MediumKind): MediumUse[] =>
    list.flatMap(({ path }, slot) => (path === null ? [] : [use(path, kind, slot)]));
  return [
    ...disks.flatMap((disk, slot) => {
      const own = use(disk.path, "disk", slot, disk.format);
      const overlay = ownOverlay(disk, folder);
      return disk.kind === "multiAttach" && existsSync(overlay) ? [own, use(overlay, "disk", slot, "qcow2")] : [own];
    }),
    ...drives(opticals, "optical"),
    ...drives(floppies, "floppy"),
  ];
}

/** The path itself where there is no file. */
export async function realPath(path: string): Promise<string> {
  return await realpath(path).catch(() => resolve(path));
}

function shown(facts: MediumFacts, attachedTo: Medium["attachedTo"], added: boolean): Medium {
  const { identity: _identity, backing: _backing, innerSnapshots: _snapshots, ...medium } = facts;
  return { ...medium, attachedTo, added };
}

function byPath(one: Medium, other: Medium): number {
  return one.path < other.path ? -1 : one.path > other.path ? 1 : 0;
}

async function guessKind(path: string): Promise<MediumKind> {
  if ((await inspectMedium(path, "optical")).state.kind === "ready") return "optical";
  return (await inspectMedium(path, "floppy")).state.kind === "ready" ? "floppy" : "disk";
}
