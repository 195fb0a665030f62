/**
 * Packs machines of the library up as an appliance. The disks are read under shared locks, so a machine that runs is refused by its own disks ("in-use"). The
 * package is written in a folder beside its place and moved there whole, the descriptor last.
 */
import { basename, dirname, extname, resolve } from "node:path";
import type { ApplianceExport } from "../api/applianceProtocol.ts";
import type { DiskConfig } from "../api/MachineConfig.ts";
import { plainFileName } from "../api/plainFileName.ts";
import type { ExportDisk, ExportFile, ExportMachine } from "../appliance/export/ExportMachine.ts";
import { exportAppliance } from "../appliance/export/exportAppliance.ts";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { DiskImage, LongWork } from "../contracts/DiskImage.ts";
import { convertDisk } from "../storage/convertDisk.ts";
import { diskFormat } from "../storage/openDisk.ts";
import { diskServices } from "./diskServices.ts";
import { findEncrypted, namingDisk, unlockChain } from "./encryptedDisks.ts";
import { FileOpener } from "./FileOpener.ts";
import { FileStore } from "./FileStore.ts";
import type { MachineLibrary } from "./MachineLibrary.ts";
import { realPath } from "./MediaRegistry.ts";
import { openDiskFile } from "./mediumWork.ts";
import { fileExists, inNewFolder } from "./newFolder.ts";
import { createDigest } from "./openAppliance.ts";
import { ownOverlay } from "./openMachineDisk.ts";
import { originalDisk } from "./snapshots/originalDisk.ts";

/** Archive names may have a hundred bytes; what comes after the stem needs some. */
const STEM_MAX = 60;

interface Sources {
  readonly disks: Map<ExportDisk["href"], DiskImage>;
  /** Host paths of discs and diskettes. */
  readonly files: Map<ExportFile["href"], string>;
}

/** Returns the names of the files made. */
export async function exportMachines(
  library: MachineLibrary,
  order: ApplianceExport,
  mayUse: (path: string) => boolean,
  work: LongWork,
): Promise<string[]> {
  const extension = extname(order.path).toLowerCase();
  if (extension !== ".ova" && extension !== ".ovf") {
    throw new GuesthouseError("invalid-edit", "The name of an appliance ends in .ova or .ovf.", { path: order.path });
  }
  const name = stemOf(basename(order.path, extname(order.path)));
  const sources: Sources = { disks: new Map(), files: new Map() };
  let made: string[] = [];
  try {
    const machines: ExportMachine[] = [];
    for (const id of new Set(order.machineIds))
      machines.push(await describeForExport(library, id, name, order, mayUse, sources));
    const request = {
      layout: extension === ".ova" ? "ova" : "ovf",
      version: order.ovfVersion,
      variant: order.variant,
      name,
      manifest: order.manifest,
      machines,
    } as const;
    await inNewFolder(order.path, async (folder) => {
      made = await exportAppliance(
        new FileOpener({ folder }),
        basename(order.path),
        request,
        servicesFor(sources),
        work,
      );
    });
    return made;
  } finally {
    for (const image of sources.disks.values()) await image.close();
  }
}

function stemOf(name: string): string {
  const plain = plainFileName(name).replace(/[^A-Za-z0-9._ -]+/g, "_");
  return plain.slice(0, STEM_MAX).trim() || "appliance";
}

function servicesFor(sources: Sources) {
  return {
    createDigest,
    nowMs: () => Date.now(),
    async writeDisk(
      disk: ExportDisk,
      opener: Parameters<ReturnType<typeof diskFormat>["create"]>[0],
      name: string,
      work: LongWork,
    ) {
      const source = sources.disks.get(disk.href)!;
      const options = { sizeBytes: source.sizeBytes, services: diskServices, subformat: "streamOptimized" };
      const target = await diskFormat("vmdk").create(opener, name, options);
      try {
        await convertDisk(source, target, { ...work, compress: true });
      } finally {
        await target.close();
      }
    },
    openFile: (file: ExportFile) => FileStore.open(sources.files.get(file.href)!, "read", "shared"),
  };
}

