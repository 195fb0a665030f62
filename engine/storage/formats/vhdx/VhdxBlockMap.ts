/**
 * The blocks of a VHDX file (MS-VHDX 2.5): what the entries of the table and, in differencing images, the bitmaps of sectors say of them. Only blocks
 * of differencing images that hold some of their sectors use a bitmap. Table changes are written in place, data before bitmap before entry, instead of
 * through the log: an entry never crosses a sector, so each is the old or the new one after a crash.
 */
import { BitmapCache } from "../sparse/BitmapCache.ts";
import type { BlockMap, BlockState, FileRange, Run } from "../sparse/BlockMap.ts";
import { corruptImage, unsupportedImage } from "../sparse/corruptImage.ts";
import { FileSpace } from "../sparse/FileSpace.ts";
import type { ImageFile } from "../sparse/ImageFile.ts";
import type { SectorBitmap } from "../sparse/SectorBitmap.ts";
import {
  ENTRY_BYTES,
  FULLY_PRESENT,
  NOT_PRESENT,
  PARTIALLY_PRESENT,
  type TableWrite,
  UNMAPPED,
  VHDX_BLOCKS_MAX,
  VhdxBlockTable,
  vhdxTableEntries,
  ZERO,
} from "./VhdxBlockTable.ts";
import { MEBIBYTE, type VhdxRegions, writeVhdxRegions } from "./VhdxHeaders.ts";
import type { VhdxMetadata } from "./VhdxMetadata.ts";

const MOST_BITMAPS = 4096;

export class VhdxBlockMap implements BlockMap {
  readonly blockBytes: number;
  readonly headBytes = 0;
  readonly unitAlignment = MEBIBYTE;
  readonly unitOrigin = 0;
  readonly marksZero = true;
  readonly keepsSectors: boolean;
  readonly fixed: boolean;
  readonly space: FileSpace;
  readonly #file: ImageFile;
  readonly #regions: VhdxRegions;
  readonly #metadata: VhdxMetadata;
  readonly #others: readonly FileRange[];
  readonly #table: VhdxBlockTable;
  readonly #bitmaps = new BitmapCache(MOST_BITMAPS, false);

  /** `others`: the header section and the log. */
  private constructor(
    file: ImageFile,
    regions: VhdxRegions,
    metadata: VhdxMetadata,
    others: readonly FileRange[],
    table: VhdxBlockTable,
  ) {
    const { parameters } = metadata;
    this.#file = file;
    this.#regions = regions;
    this.#metadata = metadata;
    this.#others = others;
    this.#table = table;
    this.blockBytes = parameters.blockBytes;
    this.keepsSectors = parameters.hasParent;
    this.fixed = parameters.fixed;
    this.space = new FileSpace(this.blockBytes, roundUp(file.sizeBytes));
  }

  static async load(
    file: ImageFile,
    regions: VhdxRegions,
    metadata: VhdxMetadata,
    others: readonly FileRange[],
  ): Promise<VhdxBlockMap> {
    const table = await VhdxBlockTable.load(file, regions.bat, metadata.parameters);
    return new VhdxBlockMap(file, regions, metadata, others, table);
  }

  sizeBytes(): number {
    return this.#metadata.parameters.diskBytes;
  }

  blockCount(): number {
    return this.#table.blockCount;
  }

  async state(block: number): Promise<BlockState> {
    return this.#state(block);
  }

