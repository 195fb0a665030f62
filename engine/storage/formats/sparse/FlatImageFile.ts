/**
 * A disk whose sectors lie one after the other in a part of a file: fixed VHD, flat VMDK extents. Whoever owns the file says in `FlatFacts` what stands before
 * and behind them, and what growing means for it.
 */
import type { BackingReference, CheckReport, DiskImageInfo, Extent } from "../../../contracts/DiskImage.ts";
import { DiskImageBase, SECTOR_BYTES } from "../../DiskImageBase.ts";
import type { ImageFacts } from "./ImageFacts.ts";
import type { ImageFile } from "./ImageFile.ts";

const CHUNK_BYTES = 1024 * 1024;

export interface FlatFacts extends ImageFacts {
  /** What is wrong around the sectors, put right when `repair`. */
  checkFrame(repair: boolean): Promise<readonly string[]>;
}

export class FlatImageFile extends DiskImageBase {
  readonly #file: ImageFile;
  readonly #facts: FlatFacts;
  readonly #position: number;
  #sizeBytes: number;
  #firstWrite: Promise<void> | undefined;

  /** The first sector lies at `position`. */
  constructor(file: ImageFile, position: number, sizeBytes: number, facts: FlatFacts) {
    super({ readOnly: !file.writable, granuleBytes: SECTOR_BYTES, backing: undefined });
    this.#file = file;
    this.#position = position;
    this.#sizeBytes = sizeBytes;
    this.#facts = facts;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  protected async doInfo(): Promise<DiskImageInfo> {
    const allocatedBytes = await this.#file.allocatedBytes();
    return { ...this.#facts.info(), sizeBytes: this.#sizeBytes, allocatedBytes };
  }

  protected async doRead(offset: number, target: Uint8Array): Promise<void> {
    await this.#file.read(this.#position + offset, target);
  }

  protected async doWrite(offset: number, source: Uint8Array): Promise<void> {
    await this.#prepareToWrite();
    await this.#file.write(this.#position + offset, source);
  }

  protected async doWriteZeroes(offset: number, length: number): Promise<void> {
    await this.#prepareToWrite();
    if (await this.#file.punchHole(this.#position + offset, length)) return;
    const zeros = new Uint8Array(Math.min(CHUNK_BYTES, length));
    for (let at = 0; at < length; at += zeros.length) {
      await this.#file.write(this.#position + offset + at, zeros.subarray(0, Math.min(zeros.length, length - at)));
    }
  }

  protected async doDiscard(offset: number, length: number): Promise<void> {
    await this.#prepareToWrite();
    await this.#file.punchHole(this.#position + offset, length);
  }

  protected async doExtentAt(offset: number): Promise<Extent> {
    return { kind: "data", length: this.#sizeBytes - offset };
  }

  protected async doFlush(): Promise<void> {
    await this.#file.flush();
  }

  protected async doCheck(repair: boolean): Promise<CheckReport> {
    const faults = await this.#facts.checkFrame(repair);
    return { errors: repair ? [] : faults, leakedBytes: 0, repaired: repair ? faults.length : 0 };
  }

  /** Bytes past the old end may be a footer: they are cleared before they become sectors. */
  protected async doResize(sizeBytes: number): Promise<void> {
    await this.#prepareToWrite();
    const before = this.#sizeBytes;
    if (sizeBytes > before) {
      const stale = Math.min(this.#file.sizeBytes - this.#position, sizeBytes) - before;
      await this.#facts.resized(sizeBytes);
      if (stale > 0) await this.#file.write(this.#position + before, new Uint8Array(stale));
    } else {
      await this.#facts.resized(sizeBytes);
    }
    this.#sizeBytes = sizeBytes;
    await this.#file.flush();
  }

  protected async doCompact(): Promise<void> {}

  protected async doRebase(backing: BackingReference | undefined): Promise<void> {
    await this.#facts.rebase(backing);
  }

  protected async doClose(): Promise<void> {
    try {
      await this.#file.flush();
    } finally {
      await this.#file.close();
    }
  }

  async #prepareToWrite(): Promise<void> {
    this.#firstWrite ??= this.#facts.beforeFirstWrite();
    try {
      await this.#firstWrite;
    } catch (error) {
      this.#firstWrite = undefined;
      throw error;
    }
  }
}
