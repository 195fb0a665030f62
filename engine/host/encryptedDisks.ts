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
