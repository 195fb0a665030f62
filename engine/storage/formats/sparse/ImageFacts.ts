/** What a format says about one of its images, and what it does to its headers besides tables. Used by the images that all formats share. */
import type { BackingReference, DiskImageInfo } from "../../../contracts/DiskImage.ts";

export interface ImageFacts {
  info(): Omit<DiskImageInfo, "sizeBytes" | "allocatedBytes">;
  /** Before the first write since the image was opened: identities change, marks are set. */
  beforeFirstWrite(): Promise<void>;
  rebase(backing: BackingReference | undefined): Promise<void>;
  /** The disk has this size from now on: what headers and descriptors outside the block map say of it. */
  resized(sizeBytes: number): Promise<void>;
}
