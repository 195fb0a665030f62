/** Who needs the passphrase of a disk, whether it fits, and what is said where it is missing. */
import { basename } from "node:path";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { BlockDevice } from "../contracts/BlockDevice.ts";
import type { BackingReference, DiskFormatId, DiskImage, DiskServices, StoreOpener } from "../contracts/DiskImage.ts";
import { passphraseNeeded } from "../storage/crypto/luks.ts";
import { openDisk } from "../storage/openDisk.ts";

/** Of the disk at this place of a machine's list. */
export interface DiskPassphrase {
  readonly slot: number;
  readonly passphrase: string;
}

const CHAIN_MAX = 256;

/** Is an image, or anything that it rests on, encrypted? Then nothing that is made upon it may be readable for everybody. */
export async function isEncrypted(image: DiskImage): Promise<boolean> {
  for (let link: BlockDevice | undefined = image; link !== undefined && isImage(link); link = link.backing) {
    if ((await link.info()).encrypted) return true;
  }
  return false;
}

function isImage(device: BlockDevice): device is DiskImage {
  return "info" in device && "backing" in device;
}

interface ImageLink {
  readonly opener: StoreOpener;
  readonly name: string;
  readonly format: DiskFormatId | undefined;
}

/** The first image of a chain that is encrypted, asked without a key. What is missing below is found out by who reads it. */
export async function findEncrypted(
  { opener, name, format }: ImageLink,
  services: DiskServices,
): Promise<ImageLink | undefined> {
  let at = opener;
  let reference: BackingReference | undefined = { names: [name], format, identity: undefined };
  for (let depth = 0; reference !== undefined && depth < CHAIN_MAX; depth++) {
    const link = await openFirst(at, reference, services);
    if (link === undefined) return undefined;
    const { encrypted, backing } = await link.image.info().finally(() => link.image.close());
    if (encrypted) return { opener: at, name: link.name, format: reference.format };
    at = at.beside(link.name);
    reference = backing;
  }
  return undefined;
}

/** Is an image, or anything that it rests on, encrypted? Then it tries the passphrase: throws "passphrase-needed" or "passphrase-wrong". */
export async function unlockChain(
  link: ImageLink,
  services: DiskServices,
  passphrase: string | undefined,
): Promise<boolean> {
  const found = await findEncrypted(link, services);
  if (found === undefined) return false;
  if (passphrase === undefined) throw passphraseNeeded();
  const known = found.format === undefined ? {} : { format: found.format };
  const request = { access: "read", services, alone: true, passphrase, ...known } as const;
  await (await openDisk(found.opener, found.name, request)).close();
  return true;
}

async function openFirst(
  opener: StoreOpener,
  { names, format }: BackingReference,
  services: DiskServices,
): Promise<{ name: string; image: DiskImage } | undefined> {
  for (const name of names) {
    const known = format === undefined ? {} : { format };
    const image = await openDisk(opener, name, { access: "read", services, alone: true, ...known }).catch(
      () => undefined,
    );
    if (image !== undefined) return { name, image };
  }
  return undefined;
}

/** A disk as people are asked about it. */
interface AskedDisk {
  readonly path: string;
  readonly slot?: number;
  readonly machineId?: string;
}

/** Does what needs the passphrase of a disk, and says of which disk where that is missing or wrong. */
export async function namingDisk<T>(disk: AskedDisk, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!isAboutPassphrase(error) || error.context.path !== undefined) throw error;
    throw aboutDisk(error, { ...disk, name: basename(disk.path) });
  }
}

export function isAboutPassphrase(error: unknown): error is GuesthouseError {
  return error instanceof GuesthouseError && ["passphrase-needed", "passphrase-wrong"].includes(error.kind);
}

/** The same of a disk by its name. */
export function aboutDisk(error: GuesthouseError, disk: AskedDisk & { readonly name: string }): GuesthouseError {
  const sentence =
    error.kind === "passphrase-needed"
      ? `The disk “${disk.name}” is encrypted: its passphrase is needed.`
      : `The passphrase does not open the disk “${disk.name}”.`;
  return new GuesthouseError(error.kind, sentence, { ...error.context, ...disk }, { cause: error });
}
