/**
 * The block map of a VDI file: one 32-bit entry a block, the number of its unit in the data area, or "free" (the parent's content) or "zero". The
 * header counts the units; readers append at that count, so it grows before an entry mentions a new unit. Growing a disk whose table has
 * no room moves the first blocks away and writes the table in their place; one header sector then switches.
 */
import type { BlockMap, BlockState, FileRange, Run } from "../sparse/BlockMap.ts";
import { consecutive } from "../sparse/consecutive.ts";
import { corruptImage } from "../sparse/corruptImage.ts";
import { FileSpace } from "../sparse/FileSpace.ts";
import type { ImageFile } from "../sparse/ImageFile.ts";
import { encodeVdiHeader, type VdiHeader } from "./VdiHeader.ts";

const FREE = 0xffffffff;
const ZERO = 0xfffffffe;

export class VdiBlockMap implements BlockMap {
  readonly blockBytes: number;
  readonly headBytes: number;
  readonly marksZero = true;
  readonly keepsSectors = false;
  readonly fixed: boolean;
  readonly space: FileSpace;
  readonly #file: ImageFile;
  readonly #header: VdiHeader;
  readonly #unitBytes: number;
  #entries: Uint32Array;

  private constructor(file: ImageFile, header: VdiHeader, entries: Uint32Array) {
    this.#file = file;
    this.#header = header;
    this.#entries = entries;
    this.blockBytes = header.cbBlock;
    this.headBytes = header.cbBlockExtra;
    this.#unitBytes = header.cbBlock + header.cbBlockExtra;
    this.fixed = header.type === "fixed";
    this.space = new FileSpace(this.#unitBytes, header.offData + this.#usedUnits() * this.#unitBytes);
  }

  static async load(file: ImageFile, header: VdiHeader): Promise<VdiBlockMap> {
    const bytes = await file.bytes(header.offBlocks, header.cBlocks * 4, "block map");
    const tableEnd = header.offBlocks + header.cBlocks * 4;
    if (header.offData > Math.max(file.sizeBytes, tableEnd + header.cbBlock)) {
      throw corruptImage(file.name, "its data begins past the end of the file", { offData: header.offData });
    }
    const view = new DataView(bytes.buffer);
    const entries = Uint32Array.from({ length: header.cBlocks }, (_, block) => view.getUint32(block * 4, true));
    return new VdiBlockMap(file, header, entries);
  }

  get unitOrigin(): number {
    return this.#header.offData;
  }

  get unitAlignment(): number {
    return this.#unitBytes;
  }

  sizeBytes(): number {
    return this.#header.cbDisk;
  }

  blockCount(): number {
    return Math.ceil(this.#header.cbDisk / this.blockBytes);
  }

  async state(block: number): Promise<BlockState> {
    return this.#state(block);
  }

  async run(offset: number): Promise<Run> {
    const block = Math.floor(offset / this.blockBytes);
    const within = offset - block * this.blockBytes;
    const length = Math.min(this.blockBytes - within, this.sizeBytes() - offset);
    const state = this.#state(block);
    if (typeof state !== "number") return { kind: state, position: 0, length };
    return { kind: "data", position: state + this.headBytes + within, length };
  }

  async prepareUnit(_block: number, position: number): Promise<void> {
    if (this.headBytes > 0) await this.#file.write(position, new Uint8Array(this.headBytes));
  }

  async setState(block: number, state: BlockState): Promise<void> {
    this.#entries[block] =
      typeof state === "number" ? (state - this.unitOrigin) / this.#unitBytes : state === "zero" ? ZERO : FREE;
  }

  async writeEntries(blocks: readonly number[]): Promise<void> {
    const writes = consecutive(blocks).map(({ first, count }) => ({
      position: this.#header.offBlocks + first * 4,
      bytes: encodeEntries(this.#entries.subarray(first, first + count)),
    }));
    const units = (this.space.endBytes - this.unitOrigin) / this.#unitBytes;
    if (units > this.#header.cBlocksAllocated) await this.#writeCount(units);
    for (const { position, bytes } of writes) await this.#file.write(position, bytes);
  }

  async checkTables(repair: boolean): Promise<string[]> {
    const used = this.#entries.reduce((count, entry) => count + (entry < ZERO ? 1 : 0), 0);
    const units = used + this.space.holes;
    const counted = this.#header.cBlocksAllocated;
    if (counted === units) return [];
    if (repair) await this.#writeCount(this.#usedUnits());
    return [`The header counts ${counted} blocks, the block map ${units}.`];
  }

  async metadata(): Promise<FileRange[]> {
    return [{ position: 0, length: this.#header.offData }];
  }

  async finishFile(endBytes: number): Promise<void> {
    await this.#writeCount(Math.ceil((endBytes - this.unitOrigin) / this.#unitBytes));
    await this.#file.truncate(endBytes);
  }

  /** What a crash left behind the last counted unit holds nothing, and would not read as zeros when used. */
  async dropTail(): Promise<void> {
    if (!this.fixed && this.#file.sizeBytes > this.space.endBytes) await this.#file.truncate(this.space.endBytes);
  }

  async resize(sizeBytes: number): Promise<void> {
    const header = this.#header;
    const count = Math.ceil(sizeBytes / this.blockBytes);
    const before = header.cBlocks;
    const entries = new Uint32Array(Math.max(count, before)).fill(FREE);
    entries.set(this.#entries);
    this.#entries = entries;
    if (this.fixed) await this.#addUnits(before, count);
    const room = Math.floor((header.offData - header.offBlocks) / 4);
    const next = { ...header, cbDisk: sizeBytes, cBlocks: count };
    if (count > room) {
      await this.#clearPlaceForTable(count);
      const shift = this.#unitsForTable(count);
      next.offBlocks = header.offData;
      next.offData = header.offData + shift * this.#unitBytes;
      next.cBlocksAllocated = this.#usedUnits() - shift;
      for (const [block, entry] of entries.entries()) if (entry < ZERO) entries[block] = entry - shift;
    }
    this.#entries = entries.slice(0, count);
    await this.#file.write(next.offBlocks, encodeEntries(this.#entries));
    await this.#file.flush();
    Object.assign(header, next);
    if (this.fixed) header.cBlocksAllocated = this.#usedUnits();
    await this.writeHeader();
    const end = header.offData + this.#usedUnits() * this.#unitBytes;
    if (this.fixed) await this.#file.truncate(end);
    this.space.restart(this.fixed ? end : Math.max(this.space.endBytes, end));
  }

  async writeHeader(): Promise<void> {
    await this.#file.write(0, encodeVdiHeader(this.#header));
    await this.#file.flush();
  }

  async #addUnits(before: number, count: number): Promise<void> {
    const first = this.#usedUnits();
    const added = Math.max(0, count - before);
    await this.#file.extend(this.unitOrigin + (first + added) * this.#unitBytes);
    for (let block = before; block < count; block++) this.#entries[block] = first + block - before;
    this.space.restart(this.unitOrigin + this.#usedUnits() * this.#unitBytes);
  }

  #unitsForTable(count: number): number {
    return Math.ceil((count * 4) / this.#unitBytes);
  }

  /** The first units of the data area become free; their blocks lie at the end now, and the old table says so. */
  async #clearPlaceForTable(count: number): Promise<void> {
    const shift = this.#unitsForTable(count);
    const end = Math.max(this.#usedUnits(), shift);
    this.space.restart(this.unitOrigin + end * this.#unitBytes);
    const moved: number[] = [];
    const unit = new Uint8Array(this.#unitBytes);
    for (let block = 0; block < this.#header.cBlocks; block++) {
      const entry = this.#entries[block] ?? FREE;
      if (entry >= shift) continue;
      const { position } = this.space.take();
      await this.#file.read(this.unitOrigin + entry * this.#unitBytes, unit);
      await this.#file.write(position, unit);
      await this.setState(block, position);
      moved.push(block);
    }
    await this.#file.flush();
    await this.writeEntries(moved);
    await this.#file.extend(this.space.endBytes);
    await this.#file.flush();
  }

  async #writeCount(units: number): Promise<void> {
    this.#header.cBlocksAllocated = units;
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, units, true);
    await this.#file.write(388, bytes);
  }

  /** Entries past the end of the file are damage, and no reason to make it longer. */
  #usedUnits(): number {
    const stored = Math.ceil((this.#file.sizeBytes - this.#header.offData) / this.#unitBytes);
    let used = 0;
    for (const entry of this.#entries) if (entry < stored && entry >= used) used = entry + 1;
    return used;
  }

  #state(block: number): BlockState {
    const entry = this.#entries[block];
    if (entry === undefined) throw corruptImage(this.#file.name, "its block map is too short", { block });
    if (entry === FREE) return "absent";
    if (entry === ZERO) return "zero";
    return this.unitOrigin + entry * this.#unitBytes;
  }
}

export function encodeEntries(entries: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(entries.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, entry] of entries.entries()) view.setUint32(index * 4, entry, true);
  return bytes;
}
