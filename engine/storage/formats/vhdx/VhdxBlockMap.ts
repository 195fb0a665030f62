/**
 * The blocks of a VHDX file (MS-VHDX 2.5): a table of 64-bit entries, payload blocks with an entry for a bitmap of sectors after each chunk of them. Only blocks of
 * differencing images that hold some of their sectors use the bitmap. Table changes are written in place, data before bitmap before entry, instead of
 * through the log: an entry never crosses a sector, so each is the old or the new one after a crash.
 */
import type { BlockMap, BlockState, FileRange, Run } from "../sparse/BlockMap.ts";
import { consecutive } from "../sparse/consecutive.ts";
import { corruptImage, unsupportedImage } from "../sparse/corruptImage.ts";
import { FileSpace } from "../sparse/FileSpace.ts";
import type { ImageFile } from "../sparse/ImageFile.ts";
import { SectorBitmap } from "../sparse/SectorBitmap.ts";
import { MEBIBYTE, type VhdxRegions, writeVhdxRegions } from "./VhdxHeaders.ts";
import type { VhdxMetadata } from "./VhdxMetadata.ts";

const ENTRY_BYTES = 8;
/** States of payload blocks (2.5.1.1). */
const NOT_PRESENT = 0;
const ZERO = 2;
const UNMAPPED = 3;
const FULLY_PRESENT = 6;
const PARTIALLY_PRESENT = 7;
/** 36 MiB of tables in memory: 128 TiB in blocks of 32 MiB, 8 TiB in blocks of 2 MiB. */
const MOST_BLOCKS = 4 * MEBIBYTE;
const MOST_BITMAPS = 4096;

export function vhdxChunkRatio(blockBytes: number, sectorBytes: number): number {
  return (2 ** 23 * sectorBytes) / blockBytes;
}