async function describeForExport(
  library: MachineLibrary,
  id: string,
  stem: string,
  order: ApplianceExport,
  mayUse: (path: string) => boolean,
  sources: Sources,
): Promise<ExportMachine> {
  const { folder } = library.get(id);
  const config = library.config(id);
  const extra = order.products?.find(({ machineId }) => machineId === id);
  const disks: ExportDisk[] = [];
  for (const [slot, disk] of config.storage.disks.entries()) {
    const present = await presentImage(disk, folder, mayUse);
    const passphrase = passphraseFor(order, id, slot);
    const image = await openDiskFile(present.path, "read", { ...present, passphrase });
    const href = `${stem}-disk${sources.disks.size + 1}.vmdk`;
    sources.disks.set(href, image);
    const { allocatedBytes } = await image.info();
    disks.push({ href, sizeBytes: allocatedBytes, capacityBytes: image.sizeBytes, interface: disk.interface ?? "ide" });
  }
  const fileOf = async (path: string | null, extension: string): Promise<ExportFile | undefined> =>
    order.media && path !== null ? await mediumFile(resolve(folder, path), stem, extension, sources) : undefined;
  const opticals: ExportMachine["opticals"][number][] = [];
  for (const { path, interface: chosen = "ide" } of config.storage.opticals) {
    opticals.push({ interface: chosen, file: await fileOf(path, "iso") });
  }
  const floppies: ExportMachine["floppies"][number][] = [];
  for (const { path } of config.storage.floppies) floppies.push(await fileOf(path, "img"));
  return {
    name: config.name,
    description: config.description,
    osType: config.osType,
    memoryMiB: config.memoryMiB,
    bootOrder: config.bootOrder,
    rtcUtc: config.rtcUtc,
    cpuLevel: config.cpuLevel,
    serialPorts: config.serial.filter(({ kind }) => kind !== "none").length,
    product: definedOnly(extra?.product),
    licence: extra?.licence ?? "",
    disks,
    opticals,
    floppies,
  };
}

interface PresentImage {
  readonly path: string;
  readonly format: DiskConfig["format"];
  readonly mayUse: (path: string) => boolean;
}

/** The image of a disk as this machine sees it: what it keeps of its own of a disk that several have. */
async function presentImage(
  disk: DiskConfig,
  folder: string,
  mayUse: (path: string) => boolean,
): Promise<PresentImage> {
  const base = resolve(folder, disk.path);
  const overlay = ownOverlay(disk, folder);
  if (disk.kind !== "multiAttach" || !(await fileExists(overlay))) return { path: base, format: disk.format, mayUse };
  const real = await realPath(base);
  return { path: overlay, format: "qcow2", mayUse: (path) => path === real || mayUse(path) };
}

function passphraseFor({ passphrases = [] }: ApplianceExport, machineId: string, slot: number): string | undefined {
  return passphrases.find((known) => known.machineId === machineId && known.slot === slot)?.passphrase;
}

/**
 * Before anything is begun: nobody's secrets become plain by a word that was not said. Throws "encrypted-disk" where `decrypt` is not, then "passphrase-needed"
 * or "passphrase-wrong".
 */
export async function demandReadable(
  library: MachineLibrary,
  order: ApplianceExport,
  mayUse: (path: string) => boolean,
): Promise<void> {
  for (const machineId of new Set(order.machineIds)) {
    const { folder } = library.get(machineId);
    const config = library.config(machineId);
    for (const [slot, disk] of config.storage.disks.entries()) {
      const present = await presentImage(disk, folder, mayUse);
      const opener = new FileOpener({ folder: dirname(present.path), readLock: "none", mayUse: present.mayUse });
      const link = { opener, name: present.path, format: present.format };
      if ((await findEncrypted(link, diskServices)) === undefined) continue;
      const path = await originalDisk(folder, config, disk.path);
      if (order.decrypt !== true) throw stillEncrypted({ machineId, slot, path, name: basename(path) });
      const passphrase = passphraseFor(order, machineId, slot);
      await namingDisk({ machineId, slot, path }, () => unlockChain(link, diskServices, passphrase));
    }
  }
}

function stillEncrypted(facts: { machineId: string; slot: number; path: string; name: string }): GuesthouseError {
  const sentence = `The disk “${facts.name}” is encrypted, and everybody could read it in an appliance: say that it may be so.`;
  return new GuesthouseError("encrypted-disk", sentence, facts);
}

function definedOnly(product: Readonly<Record<string, string | undefined>> | undefined): ExportMachine["product"] {
  if (product === undefined) return undefined;
  return Object.fromEntries(Object.entries(product).filter(([, value]) => value !== undefined));
}

async function mediumFile(path: string, stem: string, extension: string, sources: Sources): Promise<ExportFile> {
  const store = await FileStore.open(path, "read", "none");
  try {
    const href = `${stem}-medium${sources.files.size + 1}.${extension}`;
    sources.files.set(href, path);
    return { href, sizeBytes: await store.size() };
  } finally {
    await store.close();
  }
}
