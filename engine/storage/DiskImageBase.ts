/**
 * What images of all formats have in common: ranges are checked, overlapping requests wait for each other, a closed image
 * refuses everything, and what a store throws becomes a typed error. A format fills in the `do...` calls; these never run at the same
 * time for the same granule unless all of them read. `doFlush` may run beside anything.
 */
import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { BlockDevice } from "../contracts/BlockDevice.ts";
import type {
  BackingReference,
  CheckReport,
  DiskImage,
  DiskImageInfo,
  Extent,
  LongWork,
} from "../contracts/DiskImage.ts";
import { checkBlockRange, closedImage, hostCall, readOnlyImage } from "./imageAccess.ts";
import { RangeLock } from "./RangeLock.ts";

export const SECTOR_BYTES = 512;

export abstract class DiskImageBase implements DiskImage {
  readonly blockSize = SECTOR_BYTES;
  readonly readOnly: boolean;
  readonly backing: BlockDevice | undefined;
  protected readonly locks: RangeLock;
  #closed = false;

  protected constructor(shape: { readOnly: boolean; granuleBytes: number; backing: BlockDevice | undefined }) {
    this.readOnly = shape.readOnly;
    this.backing = shape.backing;
    this.locks = new RangeLock(shape.granuleBytes);
  }

  abstract get sizeBytes(): number;
  protected abstract doInfo(): Promise<DiskImageInfo>;
  protected abstract doRead(offset: number, target: Uint8Array): Promise<void>;
  protected abstract doWrite(offset: number, source: Uint8Array, compressed: boolean): Promise<void>;
  protected abstract doWriteZeroes(offset: number, length: number): Promise<void>;
  protected abstract doDiscard(offset: number, length: number): Promise<void>;
  protected abstract doExtentAt(offset: number): Promise<Extent>;
  protected abstract doFlush(): Promise<void>;
  protected abstract doCheck(repair: boolean, work: LongWork): Promise<CheckReport>;
  protected abstract doResize(sizeBytes: number, truncate: boolean): Promise<void>;
  protected abstract doCompact(work: LongWork): Promise<void>;
  protected abstract doRebase(backing: BackingReference | undefined): Promise<void>;
  protected abstract doClose(): Promise<void>;

  async info(): Promise<DiskImageInfo> {
    this.#checkOpen();
    return await hostCall("info", 0, () => this.doInfo());
  }

  async read(offset: number, target: Uint8Array): Promise<void> {
    this.#checkRange(offset, target.length);
    if (target.length === 0) return;
    await this.#locked("read", offset, target.length, false, () => this.doRead(offset, target));
  }

  async write(offset: number, source: Uint8Array): Promise<void> {
    await this.writeAs(offset, source, false);
  }

  /** For formats that offer `writeCompressed`. */
  protected async writeAs(offset: number, source: Uint8Array, compressed: boolean): Promise<void> {
    this.#checkWrite(offset, source.length);
    if (source.length === 0) return;
    await this.#locked("write", offset, source.length, true, () => this.doWrite(offset, source, compressed));
  }

  async writeZeroes(offset: number, length: number): Promise<void> {
    this.#checkWrite(offset, length);
    if (length === 0) return;
    await this.#locked("write", offset, length, true, () => this.doWriteZeroes(offset, length));
  }

  async discard(offset: number, length: number): Promise<void> {
    this.#checkWrite(offset, length);
    if (length === 0) return;
    await this.#locked("discard", offset, length, true, () => this.doDiscard(offset, length));
  }

  async extentAt(offset: number): Promise<Extent> {
    this.#checkRange(offset, SECTOR_BYTES);
    return await this.#locked("map", offset, SECTOR_BYTES, false, () => this.doExtentAt(offset));
  }

  async flush(): Promise<void> {
    this.#checkOpen();
    if (!this.readOnly) await hostCall("flush", 0, () => this.doFlush());
  }

  async check(repair: boolean, work: LongWork = {}): Promise<CheckReport> {
    if (repair) this.#checkWrite(0, 0);
    else this.#checkOpen();
    return await this.#alone("check", () => this.doCheck(repair, work));
  }

