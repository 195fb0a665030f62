/**
 * The grains of a sparse VMDK extent: a directory of tables, each entry the first sector of a grain, and a second copy of both where the header says so. Tables
 * are read when they are needed. An entry of 1 is a grain of zeros, in extents that are marked for it.
 */
import type { BlockMap, BlockState, FileRange, Run } from "../sparse/BlockMap.ts";
import { consecutive } from "../sparse/consecutive.ts";
import { corruptImage } from "../sparse/corruptImage.ts";
import { FileSpace } from "../sparse/FileSpace.ts";
import type { ImageFile } from "../sparse/ImageFile.ts";
import { encodeVmdkHeader, type VmdkHeader, vmdkFlags, vmdkTableCount } from "./VmdkHeader.ts";

const SECTOR_BYTES = 512;
const ZERO_ENTRY = 1;
/** Tables in memory: 16 MiB where they have 512 entries. */
const MOST_TABLES = 8192;

interface GrainTable {
  readonly entries: Uint32Array;
  /** Grains whose entries are not in the file yet: the table stays in memory. */
  readonly unwritten: Set<number>;
}

export class VmdkGrainMap implements BlockMap {
  readonly blockBytes: number;
  readonly headBytes = 0;
  readonly unitAlignment = SECTOR_BYTES;
  readonly unitOrigin = 0;
  readonly marksZero: boolean;
  readonly keepsSectors = false;
  readonly fixed = false;
  readonly space: FileSpace;
  readonly #file: ImageFile;
  readonly #header: VmdkHeader;
  #directory: Uint32Array;
  #copies: Uint32Array | undefined;
  readonly #tables = new Map<number, GrainTable>();

  private constructor(file: ImageFile, header: VmdkHeader, directory: Uint32Array, copies: Uint32Array | undefined) {
    this.#file = file;
    this.#header = header;
    this.#directory = directory;
    this.#copies = copies;
    this.blockBytes = header.grainSectors * SECTOR_BYTES;
    this.marksZero = (header.flags & vmdkFlags.zeroedGrainEntry) !== 0;
    this.space = new FileSpace(this.blockBytes, roundUp(file.sizeBytes));
  }

  static async load(file: ImageFile, header: VmdkHeader): Promise<VmdkGrainMap> {
    const count = vmdkTableCount(header);
    const directory = await readEntries(file, (header.gdSector ?? 0) * SECTOR_BYTES, count, "grain directory");
    const redundant = (header.flags & vmdkFlags.redundantGrainTable) !== 0 && header.rgdSector !== 0;
    const copies = redundant
      ? await readEntries(file, header.rgdSector * SECTOR_BYTES, count, "redundant grain directory")
      : undefined;
    const tableBytes = header.entriesPerTable * 4;
    // A copy at an impossible place is left alone until a repair makes another.
    const found = copies?.map((sector) => (sector * SECTOR_BYTES + tableBytes > file.sizeBytes ? 0 : sector));
    return new VmdkGrainMap(file, header, directory, found);
  }

  sizeBytes(): number {
    return this.#header.capacitySectors * SECTOR_BYTES;
  }

