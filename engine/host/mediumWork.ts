/**
 * What is done to a medium's files, whoever asks: the host's commands and the command line. Locks are respected ("in-use"). New files
 * come whole to their place, or not at all (`inNewFolder`).
 */
import { randomBytes } from "node:crypto";
import { copyFile, open, readdir } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { type DisketteSize, disketteSizes } from "../api/mediumProtocol.ts";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import type {
  BackingReference,
  CheckReport,
  CreateDiskOptions,
  DiskFormatId,
  DiskImage,
  LongWork,
} from "../contracts/DiskImage.ts";
import { compareDisks, type DiskComparison } from "../storage/compareDisks.ts";
import { convertDisk } from "../storage/convertDisk.ts";
import { emptyDiskette } from "../storage/formats/emptyDiskette.ts";
import { diskFormat, openDisk } from "../storage/openDisk.ts";
import { diskServices } from "./diskServices.ts";
import { isEncrypted, namingDisk } from "./encryptedDisks.ts";
import { FileOpener } from "./FileOpener.ts";
import { fileError } from "./fileError.ts";
import { alreadyThere, fileExists, inNewFolder } from "./newFolder.ts";
import { writeFileAtomically } from "./writeFileAtomically.ts";

export type MediumWork = LongWork;

export interface OpenMediumOptions {
  readonly format?: DiskFormatId | undefined;
  readonly passphrase?: string | undefined;
  /** Without what it rests on. */
  readonly alone?: boolean;
  readonly mayUse?: ((path: string) => boolean) | undefined;
}

export interface NewDisk {
  readonly format: DiskFormatId;
  readonly subformat?: string | undefined;
  readonly passphrase?: string | undefined;
}

export async function openDiskFile(
  path: string,
  access: "read" | "write",
  options: OpenMediumOptions = {},
): Promise<DiskImage> {
  const { format, passphrase, alone, mayUse } = options;
  const opener = new FileOpener({ folder: dirname(path), ...(mayUse === undefined ? {} : { mayUse }) });
  const request = {
    access,
    services: diskServices,
    ...(format === undefined ? {} : { format }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(alone === undefined ? {} : { alone }),
  };
  return await namingDisk({ path }, () => openDisk(opener, path, request));
}

/** Throws "passphrase-wrong". */
export async function tryPassphrase(path: string, options: OpenMediumOptions): Promise<void> {
  const image = await openDiskFile(path, "read", { ...options, alone: true });
  await image.close();
}

async function closing<T>(image: DiskImage, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } finally {
    await image.close();
  }
}

/** A new disk of zeros, or one that rests on `parent` and has its size unless another is given. Throws "file-exists". */
export async function createDisk(
  path: string,
  disk: NewDisk & {
    readonly sizeBytes?: number | undefined;
    readonly parent?: string | undefined;
    /** Where it is known, as of a raw disk that must not be asked. */
    readonly parentFormat?: DiskFormatId | undefined;
  },
): Promise<void> {
  const { parent } = disk;
  if (parent === undefined) {
    if (disk.sizeBytes === undefined) throw new GuesthouseError("unsupported-size", "A new disk needs a size.");
    await makeWhole(path, disk, disk.sizeBytes, async () => {});
    return;
  }
  // Without the passphrase an encrypted one does not open, and with it the new one is encrypted, too.
  const base = await openDiskFile(parent, "read", { format: disk.parentFormat, passphrase: disk.passphrase });
  await closing(base, async () => {
    const { format, identity, passphraseWork } = await base.info();
    const reference = { names: [referenceName(path, parent)], format, identity };
    await makeWhole(path, { ...disk, passphraseWork }, disk.sizeBytes ?? base.sizeBytes, async () => {}, reference);
  });
}

/** A diskette of zeros, or an empty one with a file system. Refuses a file that exists. */
export async function createDiskette(path: string, size: DisketteSize, formatted: boolean): Promise<void> {
  if (await fileExists(path)) throw alreadyThere(path);
  const { sizeBytes } = disketteSizes.find(({ label }) => label === size)!;
  const serial = randomBytes(4).readUInt32LE();
  await writeFileAtomically(path, formatted ? emptyDiskette(sizeBytes, serial) : new Uint8Array(sizeBytes));
}

/** Relative within one folder, so that folders can be moved; absolute elsewhere. */
export function referenceName(path: string, parent: string): string {
  const from = relative(dirname(path), parent);
  return from.startsWith("..") || isAbsolute(from) ? resolve(parent) : from;
}

