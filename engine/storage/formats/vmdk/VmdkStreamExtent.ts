/**
 * A streamOptimized VMDK extent (Virtual Disk Format 5.0, "Stream-Optimized Compressed Sparse Extents"): grains deflated one by one behind a marker, tables after
 * the grains that they name, the directory and a footer at the end. It is read at any place. A new one is written from the disk's start to its end, and
 * its file from start to end too, so that it can go straight into an archive; tables are written when it is closed, and until then it is no
 * image. An existing one is never written.
 */
import { unzlibSync, zlibSync } from "fflate";
import { GuesthouseError } from "../../../base/GuesthouseError.ts";
import type { CheckReport, DiskImageInfo, Extent } from "../../../contracts/DiskImage.ts";
import { DiskImageBase, isZero } from "../../DiskImageBase.ts";
import { corruptImage } from "../sparse/corruptImage.ts";
import type { ImageFile } from "../sparse/ImageFile.ts";
import { encodeSectors, readEntries } from "./VmdkGrainMap.ts";
import { encodeVmdkHeader, parseVmdkHeader, type VmdkHeader, vmdkTableCount } from "./VmdkHeader.ts";

const SECTOR_BYTES = 512;
const markers = { endOfStream: 0, grainTable: 1, grainDirectory: 2, footer: 3 } as const;
const GRAIN_HEADER_BYTES = 12;
const CACHED_GRAINS = 32;
const CACHED_TABLES = 4096;

interface OpenGrain {
  readonly index: number;
  readonly bytes: Uint8Array;
}

export class VmdkStreamExtent extends DiskImageBase {
  readonly #file: ImageFile;
  readonly #header: VmdkHeader;
  readonly #grainBytes: number;
  readonly #directory: Uint32Array;
  readonly #tables = new Map<number, Uint32Array>();
  readonly #grains = new Map<number, Uint8Array>();
  /** Where the next byte goes, while the stream is written. */
  #end: number | undefined;
  #open: OpenGrain | undefined;
  /** All grains before this one are written or zero. */
  #next = 0;

  private constructor(file: ImageFile, header: VmdkHeader, directory: Uint32Array, end: number | undefined) {
    super({ readOnly: end === undefined, granuleBytes: Number.MAX_SAFE_INTEGER, backing: undefined });
    this.#file = file;
    this.#header = header;
    this.#grainBytes = header.grainSectors * SECTOR_BYTES;
    this.#directory = directory;
    this.#end = end;
  }

  static async open(file: ImageFile, first: VmdkHeader): Promise<VmdkStreamExtent> {
    let header = first;
    if (header.gdSector === undefined) {
      const footerAt = file.sizeBytes - 2 * SECTOR_BYTES;
      if (footerAt < SECTOR_BYTES) throw corruptImage(file.name, "it ends before its footer");
      header = parseVmdkHeader(await file.bytes(footerAt, SECTOR_BYTES, "footer"), file.name);
    }
    const position = (header.gdSector ?? 0) * SECTOR_BYTES;
    const directory = await readEntries(file, position, vmdkTableCount(header), "grain directory");
    return new VmdkStreamExtent(file, header, directory, undefined);
  }

  /** The file holds the header and the descriptor. */
  static create(file: ImageFile, header: VmdkHeader): VmdkStreamExtent {
    const directory = new Uint32Array(vmdkTableCount(header));
    return new VmdkStreamExtent(file, header, directory, header.overHeadSectors * SECTOR_BYTES);
  }

  get sizeBytes(): number {
    return this.#header.capacitySectors * SECTOR_BYTES;
  }

  protected async doInfo(): Promise<DiskImageInfo> {
    return {
      format: "vmdk",
      subformat: "streamOptimized",
      sizeBytes: this.sizeBytes,
      allocatedBytes: await this.#file.allocatedBytes(),
      backing: undefined,
      identity: undefined,
      encrypted: false,
      dirty: false,
    };
  }

