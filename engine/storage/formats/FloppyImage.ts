/**
 * A diskette as its sectors in order of cylinder, head and sector. The size of the file tells the format; a file
 * that is shorter than its format (an image cut after the last used sector) is padded with zeros, and grows to the
 * format's size when the guest writes there. Track-level formats (IMD, TD0, flux) are deliberately absent.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { ByteStore } from "../../contracts/BlockDevice.ts";
import { type FloppyGeometry, floppyGeometryFor } from "../../contracts/FloppyGeometry.ts";
import { storedSize } from "../imageAccess.ts";
import { FlatImage } from "./FlatImage.ts";

export class FloppyImage extends FlatImage {
  readonly geometry: FloppyGeometry;

  private constructor(store: ByteStore, storedBytes: number, geometry: FloppyGeometry, readOnly: boolean) {
    super(store, { sizeBytes: geometry.sizeBytes, blockSize: 512, readOnly, storedBytes, growsToSize: true });
    this.geometry = geometry;
  }

  /** Fails with "empty-image", and with "unsupported-size" when no diskette holds that much. */
  static async open(store: ByteStore, options: { readOnly: boolean }): Promise<FloppyImage> {
    const sizeBytes = await storedSize(store);
    const geometry = floppyGeometryFor(sizeBytes);
    if (geometry === undefined) {
      throw new GuesthouseError("unsupported-size", "The image is larger than any diskette.", { sizeBytes });
    }
    return new FloppyImage(store, sizeBytes, geometry, options.readOnly);
  }
}
