/**
 * Opens a disk image of any format with everything it rests on. The image itself may be written, what lies behind it never. A chain that
 * bites its own tail or is longer than anybody needs is refused, and so is a backing image of another identity than its overlay was made for.
 */
import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { BlockDevice } from "../contracts/BlockDevice.ts";
import type {
  BackingReference,
  DiskFormat,
  DiskFormatId,
  DiskImage,
  DiskServices,
  StoreOpener,
} from "../contracts/DiskImage.ts";
import { rememberingKeys } from "./crypto/rememberingKeys.ts";
import { diskFormats } from "./diskFormats.ts";

const CHAIN_MAX = 256;

export interface OpenDiskRequest {
  readonly access: "read" | "write";
  readonly services: DiskServices;
  /** Undefined asks the content. A guest can make its raw disk look like anything: say "raw" when that is known. */
  readonly format?: DiskFormatId;
  /** Tried for every encrypted image of the chain. */
  readonly passphrase?: string;
  /** Opens images without what lies behind them, to be inspected or rebased; encrypted ones, too, without their passphrase. */
  readonly alone?: boolean;
  /** Given an image that another rests on, and what identifies its file, answers what that one reads from. */
  readonly link?: (image: DiskImage, identity: string) => BlockDevice;
}

/** The format that a file's content shows. Fails with "empty-image". */
export async function probeDisk(opener: StoreOpener, name: string): Promise<DiskFormatId> {
  const store = await opener.open(name, "read");
  try {
    for (const format of diskFormats) if (await format.probe(store)) return format.id;
    throw new GuesthouseError("empty-image", `“${name}” is empty.`, { name });
  } finally {
    await store.close();
  }
}

export function diskFormat(id: DiskFormatId): DiskFormat {
  const found = diskFormats.find((format) => format.id === id);
  if (found === undefined)
    throw new GuesthouseError("unknown-format", `There is no disk format “${id}”.`, { format: id });
  return found;
}

export async function openDisk(opener: StoreOpener, name: string, request: OpenDiskRequest): Promise<DiskImage> {
  return await openLink(opener, name, { ...request, services: rememberingKeys(request.services) }, request.format, []);
}

/** `above` identifies the images that rest on this one. */
async function openLink(
  opener: StoreOpener,
  name: string,
  request: OpenDiskRequest,
  formatId: DiskFormatId | undefined,
  above: readonly string[],
): Promise<DiskImage> {
  const identity = await opener.identify(name);
  if (above.includes(identity)) {
    throw new GuesthouseError("backing-loop", `“${name}” rests on itself.`, { name });
  }
  if (above.length >= CHAIN_MAX) {
    throw new GuesthouseError("backing-too-deep", `“${name}” rests on too many images.`, { most: CHAIN_MAX });
  }
  const format = diskFormat(formatId ?? (await probeDisk(opener, name)));
  const { access, services, passphrase } = request;
  const openBacking = (reference: BackingReference): Promise<BlockDevice> =>
    openReferenced(opener.beside(name), reference, { ...request, access: "read" }, [...above, identity]);
  return await format.open(opener, name, {
    access,
    services,
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(request.alone === true ? { locked: true } : { openBacking }),
  });
}

/** The first name that leads to a file. */
async function openReferenced(
  opener: StoreOpener,
  reference: BackingReference,
  request: OpenDiskRequest,
  above: readonly string[],
): Promise<BlockDevice> {
  let missing: unknown;
  for (const name of reference.names) {
    try {
      const image = await openLink(opener, fileName(name), request, reference.format, above);
      const found = await ofIdentity(image, name, reference.identity);
      return request.link?.(found, await opener.identify(fileName(name))) ?? found;
    } catch (error) {
      if (!(error instanceof GuesthouseError) || error.kind !== "file-missing") throw error;
      missing = error;
    }
  }
  const name = reference.names[0] ?? "";
  throw new GuesthouseError(
    "backing-missing",
    `The disk rests on “${name}”, which is not there.`,
    { name },
    { cause: missing },
  );
}

/** What some tools write before a plain name; other protocols lead to no file. */
function fileName(name: string): string {
  const [, scheme, rest] = /^([A-Za-z][A-Za-z0-9+.-]+):(?:\/\/)?(.*)$/s.exec(name) ?? [];
  if (scheme === undefined) return name;
  if (scheme.toLowerCase() === "file") return rest!;
  throw new GuesthouseError("unsupported-image", `The disk rests on something that is not a file: “${name}”.`, {
    name,
  });
}

async function ofIdentity(image: DiskImage, name: string, wanted: string | undefined): Promise<DiskImage> {
  if (wanted === undefined) return image;
  const { identity } = await image.info();
  if (identity === undefined || identity === wanted) return image;
  await image.close();
  throw new GuesthouseError(
    "backing-mismatch",
    `“${name}” is another disk than the one that was built upon, or has changed.`,
    {
      name,
      wanted,
      found: identity,
    },
  );
}
