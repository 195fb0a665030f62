/**
 * What the requests of SCSI, virtio and NVMe disks come down to: runs of a block device read, written, zeroed and discarded side by side, for
 * as long as nobody disowns them. `done` hears whether the medium could, on the machine's thread between two turns of the guest.
 */
import { BlockWork } from "./BlockWork.ts";
import {
  type BlockRun,
  type BlockTarget,
  discardBlocks,
  flushBlocks,
  readToGuest,
  writeFromGuest,
  writeZeroes,
} from "./moveBlocks.ts";

export const SECTOR_BYTES = 512;

/** In bytes. */
export interface DiskRange {
  readonly offset: number;
  readonly length: number;
}

type Done = (succeeded: boolean) => void;

export class BlockRequests {
  /** Whole sectors of 512 bytes. */
  readonly sectors: number;
  readonly #target: BlockTarget;
  readonly #work = new BlockWork();

  constructor(target: BlockTarget) {
    this.#target = target;
    this.sectors = Math.floor(target.blocks.sizeBytes / SECTOR_BYTES);
  }

  get readOnly(): boolean {
    return this.#target.blocks.readOnly;
  }

  /** Nothing that is under way is heard of any more. */
  abandon(): void {
    this.#work.abandon();
  }

  read(run: BlockRun, done: Done): void {
    this.#work.run((isCurrent) => readToGuest(this.#target, run, isCurrent), done);
  }

  /** `durable`, asked when all is written: it is to be on stable storage when it is done. */
  write(run: BlockRun, durable: () => boolean, done: Done): void {
    this.#work.run((isCurrent) => this.#flushed(writeFromGuest(this.#target, run, isCurrent), durable), done);
  }

  flush(done: Done): void {
    this.#work.run(() => flushBlocks(this.#target), done);
  }

  /** `discards`: the space is given back as well, where it can be. */
  zero(range: DiskRange, { discards, durable }: { discards: boolean; durable: () => boolean }, done: Done): void {
    this.#work.run(async () => {
      if (discards) await discardBlocks(this.#target, range.offset, range.length);
      return await this.#flushed(writeZeroes(this.#target, range.offset, range.length), durable);
    }, done);
  }

  zeroAll(ranges: readonly DiskRange[], done: Done): void {
    this.#each(ranges, writeZeroes, done);
  }

  discardAll(ranges: readonly DiskRange[], done: Done): void {
    this.#each(ranges, discardBlocks, done);
  }

  #each(ranges: readonly DiskRange[], action: typeof discardBlocks, done: Done): void {
    this.#work.run(async (isCurrent) => {
      for (const { offset, length } of ranges) {
        if (!isCurrent() || !(await action(this.#target, offset, length))) return false;
      }
      return true;
    }, done);
  }

  async #flushed(work: Promise<boolean>, durable: () => boolean): Promise<boolean> {
    return (await work) && (!durable() || (await flushBlocks(this.#target)));
  }
}