  async run(offset: number): Promise<Run> {
    const block = Math.floor(offset / this.blockBytes);
    const within = offset - block * this.blockBytes;
    const inBlock = Math.min(this.blockBytes - within, this.sizeBytes() - offset);
    const state = this.#state(block);
    if (typeof state !== "number") return { kind: state, position: 0, length: inBlock };
    const data = { kind: "data", position: state + within } as const;
    if (this.#table.state(block) === FULLY_PRESENT) return { ...data, length: inBlock };
    const bitmap = await this.#bitmap(block);
    const sectorBytes = this.#metadata.parameters.logicalSectorBytes;
    const sector = Math.floor(within / sectorBytes);
    const last = Math.ceil((within + inBlock) / sectorBytes);
    const length = Math.min(inBlock, bitmap.runEnd(sector, last) * sectorBytes - within);
    return bitmap.has(sector) ? { ...data, length } : { kind: "absent", position: 0, length };
  }

  /** A block that the image knew nothing of begins with no sectors of its own. */
  async prepareUnit(block: number): Promise<void> {
    if (!this.keepsSectors || this.#state(block) !== "absent") return;
    this.#startBitmap(block);
  }

  async setState(block: number, state: BlockState): Promise<void> {
    if (typeof state === "number") {
      const before = this.#state(block);
      const news = before === "absent" && this.keepsSectors ? PARTIALLY_PRESENT : FULLY_PRESENT;
      this.#table.set(block, typeof before === "number" ? this.#table.state(block) : news, state);
      return;
    }
    this.#table.set(block, state === "zero" ? ZERO : NOT_PRESENT, 0);
    this.#bitmaps.drop(block);
  }

  async holdSectors(offset: number, length: number): Promise<boolean> {
    const block = Math.floor(offset / this.blockBytes);
    if (this.#table.state(block) !== PARTIALLY_PRESENT) return false;
    this.#makeBitmapBlock(block);
    const bitmap = await this.#bitmap(block);
    const sectorBytes = this.#metadata.parameters.logicalSectorBytes;
    const within = offset - block * this.blockBytes;
    const changed = bitmap.set(within / sectorBytes, (within + length) / sectorBytes);
    if (changed) this.#bitmaps.change(block, bitmap);
    return changed;
  }

  async writeEntries(blocks: readonly number[]): Promise<void> {
    const changed = this.#bitmaps.takeChanged(blocks);
    const writes: TableWrite[] = changed.map(({ block, bytes }) => ({ position: this.#sliceAt(block), bytes }));
    const chunks = new Set(changed.map(({ block }) => this.#table.chunkOf(block)));
    for (const chunk of chunks) writes.push(this.#table.bitmapWrite(chunk));
    writes.push(...this.#table.payloadWrites(blocks));
    try {
      for (const { position, bytes } of writes) await this.#file.write(position, bytes);
    } catch (error) {
      this.#bitmaps.changeAgain(changed.map(({ block }) => block));
      throw error;
    }
  }

  async checkTables(repair: boolean): Promise<string[]> {
    const faults: string[] = [];
    for (const block of this.#table.blocksIn(PARTIALLY_PRESENT)) {
      const bitmapBlock = this.#table.bitmapBlock(block);
      if (this.keepsSectors && bitmapBlock !== 0 && this.#isInFile(bitmapBlock)) continue;
      faults.push(`Block ${block} is partly there and has no bitmap.`);
      if (!repair) continue;
      if (this.keepsSectors) {
        if (!this.#isInFile(bitmapBlock)) this.#table.placeBitmapBlock(block, 0);
        this.#startBitmap(block);
        await this.#file.extend(this.space.endBytes);
      } else {
        this.#table.set(block, FULLY_PRESENT, this.#table.position(block));
      }
      await this.writeEntries([block]);
    }
    return faults;
  }

  /** As far as it is in the file, or in what was added: damaged entries and regions may claim any room. */
  async metadata(): Promise<FileRange[]> {
    const { bat, metadata } = this.#regions;
    const end = Math.max(this.space.endBytes, roundUp(this.#file.sizeBytes));
    const ranges = [
      ...this.#others,
      { position: bat.offset, length: bat.length },
      { position: metadata.offset, length: metadata.length },
      ...this.#table.bitmapBlocks().map((position) => ({ position, length: MEBIBYTE })),
    ];
    return ranges
      .filter(({ position }) => position < end)
      .map(({ position, length }) => ({ position, length: Math.min(length, end - position) }));
  }

  async finishFile(endBytes: number): Promise<void> {
    await this.#file.truncate(roundUp(endBytes));
  }

  async resize(sizeBytes: number): Promise<void> {
    const { logicalSectorBytes, hasParent } = this.#metadata.parameters;
    const before = this.#table.blockCount;
    const count = Math.ceil(sizeBytes / this.blockBytes);
    if (count > VHDX_BLOCKS_MAX) throw unsupportedImage(this.#file.name, "it would have too many blocks", { count });
    const entries = vhdxTableEntries(sizeBytes, this.blockBytes, logicalSectorBytes, hasParent);
    if (count < before) await this.#metadata.writeDiskSize(sizeBytes);
    this.#table.resize(count);
    this.#bitmaps.dropFrom(count);
    if (this.fixed) await this.#resizeFixed(before, count);
    if (entries * ENTRY_BYTES > this.#regions.bat.length) await this.#moveTable(entries);
    await this.#writeTable();
    if (count >= before) await this.#metadata.writeDiskSize(sizeBytes);
  }

  /** For a new fixed image: all blocks get their place. */
  async placeAll(): Promise<void> {
    await this.#resizeFixed(0, this.#table.blockCount);
    await this.#writeTable();
  }

  /** For an image that is to rest on nothing: false when a block still needs what lies behind. */
  async dropBitmaps(): Promise<boolean> {
    const partial = this.#table.blocksIn(PARTIALLY_PRESENT);
    const sectorBytes = this.#metadata.parameters.logicalSectorBytes;
    for (const block of partial) {
      const length = Math.min(this.blockBytes, this.sizeBytes() - block * this.blockBytes);
      const sectors = Math.ceil(length / sectorBytes);
      const bitmap = await this.#bitmap(block);
      if (!bitmap.has(0) || bitmap.runEnd(0, sectors) < sectors) return false;
    }
    for (const block of partial) this.#table.set(block, FULLY_PRESENT, this.#table.position(block));
    await this.writeEntries(partial);
    await this.#file.flush();
    return true;
  }

  /** New blocks get their place at once, and lost ones give it back when it is at the end of the file. */
  async #resizeFixed(before: number, count: number): Promise<void> {
    let end = 0;
    for (const { position, length } of await this.metadata()) end = Math.max(end, position + length);
    for (let block = 0; block < Math.min(before, count); block++) {
      end = Math.max(end, this.#table.position(block) + this.blockBytes);
    }
    this.space.restart(end);
    await this.#file.truncate(end);
    for (let block = before; block < count; block++) {
      this.#table.set(block, FULLY_PRESENT, this.space.take().position);
    }
    await this.#file.extend(this.space.endBytes);
  }

  /** To the end of the file; the old place is free then. */
  async #moveTable(entries: number): Promise<void> {
    const length = roundUp(entries * ENTRY_BYTES);
    const offset = this.space.endBytes;
    this.space.endBytes += length;
    await this.#file.extend(this.space.endBytes);
    const old = { ...this.#regions.bat };
    Object.assign(this.#regions.bat, { offset, length });
    try {
      await this.#writeTable();
    } catch (error) {
      Object.assign(this.#regions.bat, old);
      throw error;
    }
    await writeVhdxRegions(this.#file, this.#regions);
  }

  async #writeTable(): Promise<void> {
    const { position, bytes } = this.#table.wholeWrite();
    await this.#file.write(position, bytes);
    await this.#file.flush();
  }

  get #sliceBytes(): number {
    return this.blockBytes / this.#metadata.parameters.logicalSectorBytes / 8;
  }

  #sliceAt(block: number): number {
    return this.#table.bitmapBlock(block) + (block % this.#table.chunkRatio) * this.#sliceBytes;
  }

  #makeBitmapBlock(block: number): void {
    if (this.#demandBitmapBlock(block) !== 0) return;
    this.#table.placeBitmapBlock(block, this.space.endBytes);
    this.space.endBytes += MEBIBYTE;
  }

  /** Writing past everything that was ever stored would blow the file up. */
  #demandBitmapBlock(block: number): number {
    const position = this.#table.bitmapBlock(block);
    if (this.#isInFile(position)) return position;
    throw corruptImage(this.#file.name, "a bitmap of sectors lies past the end of the file", { block, position });
  }

  #isInFile(position: number): boolean {
    return position + MEBIBYTE <= Math.max(this.space.endBytes, roundUp(this.#file.sizeBytes));
  }

  #startBitmap(block: number): void {
    this.#makeBitmapBlock(block);
    this.#bitmaps.start(block, this.#sliceBytes);
  }

  #bitmap(block: number): Promise<SectorBitmap> {
    return this.#bitmaps.of(block, async () => {
      const bytes = new Uint8Array(this.#sliceBytes);
      if (this.#demandBitmapBlock(block) !== 0) await this.#file.read(this.#sliceAt(block), bytes);
      return bytes;
    });
  }

  #state(block: number): BlockState {
    const state = this.#table.state(block);
    if (state === FULLY_PRESENT || state === PARTIALLY_PRESENT) return this.#table.position(block);
    if (state === NOT_PRESENT) return "absent";
    if (state <= UNMAPPED) return "zero";
    throw corruptImage(this.#file.name, "a block has an unknown state", { block, state });
  }
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / MEBIBYTE) * MEBIBYTE;
}
