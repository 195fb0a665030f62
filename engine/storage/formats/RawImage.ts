/**
 * A hard disk as a plain sequence of 512-byte sectors. A last sector that is only partly there reads as padded
 * with zeros and keeps only the bytes it has room for: a raw image never changes its size.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { ByteStore } from "../../contracts/BlockDevice.ts";
import { FlatImage } from "./FlatImage.ts";

const SECTOR_BYTES = 512;

export class RawImage extends FlatImage {
  private constructor(store: ByteStore, storedBytes: number, readOnly: boolean) {
    super(store, {
      sizeBytes: Math.ceil(storedBytes / SECTOR_BYTES) * SECTOR_BYTES,
      blockSize: SECTOR_BYTES,
      readOnly,
      storedBytes,
      growsToSize: false,
    });
  }

  /** Fails with "empty-image". */
  static async open(store: ByteStore, options: { readOnly: boolean }): Promise<RawImage> {
    const storedBytes = await store.size();
    if (storedBytes <= 0) throw new GuesthouseError("empty-image", "The image is empty.");
    return new RawImage(store, storedBytes, options.readOnly);
  }
}
