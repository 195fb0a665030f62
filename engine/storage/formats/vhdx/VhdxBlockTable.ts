/**
 * The block allocation table of a VHDX file in memory (MS-VHDX 2.5): entries of 64 bits with a state and a place, those of payload blocks with one for a
 * bitmap of sectors after each chunk of them. This knows where entries stand and how they are written, and nothing of what blocks mean.
 */
import { consecutive } from "../sparse/consecutive.ts";
import { corruptImage, unsupportedImage } from "../sparse/corruptImage.ts";
import type { ImageFile } from "../sparse/ImageFile.ts";
import { MEBIBYTE } from "./VhdxHeaders.ts";
import type { VhdxParameters } from "./VhdxMetadata.ts";

export const ENTRY_BYTES = 8;
/** 36 MiB of tables in memory: 128 TiB in blocks of 32 MiB, 8 TiB in blocks of 2 MiB. */
export const VHDX_BLOCKS_MAX = 4 * MEBIBYTE;

/** States of payload blocks (2.5.1.1). */
export const NOT_PRESENT = 0;
export const ZERO = 2;
export const UNMAPPED = 3;
/** The only state of a bitmap block that is there, too (2.5.1.2). */
export const FULLY_PRESENT = 6;
export const PARTIALLY_PRESENT = 7;

export interface TableWrite {
  readonly position: number;
  readonly bytes: Uint8Array;
}

/** Where the table lies in the file; whoever moves it changes this. */
interface TableRegion {
  readonly offset: number;
  readonly length: number;
}

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

export class VhdxBlockTable {
  readonly chunkRatio: number;
  readonly #region: TableRegion;
  #states: Uint8Array;
  #positions: Float64Array;
  /** Of each chunk's bitmap block; 0 where there is none. */
  #bitmapBlocks: Float64Array;

  private constructor(region: TableRegion, chunkRatio: number, blocks: number) {
    this.#region = region;
    this.chunkRatio = chunkRatio;
    this.#states = new Uint8Array(blocks);
    this.#positions = new Float64Array(blocks);
    this.#bitmapBlocks = new Float64Array(Math.ceil(blocks / chunkRatio));
  }

  static async load(file: ImageFile, region: TableRegion, parameters: VhdxParameters): Promise<VhdxBlockTable> {
    const { blockBytes, diskBytes, logicalSectorBytes, hasParent } = parameters;
    const blocks = Math.ceil(diskBytes / blockBytes);
    if (blocks > VHDX_BLOCKS_MAX) throw unsupportedImage(file.name, "it has too many blocks", { blocks });
    const count = vhdxTableEntries(diskBytes, blockBytes, logicalSectorBytes, hasParent);
    if (count * ENTRY_BYTES > region.length) {
      throw corruptImage(file.name, "its block table does not cover the disk", { length: region.length });
    }
    const bytes = await file.bytes(region.offset, count * ENTRY_BYTES, "block table");
    const table = new VhdxBlockTable(region, vhdxChunkRatio(blockBytes, logicalSectorBytes), blocks);
    table.#decode(new DataView(bytes.buffer), count);
    return table;
  }

  #decode(view: DataView, count: number): void {
    const ratio = this.chunkRatio;
    for (let entry = 0; entry < count; entry++) {
      const state = view.getUint8(entry * ENTRY_BYTES) & 7;
      const position = Number(view.getBigUint64(entry * ENTRY_BYTES, true) >> 20n) * MEBIBYTE;
      const chunk = Math.floor(entry / (ratio + 1));
      const within = entry % (ratio + 1);
      if (within === ratio) this.#bitmapBlocks[chunk] = state === FULLY_PRESENT ? position : 0;
      else if (chunk * ratio + within < this.blockCount) this.set(chunk * ratio + within, state, position);
    }
  }

  get blockCount(): number {
    return this.#states.length;
  }

  state(block: number): number {
    return this.#states[block] ?? NOT_PRESENT;
  }

  position(block: number): number {
    return this.#positions[block] ?? 0;
  }

  set(block: number, state: number, position: number): void {
    this.#states[block] = state;
    this.#positions[block] = position;
  }

  blocksIn(state: number): number[] {
    return [...this.#states.keys()].filter((block) => this.#states[block] === state);
  }

  chunkOf(block: number): number {
    return Math.floor(block / this.chunkRatio);
  }

  /** Where the bitmap block of a block's chunk lies; 0 when there is none. */
  bitmapBlock(block: number): number {
    return this.#bitmapBlocks[this.chunkOf(block)] ?? 0;
  }

  placeBitmapBlock(block: number, position: number): void {
    this.#bitmapBlocks[this.chunkOf(block)] = position;
  }

  bitmapBlocks(): number[] {
    return [...this.#bitmapBlocks].filter((position) => position !== 0);
  }

  /** New blocks are not present. */
  resize(count: number): void {
    const states = new Uint8Array(count);
    states.set(this.#states.subarray(0, count));
    const positions = new Float64Array(count);
    positions.set(this.#positions.subarray(0, count));
    const chunks = Math.ceil(count / this.chunkRatio);
    const bitmapBlocks = new Float64Array(chunks);
    bitmapBlocks.set(this.#bitmapBlocks.subarray(0, chunks));
    this.#states = states;
    this.#positions = positions;
    this.#bitmapBlocks = bitmapBlocks;
  }

  /** The entries of these payload blocks, neighbours together. */
  payloadWrites(blocks: readonly number[]): TableWrite[] {
    const entries = blocks.map((block) => block + this.chunkOf(block));
    return consecutive(entries).map(({ first, count }) => {
      const bytes = new Uint8Array(count * ENTRY_BYTES);
      for (let index = 0; index < count; index++) {
        const entry = first + index;
        const block = entry - Math.floor(entry / (this.chunkRatio + 1));
        bytes.set(encodeEntry(this.state(block), this.position(block)), index * ENTRY_BYTES);
      }
      return { position: this.#entryAt(first), bytes };
    });
  }

  /** The entry of a chunk's bitmap block, which is there. */
  bitmapWrite(chunk: number): TableWrite {
    const entry = chunk * (this.chunkRatio + 1) + this.chunkRatio;
    return { position: this.#entryAt(entry), bytes: encodeEntry(FULLY_PRESENT, this.#bitmapBlocks[chunk] ?? 0) };
  }

  /** All of it: after the last entry there are zeros. */
  wholeWrite(): TableWrite {
    const { offset, length } = this.#region;
    const bytes = new Uint8Array(length);
    const writes = this.payloadWrites([...this.#states.keys()]);
    for (const [chunk, place] of this.#bitmapBlocks.entries()) if (place !== 0) writes.push(this.bitmapWrite(chunk));
    for (const { position, bytes: part } of writes) bytes.set(part, position - offset);
    return { position: offset, bytes };
  }

  #entryAt(entry: number): number {
    return this.#region.offset + entry * ENTRY_BYTES;
  }
}

function encodeEntry(state: number, position: number): Uint8Array {
  const bytes = new Uint8Array(ENTRY_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, (BigInt(position / MEBIBYTE) << 20n) | BigInt(state), true);
  return bytes;
}
