/**
 * What a file of a medium is, by looking at it: format, sizes, what it rests on, whether it can be used. Takes no locks, so that
 * it can be asked of media in use; of those the figures may be a moment old. Never throws for what is wrong with the file.
 */
import { realpath, stat } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import type { Medium, MediumKind, MediumState } from "../api/mediumProtocol.ts";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { BackingReference, DiskFormatId, DiskImageInfo } from "../contracts/DiskImage.ts";
import { openDisk, probeDisk } from "../storage/openDisk.ts";
import { probeImage } from "../storage/openImage.ts";
import { diskServices } from "./diskServices.ts";
import { FileOpener } from "./FileOpener.ts";
import { FileStore, isFileLocked } from "./FileStore.ts";
import { fileError } from "./fileError.ts";

export interface MediumFacts extends Omit<Medium, "attachedTo" | "added"> {
  readonly identity: string | undefined;
  readonly backing: BackingReference | undefined;
  readonly innerSnapshots: { id: string; name: string; takenMs: number; sizeBytes: number }[];
}

/** `format` where it is known, as for a raw disk that must not be asked. */
export async function inspectMedium(path: string, kind: MediumKind, format?: DiskFormatId): Promise<MediumFacts> {
  const plain = unknownMedium(path, kind);
  try {
    const real = await realpath(path).catch((error: unknown) => Promise.reject(fileError(error, path)));
    const facts = await stat(real);
    if (!facts.isFile() && !facts.isBlockDevice()) {
      throw new GuesthouseError("not-a-file", `This is not a file: ${path}`, { path });
    }
    const known = kind === "disk" ? await inspectDisk(plain, format) : await inspectRemovable(plain);
    if (known.state.kind === "ready" && (await isFileLocked(path))) return { ...known, state: { kind: "inUse" } };
    return known;
  } catch (error) {
    if (await isFileLocked(path).catch(() => false)) return { ...plain, state: { kind: "inUse" } };
    return { ...plain, state: stateOf(error) };
  }
}

export function unknownMedium(path: string, kind: MediumKind): MediumFacts {
  return {
    path,
    name: basename(path),
    kind,
    format: null,
    subformat: null,
    sizeBytes: 0,
    allocatedBytes: 0,
    parentPath: null,
    encrypted: false,
    dirty: false,
    state: { kind: "ready" },
    identity: undefined,
    backing: undefined,
    innerSnapshots: [],
  };
}

function stateOf(error: unknown): MediumState {
  const reason = error instanceof Error ? error.message : String(error);
  const kind = error instanceof GuesthouseError ? error.kind : "";
  if (kind === "file-missing") return { kind: "missing" };
  if (kind === "file-forbidden") return { kind: "forbidden", reason };
  return { kind: "broken", reason };
}

/** What the content says. */
export async function formatOfFile(path: string): Promise<DiskFormatId> {
  return await probeDisk(new FileOpener({ folder: dirname(path), readLock: "none" }), path);
}

/** The image alone: what it rests on is named, not opened. */
export async function diskInfo(path: string, format?: DiskFormatId): Promise<DiskImageInfo> {
  const image = await openDisk(new FileOpener({ folder: dirname(path), readLock: "none" }), path, {
    access: "read",
    services: diskServices,
    alone: true,
    ...(format === undefined ? {} : { format }),
  });
  try {
    return await image.info();
  } finally {
    await image.close();
  }
}

async function inspectDisk(plain: MediumFacts, format: DiskFormatId | undefined): Promise<MediumFacts> {
  const info = await diskInfo(plain.path, format);
  const { backing, snapshots = [] } = info;
  const parentPath = backing === undefined ? null : await findBacking(plain.path, backing);
  return {
    ...plain,
    format: info.format,
    subformat: info.subformat,
    sizeBytes: info.sizeBytes,
    allocatedBytes: info.allocatedBytes,
    encrypted: info.encrypted,
    dirty: info.dirty,
    identity: info.identity,
    backing,
    parentPath: parentPath ?? (backing === undefined ? null : resolve(dirname(plain.path), backing.names[0] ?? "")),
    state:
      backing !== undefined && parentPath === null
        ? { kind: "parentMissing", reason: `The disk rests on “${backing.names[0] ?? ""}”, which is not there.` }
        : { kind: "ready" },
    innerSnapshots: snapshots.map(({ id, name, takenAtMs, sizeBytes }) => ({
      id,
      name,
      takenMs: takenAtMs,
      sizeBytes,
    })),
  };
}

/** The real path of the first name that leads to a file. */
async function findBacking(path: string, backing: BackingReference): Promise<string | null> {
  for (const name of backing.names) {
    const file = name.replace(/^file:(?:\/\/)?/i, "");
    const found = await realpath(resolve(dirname(path), file)).catch(() => undefined);
    if (found !== undefined) return found;
  }
  return null;
}

async function inspectRemovable(plain: MediumFacts): Promise<MediumFacts> {
  const store = await FileStore.open(plain.path, "read");
  try {
    const format = await probeImage(store);
    const fits = plain.kind === "floppy" ? format === "floppy" : format === "iso";
    const sizeBytes = await store.size();
    const allocatedBytes = await store.allocatedBytes();
    const reason =
      plain.kind === "floppy"
        ? "The file has not the size of a diskette."
        : "The file has no ISO 9660 or UDF file system.";
    return {
      ...plain,
      format,
      sizeBytes,
      allocatedBytes,
      state: fits ? { kind: "ready" } : { kind: "broken", reason },
    };
  } finally {
    await store.close();
  }
}
