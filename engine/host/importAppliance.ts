/**
 * Carries out an import plan. All files are made in a staging folder of the library first, checked and converted, which takes its time and holds up nobody; the
 * machines are then made at once. A failure, a cancel or a crash leaves the library as it was: the staging folder goes at once, or at the next import.
 */
import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { checkMachineDraft } from "../api/checkMachineDraft.ts";
import type { DiskConfig, DiskInterface, MachineDraft } from "../api/MachineConfig.ts";
import { checksumMismatch } from "../appliance/inspectAppliance.ts";
import { digestOf } from "../appliance/manifest.ts";
import { besideName } from "../appliance/memberName.ts";
import type { PlannedDisk, PlannedFile, PlannedMachine } from "../appliance/planImport.ts";
import { unpackGzip } from "../appliance/unpackGzip.ts";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { DiskImage, LongWork, StoreOpener } from "../contracts/DiskImage.ts";
import { convertDisk } from "../storage/convertDisk.ts";
import { diskFormat, openDisk } from "../storage/openDisk.ts";
import { diskServices } from "./diskServices.ts";
import { FileOpener } from "./FileOpener.ts";
import { FileStore } from "./FileStore.ts";
import { fileError } from "./fileError.ts";
import { LockFile } from "./LockFile.ts";
import type { MachineRecord } from "./MachineLibrary.ts";
import type { MachineRegistry } from "./MachineRegistry.ts";
import { createDigest, type OpenedAppliance } from "./openAppliance.ts";

const STAGING = /^\.import-[0-9a-f]+$/;
const COPY_BYTES = 1024 * 1024;
/** How much a compressed file may grow beyond what its disk holds: tables, descriptors, rounding. */
const GZIP_SLACK_BYTES = 64 * 1024 * 1024;
const GZIP_UNKNOWN_BYTES = 64 * 1024 * 1024 * 1024;

interface Import {
  readonly appliance: OpenedAppliance;
  readonly inPlace: boolean;
  readonly work: Progress;
}

export async function importAppliance(
  registry: MachineRegistry,
  appliance: OpenedAppliance,
  plan: readonly PlannedMachine[],
  inPlace: boolean,
  work: LongWork,
): Promise<MachineRecord[]> {
  if (inPlace && appliance.files !== undefined) {
    throw new GuesthouseError("invalid-edit", "Disks of a packed appliance cannot be used where they lie.");
  }
  const progress = new Progress(work, await totalBytes(appliance, plan, inPlace));
  return await inStaging(registry.library.folder, async (staging) => {
    await verify(appliance, progress);
    const drafts: MachineDraft[] = [];
    for (const [index, machine] of plan.entries()) {
      const folder = join(staging, String(index));
      await mkdir(folder);
      drafts.push(await prepare({ appliance, inPlace, work: progress }, machine, folder));
    }
    progress.refuseIfCancelled();
    return await registry.exclusively(() => createAll(registry, drafts, staging));
  });
}

/** Bytes of the appliance that are read, by what is done to them. */
class Progress {
  readonly #work: LongWork;
  readonly #total: number;
  #done = 0;

  constructor(work: LongWork, total: number) {
    this.#work = work;
    this.#total = Math.max(1, total);
  }

  add(bytes: number): void {
    this.refuseIfCancelled();
    this.#done += bytes;
    this.#report(this.#done);
  }

  /** The work on one file of that size. */
  share(bytes: number): LongWork {
    const { signal } = this.#work;
    const onProgress = (fraction: number): void => this.#report(this.#done + fraction * bytes);
    return { onProgress, ...(signal === undefined ? {} : { signal }) };
  }

  refuseIfCancelled(): void {
    if (this.#work.signal?.aborted === true) throw new GuesthouseError("cancelled", "The import was cancelled.");
  }

  #report(done: number): void {
    this.#work.onProgress?.(Math.min(1, done / this.#total));
  }
}

