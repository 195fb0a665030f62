import type { BlockDevice, ByteStore } from "./BlockDevice.ts";

/**
 * A disk image of some format: blocks as a controller sees them, and what people do to images. An image may rest on a backing image (a
 * "parent"): what it does not hold itself is read from there, and never written there. All promises reject with a
 * GuesthouseError; a call that fails leaves the image readable and its flushed content as it was.
 */
export type DiskFormatId = "raw" | "qcow" | "qcow2" | "vdi" | "vmdk" | "vhd" | "vhdx";

/** What an image itself knows of a range: own bytes, own zeros, or nothing (the backing image's content, zeros without one). */
export type ExtentKind = "data" | "zero" | "absent";

export interface Extent {
  readonly kind: ExtentKind;
  /** From the asked offset; at least one block, and never past the end of the disk. */
  readonly length: number;
}

export interface DiskImageInfo {
  readonly format: DiskFormatId;
  /** The format's own word: "dynamic", "fixed", "differencing", "streamOptimized", "v3", ... */
  readonly subformat: string;
  readonly sizeBytes: number;
  /** Bytes of host files that hold data or metadata. */
  readonly allocatedBytes: number;
  /** How the image names its backing image, as written in it. */
  readonly backingName: string | undefined;
  /** The format's own identity (VDI and VHD UUID, VMDK CID), for matching parents. */
  readonly identity: string | undefined;
  readonly encrypted: boolean;
  /** Not closed cleanly, log to be replayed, refcounts to be rebuilt: writing repairs it first. */
  readonly dirty: boolean;
}

/** Progress of long work, from 0 to 1; `signal` ends it with "cancelled" and leaves what was there before. */
export interface LongWork {
  readonly onProgress?: (fraction: number) => void;
  readonly signal?: AbortSignal;
}

export interface CheckReport {
  readonly errors: readonly string[];
  /** Space that nothing refers to: harmless, given back by a repair. */
  readonly leakedBytes: number;
  readonly repaired: number;
}

export interface DiskImage extends BlockDevice {
  readonly backing: BlockDevice | undefined;
  info(): Promise<DiskImageInfo>;
  extentAt(offset: number): Promise<Extent>;
  /** Afterwards the range reads as zeros whatever lies behind. Cheap where the format has zero clusters. */
  writeZeroes(offset: number, length: number): Promise<void>;
  check(repair: boolean, work?: LongWork): Promise<CheckReport>;
  /** Grows with zeros. Shrinking below written data needs `truncate`. */
  resize(sizeBytes: number, truncate?: boolean): Promise<void>;
  /** Gives space of zero and discarded blocks back to the host. */
  compact(work?: LongWork): Promise<void>;
}

/**
 * Where an image's files come from. Names are relative to the file that names them, or absolute; an opener may refuse some
 * ("file-forbidden").
 */
export interface StoreOpener {
  open(name: string, access: "read" | "write"): Promise<ByteStore>;
  create(name: string): Promise<ByteStore>;
  /** An opener for names that the file `name` uses. */
  beside(name: string): StoreOpener;
}

export interface OpenDiskOptions {
  readonly access: "read" | "write";
  /** What the image rests on, already open; without it the caller resolves the chain. */
  readonly backing?: BlockDevice;
  /** For encrypted images. */
  readonly passphrase?: string;
}

export interface CreateDiskOptions {
  readonly sizeBytes: number;
  readonly subformat?: string;
  readonly backing?: { readonly name: string; readonly format: DiskFormatId; readonly identity?: string };
  readonly passphrase?: string;
}

/** One format: how to know, open and make its images. */
export interface DiskFormat {
  readonly id: DiskFormatId;
  readonly subformats: readonly string[];
  /** Looks at the first and last bytes only. */
  probe(store: ByteStore): Promise<boolean>;
  open(opener: StoreOpener, name: string, options: OpenDiskOptions): Promise<DiskImage>;
  create(opener: StoreOpener, name: string, options: CreateDiskOptions): Promise<DiskImage>;
}
