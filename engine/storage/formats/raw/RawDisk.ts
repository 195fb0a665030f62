/**
 * A raw disk as a DiskImage: sector n of the disk is sector n of the file. A last sector that is only partly there reads as padded with zeros.
 * All is data, because a file does not tell its holes through a ByteStore; zeros and discards become holes where the store
 * can punch them.
 */
import { GuesthouseError } from "../../../base/GuesthouseError.ts";
import type { ByteStore } from "../../../contracts/BlockDevice.ts";
import type {
  BackingReference,
  CheckReport,
  CreateDiskOptions,
  DiskFormat,
  DiskImage,
  DiskImageInfo,
  Extent,
  LongWork,
  OpenDiskOptions,
  StoreOpener,
} from "../../../contracts/DiskImage.ts";
import { DiskImageBase, isZero, refuseIfCancelled, SECTOR_BYTES } from "../../DiskImageBase.ts";
import { readStored, storedSize } from "../../imageAccess.ts";

const PIECE_BYTES = 1 << 20;
/** What a compaction punches: smaller holes rarely free anything on a host. */
const HOLE_BYTES = 65536;

export class RawDisk extends DiskImageBase {
  readonly #store: ByteStore;
  #storedBytes: number;

  private constructor(store: ByteStore, storedBytes: number, readOnly: boolean) {
    super({ readOnly, granuleBytes: SECTOR_BYTES, backing: undefined });
    this.#store = store;
    this.#storedBytes = storedBytes;
  }

  /** What a store holds now is the disk. Fails with "empty-image". */
  static async open(store: ByteStore, options: { readOnly: boolean; name?: string }): Promise<RawDisk> {
    return new RawDisk(store, await storedSize(store, options.name), options.readOnly);
  }

  get sizeBytes(): number {
    return Math.ceil(this.#storedBytes / SECTOR_BYTES) * SECTOR_BYTES;
  }

  protected async doInfo(): Promise<DiskImageInfo> {
    return {
      format: "raw",
      subformat: "raw",
      sizeBytes: this.sizeBytes,
      allocatedBytes: (await this.#store.allocatedBytes?.()) ?? (await this.#store.size()),
      backing: undefined,
      identity: undefined,
      encrypted: false,
      dirty: false,
    };
  }

  protected async doRead(offset: number, target: Uint8Array): Promise<void> {
    const stored = Math.min(target.length, this.#storedBytes - offset);
    await readStored(this.#store, offset, target.subarray(0, stored));
    target.fill(0, stored);
  }

  protected async doWrite(offset: number, source: Uint8Array): Promise<void> {
    await this.#store.write(offset, source.subarray(0, Math.min(source.length, this.#storedBytes - offset)));
  }

  protected async doWriteZeroes(offset: number, length: number): Promise<void> {
    const stored = Math.min(length, this.#storedBytes - offset);
    if (this.#store.punchHole !== undefined) {
      await this.#store.punchHole(offset, stored);
      return;
    }
    const zeros = new Uint8Array(Math.min(stored, PIECE_BYTES));
    for (let at = 0; at < stored; at += zeros.length) {
      await this.#store.write(offset + at, zeros.subarray(0, Math.min(zeros.length, stored - at)));
    }
  }

  protected async doDiscard(offset: number, length: number): Promise<void> {
    await this.#store.punchHole?.(offset, Math.min(length, this.#storedBytes - offset));
  }

  protected async doExtentAt(offset: number): Promise<Extent> {
    return { kind: "data", length: this.sizeBytes - offset };
  }

  protected async doFlush(): Promise<void> {
    await this.#store.flush();
  }

  protected async doCheck(): Promise<CheckReport> {
    return { errors: [], leakedBytes: 0, repaired: 0 };
  }

  protected async doResize(sizeBytes: number): Promise<void> {
    await this.#store.truncate(sizeBytes);
    this.#storedBytes = sizeBytes;
    await this.#store.flush();
  }

  protected async doCompact(work: LongWork): Promise<void> {
    if (this.#store.punchHole === undefined) return;
    const piece = new Uint8Array(HOLE_BYTES);
    for (let at = 0; at + HOLE_BYTES <= this.#storedBytes; at += HOLE_BYTES) {
      refuseIfCancelled(work);
      await this.doRead(at, piece);
      if (isZero(piece)) await this.#store.punchHole(at, HOLE_BYTES);
      work.onProgress?.(at / this.#storedBytes);
    }
    await this.#store.flush();
  }

  protected async doRebase(backing: BackingReference | undefined): Promise<void> {
    if (backing !== undefined) throw noBacking();
  }

  protected async doClose(): Promise<void> {
    await this.#store.close();
  }
}

function noBacking(): GuesthouseError {
  return new GuesthouseError("unsupported-operation", "A raw disk cannot rest on another image.");
}

async function open(opener: StoreOpener, name: string, options: OpenDiskOptions): Promise<DiskImage> {
  const store = await opener.open(name, options.access);
  try {
    return await RawDisk.open(store, { readOnly: options.access === "read", name });
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function create(opener: StoreOpener, name: string, options: CreateDiskOptions): Promise<DiskImage> {
  const { sizeBytes } = options;
  if (options.backing !== undefined) throw noBacking();
  if (options.passphrase !== undefined) {
    throw new GuesthouseError("unsupported-operation", "A raw disk cannot be encrypted.");
  }
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < SECTOR_BYTES || sizeBytes % SECTOR_BYTES !== 0) {
    throw new GuesthouseError("unsupported-size", "A disk has whole sectors of 512 bytes, at least one.", {
      sizeBytes,
    });
  }
  const store = await opener.create(name);
  try {
    await store.truncate(sizeBytes);
    await store.flush();
    return await RawDisk.open(store, { readOnly: false });
  } catch (error) {
    await store.close();
    await opener.remove(name);
    throw error;
  }
}

/** Anything is a raw disk; `probe` says yes to all that is not empty, so ask it last. */
export const rawFormat: DiskFormat = {
  id: "raw",
  subformats: ["raw"],
  probe: async (store) => (await store.size()) > 0,
  open,
  create,
};