async function totalBytes(
  appliance: OpenedAppliance,
  plan: readonly PlannedMachine[],
  inPlace: boolean,
): Promise<number> {
  const { files } = appliance.inspected.description;
  const sizeOf = (name: string | undefined): number => files.find((file) => file.name === name)?.sizeBytes ?? 0;
  const all = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (inPlace) return all;
  const converted = plan.flatMap(({ disks, opticals, floppies }) => [
    ...disks,
    ...opticals.map(({ file }) => file),
    ...floppies,
  ]);
  return all + converted.reduce((sum, file) => sum + sizeOf(file?.source), 0);
}

async function inStaging<T>(libraryFolder: string, action: (folder: string) => Promise<T>): Promise<T> {
  await removeAbandoned(libraryFolder);
  const folder = join(libraryFolder, `.import-${randomBytes(6).toString("hex")}`);
  await mkdir(folder).catch((error: unknown) => Promise.reject(fileError(error, folder)));
  let lock: LockFile | undefined;
  try {
    lock = await LockFile.acquire(join(folder, ".lock"), "The import");
    return await action(folder);
  } catch (error) {
    throw fileError(error, folder);
  } finally {
    await lock?.release();
    await rm(folder, { recursive: true, force: true });
  }
}

/** What crashed imports left. One that is under way, here or in another app instance, holds its lock. */
async function removeAbandoned(libraryFolder: string): Promise<void> {
  for (const name of (await readdir(libraryFolder)).filter((entry) => STAGING.test(entry))) {
    const folder = join(libraryFolder, name);
    const lock = await LockFile.acquire(join(folder, ".lock"), "The import").catch(() => undefined);
    if (lock === undefined) continue;
    await lock.release();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Every file that the manifest names is as it says. */
async function verify({ files, inspected }: OpenedAppliance, progress: Progress): Promise<void> {
  if (files === undefined) return;
  const descriptor = files.names.find((name) => /\.ovf$/i.test(name)) ?? "";
  for (const line of inspected.manifest) {
    const name = besideName(descriptor, line.name);
    const store = await files.open(name);
    try {
      const hex = await digestOf(store, createDigest(line.algorithm), (bytes) => progress.add(bytes));
      if (hex !== line.hex) throw checksumMismatch(name);
    } finally {
      await store.close();
    }
  }
}

/** Makes a machine's files and completes its draft. */
async function prepare(order: Import, machine: PlannedMachine, folder: string): Promise<MachineDraft> {
  const disks: DiskConfig[] = [];
  for (const disk of machine.disks) disks.push(await prepareDisk(order, disk, folder));
  const pathOf = async (file: PlannedFile | undefined): Promise<string | null> =>
    file === undefined ? null : await prepareFile(order, file, folder);
  const opticals: MachineDraft["storage"]["opticals"] = [];
  for (const { file, interface: chosen } of machine.opticals) {
    opticals.push({ path: await pathOf(file), ...(chosen === "ide" ? {} : { interface: chosen }) });
  }
  const floppies: MachineDraft["storage"]["floppies"] = [];
  for (const file of machine.floppies) floppies.push({ path: await pathOf(file) });
  const storage = { disks, opticals, floppies };
  const draft = { ...machine.draft, storage };
  const issue = checkMachineDraft(draft)[0];
  if (issue !== undefined) {
    throw new GuesthouseError("invalid-config", issue.message, { field: issue.field, code: issue.code });
  }
  return draft;
}

async function prepareDisk(order: Import, disk: PlannedDisk, folder: string): Promise<DiskConfig> {
  const { appliance, work } = order;
  if (order.inPlace && disk.source !== undefined) {
    const path = appliance.hostPath(disk.source);
    work.add(disk.storedBytes);
    return diskConfig(path, disk.format, disk.interface);
  }
  await convertInto(order, disk, folder);
  return diskConfig(disk.target.fileName, disk.target.format, disk.interface);
}

function diskConfig(path: string, format: DiskConfig["format"], chosen: DiskInterface): DiskConfig {
  return { path, ...(format === undefined ? {} : { format }), ...(chosen === "ide" ? {} : { interface: chosen }) };
}

async function convertInto(order: Import, disk: PlannedDisk, folder: string): Promise<void> {
  const { format, subformat, fileName } = disk.target;
  if (subformat === "streamOptimized") {
    throw new GuesthouseError("invalid-edit", "A machine cannot write to a streamOptimized disk.", { fileName });
  }
  const source = disk.source === undefined ? undefined : await openSource(order, disk, disk.source, folder);
  try {
    const target = await diskFormat(format).create(new FileOpener({ folder }), fileName, {
      sizeBytes: source?.sizeBytes ?? roundUp(disk.capacityBytes),
      services: diskServices,
      ...(subformat === null ? {} : { subformat }),
    });
    try {
      if (source !== undefined) await convertDisk(source, target, order.work.share(disk.storedBytes));
      await target.flush();
    } finally {
      await target.close();
    }
  } finally {
    await source?.close();
    await rm(join(folder, ".unpacked"), { force: true });
  }
  order.work.add(disk.storedBytes);
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / 512) * 512;
}

async function openSource(order: Import, disk: PlannedDisk, source: string, folder: string): Promise<DiskImage> {
  const request = { access: "read", services: diskServices } as const;
  const known = disk.format === undefined ? {} : { format: disk.format };
  if (!disk.gzip) return await openDisk(order.appliance.opener, source, { ...request, ...known });
  const limit = disk.capacityBytes > 0 ? disk.capacityBytes + GZIP_SLACK_BYTES : GZIP_UNKNOWN_BYTES;
  await unpack(order, source, join(folder, ".unpacked"), limit);
  const opener: StoreOpener = new FileOpener({ folder, mayUse: () => false });
  return await openDisk(opener, ".unpacked", { ...request, ...known });
}

async function unpack(order: Import, source: string, path: string, limit: number): Promise<void> {
  const packed = await order.appliance.openFile(source);
  try {
    const target = await FileStore.create(path);
    try {
      await unpackGzip(packed, target, limit, order.work.share(0));
    } finally {
      await target.close();
    }
  } finally {
    await packed.close();
  }
}

/** Discs and diskettes come as they are; those of another program's machine stay where they lie. */
async function prepareFile(order: Import, file: PlannedFile, folder: string): Promise<string> {
  const { appliance, work } = order;
  if (appliance.files === undefined) return appliance.hostPath(file.source);
  if (file.gzip) {
    await unpack(order, file.source, join(folder, file.fileName), GZIP_UNKNOWN_BYTES);
    return file.fileName;
  }
  const source = await appliance.openFile(file.source);
  try {
    const target = await FileStore.create(join(folder, file.fileName));
    try {
      const piece = new Uint8Array(COPY_BYTES);
      for (let at = 0; ; ) {
        const count = await source.read(at, piece);
        if (count === 0) break;
        await target.write(at, piece.subarray(0, count));
        at += count;
        work.add(count);
      }
      await target.flush();
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
  return file.fileName;
}

/** All of them or none. Names that are taken get a number. */
async function createAll(
  { library }: MachineRegistry,
  drafts: readonly MachineDraft[],
  staging: string,
): Promise<MachineRecord[]> {
  const made: MachineRecord[] = [];
  try {
    for (const [index, draft] of drafts.entries()) {
      const named = { ...draft, name: library.freeName(draft.name) };
      const record = await library.create(named, async (folder) => {
        const prepared = join(staging, String(index));
        for (const name of await readdir(prepared)) await rename(join(prepared, name), join(folder, name));
        return named;
      });
      made.push(record);
    }
    return made;
  } catch (error) {
    for (const { id, folder } of made) {
      await rm(folder, { recursive: true, force: true });
      library.forget(id);
    }
    throw error;
  }
}
