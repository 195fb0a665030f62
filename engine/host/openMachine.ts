/**
 * From a configuration to a machine with its media open: what the engine process and the ephemeral run of the command line
 * share. Disks of any format are opened as their attributes say, with locks on all their files; a floppy image that may only be read is write-protected; optical media are
 * read-only. When anything cannot be opened, everything opened before is closed again.
 */
import { randomBytes } from "node:crypto";
import { readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { type DiskConfig, diskAttributes, type MachineConfig } from "../api/MachineConfig.ts";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import { MiB } from "../base/units.ts";
import type { Medium } from "../contracts/Medium.ts";
import type { MachineControl } from "../machine/MachineControl.ts";
import type { DirectBoot, DiskAttachment, FirmwareChoice, MachineOptions } from "../machine/MachineOptions.ts";
import { type ImageUse, openImage } from "../storage/openImage.ts";
import type { SwitchableDisk } from "../storage/SwitchableDisk.ts";
import { namingDisk } from "./encryptedDisks.ts";
import { FileOpener } from "./FileOpener.ts";
import { FileStore } from "./FileStore.ts";
import { fileError } from "./fileError.ts";
import { hostServices } from "./hostServices.ts";
import { type DiskPlace, openMachineDisk, ownOverlay, runOverlay } from "./openMachineDisk.ts";

/** What machines are made of, injected so that tests need no built processor. */
export interface MachineParts {
  createMachine(options: MachineOptions): MachineControl;
  /** Makes beforehand what machines would wait for, part by part. */
  prepareProcessors?(): Iterable<undefined>;
  readCpuUnits(): Promise<MachineOptions["cpuUnits"]>;
}

export interface OpenMachineOptions {
  /** Where overlays of this run lie, emptied at both ends; a new folder among the temporary ones when absent. */
  readonly runFolder?: string;
  /** The disks are in the end as they were. */
  readonly disposable?: boolean;
  /** May a disk use this file outside of its own folder? Everything when absent. */
  readonly mayUse?: (path: string) => boolean;
  /** The machine was saved and goes on: overlays of its run are still there. */
  readonly goesOn?: boolean;
  /** Of encrypted disks, by their place in the configuration's list. */
  readonly passphrases?: readonly { readonly slot: number; readonly passphrase: string }[];
}

export interface PlugOptions {
  readonly mayUse?: (path: string) => boolean;
  readonly passphrase?: string;
}

const IMAGE_BYTES_MAX = 512 * MiB;

export class OpenMachine {
  readonly control: MachineControl;
  readonly folder: string;
  /** By their paths in the configuration. */
  readonly disks: Map<string, SwitchableDisk>;
  /** Of those that are encrypted: what is made of them while the machine runs is so, too. */
  readonly passphrases: WeakMap<SwitchableDisk, string>;
  /** Its changes are forgotten at the end. */
  readonly disposable: boolean;
  readonly #media: Set<Medium>;
  readonly #place: DiskPlace;
  /** The machine is saved: its run's overlays stay. */
  keepOverlays = false;

  constructor(
    control: MachineControl,
    place: DiskPlace,
    media: Set<Medium>,
    disks: Map<string, SwitchableDisk>,
    passphrases: WeakMap<SwitchableDisk, string>,
  ) {
    this.control = control;
    this.folder = place.folder;
    this.disks = disks;
    this.passphrases = passphrases;
    this.disposable = place.disposable;
    this.#place = place;
    this.#media = media;
  }

  /** For images that this process has open already, and sees to it that they stay whole. */
  openerBesideOwn(): FileOpener {
    const { folder, mayUse } = this.#place;
    return new FileOpener({ folder, besideOwn: true, ...(mayUse === undefined ? {} : { mayUse }) });
  }

  /** Throws "no-such-drive", "tray-locked" or what opening the image throws; the drive then keeps what it has. */
  async attach(drive: "optical" | "floppy", slot: number, path: string, force: boolean): Promise<void> {
    this.#drive(drive, slot);
    const medium = await openMedium(resolve(this.folder, path), drive);
    this.#media.add(medium);
    await this.#replace(drive, slot, medium, force);
  }

  async eject(drive: "optical" | "floppy", slot: number, force: boolean): Promise<void> {
    await this.#replace(drive, slot, undefined, force);
  }

  /**
   * Plugs in a disk as its attributes say. Throws "not-hot-pluggable", "guest-without-hot-plug", "too-many-drives", "passphrase-needed",
   * "passphrase-wrong", or what opening it throws. Answers its place in the machine's list.
   */
  async attachDisk(disk: DiskConfig, { mayUse, passphrase }: PlugOptions = {}): Promise<number> {
    const place: DiskPlace = mayUse === undefined ? this.#place : { ...this.#place, mayUse };
    const name = basename(disk.path);
    const at = { path: disk.path, slot: this.control.disks.length };
    const blocks = await namingDisk(at, () => openMachineDisk(disk, place, passphrase));
    try {
      const slot = this.control.attachDisk({ name, blocks, ...attachmentOf(disk) });
      this.#media.add({ name, blocks });
      return slot;
    } catch (error) {
      this.disks.delete(disk.path);
      await blocks.close();
      await this.#forgetChanges(disk.path);
      throw error;
    }
  }

  /**
   * Takes a disk out and closes it, with everything on it that the guest has written; with `force` also one that the guest would be asked for. Throws
   * "no-such-drive", "not-hot-pluggable", "guest-without-hot-plug", "guest-keeps-disk".
   */
  async detachDisk(slot: number, path: string, force: boolean): Promise<void> {
    const { blocks } = await this.control.detachDisk(slot, force);
    this.disks.delete(path);
    for (const medium of this.#media) if (medium.blocks === blocks) this.#media.delete(medium);
    try {
      if (!blocks.readOnly) await blocks.flush();
    } finally {
      await blocks.close();
      await this.#forgetChanges(path);
    }
  }

  /** What was to be forgotten with the run is so with the disk: plugged in again, it is as it was made. */
  async #forgetChanges(path: string): Promise<void> {
    const { folder } = this.#place;
    for (const base of [path, ownOverlay({ path }, folder)]) {
      await rm(runOverlay({ path: base }, this.#place), { force: true }).catch(() => undefined);
    }
  }

  /** Closes the media. The machine must have stopped. */
  async close(): Promise<void> {
    for (const disk of this.disks.values()) disk.refuseHeld();
    for (const medium of this.#media) {
      if (!medium.blocks.readOnly) await medium.blocks.flush().catch(() => undefined);
      await medium.blocks.close().catch(() => undefined);
    }
    this.#media.clear();
    if (!this.keepOverlays) await removeFolder(this.#place.runFolder);
  }

  #drive(drive: "optical" | "floppy", slot: number) {
    const drives = drive === "optical" ? this.control.opticalDrives : this.control.floppyDrives;
    const found = drives[slot];
    if (found === undefined)
      throw new GuesthouseError("no-such-drive", "The machine has no such drive.", { drive, slot });
    return found;
  }

  async #replace(kind: "optical" | "floppy", slot: number, medium: Medium | undefined, force: boolean): Promise<void> {
    const drive = this.#drive(kind, slot);
    const before = drive.medium;
    const done = drive.insert(medium, force);
    const released = done ? before : medium;
    if (released !== undefined && this.#media.delete(released)) {
      if (!released.blocks.readOnly) await released.blocks.flush();
      await released.blocks.close();
    }
    if (!done) throw new GuesthouseError("tray-locked", "The guest has locked the tray.", { drive: kind, slot });
  }
}

export async function openMachine(
  config: MachineConfig,
  folder: string,
  parts: MachineParts,
  log: MachineOptions["log"],
  options: OpenMachineOptions = {},
): Promise<OpenMachine> {
  const media = new Set<Medium>();
  const switchable = new Map<string, SwitchableDisk>();
  const passphrases = new WeakMap<SwitchableDisk, string>();
  const goesOn = options.goesOn === true;
  const place: DiskPlace = {
    folder,
    disposable: options.disposable === true,
    goesOn,
    onDisk: (path, disk, passphrase) => {
      switchable.set(path, disk);
      if (passphrase !== undefined) passphrases.set(disk, passphrase);
    },
    runFolder: options.runFolder ?? join(tmpdir(), `guesthouse-run-${randomBytes(8).toString("hex")}`),
    ...(options.mayUse === undefined ? {} : { mayUse: options.mayUse }),
  };
  const open = async (path: string, use: ImageUse): Promise<Medium> => {
    const medium = await openMedium(resolve(folder, path), use);
    media.add(medium);
    return medium;
  };
  try {
    // What a run left that was ended without notice.
    if (!goesOn) await removeFolder(place.runFolder);
    const files = Promise.all([parts.readCpuUnits(), readDirectBoot(config, folder), readFirmware(config, folder)]);
    // What they lack is said when the drives are open.
    files.catch(() => undefined);
    const disks: DiskAttachment[] = [];
    for (const [slot, disk] of config.storage.disks.entries()) {
      const passphrase = options.passphrases?.find((known) => known.slot === slot)?.passphrase;
      const blocks = await namingDisk({ path: disk.path, slot }, () => openMachineDisk(disk, place, passphrase));
      const medium = { name: basename(disk.path), blocks };
      media.add(medium);
      disks.push({ ...medium, ...attachmentOf(disk) });
    }
    const opticalDrives: (Medium | undefined)[] = [];
    const opticalInterfaces = config.storage.opticals.map((drive) => drive.interface ?? "ide");
    for (const { path } of config.storage.opticals) {
      opticalDrives.push(path === null ? undefined : await open(path, "optical"));
    }
    const floppyDrives: (Medium | undefined)[] = [];
    for (const { path } of config.storage.floppies) {
      floppyDrives.push(path === null ? undefined : await open(path, "floppy"));
    }
    const [cpuUnits, directBoot, firmware] = await files;
    const { entropyDevice } = config.storage;
    const control = parts.createMachine({
      cpuUnits,
      memoryBytes: config.memoryMiB * MiB,
      firmware,
      bootOrder: config.bootOrder,
      bootMenu: config.bootMenu,
      ...(directBoot === undefined ? {} : { directBoot }),
      disks,
      opticalDrives,
      opticalInterfaces,
      opticalPorts: config.storage.opticals.map(({ port }) => port),
      controllers: config.storage.controllers ?? [],
      ...(entropyDevice === undefined ? {} : { entropyDevice }),
      floppyDrives,
      debugPorts: config.debugPorts,
      accel: config.accel,
      cpuLevel: config.cpuLevel,
      rtcUtc: config.rtcUtc,
      zoneOffsetMs: new Date().getTimezoneOffset() * -60_000,
      ...hostServices(log),
    });
    return new OpenMachine(control, place, media, switchable, passphrases);
  } catch (error) {
    for (const medium of media) await medium.blocks.close().catch(() => undefined);
    if (!goesOn) await removeFolder(place.runFolder);
    throw error;
  }
}

/** How a disk hangs on the machine. */
function attachmentOf(disk: DiskConfig): Omit<DiskAttachment, "name" | "blocks"> {
  const { interface: kind, serial, solidState, removable } = diskAttributes(disk);
  return {
    interface: kind,
    solidState,
    removable,
    ...(serial === "" ? {} : { serialNumber: serial }),
    ...(disk.port === undefined ? {} : { port: disk.port }),
  };
}

/** What cannot be removed now is at the next start. */
async function removeFolder(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true }).catch(() => undefined);
}

