/**
 * A hard disk of a machine, as its attributes say: any format with all it rests on, under an overlay where the run's changes are not to
 * reach the file. Overlays that live as long as a run lie in the run's folder; those of a "multiAttach" disk in the machine's.
 */
import { createHash } from "node:crypto";
import { realpath } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { type DiskConfig, diskAttributes } from "../api/MachineConfig.ts";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { BlockDevice } from "../contracts/BlockDevice.ts";
import type { DiskImage, DiskServices } from "../contracts/DiskImage.ts";
import { diskFormat, openDisk } from "../storage/openDisk.ts";
import { BackingLink } from "../storage/overlay/BackingLink.ts";
import { PolicedBlocks } from "../storage/PolicedBlocks.ts";
import { SwitchableDisk } from "../storage/SwitchableDisk.ts";
import { ThrottledBlocks, type ThrottleTimer } from "../storage/ThrottledBlocks.ts";
import { diskServices } from "./diskServices.ts";
import { isEncrypted } from "./encryptedDisks.ts";
import { FileOpener } from "./FileOpener.ts";
import { makeFolder } from "./makeFolder.ts";

export interface DiskPlace {
  /** What the configuration's paths are relative to. */
  readonly folder: string;
  /** Where overlays of this run lie; it is made when the first is needed. */
  readonly runFolder: string;
  /** All changes are forgotten at the end. */
  readonly disposable: boolean;
  /** May an image use this file outside of its own folder? Everything when absent. */
  readonly mayUse?: (path: string) => boolean;
  /** This platform's when absent. */
  readonly services?: DiskServices;
  /** Overlays of the run that was saved are still there, and wanted. */
  readonly goesOn?: boolean;
  /**
   * Hears of each disk by its path in the configuration, to hold it or to put an overlay on it while it is used. The passphrase is for the overlay, and
   * given where anything of the disk is encrypted.
   */
  readonly onDisk?: (path: string, disk: SwitchableDisk, passphrase: string | undefined) => void;
}

interface KeyedPlace extends DiskPlace {
  readonly passphrase?: string;
}

const throttleTimer: ThrottleTimer = {
  nowMs: () => performance.now(),
  delay: (milliseconds, resume) => void setTimeout(resume, milliseconds),
};

/** A passphrase is needed for an encrypted disk; an overlay of one is encrypted under the same passphrase. */
export async function openMachineDisk(disk: DiskConfig, given: DiskPlace, passphrase?: string): Promise<BlockDevice> {
  const place: KeyedPlace = passphrase === undefined ? given : { ...given, passphrase };
  const { kind, hostCache, discard, bytesPerSecond, operationsPerSecond } = diskAttributes(disk);
  const image = new SwitchableDisk(await openKind(disk, kind, place));
  const isSecret = place.onDisk !== undefined && passphrase !== undefined && (await isEncrypted(image.image));
  place.onDisk?.(disk.path, image, isSecret ? passphrase : undefined);
  const plain = hostCache === "writeBack" && discard;
  const policed = plain ? image : new PolicedBlocks(image, { hostCache, discard });
  if (bytesPerSecond === 0 && operationsPerSecond === 0) return policed;
  return new ThrottledBlocks(policed, { bytesPerSecond, operationsPerSecond }, throttleTimer);
}

async function openKind(
  disk: DiskConfig,
  kind: ReturnType<typeof diskAttributes>["kind"],
  place: KeyedPlace,
): Promise<DiskImage> {
  switch (kind) {
    case "readOnly":
      return await openFile(disk, place, "read");
    case "immutable":
      return await underRunOverlay(disk, place);
    case "multiAttach":
      return await underOwnOverlay(disk, place);
    case "shareable":
      return await openShared(disk, place);
    case "normal":
    case "writeThrough":
      return place.disposable ? await underRunOverlay(disk, place) : await openFile(disk, place, "write");
  }
}

function openerOf({ folder, mayUse }: DiskPlace, writeLock?: "shared"): FileOpener {
  return new FileOpener({
    folder,
    ...(mayUse === undefined ? {} : { mayUse }),
    ...(writeLock === undefined ? {} : { writeLock }),
  });
}