export function vhdxTableEntries(
  diskBytes: number,
  blockBytes: number,
  sectorBytes: number,
  hasParent: boolean,
): number {
  const ratio = vhdxChunkRatio(blockBytes, sectorBytes);
  const blocks = Math.ceil(diskBytes / blockBytes);
  return hasParent ? Math.ceil(blocks / ratio) * (ratio + 1) : blocks + Math.floor((blocks - 1) / ratio);
}

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
  readonly #chunkRatio: number;
  #states: Uint8Array;
  #positions: Float64Array;
  /** Of each chunk's bitmap block; 0 where there is none. */
  #bitmapBlocks: Float64Array;
  readonly #bitmaps = new Map<number, SectorBitmap>();
  readonly #changedBitmaps = new Set<number>();

  /** `others`: the header section and the log. */
  private constructor(
    file: ImageFile,
    regions: VhdxRegions,
    metadata: VhdxMetadata,
    others: readonly FileRange[],
    table: { states: Uint8Array; positions: Float64Array; bitmapBlocks: Float64Array },
  ) {
    const { parameters } = metadata;
    this.#file = file;
    this.#regions = regions;
    this.#metadata = metadata;
    this.#others = others;
    this.blockBytes = parameters.blockBytes;
    this.keepsSectors = parameters.hasParent;
    this.fixed = parameters.fixed;
    this.#chunkRatio = vhdxChunkRatio(parameters.blockBytes, parameters.logicalSectorBytes);
    this.#states = table.states;
    this.#positions = table.positions;
    this.#bitmapBlocks = table.bitmapBlocks;
    this.space = new FileSpace(this.blockBytes, roundUp(file.sizeBytes));
  }

  static async load(
    file: ImageFile,
    regions: VhdxRegions,
    metadata: VhdxMetadata,
    others: readonly FileRange[],
  ): Promise<VhdxBlockMap> {
    const { blockBytes, diskBytes, logicalSectorBytes, hasParent } = metadata.parameters;
    const blocks = Math.ceil(diskBytes / blockBytes);
    if (blocks > MOST_BLOCKS) throw unsupportedImage(file.name, "it has too many blocks", { blocks });
    const count = vhdxTableEntries(diskBytes, blockBytes, logicalSectorBytes, hasParent);
    if (count * ENTRY_BYTES > regions.bat.length) {
      throw corruptImage(file.name, "its block table does not cover the disk", { length: regions.bat.length });
    }
    const ratio = vhdxChunkRatio(blockBytes, logicalSectorBytes);
    const bytes = await file.bytes(regions.bat.offset, count * ENTRY_BYTES, "block table");
    const view = new DataView(bytes.buffer);
    const states = new Uint8Array(blocks);
    const positions = new Float64Array(blocks);
    const bitmapBlocks = new Float64Array(Math.ceil(blocks / ratio));
    for (let entry = 0; entry < count; entry++) {
      const state = view.getUint8(entry * ENTRY_BYTES) & 7;
      const position = Number(view.getBigUint64(entry * ENTRY_BYTES, true) >> 20n) * MEBIBYTE;
      const chunk = Math.floor(entry / (ratio + 1));
      const within = entry % (ratio + 1);
      if (within === ratio) bitmapBlocks[chunk] = state === FULLY_PRESENT ? position : 0;
      else if (chunk * ratio + within < blocks) {
        states[chunk * ratio + within] = state;
        positions[chunk * ratio + within] = position;
      }
    }
    return new VhdxBlockMap(file, regions, metadata, others, { states, positions, bitmapBlocks });
  }

  sizeBytes(): number {
    return this.#metadata.parameters.diskBytes;
  }

  blockCount(): number {
    return this.#states.length;
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
    if (this.#states[block] === FULLY_PRESENT) return { ...data, length: inBlock };
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
    await this.#makeBitmapBlock(block);
    this.#remember(block, new SectorBitmap(new Uint8Array(this.#sliceBytes), false));
    this.#changedBitmaps.add(block);
  }

  async setState(block: number, state: BlockState): Promise<void> {
    if (typeof state === "number") {
      const before = this.#state(block);
      if (before === "absent") this.#states[block] = this.keepsSectors ? PARTIALLY_PRESENT : FULLY_PRESENT;
      else if (before === "zero") this.#states[block] = FULLY_PRESENT;
      this.#positions[block] = state;
      return;
    }
    this.#states[block] = state === "zero" ? ZERO : NOT_PRESENT;
    this.#positions[block] = 0;
    this.#bitmaps.delete(block);
    this.#changedBitmaps.delete(block);
  }

  async holdSectors(offset: number, length: number): Promise<boolean> {
    const block = Math.floor(offset / this.blockBytes);
    if (this.#states[block] !== PARTIALLY_PRESENT) return false;
    await this.#makeBitmapBlock(block);
    const bitmap = await this.#bitmap(block);
    const sectorBytes = this.#metadata.parameters.logicalSectorBytes;
    const within = offset - block * this.blockBytes;
    const changed = bitmap.set(within / sectorBytes, (within + length) / sectorBytes);
    if (changed) {
      this.#remember(block, bitmap);
      this.#changedBitmaps.add(block);
    }
    return changed;
  }

  async writeEntries(blocks: readonly number[]): Promise<void> {
    const writes: { position: number; bytes: Uint8Array }[] = [];
    const changed = blocks.filter((block) => this.#changedBitmaps.has(block));
    for (const block of changed) {
      const bitmap = this.#bitmaps.get(block);
      if (bitmap !== undefined) writes.push({ position: this.#sliceAt(block), bytes: bitmap.bytes.slice() });
    }
    for (const chunk of new Set(changed.map((block) => Math.floor(block / this.#chunkRatio)))) {
      const position = this.#bitmapBlocks[chunk] ?? 0;
      const entry = chunk * (this.#chunkRatio + 1) + this.#chunkRatio;
      writes.push({ position: this.#entryAt(entry), bytes: encodeEntry(FULLY_PRESENT, position) });
    }
    writes.push(...this.#payloadWrites(blocks));
    for (const block of changed) this.#changedBitmaps.delete(block);
    try {
      for (const { position, bytes } of writes) await this.#file.write(position, bytes);
    } catch (error) {
      for (const block of changed) if (this.#bitmaps.has(block)) this.#changedBitmaps.add(block);
      throw error;
    }
  }

  async checkTables(repair: boolean): Promise<string[]> {
    const faults: string[] = [];
    for (const [block, state] of this.#states.entries()) {
      if (state !== PARTIALLY_PRESENT) continue;
      const chunk = Math.floor(block / this.#chunkRatio);
      if (this.keepsSectors && (this.#bitmapBlocks[chunk] ?? 0) !== 0) continue;
      faults.push(`Block ${block} is partly there and has no bitmap.`);
      if (!repair) continue;
      if (this.keepsSectors) {
        await this.#makeBitmapBlock(block);
        this.#remember(block, new SectorBitmap(new Uint8Array(this.#sliceBytes), false));
        this.#changedBitmaps.add(block);
        await this.#file.extend(this.space.endBytes);
      } else {
        this.#states[block] = FULLY_PRESENT;
      }
      await this.writeEntries([block]);
    }
    return faults;
  }

  async metadata(): Promise<FileRange[]> {
    const { bat, metadata } = this.#regions;
    const ranges = [
      ...this.#others,
      { position: bat.offset, length: bat.length },
      { position: metadata.offset, length: metadata.length },
    ];
    for (const position of this.#bitmapBlocks) if (position !== 0) ranges.push({ position, length: MEBIBYTE });
    return ranges;
  }

  async finishFile(endBytes: number): Promise<void> {
    await this.#file.truncate(roundUp(endBytes));
  }

  async resize(sizeBytes: number): Promise<void> {
    const { logicalSectorBytes, hasParent } = this.#metadata.parameters;
    const before = this.#states.length;
    const count = Math.ceil(sizeBytes / this.blockBytes);
    if (count > MOST_BLOCKS) throw unsupportedImage(this.#file.name, "it would have too many blocks", { count });
    const entries = vhdxTableEntries(sizeBytes, this.blockBytes, logicalSectorBytes, hasParent);
    if (count < before) await this.#metadata.writeDiskSize(sizeBytes);
    this.#resizeArrays(count);
    if (this.fixed) await this.#resizeFixed(before, count);
    if (entries * ENTRY_BYTES > this.#regions.bat.length) await this.#moveTable(entries);
    await this.#writeTable();
    if (count >= before) await this.#metadata.writeDiskSize(sizeBytes);
  }

  /** For a new fixed image: all blocks get their place. */
  async placeAll(): Promise<void> {
    await this.#resizeFixed(0, this.#states.length);
    await this.#writeTable();
  }

  /** For an image that is to rest on nothing: false when a block still needs what lies behind. */
  async dropBitmaps(): Promise<boolean> {
    const partial = [...this.#states.keys()].filter((block) => this.#states[block] === PARTIALLY_PRESENT);
    const sectorBytes = this.#metadata.parameters.logicalSectorBytes;
    for (const block of partial) {
      const length = Math.min(this.blockBytes, this.sizeBytes() - block * this.blockBytes);
      const sectors = Math.ceil(length / sectorBytes);
      const bitmap = await this.#bitmap(block);
      if (!bitmap.has(0) || bitmap.runEnd(0, sectors) < sectors) return false;
    }
    for (const block of partial) this.#states[block] = FULLY_PRESENT;
    await this.writeEntries(partial);
    await this.#file.flush();
    return true;
  }

  #resizeArrays(count: number): void {
    const states = new Uint8Array(count);
    states.set(this.#states.subarray(0, count));
    const positions = new Float64Array(count);
    positions.set(this.#positions.subarray(0, count));
    const chunks = Math.ceil(count / this.#chunkRatio);
    const bitmapBlocks = new Float64Array(chunks);
    bitmapBlocks.set(this.#bitmapBlocks.subarray(0, chunks));
    this.#states = states;
    this.#positions = positions;
    this.#bitmapBlocks = bitmapBlocks;
    for (const block of this.#bitmaps.keys()) if (block >= count) this.#bitmaps.delete(block);
  }

  /** New blocks get their place at once, and lost ones give it back when it is at the end of the file. */
  async #resizeFixed(before: number, count: number): Promise<void> {
    let end = 0;
    for (const { position, length } of await this.metadata()) end = Math.max(end, position + length);
    for (let block = 0; block < Math.min(before, count); block++) {
      end = Math.max(end, (this.#positions[block] ?? 0) + this.blockBytes);
    }
    this.space.restart(end);
    await this.#file.truncate(end);
    for (let block = before; block < count; block++) {
      this.#states[block] = FULLY_PRESENT;
      this.#positions[block] = this.space.take().position;
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

  /** All of it: after the last entry there are zeros. */
  async #writeTable(): Promise<void> {
    const { bat } = this.#regions;
    const bytes = new Uint8Array(bat.length);
    for (const { position, bytes: part } of this.#payloadWrites([...this.#states.keys()])) {
      bytes.set(part, position - bat.offset);
    }
    for (const [chunk, position] of this.#bitmapBlocks.entries()) {
      const entry = chunk * (this.#chunkRatio + 1) + this.#chunkRatio;
      if (position !== 0) bytes.set(encodeEntry(FULLY_PRESENT, position), entry * ENTRY_BYTES);
    }
    await this.#file.write(bat.offset, bytes);
    await this.#file.flush();
  }

  #payloadWrites(blocks: readonly number[]): { position: number; bytes: Uint8Array }[] {
    const entries = blocks.map((block) => block + Math.floor(block / this.#chunkRatio));
    return consecutive(entries).map(({ first, count }) => {
      const bytes = new Uint8Array(count * ENTRY_BYTES);
      for (let index = 0; index < count; index++) {
        const entry = first + index;
        const block = entry - Math.floor(entry / (this.#chunkRatio + 1));
        bytes.set(encodeEntry(this.#states[block] ?? 0, this.#positions[block] ?? 0), index * ENTRY_BYTES);
      }
      return { position: this.#entryAt(first), bytes };
    });
  }

  #entryAt(entry: number): number {
    return this.#regions.bat.offset + entry * ENTRY_BYTES;
  }

  get #sliceBytes(): number {
    return this.blockBytes / this.#metadata.parameters.logicalSectorBytes / 8;
  }

  #sliceAt(block: number): number {
    const chunk = Math.floor(block / this.#chunkRatio);
    return (this.#bitmapBlocks[chunk] ?? 0) + (block % this.#chunkRatio) * this.#sliceBytes;
  }

  async #makeBitmapBlock(block: number): Promise<void> {
    const chunk = Math.floor(block / this.#chunkRatio);
    if ((this.#bitmapBlocks[chunk] ?? 0) !== 0) return;
    this.#bitmapBlocks[chunk] = this.space.endBytes;
    this.space.endBytes += MEBIBYTE;
  }

  #remember(block: number, bitmap: SectorBitmap): void {
    this.#bitmaps.set(block, bitmap);
    if (this.#bitmaps.size <= MOST_BITMAPS) return;
    for (const other of this.#bitmaps.keys()) {
      if (other === block || this.#changedBitmaps.has(other)) continue;
      this.#bitmaps.delete(other);
      return;
    }
  }

  async #bitmap(block: number): Promise<SectorBitmap> {
    const known = this.#bitmaps.get(block);
    if (known !== undefined) return known;
    const bytes = new Uint8Array(this.#sliceBytes);
    const chunk = Math.floor(block / this.#chunkRatio);
    if ((this.#bitmapBlocks[chunk] ?? 0) !== 0) await this.#file.read(this.#sliceAt(block), bytes);
    const meanwhile = this.#bitmaps.get(block);
    if (meanwhile !== undefined) return meanwhile;
    const bitmap = new SectorBitmap(bytes, false);
    this.#remember(block, bitmap);
    return bitmap;
  }

  #state(block: number): BlockState {
    const state = this.#states[block] ?? NOT_PRESENT;
    if (state === FULLY_PRESENT || state === PARTIALLY_PRESENT) return this.#positions[block] ?? 0;
    if (state === NOT_PRESENT) return "absent";
    if (state <= UNMAPPED) return "zero";
    throw corruptImage(this.#file.name, "a block has an unknown state", { block, state });
  }
}

function encodeEntry(state: number, position: number): Uint8Array {
  const bytes = new Uint8Array(ENTRY_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, (BigInt(position / MEBIBYTE) << 20n) | BigInt(state), true);
  return bytes;
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / MEBIBYTE) * MEBIBYTE;
}