  protected async doRead(offset: number, target: Uint8Array): Promise<void> {
    await this.#eachGrain(offset, target.length, async (index, within, at, length) => {
      const part = target.subarray(at, at + length);
      const grain = await this.#grain(index);
      if (grain === undefined) part.fill(0);
      else part.set(grain.subarray(within, within + length));
    });
  }

  protected async doWrite(offset: number, source: Uint8Array): Promise<void> {
    await this.#eachGrain(offset, source.length, async (index, within, at, length) => {
      const grain = await this.#grainToWrite(index);
      grain.set(source.subarray(at, at + length), within);
    });
  }

  protected async doWriteZeroes(offset: number, length: number): Promise<void> {
    await this.#eachGrain(offset, length, async (index, within, _at, count) => {
      if (this.#open?.index === index) this.#open.bytes.fill(0, within, within + count);
      else if (index < this.#next && (await this.#grain(index)) !== undefined) throw notInOrder();
    });
  }

  protected async doDiscard(): Promise<void> {}

  protected async doExtentAt(offset: number): Promise<Extent> {
    const first = await this.#holds(Math.floor(offset / this.#grainBytes));
    let end = offset - (offset % this.#grainBytes) + this.#grainBytes;
    while (end < this.sizeBytes && (await this.#holds(end / this.#grainBytes)) === first) end += this.#grainBytes;
    return { kind: first ? "data" : "absent", length: Math.min(end, this.sizeBytes) - offset };
  }

  /** What was written is with the host; the tables that make an image of it come last. */
  protected async doFlush(): Promise<void> {
    await this.#file.flush();
  }

  protected async doCheck(): Promise<CheckReport> {
    const errors: string[] = [];
    const count = Math.ceil(this.sizeBytes / this.#grainBytes);
    for (let index = 0; index < count && errors.length < 100; index++) {
      try {
        await this.#grain(index);
      } catch (error) {
        if (!(error instanceof GuesthouseError) || error.kind !== "corrupt-image") throw error;
        errors.push(`Grain ${index}: ${error.message}`);
      }
    }
    return { errors, leakedBytes: 0, repaired: 0 };
  }

  protected async doResize(): Promise<void> {
    throw new GuesthouseError("unsupported-operation", "A streamed disk cannot be resized; convert it first.");
  }

  protected async doCompact(): Promise<void> {}

  protected async doRebase(): Promise<void> {
    throw new GuesthouseError("unsupported-operation", "A streamed disk rests on nothing.");
  }

  protected async doClose(): Promise<void> {
    try {
      if (this.#end !== undefined) await this.#finish();
    } finally {
      await this.#file.close();
    }
  }

  async #eachGrain(
    offset: number,
    length: number,
    work: (index: number, within: number, at: number, length: number) => Promise<void>,
  ): Promise<void> {
    for (let at = 0; at < length; ) {
      const index = Math.floor((offset + at) / this.#grainBytes);
      const within = offset + at - index * this.#grainBytes;
      const count = Math.min(this.#grainBytes - within, length - at);
      await work(index, within, at, count);
      at += count;
    }
  }

  async #holds(index: number): Promise<boolean> {
    return this.#open?.index === index || (await this.#sectorOf(index)) > 1;
  }

  /** 0 and 1 are grains of zeros. */
  async #sectorOf(index: number): Promise<number> {
    const { entriesPerTable } = this.#header;
    const tableIndex = Math.floor(index / entriesPerTable);
    let table = this.#tables.get(tableIndex);
    if (table === undefined) {
      const sector = this.#directory[tableIndex] ?? 0;
      if (sector === 0) return 0;
      table = await readEntries(this.#file, sector * SECTOR_BYTES, entriesPerTable, "grain table");
      keep(this.#tables, tableIndex, table, CACHED_TABLES);
    }
    return table[index % entriesPerTable] ?? 0;
  }

  async #grain(index: number): Promise<Uint8Array | undefined> {
    if (this.#open?.index === index) return this.#open.bytes;
    const known = this.#grains.get(index);
    if (known !== undefined) return known;
    const sector = await this.#sectorOf(index);
    if (sector <= 1) return undefined;
    const grain = await this.#inflate(sector);
    keep(this.#grains, index, grain, CACHED_GRAINS);
    return grain;
  }

  async #inflate(sector: number): Promise<Uint8Array> {
    const position = sector * SECTOR_BYTES;
    const head = await this.#file.bytes(position, GRAIN_HEADER_BYTES, "grain");
    const length = new DataView(head.buffer).getUint32(8, true);
    // Deflate adds five bytes to each 64 KiB that it cannot shrink, and zlib six to the whole.
    if (length === 0 || length > this.#grainBytes * 1.01 + 4096) {
      throw corruptImage(this.#file.name, "a compressed grain has an impossible size", { sector, length });
    }
    const packed = await this.#file.bytes(position + GRAIN_HEADER_BYTES, length, "grain");
    const grain = new Uint8Array(this.#grainBytes);
    try {
      unzlibSync(packed, { out: grain });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw corruptImage(this.#file.name, `a grain cannot be decompressed (${reason})`, { sector });
    }
    return grain;
  }

  async #grainToWrite(index: number): Promise<Uint8Array> {
    if (this.#open?.index === index) return this.#open.bytes;
    if (index < this.#next) throw notInOrder();
    await this.#writeOpenGrain();
    await this.#endTables(Math.floor(index / this.#header.entriesPerTable));
    this.#open = { index, bytes: new Uint8Array(this.#grainBytes) };
    this.#next = index;
    return this.#open.bytes;
  }

  async #writeOpenGrain(): Promise<void> {
    const open = this.#open;
    if (open === undefined) return;
    if (!isZero(open.bytes)) {
      const packed = zlibSync(open.bytes);
      const bytes = new Uint8Array(roundUp(GRAIN_HEADER_BYTES + packed.length));
      const view = new DataView(bytes.buffer);
      view.setBigUint64(0, BigInt(open.index * this.#header.grainSectors), true);
      view.setUint32(8, packed.length, true);
      bytes.set(packed, GRAIN_HEADER_BYTES);
      const { entriesPerTable } = this.#header;
      const tableIndex = Math.floor(open.index / entriesPerTable);
      const table = this.#tables.get(tableIndex) ?? new Uint32Array(entriesPerTable);
      table[open.index % entriesPerTable] = await this.#append(bytes);
      this.#tables.set(tableIndex, table);
    }
    this.#open = undefined;
    this.#next = open.index + 1;
  }

  /** Writes the tables before this one that are not in the file yet: no more grains can come into them. */
  async #endTables(before: number): Promise<void> {
    for (const [index, table] of [...this.#tables].sort(([a], [b]) => a - b)) {
      if (index >= before || this.#directory[index] !== 0) continue;
      const bytes = encodeSectors(table);
      await this.#append(marker(bytes.length / SECTOR_BYTES, markers.grainTable));
      this.#directory[index] = await this.#append(bytes);
      keep(this.#tables, index, table, CACHED_TABLES);
    }
  }

  async #finish(): Promise<void> {
    await this.#writeOpenGrain();
    await this.#endTables(this.#directory.length);
    const bytes = encodeSectors(this.#directory);
    await this.#append(marker(bytes.length / SECTOR_BYTES, markers.grainDirectory));
    const gdSector = await this.#append(bytes);
    await this.#append(marker(1, markers.footer));
    await this.#append(encodeVmdkHeader({ ...this.#header, gdSector }));
    await this.#append(marker(0, markers.endOfStream));
    this.#end = undefined;
    await this.#file.flush();
  }

  /** The sector where it lies. */
  async #append(bytes: Uint8Array): Promise<number> {
    const position = this.#end ?? 0;
    await this.#file.write(position, bytes);
    this.#end = position + bytes.length;
    return position / SECTOR_BYTES;
  }
}

function marker(sectors: number, type: number): Uint8Array {
  const bytes = new Uint8Array(SECTOR_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(sectors), true);
  view.setUint32(12, type, true);
  return bytes;
}

function notInOrder(): GuesthouseError {
  return new GuesthouseError("unsupported-operation", "A streamed disk is written from its start to its end.");
}

/** Forgets the oldest when there are too many. */
function keep<Value>(map: Map<number, Value>, key: number, value: Value, most: number): void {
  map.delete(key);
  map.set(key, value);
  const oldest = map.keys().next();
  if (map.size > most && !oldest.done) map.delete(oldest.value);
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / SECTOR_BYTES) * SECTOR_BYTES;
}
