/**
 * An optical disc with user data only: 2048-byte sectors (ECMA-119 6.1.2), never written. The file system is the guest's
 * affair; `openImage` looks for the volume descriptors before it takes a file for a disc. Images with raw 2352-byte
 * sectors, audio tracks and several sessions are deliberately absent.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { ByteStore } from "../../contracts/BlockDevice.ts";
import { storedSize } from "../imageAccess.ts";
import { FlatImage } from "./FlatImage.ts";

export const ISO_SECTOR_BYTES = 2048;

export class IsoImage extends FlatImage {
  private constructor(store: ByteStore, storedBytes: number) {
    super(store, {
      sizeBytes: Math.ceil(storedBytes / ISO_SECTOR_BYTES) * ISO_SECTOR_BYTES,
      blockSize: ISO_SECTOR_BYTES,
      readOnly: true,
      storedBytes,
      growsToSize: false,
    });
  }

  /** Fails with "empty-image", and with "unsupported-size" beyond what a 32-bit sector number reaches. */
  static async open(store: ByteStore): Promise<IsoImage> {
    const sizeBytes = await storedSize(store);
    if (sizeBytes > 0xffff_ffff * ISO_SECTOR_BYTES) {
      throw new GuesthouseError("unsupported-size", "The image is larger than an optical disc can be.", { sizeBytes });
    }
    return new IsoImage(store, sizeBytes);
  }
}