export interface DiskCopy extends Omit<NewDisk, "passphrase"> {
  /** Absent is that of the source, null leaves the copy of an encrypted disk readable for everybody. */
  readonly passphrase?: string | null | undefined;
  readonly compress?: boolean;
  readonly source?: OpenMediumOptions;
}

/** A whole copy in any format. Throws "cancelled", and leaves nothing then. */
export async function copyDisk(path: string, target: string, disk: DiskCopy, work: LongWork = {}): Promise<void> {
  const image = await openDiskFile(path, "read", disk.source);
  await closing(image, async () => {
    const passphrase = await copyPassphrase(image, disk);
    await makeWhole(target, { ...disk, passphrase }, image.sizeBytes, (copy) =>
      convertDisk(image, copy, { ...work, compress: disk.compress === true }),
    );
  });
}

/** Nobody's secrets become plain by a word that was not said. */
async function copyPassphrase(image: DiskImage, { format, passphrase, source }: DiskCopy): Promise<string | undefined> {
  if (passphrase !== undefined) return passphrase ?? undefined;
  if (source?.passphrase === undefined || !(await isEncrypted(image))) return undefined;
  if (format === "qcow2") return source.passphrase;
  throw new GuesthouseError(
    "unsupported-operation",
    `A disk of the format “${format}” cannot be encrypted: say that the copy may be read by everybody, or choose QCOW2.`,
    { format },
  );
}

/** Byte for byte, for media that are no disks. */
export async function copyPlainFile(path: string, target: string): Promise<void> {
  await inNewFolder(target, async (folder) => {
    const copy = join(folder, basename(target));
    await copyFile(path, copy).catch((error: unknown) => Promise.reject(fileError(error, path)));
    await syncFile(copy);
  });
}

async function makeWhole(
  target: string,
  { format, subformat, passphrase, passphraseWork }: NewDisk & Pick<CreateDiskOptions, "passphraseWork">,
  sizeBytes: number,
  fill: (image: DiskImage) => Promise<void>,
  reference?: BackingReference,
): Promise<void> {
  await inNewFolder(target, async (folder) => {
    const image = await diskFormat(format).create(new FileOpener({ folder }), basename(target), {
      sizeBytes,
      services: diskServices,
      ...(subformat === undefined ? {} : { subformat }),
      ...(passphrase === undefined ? {} : { passphrase, passphraseWork }),
      ...(reference === undefined ? {} : { backing: { reference } }),
    });
    await closing(image, () => fill(image));
    for (const name of await readdir(folder)) await syncFile(join(folder, name));
  });
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r+");
  await file.sync().finally(() => file.close());
}

/** Throws "truncation-needed" where data would be cut off, unless `truncate`. */
export async function resizeDisk(
  path: string,
  sizeBytes: number,
  truncate: boolean,
  options?: OpenMediumOptions,
): Promise<void> {
  const image = await openDiskFile(path, "write", options);
  await closing(image, async () => {
    await image.resize(sizeBytes, truncate);
    await image.flush();
  });
}

export async function compactDisk(path: string, work: LongWork, options?: OpenMediumOptions): Promise<void> {
  const image = await openDiskFile(path, "write", options);
  await closing(image, () => image.compact(work));
}

export async function checkDisk(
  path: string,
  repair: boolean,
  work: LongWork,
  options?: OpenMediumOptions,
): Promise<CheckReport> {
  const image = await openDiskFile(path, repair ? "write" : "read", options);
  return await closing(image, () => image.check(repair, work));
}

export async function compareDiskFiles(
  one: string,
  other: string,
  work: LongWork,
  options: readonly [OpenMediumOptions, OpenMediumOptions] = [{}, {}],
): Promise<DiskComparison> {
  const first = await openDiskFile(one, "read", options[0]);
  return await closing(first, async () => {
    const second = await openDiskFile(other, "read", options[1]);
    return await closing(second, () => compareDisks(first, second, work));
  });
}

/** All files that an image consists of, without what it rests on. */
export async function filesOfDisk(path: string, format?: DiskFormatId): Promise<string[]> {
  const files = new Set<string>();
  const opener = new FileOpener({ folder: dirname(path), readLock: "none", onFile: (file) => files.add(file) });
  const image = await openDisk(opener, path, {
    access: "read",
    services: diskServices,
    alone: true,
    ...(format === undefined ? {} : { format }),
  });
  await image.close();
  return [...files];
}