async function openFile(
  { path, format }: DiskConfig,
  place: KeyedPlace,
  access: "read" | "write",
  writeLock?: "shared",
): Promise<DiskImage> {
  return await openDisk(openerOf(place, writeLock), path, {
    access,
    services: place.services ?? diskServices,
    // So that layers can be joined while the machine runs.
    link: (image, identity) => new BackingLink(image, identity),
    ...(format === undefined ? {} : { format }),
    ...(place.passphrase === undefined ? {} : { passphrase: place.passphrase }),
  });
}

/** Formats with tables of their own would be torn apart by two writers. */
async function openShared(disk: DiskConfig, place: KeyedPlace): Promise<DiskImage> {
  const image = await openFile(disk, place, "write", "shared");
  if ((await image.info()).format === "raw") return image;
  await image.close();
  throw new GuesthouseError(
    "unsupported-operation",
    `Only a raw disk can be shared: “${basename(disk.path)}” is none.`,
    {
      path: disk.path,
    },
  );
}

async function underRunOverlay(disk: DiskConfig, place: KeyedPlace): Promise<DiskImage> {
  const overlay = runOverlay(disk, place);
  if (place.goesOn === true && (await exists(overlay))) return await reopenOverlay(disk, place, overlay);
  await makeFolder(place.runFolder);
  return await newOverlay(disk, place, overlay);
}

async function underOwnOverlay(disk: DiskConfig, place: KeyedPlace): Promise<DiskImage> {
  const overlay = ownOverlay(disk, place.folder);
  const known = await knowingBase(disk, place);
  if (place.disposable) {
    const file = { path: overlay, format: "qcow2" } as const;
    return await underRunOverlay((await exists(overlay)) ? file : disk, known);
  }
  if (await exists(overlay)) return await openFile({ path: overlay, format: "qcow2" }, known, "write");
  await makeFolder(dirname(overlay));
  return await newOverlay(disk, place, overlay);
}

async function reopenOverlay(disk: DiskConfig, place: KeyedPlace, overlay: string): Promise<DiskImage> {
  return await openFile({ path: overlay, format: "qcow2" }, await knowingBase(disk, place), "write");
}

/** An overlay that we made may use the disk that it was made of. */
async function knowingBase(disk: DiskConfig, place: KeyedPlace): Promise<KeyedPlace> {
  const { mayUse } = place;
  if (mayUse === undefined) return place;
  const base = await realpath(resolve(place.folder, disk.path)).catch(() => "");
  return { ...place, mayUse: (path) => path === base || mayUse(path) };
}

async function newOverlay(disk: DiskConfig, place: KeyedPlace, overlay: string): Promise<DiskImage> {
  const base = await openFile(disk, place, "read");
  try {
    const names = [resolve(place.folder, disk.path)];
    const { format, passphraseWork } = await base.info();
    const { passphrase } = place;
    const isSecret = passphrase !== undefined && (await isEncrypted(base));
    return await diskFormat("qcow2").create(openerOf(place), overlay, {
      sizeBytes: base.sizeBytes,
      services: place.services ?? diskServices,
      backing: { reference: { names, format, identity: undefined }, device: base },
      ...(isSecret ? { passphrase, passphraseWork } : {}),
    });
  } catch (error) {
    await base.close();
    throw error;
  }
}

/** Where a machine's own changes of a "multiAttach" disk lie. */
export function ownOverlay(disk: DiskConfig, folder: string): string {
  return join(folder, "overlays", overlayName(disk, folder));
}

/** Where changes lie that end with the run. */
export function runOverlay(disk: DiskConfig, { folder, runFolder }: Pick<DiskPlace, "folder" | "runFolder">): string {
  return join(runFolder, overlayName(disk, folder));
}

/** Two disks of one name in different folders have overlays of their own. */
function overlayName({ path }: DiskConfig, folder: string): string {
  const digest = createHash("sha256").update(resolve(folder, path)).digest("hex").slice(0, 12);
  return `${basename(path).slice(0, 80)}.${digest}.qcow2`;
}

async function exists(path: string): Promise<boolean> {
  return await realpath(path).then(
    () => true,
    () => false,
  );
}
