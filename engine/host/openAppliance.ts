/**
 * Appliances as files of the host: an archive, a descriptor with files beside it, a machine of VirtualBox or VMware. What a descriptor names is looked for beside
 * it and nowhere else; what such a machine names may lie anywhere, as its owner put it there.
 */
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { type ApplianceFiles, ArchiveFiles, FolderFiles, openerOf, openParts } from "../appliance/ApplianceFiles.ts";
import {
  DESCRIPTOR_BYTES_MAX,
  type InspectedAppliance,
  inspectForeignMachine,
  inspectOvf,
} from "../appliance/inspectAppliance.ts";
import type { CreateDigest } from "../appliance/manifest.ts";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { ByteStore } from "../contracts/BlockDevice.ts";
import type { StoreOpener } from "../contracts/DiskImage.ts";
import { checkSignature } from "./checkSignature.ts";
import { FileOpener } from "./FileOpener.ts";
import { FileStore } from "./FileStore.ts";

export const createDigest: CreateDigest = (algorithm) => {
  const hash = createHash(algorithm);
  return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest("hex") };
};

export interface OpenedAppliance {
  readonly inspected: InspectedAppliance;
  /** Undefined for another program's machine, whose files lie anywhere. */
  readonly files: ApplianceFiles | undefined;
  /** For disk formats. */
  readonly opener: StoreOpener;
  /** A file as it is stored. */
  openFile(name: string): Promise<ByteStore>;
  /** Of a file that lies on the host by itself. */
  hostPath(name: string): string;
  close(): Promise<void>;
}

/** Throws what inspecting throws, "file-missing", "file-forbidden". */
export async function openAppliance(path: string, configuration: string | null = null): Promise<OpenedAppliance> {
  const extension = /\.(vbox|vmx|ovf)$/i.exec(path)?.[1]?.toLowerCase();
  const hostPath = (name: string): string => resolve(dirname(path), name);
  if (extension === "vbox" || extension === "vmx") return await openForeign(extension, path, hostPath);
  const files = extension === "ovf" ? folderOf(path) : await openArchive(path);
  try {
    const inspected = await inspectOvf(files, path, { createDigest, checkSignature }, configuration);
    return {
      inspected,
      files,
      opener: openerOf(files),
      openFile: (name) => openParts(files, name),
      hostPath,
      close: () => files.close(),
    };
  } catch (error) {
    await files.close();
    throw error;
  }
}

function folderOf(path: string): FolderFiles {
  // Beside the descriptor only: names and links that lead elsewhere are refused.
  const opener = new FileOpener({ folder: dirname(path), mayUse: () => false }).beside(basename(path));
  return new FolderFiles(opener, basename(path));
}

async function openArchive(path: string): Promise<ArchiveFiles> {
  const store = await FileStore.open(path, "read", "shared");
  try {
    return await ArchiveFiles.open(store);
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function openForeign(
  kind: "vbox" | "vmx",
  path: string,
  hostPath: (name: string) => string,
): Promise<OpenedAppliance> {
  const bytes = await readSmall(path);
  const sizeOf = (name: string): Promise<number | undefined> =>
    stat(hostPath(name)).then(
      (facts) => (facts.isFile() ? facts.size : undefined),
      () => undefined,
    );
  const opener = new FileOpener({ folder: dirname(path) });
  return {
    inspected: await inspectForeignMachine(kind, bytes, path, sizeOf),
    files: undefined,
    opener,
    openFile: (name) => opener.open(name, "read"),
    hostPath,
    close: async () => {},
  };
}

async function readSmall(path: string): Promise<Uint8Array> {
  const store = await FileStore.open(path, "read", "none");
  try {
    const sizeBytes = await store.size();
    if (sizeBytes > DESCRIPTOR_BYTES_MAX) {
      throw new GuesthouseError("appliance-too-large", "The file is far too large.", { sizeBytes });
    }
    const bytes = new Uint8Array(sizeBytes);
    await store.read(0, bytes);
    return bytes;
  } finally {
    await store.close();
  }
}
