/**
 * A VMDK disk: a descriptor and the extents that it names, one after the other. The content identity in the descriptor changes with the first write after opening, so that
 * images that rest on the disk notice. Extents of raw devices and of no access are deliberately absent.
 */
import { GuesthouseError } from "../../../base/GuesthouseError.ts";
import type { BlockDevice } from "../../../contracts/BlockDevice.ts";
import type {
  BackingReference,
  CheckReport,
  DiskImage,
  DiskImageInfo,
  Extent,
  LongWork,
} from "../../../contracts/DiskImage.ts";
import { DiskImageBase, SECTOR_BYTES } from "../../DiskImageBase.ts";
import type { VmdkDescriptor } from "./VmdkDescriptor.ts";

/** One extent: undefined when it holds zeros and has no file. */
export interface VmdkExtent {
  readonly image: DiskImage | undefined;
  sizeBytes: number;
}

/** What belongs to the disk besides its sectors. */
export interface VmdkParts {
  readonly descriptor: VmdkDescriptor;
  readonly extents: VmdkExtent[];
  readonly readOnly: boolean;
  readonly backing: BlockDevice | undefined;
  /** Nothing, where an extent stands alone. */
  writeDescriptor(): Promise<void>;
  newCid(): string;
  /** Makes or removes extents so that the disk has this size, and notes it in `descriptor`. */
  resize(extents: VmdkExtent[], sizeBytes: number): Promise<void>;
  /** Of files that are not an extent's. */
  close(): Promise<void>;
  allocatedBytes(): Promise<number>;
}

export class VmdkImage extends DiskImageBase {
  readonly #parts: VmdkParts;
  #firstWrite: Promise<void> | undefined;

  constructor(parts: VmdkParts) {
    super({ readOnly: parts.readOnly, granuleBytes: SECTOR_BYTES, backing: parts.backing });
    this.#parts = parts;
  }

