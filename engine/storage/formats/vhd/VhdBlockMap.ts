/**
 * The blocks of a dynamic or differencing VHD file: a table with the first sector of each block, and before each block's data a bitmap of the sectors
 * that it holds. The footer moves with the end of the file; while the file grows, the copy at its start is the one that
 * counts. A sector without its bit is the parent's, and zero where there is none.
 */
import { GuesthouseError } from "../../../base/GuesthouseError.ts";
import type { BackingReference } from "../../../contracts/DiskImage.ts";
import { BitmapCache } from "../sparse/BitmapCache.ts";
import type { BlockMap, BlockState, FileRange, Run } from "../sparse/BlockMap.ts";
import { consecutive } from "../sparse/consecutive.ts";
import { corruptImage } from "../sparse/corruptImage.ts";
import { FileSpace } from "../sparse/FileSpace.ts";
import type { ImageFile } from "../sparse/ImageFile.ts";
import type { SectorBitmap } from "../sparse/SectorBitmap.ts";
import {
  encodeVhdDynamicHeader,
  VHD_DYNAMIC_HEADER_BYTES,
  type VhdDynamicHeader,
  vhdLocators,
} from "./VhdDynamicHeader.ts";
import { encodeVhdFooter, VHD_FOOTER_BYTES, VHD_MOST_BYTES, type VhdFooter } from "./VhdFooter.ts";

const SECTOR_BYTES = 512;
const UNUSED = 0xffffffff;
/** 64 MiB of table; the format's own limit of 2 TiB needs 4 MiB. */
const MOST_ENTRIES = 16 * 1024 * 1024;
const MOST_BITMAPS = 16384;

export class VhdBlockMap implements BlockMap {
  readonly blockBytes: number;
  readonly headBytes: number;
  readonly unitAlignment = SECTOR_BYTES;
  readonly unitOrigin = 0;
  readonly marksZero = false;
  readonly keepsSectors = true;
  readonly fixed = false;
  readonly space: FileSpace;
  readonly header: VhdDynamicHeader;
  readonly #file: ImageFile;
  readonly #footer: VhdFooter;
  /** Undefined when the end of the file has none (a crash while it grew). */
  #footerAt: number | undefined;
  #entries: Uint32Array;
  readonly #bitmaps = new BitmapCache(MOST_BITMAPS, true);

