import { basename } from "node:path";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { BlockDevice } from "../contracts/BlockDevice.ts";
import type { DiskImage } from "../contracts/DiskImage.ts";

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

/** Does what needs the passphrase of a disk, and says of which disk where that is missing or wrong. */
export async function namingDisk<T>(
  disk: { readonly path: string; readonly slot?: number },
  action: () => Promise<T>,
): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const known = error instanceof GuesthouseError && error.context.path === undefined ? error.kind : "";
    if (known !== "passphrase-needed" && known !== "passphrase-wrong") throw error;
    const name = basename(disk.path);
    const sentence =
      known === "passphrase-needed"
        ? `The disk “${name}” is encrypted: its passphrase is needed.`
        : `The passphrase does not open the disk “${name}”.`;
    throw new GuesthouseError(known, sentence, { ...disk, name }, { cause: error });
  }
}
