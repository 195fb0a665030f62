/**
 * The files of an appliance, wherever they lie: inside a tar archive, or beside a descriptor in a folder. Names are those that `memberName`
 * lets through. A file may be stored in parts ("name.000000000" and on, DSP0243 7.1); it is then one file here. The disk formats read through
 * `openerOf`, so that no image can name a file outside of its appliance.
 */
import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { ByteStore } from "../contracts/BlockDevice.ts";
import type { StoreOpener } from "../contracts/DiskImage.ts";
import { applianceError } from "./applianceError.ts";
import { ChainedStore, SliceStore } from "./archive/SliceStore.ts";
import { indexTar, type TarMember } from "./archive/TarIndex.ts";
import { baseName, besideName, memberName } from "./memberName.ts";

const PARTS_MAX = 4096;

export interface ApplianceFiles {
  readonly kind: "archive" | "folder";
  /** All names of an archive; of a folder, only the descriptor's. */
  readonly names: readonly string[];
  /** Undefined for a file that is not there. */
  sizeOf(name: string): Promise<number | undefined>;
  /** Throws "appliance-file-missing". */
  open(name: string): Promise<ByteStore>;
  close(): Promise<void>;
}

export class ArchiveFiles implements ApplianceFiles {
  readonly kind = "archive";
  readonly #store: ByteStore;
  readonly #members: ReadonlyMap<string, TarMember>;

  private constructor(store: ByteStore, members: readonly TarMember[]) {
    this.#store = store;
    this.#members = new Map(members.map((member) => [member.name, member]));
  }

  /** Owns the store when it succeeds. Throws what `indexTar` throws. */
  static async open(store: ByteStore): Promise<ArchiveFiles> {
    return new ArchiveFiles(store, await indexTar(store));
  }

  get names(): readonly string[] {
    return [...this.#members.keys()];
  }

  async sizeOf(name: string): Promise<number | undefined> {
    return this.#members.get(name)?.sizeBytes;
  }

  async open(name: string): Promise<ByteStore> {
    const member = this.#members.get(name);
    if (member === undefined) throw fileMissing(name);
    return new SliceStore(this.#store, member.offset, member.sizeBytes);
  }

  async close(): Promise<void> {
    await this.#store.close();
  }
}

/** A folder behind an opener that takes names relative to it. The opener refuses links that lead outside. */
export class FolderFiles implements ApplianceFiles {
  readonly kind = "folder";
  readonly names: readonly string[];
  readonly #opener: StoreOpener;

  constructor(opener: StoreOpener, descriptor: string) {
    this.#opener = opener;
    this.names = [descriptor];
  }

  async sizeOf(name: string): Promise<number | undefined> {
    try {
      const store = await this.#opener.open(name, "read");
      try {
        return await store.size();
      } finally {
        await store.close();
      }
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async open(name: string): Promise<ByteStore> {
    try {
      return await this.#opener.open(name, "read");
    } catch (error) {
      throw isMissing(error) ? fileMissing(name, error) : error;
    }
  }

  async close(): Promise<void> {}
}

function isMissing(error: unknown): boolean {
  return error instanceof GuesthouseError && (error.kind === "file-missing" || error.kind === "not-a-file");
}

export function fileMissing(name: string, cause?: unknown): GuesthouseError {
  return applianceError("file-missing", `The appliance's file “${baseName(name)}” is missing.`, { name }, cause);
}

/** Up to `maxBytes`; more is "appliance-too-large". */
export async function readWhole(
  files: ApplianceFiles,
  name: string,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const store = await files.open(name);
  try {
    const sizeBytes = await store.size();
    if (sizeBytes > maxBytes) {
      throw applianceError("too-large", `“${baseName(name)}” is far too large.`, { name, sizeBytes, maxBytes });
    }
    const bytes = new Uint8Array(sizeBytes);
    const count = await store.read(0, bytes);
    if (count < sizeBytes) throw applianceError("truncated", `“${baseName(name)}” ends too early.`, { name });
    return bytes;
  } finally {
    await store.close();
  }
}

/** The names of a file's parts: itself, or its numbered pieces. Empty when it is not there. */
export async function partsOf(files: ApplianceFiles, name: string): Promise<{ name: string; sizeBytes: number }[]> {
  const whole = await files.sizeOf(name);
  if (whole !== undefined) return [{ name, sizeBytes: whole }];
  const parts: { name: string; sizeBytes: number }[] = [];
  for (; parts.length < PARTS_MAX; ) {
    const part = `${name}.${String(parts.length).padStart(9, "0")}`;
    const sizeBytes = await files.sizeOf(part);
    if (sizeBytes === undefined) break;
    parts.push({ name: part, sizeBytes });
  }
  return parts;
}

/** As one store. Throws "appliance-file-missing". */
export async function openParts(files: ApplianceFiles, name: string): Promise<ByteStore> {
  const parts = await partsOf(files, name);
  if (parts.length === 0) throw fileMissing(name);
  if (parts.length === 1) return await files.open(parts[0]!.name);
  const stores: ByteStore[] = [];
  try {
    for (const part of parts) stores.push(await files.open(part.name));
    return await ChainedStore.of(stores);
  } catch (error) {
    for (const store of stores) await store.close();
    throw error;
  }
}

/** What disk formats read through. */
export function openerOf(files: ApplianceFiles, folder = ""): StoreOpener {
  const full = (name: string): string => memberName(besideName(folder, name));
  const refuse = async (): Promise<never> => {
    throw new GuesthouseError("read-only", "An appliance's files are only read.");
  };
  return {
    open: (name, access) => (access === "read" ? openParts(files, full(name)) : refuse()),
    create: refuse,
    remove: refuse,
    identify: async (name) => full(name),
    beside: (name) => openerOf(files, full(name)),
  };
}