  blockCount(): number {
    return Math.ceil(this.#header.capacitySectors / this.#header.grainSectors);
  }

  async state(block: number): Promise<BlockState> {
    const { entriesPerTable } = this.#header;
    const index = Math.floor(block / entriesPerTable);
    if (!this.#tables.has(index) && (this.#directory[index] ?? 0) === 0) return "absent";
    const table = await this.#table(index);
    const entry = table.entries[block % entriesPerTable] ?? 0;
    if (entry === 0) return "absent";
    return entry === ZERO_ENTRY && this.marksZero ? "zero" : entry * SECTOR_BYTES;
  }

  async run(offset: number): Promise<Run> {
    const block = Math.floor(offset / this.blockBytes);
    const within = offset - block * this.blockBytes;
    const length = Math.min(this.blockBytes - within, this.sizeBytes() - offset);
    const state = await this.state(block);
    if (typeof state !== "number") return { kind: state, position: 0, length };
    return { kind: "data", position: state + within, length };
  }

  /** A table that does not exist yet gets its place now; the directory names it with the first entry. */
  async prepareUnit(block: number): Promise<void> {
    const index = Math.floor(block / this.#header.entriesPerTable);
    if ((this.#directory[index] ?? 0) !== 0) return;
    this.#directory[index] = await this.#newTable();
    if (this.#copies !== undefined && (this.#copies[index] ?? 0) === 0) this.#copies[index] = await this.#newTable();
  }

  async setState(block: number, state: BlockState): Promise<void> {
    if (typeof state !== "number") await this.prepareUnit(block);
    const { entriesPerTable } = this.#header;
    const table = await this.#table(Math.floor(block / entriesPerTable));
    table.entries[block % entriesPerTable] =
      typeof state === "number" ? state / SECTOR_BYTES : state === "zero" ? ZERO_ENTRY : 0;
    table.unwritten.add(block);
  }

  async writeEntries(blocks: readonly number[]): Promise<void> {
    const { entriesPerTable } = this.#header;
    const writes: { position: number; bytes: Uint8Array }[] = [];
    const touched = new Set(blocks.map((block) => Math.floor(block / entriesPerTable)));
    for (const { first, count } of consecutive([...touched])) writes.push(...this.#directoryWrites(first, count));
    for (const { first, count } of consecutive(blocks)) {
      for (let block = first; block < first + count; ) {
        const index = Math.floor(block / entriesPerTable);
        const end = Math.min(first + count, (index + 1) * entriesPerTable);
        writes.push(...this.#tableWrites(index, block % entriesPerTable, end - block));
        block = end;
      }
    }
    for (const block of blocks) this.#tables.get(Math.floor(block / entriesPerTable))?.unwritten.delete(block);
    try {
      for (const { position, bytes } of writes) await this.#file.write(position, bytes);
    } catch (error) {
      for (const block of blocks) (await this.#table(Math.floor(block / entriesPerTable))).unwritten.add(block);
      throw error;
    }
  }

  /** The second copy is like the first, which is the one that is read. */
  async checkTables(repair: boolean): Promise<string[]> {
    const copies = this.#copies;
    if (copies === undefined) return [];
    const faults: string[] = [];
    for (const [index, sector] of this.#directory.entries()) {
      const copySector = copies[index] ?? 0;
      if (sector === 0 && copySector === 0) continue;
      const count = this.#header.entriesPerTable;
      const first = await readEntries(this.#file, sector * SECTOR_BYTES, count, "grain table");
      const second = await readPadded(this.#file, copySector * SECTOR_BYTES, count);
      if (sector !== 0 && copySector !== 0 && first.every((entry, at) => entry === second[at])) continue;
      faults.push(`The redundant grain table ${index} is not like the first.`);
      if (!repair) continue;
      if (sector === 0) this.#directory[index] = await this.#newTable();
      if (copySector === 0) copies[index] = await this.#newTable();
      const table = await this.#table(index);
      await this.#file.write((copies[index] ?? 0) * SECTOR_BYTES, encodeSectors(table.entries));
      for (const { position, bytes } of this.#directoryWrites(index, 1)) await this.#file.write(position, bytes);
    }
    return faults;
  }

  async metadata(): Promise<FileRange[]> {
    const header = this.#header;
    const tableBytes = roundUp(header.entriesPerTable * 4);
    const directoryBytes = roundUp(this.#directory.length * 4);
    const overHead = header.overHeadSectors * SECTOR_BYTES;
    const ranges = [
      { position: 0, length: Math.max(SECTOR_BYTES, Math.min(overHead, roundUp(this.#file.sizeBytes))) },
      { position: (header.gdSector ?? 0) * SECTOR_BYTES, length: directoryBytes },
    ];
    if (this.#copies !== undefined) ranges.push({ position: header.rgdSector * SECTOR_BYTES, length: directoryBytes });
    for (const sector of [...this.#directory, ...(this.#copies ?? [])]) {
      if (sector !== 0) ranges.push({ position: sector * SECTOR_BYTES, length: tableBytes });
    }
    return ranges;
  }

  async finishFile(endBytes: number): Promise<void> {
    await this.#file.truncate(endBytes);
  }

  /** A larger directory goes to the end of the file, with its new tables; the header, one sector, then points there. */
  async resize(sizeBytes: number): Promise<void> {
    const header = this.#header;
    const next = { ...header, capacitySectors: sizeBytes / SECTOR_BYTES };
    const count = vmdkTableCount(next);
    const before = this.#directory.length;
    if (count > before) {
      const directory = new Uint32Array(count);
      directory.set(this.#directory);
      for (let index = before; index < count; index++) directory[index] = await this.#newTable();
      next.gdSector = await this.#append(encodeSectors(directory));
      this.#directory = directory;
      if (this.#copies !== undefined) {
        const copies = new Uint32Array(count);
        copies.set(this.#copies);
        for (let index = before; index < count; index++) copies[index] = await this.#newTable();
        next.rgdSector = await this.#append(encodeSectors(copies));
        this.#copies = copies;
      }
      await this.#file.extend(this.space.endBytes);
      await this.#file.flush();
    }
    Object.assign(header, next);
    await this.#file.write(0, encodeVmdkHeader(header));
    await this.#file.flush();
    if (count < before) {
      this.#directory = this.#directory.slice(0, count);
      this.#copies = this.#copies?.slice(0, count);
      for (const index of this.#tables.keys()) if (index >= count) this.#tables.delete(index);
    }
  }

  #directoryWrites(first: number, count: number): { position: number; bytes: Uint8Array }[] {
    const { gdSector = 0, rgdSector } = this.#header;
    const part = (entries: Uint32Array, sector: number) => ({
      position: sector * SECTOR_BYTES + first * 4,
      bytes: encode(entries.subarray(first, first + count)),
    });
    const writes = [part(this.#directory, gdSector)];
    if (this.#copies !== undefined) writes.push(part(this.#copies, rgdSector));
    return writes;
  }

  #tableWrites(index: number, first: number, count: number): { position: number; bytes: Uint8Array }[] {
    const table = this.#tables.get(index);
    if (table === undefined) throw new Error(`Grain table ${index} with changes is not in memory.`);
    const bytes = encode(table.entries.subarray(first, first + count));
    return [this.#directory[index] ?? 0, this.#copies?.[index] ?? 0]
      .filter((sector) => sector !== 0)
      .map((sector) => ({ position: sector * SECTOR_BYTES + first * 4, bytes }));
  }

  async #newTable(): Promise<number> {
    return await this.#append(new Uint8Array(roundUp(this.#header.entriesPerTable * 4)));
  }

  async #append(bytes: Uint8Array): Promise<number> {
    const position = this.space.endBytes;
    this.space.endBytes += roundUp(bytes.length);
    await this.#file.write(position, bytes);
    return position / SECTOR_BYTES;
  }

  async #table(index: number): Promise<GrainTable> {
    const known = this.#tables.get(index);
    if (known !== undefined) return known;
    const sector = this.#directory[index] ?? 0;
    const count = this.#header.entriesPerTable;
    const entries = await readEntries(this.#file, sector * SECTOR_BYTES, count, "grain table");
    const meanwhile = this.#tables.get(index);
    if (meanwhile !== undefined) return meanwhile;
    const table = { entries, unwritten: new Set<number>() };
    this.#tables.set(index, table);
    if (this.#tables.size > MOST_TABLES) this.#forgetOne(index);
    return table;
  }

  #forgetOne(kept: number): void {
    for (const [index, { unwritten }] of this.#tables) {
      if (index === kept || unwritten.size > 0) continue;
      this.#tables.delete(index);
      return;
    }
  }
}

export async function readEntries(
  file: ImageFile,
  position: number,
  count: number,
  what: string,
): Promise<Uint32Array> {
  if (position === 0) throw corruptImage(file.name, `it has no ${what}`);
  return decode(await file.bytes(position, count * 4, what), count);
}

async function readPadded(file: ImageFile, position: number, count: number): Promise<Uint32Array> {
  const bytes = new Uint8Array(count * 4);
  await file.read(position, bytes);
  return decode(bytes, count);
}

function decode(bytes: Uint8Array, count: number): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Uint32Array.from({ length: count }, (_, index) => view.getUint32(index * 4, true));
}

function encode(entries: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(entries.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, entry] of entries.entries()) view.setUint32(index * 4, entry, true);
  return bytes;
}

export function encodeSectors(entries: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(roundUp(entries.length * 4));
  bytes.set(encode(entries));
  return bytes;
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / SECTOR_BYTES) * SECTOR_BYTES;
}
