/**
 * A disk image of some format: blocks as a controller sees them, and what people do to images. An image may rest on a backing
 * image (a "parent"): what it does not hold itself is read from there, and never written there. All promises reject with a
 * GuesthouseError; a call that fails leaves the image readable and its flushed content as it was. Requests may overlap in time:
 * each is done as if alone, and those that touch the same blocks in the order of their calls.
 *
 * Error kinds besides those of BlockDevice: "unknown-format", "corrupt-image", "unsupported-image" (a feature that is
 * recognized and not offered), "unsupported-size", "backing-missing", "backing-mismatch", "backing-loop", "backing-too-deep",
 * "passphrase-wrong", "passphrase-needed", "truncation-needed", "cancelled", "unsupported-operation".
 */
import type { BlockDevice, ByteStore } from "./BlockDevice.ts";
import type { Entropy, WallClock } from "./Clock.ts";

export type DiskFormatId = "raw" | "qcow" | "qcow2" | "vdi" | "vmdk" | "vhd" | "vhdx";

/** What an image itself knows of a range: own bytes, own zeros, or nothing (the backing image's content, zeros without one). */
export type ExtentKind = "data" | "zero" | "absent";

export interface Extent {
  readonly kind: ExtentKind;
  /** From the asked offset; at least one block, and never past the end of the disk. */
  readonly length: number;
}

/** How an image names what it rests on. */
export interface BackingReference {
  /** At least one, the likeliest first: a VHD holds relative and absolute names of the same file. */
  readonly names: readonly string[];
  /** Undefined when the image does not say; then the content tells. */
  readonly format: DiskFormatId | undefined;
  /** What `DiskImageInfo.identity` of the backing image should be; undefined when the format knows none. */
  readonly identity: string | undefined;
}

/** A snapshot that the image holds inside: listed, never changed. */
export interface InternalSnapshot {
  readonly id: string;
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly takenAtMs: number;
  readonly sizeBytes: number;
}

/** How a passphrase is worked on to open an image. It takes a second, and no longer for several images where it is the same work. */
export interface PassphraseWork {
  readonly salt: Uint8Array;
  readonly iterations: number;
}

export interface DiskImageInfo {
  readonly format: DiskFormatId;
  /** The format's own word: "dynamic", "fixed", "differencing", "streamOptimized", "v3", ... */
  readonly subformat: string;
  readonly sizeBytes: number;
  /** Bytes of host files that hold data or metadata. */
  readonly allocatedBytes: number;
  readonly backing: BackingReference | undefined;
  /** The format's own identity (VDI and VHD UUID, VMDK CID), for matching parents. */
  readonly identity: string | undefined;
  readonly encrypted: boolean;
  /** Of an encrypted image that others can be made alike. */
  readonly passphraseWork?: PassphraseWork | undefined;
  /** Not closed cleanly, log to be replayed, refcounts to be rebuilt: writing repairs it first. */
  readonly dirty: boolean;
  readonly snapshots?: readonly InternalSnapshot[];
}

/** Progress of long work, from 0 to 1; `signal` ends it with "cancelled" and leaves what was there before. */
export interface LongWork {
  readonly onProgress?: (fraction: number) => void;
  readonly signal?: AbortSignal;
}

export interface CheckReport {
  /** What is wrong and was not repaired, at most some hundred sentences. */
  readonly errors: readonly string[];
  /** Space that nothing refers to: harmless, given back by a repair. 0 after one. */
  readonly leakedBytes: number;
  /** The number of faults that were repaired. */
  readonly repaired: number;
}

