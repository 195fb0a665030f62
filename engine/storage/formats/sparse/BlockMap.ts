/**
 * What one sparse format knows about its blocks: where each lies in the file, how tables are written, and what else the file holds. SparseImage
 * does everything else the same way for every format: it orders requests, copies from the backing image, and writes table entries
 * only after the data they point to is on stable storage.
 */
import type { ExtentKind } from "../../../contracts/DiskImage.ts";
import type { FileSpace } from "./FileSpace.ts";

export interface Run {
  readonly kind: ExtentKind;
  /** Where "data" starts in the file. */
  readonly position: number;
  /** From the asked offset, at most to the end of its block. */
  readonly length: number;
}

/** Where a block's unit starts in the file, or what the block is without one. */
export type BlockState = number | "zero" | "absent";

export interface FileRange {
  readonly position: number;
  readonly length: number;
}

export interface BlockMap {
  readonly blockBytes: number;
  readonly space: FileSpace;
  /** From a unit's start to the block's data. */
  readonly headBytes: number;
  /** Units start at multiples of this, counted from `unitOrigin`. */
  readonly unitAlignment: number;
  readonly unitOrigin: number;
  /** Blocks can be zero without space though a backing image lies behind. */
  readonly marksZero: boolean;
  /** Blocks hold sectors one by one, so that writing some never copies the others from the backing image. */
  readonly keepsSectors: boolean;
  /** Blocks are all in the file and stay there. */
  readonly fixed: boolean;

  sizeBytes(): number;
  blockCount(): number;
  state(block: number): Promise<BlockState>;
  /** What holds at a byte of the disk. */
  run(offset: number): Promise<Run>;
  /** Writes a new unit's head, and tells that the block's whole content will be there. Nothing refers to it yet. */
  prepareUnit(block: number, position: number): Promise<void>;
  /** In memory; `writeEntries` makes it last. */
  setState(block: number, state: BlockState): Promise<void>;
  /** With `keepsSectors`: these bytes of the disk, all in one block with a unit, are now the image's own. In memory; true when that is news. */
  holdSectors?(offset: number, length: number): Promise<boolean>;
  /**
   * Writes the tables' part for these blocks and no others, as it is at the moment of the call: others may point to what is not stable yet. What
   * these point to is.
   */
  writeEntries(blocks: readonly number[]): Promise<void>;
  /** What is wrong with the tables themselves (copies that differ, counts that are off), put right when `repair`. */
  checkTables(repair: boolean): Promise<readonly string[]>;
  /** Everything in the file that is not a unit. */
  metadata(): Promise<readonly FileRange[]>;
  /** The size of the file when its last unit or table ends at `endBytes`, and what must stand behind that. */
  finishFile(endBytes: number): Promise<void>;
  /** Room in the tables for a disk of this size; blocks past the present end are absent, or have units when `fixed`. */
  resize(sizeBytes: number): Promise<void>;
}