  async resize(sizeBytes: number, truncate = false): Promise<void> {
    this.#checkWrite(0, 0);
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes < SECTOR_BYTES || sizeBytes % SECTOR_BYTES !== 0) {
      throw new GuesthouseError("unsupported-size", "A disk has whole sectors of 512 bytes, at least one.", {
        sizeBytes,
      });
    }
    await this.#alone("resize", async () => {
      if (sizeBytes === this.sizeBytes) return;
      if (sizeBytes < this.sizeBytes && !truncate) await this.#refuseToCut(sizeBytes);
      await this.doResize(sizeBytes, truncate);
    });
  }

  async compact(work: LongWork = {}): Promise<void> {
    this.#checkWrite(0, 0);
    await this.#alone("compact", () => this.doCompact(work));
  }

  async rebase(backing: BackingReference | undefined): Promise<void> {
    this.#checkWrite(0, 0);
    await this.#alone("rebase", () => this.doRebase(backing));
  }

  /** Flushes what it can; closes the backing image too. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#alone("close", async () => {
      try {
        await this.doClose();
      } finally {
        await this.backing?.close();
      }
    });
  }

  /** Shrinking without `truncate` cuts only what the image itself does not hold or holds as zeros. */
  async #refuseToCut(sizeBytes: number): Promise<void> {
    for (let at = sizeBytes; at < this.sizeBytes; ) {
      const extent = await this.doExtentAt(at);
      if (extent.kind === "data" && !(await this.#readsZero(at, extent.length))) {
        throw new GuesthouseError("truncation-needed", "There is data beyond the new end of the disk.", { offset: at });
      }
      at += extent.length;
    }
  }

  async #readsZero(offset: number, length: number): Promise<boolean> {
    const piece = new Uint8Array(Math.min(length, 1 << 20));
    for (let at = 0; at < length; at += piece.length) {
      const part = piece.subarray(0, Math.min(piece.length, length - at));
      await this.doRead(offset + at, part);
      if (!isZero(part)) return false;
    }
    return true;
  }

  #locked<T>(name: string, offset: number, length: number, exclusive: boolean, action: () => Promise<T>): Promise<T> {
    return hostCall(name, offset, () => this.locks.run(offset, length, exclusive, action));
  }

  #alone<T>(name: string, action: () => Promise<T>): Promise<T> {
    return hostCall(name, 0, () => this.locks.runAlone(action));
  }

  #checkOpen(): void {
    if (this.#closed) throw closedImage();
  }

  #checkWrite(offset: number, length: number): void {
    this.#checkRange(offset, length);
    if (this.readOnly) throw readOnlyImage(offset);
  }

  #checkRange(offset: number, length: number): void {
    this.#checkOpen();
    checkBlockRange(this, offset, length);
  }
}

export function isZero(bytes: Uint8Array): boolean {
  let at = 0;
  if (bytes.length >= 64) {
    while (((bytes.byteOffset + at) & 3) !== 0) if (bytes[at++] !== 0) return false;
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset + at, (bytes.length - at) >> 2);
    for (let word = 0; word < words.length; word++) if (words[word] !== 0) return false;
    at += words.length * 4;
  }
  for (; at < bytes.length; at++) if (bytes[at] !== 0) return false;
  return true;
}

/** Reads from what lies behind an image; zeros behind its end. An image that names a backing image nobody opened has no content there. */
export async function readBacking(
  backing: BlockDevice | undefined,
  missing: boolean,
  offset: number,
  target: Uint8Array,
): Promise<void> {
  if (missing) {
    throw new GuesthouseError("backing-missing", "The image's backing image is not there.", { offset });
  }
  const length = Math.max(0, Math.min(target.length, (backing?.sizeBytes ?? 0) - offset));
  if (backing !== undefined && length > 0) await backing.read(offset, target.subarray(0, length));
  target.fill(0, length);
}

export function refuseIfCancelled(work: LongWork): void {
  if (work.signal?.aborted === true) throw new GuesthouseError("cancelled", "Cancelled.");
}