/** `blockSize` is 512. A discarded range reads as zeros or as before, never as what lies behind. */
export interface DiskImage extends BlockDevice {
  /** Open for reading, and closed with the image. */
  readonly backing: BlockDevice | undefined;
  info(): Promise<DiskImageInfo>;
  extentAt(offset: number): Promise<Extent>;
  /** Afterwards the range reads as zeros whatever lies behind. Cheap where the format has zero clusters. */
  writeZeroes(offset: number, length: number): Promise<void>;
  /** Like `write`, stored compressed where format and content allow it. Absent when the format never does. */
  writeCompressed?(offset: number, source: Uint8Array): Promise<void>;
  check(repair: boolean, work?: LongWork): Promise<CheckReport>;
  /** Grows with zeros. Shrinking below written data needs `truncate`, or fails with "truncation-needed". */
  resize(sizeBytes: number, truncate?: boolean): Promise<void>;
  /** Gives space of zero and discarded blocks back to the host. */
  compact(work?: LongWork): Promise<void>;
  /**
   * Writes another reference (undefined: none) without looking at content: for a backing image that moved, or whose content is in the
   * image by now. Reads go on from the backing image that is open; reopen to follow. "unsupported-operation" where a format has no references.
   */
  rebase(backing: BackingReference | undefined): Promise<void>;
}

/**
 * Where an image's files come from. Names are relative to the file that names them, or absolute; an opener may refuse some
 * ("file-forbidden").
 */
export interface StoreOpener {
  /** "file-missing" and the like. */
  open(name: string, access: "read" | "write"): Promise<ByteStore>;
  /** A new, empty file, open for writing; "file-exists" rather than replacing one. */
  create(name: string): Promise<ByteStore>;
  /** For what `create` made, when making an image failed or was cancelled. */
  remove(name: string): Promise<void>;
  /** The same text for all names of one file, for finding loops. */
  identify(name: string): Promise<string>;
  /** An opener for names that the file `name` uses. */
  beside(name: string): StoreOpener;
}

/** What formats need from outside. */
export interface DiskServices {
  /** For identities and keys. */
  readonly entropy: Entropy;
  /** For the time stamps that some headers carry. */
  readonly wallClock: WallClock;
  /** PBKDF2 (RFC 8018, 5.2) by the platform; formats have a slower one of their own. */
  readonly pbkdf2?: (
    hash: "sha1" | "sha256" | "sha512",
    password: Uint8Array,
    salt: Uint8Array,
    iterations: number,
    lengthBytes: number,
  ) => Promise<Uint8Array>;
  /** What guessing a passphrase of a new image costs; a million when absent. */
  readonly pbkdf2Iterations?: number;
}

export interface OpenDiskOptions {
  readonly access: "read" | "write";
  readonly services: DiskServices;
  /**
   * Called while opening an image that names a backing image. Without it, or when it answers undefined, the image opens (to be inspected or
   * rebased) and reading what it does not hold fails with "backing-missing".
   */
  readonly openBacking?: (reference: BackingReference) => Promise<BlockDevice | undefined>;
  /** For encrypted images. */
  readonly passphrase?: string;
  /** An encrypted image opens without its passphrase, to be looked at: reading or writing its content fails with "passphrase-needed". */
  readonly locked?: boolean;
}

export interface CreateDiskOptions {
  readonly sizeBytes: number;
  readonly services: DiskServices;
  readonly subformat?: string;
  /** The new image is a differencing one. `device` is owned by the image from then on; without it the image opens as without `openBacking`. */
  readonly backing?: { readonly reference: BackingReference; readonly device?: BlockDevice };
  /** Makes an encrypted image where the format can ("unsupported-operation"). */
  readonly passphrase?: string;
  /** That of the image below, for layers of one disk. Work that would be too easy for a new image is not taken over. */
  readonly passphraseWork?: PassphraseWork | undefined;
}

/** One format: how to know, open and make its images. */
export interface DiskFormat {
  readonly id: DiskFormatId;
  /** What `create` makes, its default first. */
  readonly subformats: readonly string[];
  /** Looks at the first and last bytes only. */
  probe(store: ByteStore): Promise<boolean>;
  open(opener: StoreOpener, name: string, options: OpenDiskOptions): Promise<DiskImage>;
  /** Open for writing. Fails without leaving files behind. */
  create(opener: StoreOpener, name: string, options: CreateDiskOptions): Promise<DiskImage>;
}