  get sizeBytes(): number {
    return this.#parts.extents.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }

  protected async doInfo(): Promise<DiskImageInfo> {
    const { descriptor, extents } = this.#parts;
    let allocatedBytes = await this.#parts.allocatedBytes();
    let dirty = false;
    for (const { image } of extents) {
      const info = await image?.info();
      allocatedBytes += info?.allocatedBytes ?? 0;
      dirty ||= info?.dirty ?? false;
    }
    return {
      format: "vmdk",
      subformat: descriptor.createType,
      sizeBytes: this.sizeBytes,
      allocatedBytes,
      backing: vmdkReference(descriptor),
      identity: descriptor.cid,
      encrypted: false,
      dirty,
    };
  }

  protected async doRead(offset: number, target: Uint8Array): Promise<void> {
    await this.#each(offset, target.length, async ({ image }, within, at, length) => {
      const part = target.subarray(at, at + length);
      if (image === undefined) part.fill(0);
      else await image.read(within, part);
    });
  }

  protected async doWrite(offset: number, source: Uint8Array): Promise<void> {
    await this.#prepareToWrite();
    await this.#each(offset, source.length, async (extent, within, at, length) => {
      await stored(extent).write(within, source.subarray(at, at + length));
    });
  }

  protected async doWriteZeroes(offset: number, length: number): Promise<void> {
    await this.#prepareToWrite();
    await this.#each(offset, length, async ({ image }, within, _at, count) => {
      await image?.writeZeroes(within, count);
    });
  }

  protected async doDiscard(offset: number, length: number): Promise<void> {
    await this.#prepareToWrite();
    await this.#each(offset, length, async ({ image }, within, _at, count) => {
      await image?.discard(within, count);
    });
  }

  protected async doExtentAt(offset: number): Promise<Extent> {
    let start = 0;
    for (const { image, sizeBytes } of this.#parts.extents) {
      if (offset < start + sizeBytes) {
        const within = offset - start;
        return image === undefined ? { kind: "zero", length: sizeBytes - within } : await image.extentAt(within);
      }
      start += sizeBytes;
    }
    throw new Error(`There is no extent at ${offset}.`);
  }

  protected async doFlush(): Promise<void> {
    for (const { image } of this.#parts.extents) await image?.flush();
  }

  protected async doCheck(repair: boolean, work: LongWork): Promise<CheckReport> {
    const reports: CheckReport[] = [];
    const { extents } = this.#parts;
    for (const [index, { image }] of extents.entries()) {
      const onProgress = (fraction: number) => work.onProgress?.((index + fraction) / extents.length);
      if (image !== undefined) reports.push(await image.check(repair && !image.readOnly, { ...work, onProgress }));
    }
    return {
      errors: reports.flatMap(({ errors }) => errors),
      leakedBytes: reports.reduce((sum, { leakedBytes }) => sum + leakedBytes, 0),
      repaired: reports.reduce((sum, { repaired }) => sum + repaired, 0),
    };
  }

  protected async doResize(sizeBytes: number): Promise<void> {
    const before = this.sizeBytes;
    await this.#prepareToWrite();
    await this.#parts.resize(this.#parts.extents, sizeBytes);
    await this.#parts.writeDescriptor();
    // New extents would show what a longer backing image holds there.
    const covered = Math.min(sizeBytes, this.backing?.sizeBytes ?? 0);
    if (covered > before) await this.doWriteZeroes(before, covered - before);
  }

  protected async doCompact(work: LongWork): Promise<void> {
    const { extents } = this.#parts;
    for (const [index, { image }] of extents.entries()) {
      const onProgress = (fraction: number) => work.onProgress?.((index + fraction) / extents.length);
      await image?.compact({ ...work, onProgress });
    }
  }

  protected async doRebase(backing: BackingReference | undefined): Promise<void> {
    const { descriptor } = this.#parts;
    const before = { parentName: descriptor.parentName, parentCid: descriptor.parentCid };
    Object.assign(descriptor, vmdkParentFields(backing));
    try {
      await this.#parts.writeDescriptor();
    } catch (error) {
      Object.assign(descriptor, before);
      throw error;
    }
  }

  protected async doClose(): Promise<void> {
    let failure: unknown;
    for (const { image } of this.#parts.extents) {
      try {
        await image?.close();
      } catch (error) {
        failure ??= error;
      }
    }
    await this.#parts.close();
    if (failure !== undefined) throw failure;
  }

  async #each(
    offset: number,
    length: number,
    work: (extent: VmdkExtent, within: number, at: number, length: number) => Promise<void>,
  ): Promise<void> {
    let start = 0;
    for (const extent of this.#parts.extents) {
      const from = Math.max(offset, start);
      const to = Math.min(offset + length, start + extent.sizeBytes);
      if (from < to) await work(extent, from - start, from - offset, to - from);
      start += extent.sizeBytes;
    }
  }

  async #prepareToWrite(): Promise<void> {
    this.#firstWrite ??= this.#changeCid();
    try {
      await this.#firstWrite;
    } catch (error) {
      this.#firstWrite = undefined;
      throw error;
    }
  }

  async #changeCid(): Promise<void> {
    this.#parts.descriptor.cid = this.#parts.newCid();
    await this.#parts.writeDescriptor();
  }
}

export function vmdkReference(descriptor: VmdkDescriptor): BackingReference | undefined {
  const { parentName, parentCid } = descriptor;
  if (parentName === undefined && parentCid === undefined) return undefined;
  const name = parentName?.replaceAll("\\", "/");
  return { names: name === undefined ? [] : [name], format: undefined, identity: parentCid };
}

/** "backing-mismatch" never comes from here: an identity that is no CID is left out. */
export function vmdkParentFields(
  reference: BackingReference | undefined,
): Pick<VmdkDescriptor, "parentName" | "parentCid"> {
  const identity = reference?.identity?.toLowerCase();
  const parentCid = identity !== undefined && /^[0-9a-f]{8}$/.test(identity) ? identity : undefined;
  return { parentName: reference?.names[0], parentCid };
}

function stored({ image }: VmdkExtent): DiskImage {
  if (image !== undefined) return image;
  throw new GuesthouseError("read-only", "This part of the disk has no file.");
}