async function openMedium(path: string, use: ImageUse): Promise<Medium> {
  const name = basename(path);
  let readOnly = use === "optical";
  let store: FileStore;
  try {
    store = await FileStore.open(path, readOnly ? "read" : "write");
  } catch (error) {
    const protectedFloppy = use === "floppy" && error instanceof GuesthouseError && error.kind === "file-forbidden";
    if (!protectedFloppy) throw error;
    readOnly = true;
    store = await FileStore.open(path, "read");
  }
  try {
    return await openImage(store, { name, use, readOnly });
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function readImage(folder: string, path: string): Promise<Uint8Array> {
  const full = resolve(folder, path);
  try {
    const facts = await stat(full);
    if (!facts.isFile()) throw new GuesthouseError("not-a-file", `This is not a file: ${full}`, { path: full });
    if (facts.size > IMAGE_BYTES_MAX) {
      throw new GuesthouseError("file-too-large", `This file is too large to be loaded: ${full}`, { path: full });
    }
    const { buffer, byteOffset, length } = await readFile(full);
    return new Uint8Array(buffer, byteOffset, length);
  } catch (error) {
    throw fileError(error, full);
  }
}

async function readFirmware(config: MachineConfig, folder: string): Promise<FirmwareChoice> {
  if (config.firmware.kind === "builtin") return { kind: "builtin" };
  return { kind: "rom", image: await readImage(folder, config.firmware.path) };
}

async function readDirectBoot(config: MachineConfig, folder: string): Promise<DirectBoot | undefined> {
  if (config.directBoot === null) return undefined;
  const { kernel, initrd, commandLine } = config.directBoot;
  const [kernelBytes, initrdBytes] = await Promise.all([
    readImage(folder, kernel),
    initrd === null ? undefined : readImage(folder, initrd),
  ]);
  return {
    kernel: kernelBytes,
    kernelName: basename(kernel),
    ...(initrdBytes === undefined ? {} : { initrd: initrdBytes }),
    commandLine,
  };
}