  private constructor(
    file: ImageFile,
    footer: VhdFooter,
    footerAt: number | undefined,
    header: VhdDynamicHeader,
    entries: Uint32Array,
  ) {
    this.#file = file;
    this.#footer = footer;
    this.#footerAt = footerAt;
    this.header = header;
    this.#entries = entries;
    this.blockBytes = header.blockSize;
    this.headBytes = roundUp(header.blockSize / SECTOR_BYTES / 8);
    const unitBytes = this.headBytes + this.blockBytes;
    this.space = new FileSpace(unitBytes, footerAt === undefined ? this.#usedEnd(unitBytes) : roundUp(footerAt));
  }

  static async load(
    file: ImageFile,
    footer: VhdFooter,
    footerAt: number | undefined,
    header: VhdDynamicHeader,
  ): Promise<VhdBlockMap> {
    const count = Math.ceil(footer.currentSize / header.blockSize);
    if (count > header.maxTableEntries || count > MOST_ENTRIES || header.tableOffset % SECTOR_BYTES !== 0) {
      throw corruptImage(file.name, "its block table does not cover the disk", {
        tableOffset: header.tableOffset,
        maxTableEntries: header.maxTableEntries,
      });
    }
    const bytes = await file.bytes(header.tableOffset, count * 4, "block table");
    const view = new DataView(bytes.buffer);
    const entries = Uint32Array.from({ length: count }, (_, block) => view.getUint32(block * 4));
    return new VhdBlockMap(file, footer, footerAt, header, entries);
  }

  sizeBytes(): number {
    return this.#footer.currentSize;
  }

  blockCount(): number {
    return this.#entries.length;
  }

  async state(block: number): Promise<BlockState> {
    const entry = this.#entries[block] ?? UNUSED;
    return entry === UNUSED ? "absent" : entry * SECTOR_BYTES;
  }

  async run(offset: number): Promise<Run> {
    const block = Math.floor(offset / this.blockBytes);
    const within = offset - block * this.blockBytes;
    const inBlock = Math.min(this.blockBytes - within, this.sizeBytes() - offset);
    const state = await this.state(block);
    if (typeof state !== "number") return { kind: "absent", position: 0, length: inBlock };
    const bitmap = await this.#bitmap(block, state);
    const sector = within / SECTOR_BYTES;
    const length = (bitmap.runEnd(sector, sector + inBlock / SECTOR_BYTES) - sector) * SECTOR_BYTES;
    if (!bitmap.has(sector)) return { kind: "absent", position: 0, length };
    return { kind: "data", position: state + this.headBytes + within, length };
  }

  /** The unit may lie where the footer was. */
  async prepareUnit(block: number, position: number): Promise<void> {
    await this.#file.write(position, new Uint8Array(this.headBytes));
    this.#bitmaps.start(block, this.headBytes);
  }

  async setState(block: number, state: BlockState): Promise<void> {
    this.#entries[block] = typeof state === "number" ? state / SECTOR_BYTES : UNUSED;
    if (typeof state !== "number") this.#bitmaps.drop(block);
  }

  async holdSectors(offset: number, length: number): Promise<boolean> {
    const block = Math.floor(offset / this.blockBytes);
    const state = await this.state(block);
    if (typeof state !== "number") throw new Error(`Block ${block} has no unit.`);
    const first = (offset - block * this.blockBytes) / SECTOR_BYTES;
    const bitmap = await this.#bitmap(block, state);
    const changed = bitmap.set(first, first + length / SECTOR_BYTES);
    if (changed) this.#bitmaps.change(block, bitmap);
    return changed;
  }

  async writeEntries(blocks: readonly number[]): Promise<void> {
    const changed = this.#bitmaps.takeChanged(blocks);
    const writes = changed.map(({ block, bytes }) => ({
      position: (this.#entries[block] ?? UNUSED) * SECTOR_BYTES,
      bytes,
    }));
    for (const { first, count } of consecutive(blocks)) {
      const bytes = encodeVhdEntries(this.#entries.subarray(first, first + count));
      writes.push({ position: this.header.tableOffset + first * 4, bytes });
    }
    try {
      await this.writeFooter();
      for (const { position, bytes } of writes) await this.#file.write(position, bytes);
    } catch (error) {
      this.#bitmaps.changeAgain(blocks);
      throw error;
    }
  }

  async checkTables(repair: boolean): Promise<string[]> {
    const faults: string[] = [];
    const wanted = encodeVhdFooter(this.#footer);
    const start = await this.#file.bytes(0, VHD_FOOTER_BYTES, "footer's copy");
    if (!wanted.every((byte, index) => byte === start[index])) faults.push("The footer's copy is not like the footer.");
    if (this.#footerAt === undefined) faults.push("The footer at the end of the file is missing.");
    if (repair && faults.length > 0) await this.writeFooters();
    return faults;
  }

  async metadata(): Promise<FileRange[]> {
    const dataOffset = Number(this.#footer.dataOffset);
    return [
      { position: 0, length: VHD_FOOTER_BYTES },
      { position: dataOffset, length: VHD_DYNAMIC_HEADER_BYTES },
      { position: this.header.tableOffset, length: roundUp(this.#entries.length * 4) },
      ...this.#locatorRanges(),
    ];
  }

  async finishFile(endBytes: number): Promise<void> {
    const end = roundUp(endBytes);
    this.space.endBytes = end;
    await this.#file.write(end, encodeVhdFooter(this.#footer));
    this.#footerAt = end;
    await this.#file.flush();
    await this.#file.truncate(end + VHD_FOOTER_BYTES);
  }

  /** What a crash left behind the last block holds nothing; the footer goes where it belongs. */
  async dropTail(): Promise<void> {
    if (this.#footerAt !== undefined) return;
    await this.#file.truncate(this.space.endBytes);
    await this.writeFooter();
  }

  async resize(sizeBytes: number): Promise<void> {
    if (sizeBytes > VHD_MOST_BYTES) {
      throw new GuesthouseError("unsupported-size", "A VHD image holds 2040 GiB at most.", { sizeBytes });
    }
    const count = Math.ceil(sizeBytes / this.blockBytes);
    const before = this.#entries;
    const entries = new Uint32Array(count).fill(UNUSED);
    entries.set(before.subarray(0, count));
    if (count > before.length) {
      const fits = roundUp(count * 4) <= roundUp(before.length * 4);
      const position = fits ? this.header.tableOffset : this.space.endBytes;
      if (!fits) this.space.endBytes += roundUp(count * 4);
      const bytes = new Uint8Array(roundUp(count * 4)).fill(0xff);
      bytes.set(encodeVhdEntries(entries));
      await this.#file.write(position, bytes);
      this.header.tableOffset = position;
      await this.writeFooter();
      await this.#file.flush();
    }
    this.#entries = entries;
    this.header.maxTableEntries = count;
    // The size must never ask for more blocks than the header's table has.
    if (count > before.length) await this.writeHeader();
    this.#footer.currentSize = sizeBytes;
    await this.writeFooters();
    if (count < before.length) await this.writeHeader();
  }

  /** Locators and names go to the end of the file; the header then points there. Undefined makes the image a dynamic one. */
  async replaceReference(reference: BackingReference | undefined): Promise<void> {
    const none = { names: [], format: undefined, identity: undefined };
    const { fields, bytes } = vhdLocators(reference ?? none, this.space.endBytes);
    this.space.endBytes += bytes.length;
    await this.writeFooter();
    await this.#file.write(this.space.endBytes - bytes.length, bytes);
    await this.#file.flush();
    Object.assign(this.header, fields);
    await this.writeHeader();
    this.#footer.type = reference === undefined ? "dynamic" : "differencing";
    await this.writeFooters();
  }

  async writeHeader(): Promise<void> {
    await this.#file.write(Number(this.#footer.dataOffset), encodeVhdDynamicHeader(this.header));
    await this.#file.flush();
  }

  /** At the end of the file, where that has moved. */
  async writeFooter(): Promise<void> {
    const end = roundUp(this.space.endBytes);
    if (this.#footerAt === end) return;
    await this.#file.write(end, encodeVhdFooter(this.#footer));
    this.#footerAt = end;
  }

  /** Both, with what has changed in them; one is whole at any moment. */
  async writeFooters(): Promise<void> {
    const bytes = encodeVhdFooter(this.#footer);
    const end = roundUp(this.space.endBytes);
    await this.#file.write(end, bytes);
    this.#footerAt = end;
    await this.#file.flush();
    await this.#file.write(0, bytes);
    await this.#file.flush();
  }

  get hasFooter(): boolean {
    return this.#footerAt !== undefined;
  }

  #bitmap(block: number, position: number): Promise<SectorBitmap> {
    return this.#bitmaps.of(block, async () => {
      const bytes = new Uint8Array(this.headBytes);
      await this.#file.read(position, bytes);
      return bytes;
    });
  }

  /** As far as they are in the file: damaged ones may claim any room. */
  #locatorRanges(): FileRange[] {
    const { sizeBytes } = this.#file;
    return this.header.locators
      .filter(({ offset }) => offset < sizeBytes)
      .map(({ offset, space, length }) => ({
        position: offset,
        length: Math.min(Math.max(space, length), sizeBytes - offset),
      }));
  }

  #usedEnd(unitBytes: number): number {
    let end = Number(this.#footer.dataOffset) + VHD_DYNAMIC_HEADER_BYTES;
    end = Math.max(end, this.header.tableOffset + roundUp(this.#entries.length * 4));
    for (const { position, length } of this.#locatorRanges()) end = Math.max(end, position + length);
    for (const entry of this.#entries) {
      const unit = entry * SECTOR_BYTES;
      if (entry !== UNUSED && unit < this.#file.sizeBytes) end = Math.max(end, unit + unitBytes);
    }
    return roundUp(end);
  }
}

export function encodeVhdEntries(entries: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(entries.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, entry] of entries.entries()) view.setUint32(index * 4, entry);
  return bytes;
}

export function roundUp(bytes: number): number {
  return Math.ceil(bytes / SECTOR_BYTES) * SECTOR_BYTES;
}
