/**
 * A disk image whose blocks lie anywhere in a file, found through tables: VDI, VHD, VHDX and sparse VMDK extents. The format's BlockMap knows
 * the tables; this class does what is the same for all. Data is written first, then made stable, and only then do tables
 * refer to it. That happens behind the requests: a write is answered when its data is with the host, a flush when the
 * tables are stable too. A crash at any moment leaves the tables of some earlier moment and nothing flushed is lost.
 */
import { GuesthouseError } from "../../../base/GuesthouseError.ts";
import type { BlockDevice } from "../../../contracts/BlockDevice.ts";
import type {
  BackingReference,
  CheckReport,
  DiskImage,
  DiskImageInfo,
  Extent,
  LongWork,
} from "../../../contracts/DiskImage.ts";
import type { BackingReader } from "./BackingReader.ts";
import type { BlockMap, Run } from "./BlockMap.ts";
import { checkBlocks } from "./checkBlocks.ts";
import { checkRange } from "./checkRange.ts";
import type { ImageFacts } from "./ImageFacts.ts";
import type { ImageFile } from "./ImageFile.ts";
import { packUnits } from "./packUnits.ts";
import { RequestOrder } from "./RequestOrder.ts";
import { releaseZeroBlocks } from "./releaseZeroBlocks.ts";
import { TableCommitter } from "./TableCommitter.ts";

/** Blocks are filled in parts of this size. */
const CHUNK_BYTES = 1024 * 1024;
/** An answer about extents looks at so many blocks at most. */
const EXTENT_BLOCKS = 1024;

export class SparseImage implements DiskImage {
  readonly blockSize = 512;
  readonly readOnly: boolean;
  readonly #file: ImageFile;
  readonly #map: BlockMap;
  readonly #facts: ImageFacts;
  readonly #behind: BackingReader;
  readonly #order = new RequestOrder();
  readonly #tables: TableCommitter;
  #firstWrite: Promise<void> | undefined;
  #closed = false;

  constructor(file: ImageFile, map: BlockMap, facts: ImageFacts, behind: BackingReader) {
    this.#file = file;
    this.#map = map;
    this.#facts = facts;
    this.#behind = behind;
    this.readOnly = !file.writable;
    this.#tables = new TableCommitter(file, map);
  }

  get sizeBytes(): number {
    return this.#map.sizeBytes();
  }

  get backing(): BlockDevice | undefined {
    return this.#behind.device;
  }

  async info(): Promise<DiskImageInfo> {
    const allocatedBytes = await this.#file.allocatedBytes();
    return { ...this.#facts.info(), sizeBytes: this.sizeBytes, allocatedBytes };
  }

  async read(offset: number, target: Uint8Array): Promise<void> {
    this.#check(offset, target.length, false);
    const end = offset + target.length;
    await this.#order.run(offset, end, false, async () => {
      for (let at = offset; at < end; ) {
        const run = await this.#runAt(at, end);
        const part = target.subarray(at - offset, at - offset + run.length);
        if (run.kind === "data") await this.#file.read(this.#inFile(run.position), part);
        else if (run.kind === "zero") part.fill(0);
        else await this.#behind.read(at, part);
        at += run.length;
      }
    });
  }

  async write(offset: number, source: Uint8Array): Promise<void> {
    this.#check(offset, source.length, true);
    await this.#changing(offset, source.length, async (block, from, to) => {
      await this.#writePart(block, from, source.subarray(from - offset, to - offset));
    });
  }

  async writeZeroes(offset: number, length: number): Promise<void> {
    this.#check(offset, length, true);
    await this.#changing(offset, length, async (block, from, to) => {
      await this.#zeroPart(block, from, to, false);
    });
  }

  /** Gives whole blocks back and leaves parts of blocks as they are. */
  async discard(offset: number, length: number): Promise<void> {
    this.#check(offset, length, true);
    await this.#changing(offset, length, async (block, from, to) => {
      await this.#zeroPart(block, from, to, true);
    });
  }

  async extentAt(offset: number): Promise<Extent> {
    this.#check(offset, 512, false);
    return await this.#order.run(offset, offset + 512, false, async () => {
      const first = await this.#map.run(offset);
      let length = first.length;
      for (let count = 0; count < EXTENT_BLOCKS && offset + length < this.sizeBytes; count++) {
        const next = await this.#map.run(offset + length);
        if (next.kind !== first.kind) break;
        length += next.length;
      }
      return { kind: first.kind, length };
    });
  }

  async flush(): Promise<void> {
    this.#checkOpen();
    if (this.readOnly) return;
    await this.#order.run(0, Number.POSITIVE_INFINITY, false, () => this.#tables.flush());
  }

  async check(repair: boolean, work: LongWork = {}): Promise<CheckReport> {
    this.#checkOpen();
    if (repair) this.#checkWritable();
    return await this.#order.alone(async () => {
      if (!this.readOnly) await this.#tables.flush();
      if (repair) await this.#prepareToWrite();
      return await checkBlocks(this.#file, this.#map, this.#tables, repair, work);
    });
  }

  async compact(work: LongWork = {}): Promise<void> {
    this.#checkOpen();
    this.#checkWritable();
    await this.#order.alone(async () => {
      await this.#prepareToWrite();
      if (this.#map.fixed) return;
      if (!this.#behind.exists || this.#map.marksZero) {
        await releaseZeroBlocks(this.#file, this.#map, this.#tables, this.#behind.exists, work);
      }
      await packUnits(this.#file, this.#map, this.#tables, work);
    });
  }

  async resize(sizeBytes: number, truncate = false): Promise<void> {
    this.#checkOpen();
    this.#checkWritable();
    if (sizeBytes <= 0 || sizeBytes % this.blockSize !== 0) {
      throw new GuesthouseError("unsupported-size", "A disk has a whole number of sectors.", { sizeBytes });
    }
    await this.#order.alone(async () => {
      await this.#prepareToWrite();
      const before = this.sizeBytes;
      if (sizeBytes < before) await this.#clearTail(sizeBytes, before, truncate);
      if (sizeBytes < before && !this.#map.fixed) await packUnits(this.#file, this.#map, this.#tables, {});
      await this.#tables.flush();
      await this.#map.resize(sizeBytes);
      await this.#facts.resized(sizeBytes);
      if (sizeBytes > before) await this.#clearGrown(before, sizeBytes);
      await this.#tables.flush();
    });
  }

  async rebase(backing: BackingReference | undefined): Promise<void> {
    this.#checkOpen();
    this.#checkWritable();
    await this.#order.alone(async () => {
      await this.#tables.flush();
      await this.#facts.rebase(backing);
      await this.#file.flush();
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#order.alone(async () => {
      try {
        if (!this.readOnly) {
          await this.#tables.flush();
          if (this.#map.closesPacked && this.#map.space.holes > 0) {
            await packUnits(this.#file, this.#map, this.#tables, {});
          }
        }
      } finally {
        await this.#tables.end();
        await this.#file.close();
        await this.#behind.device?.close();
      }
    });
  }

  /** The bytes of the disk that are in one run, across blocks that lie one after the other. */
  async #runAt(offset: number, end: number): Promise<Run> {
    const { kind, position, length: first } = await this.#map.run(offset);
    let length = Math.min(first, end - offset);
    while (offset + length < end) {
      const next = await this.#map.run(offset + length);
      if (next.kind !== kind || (kind === "data" && next.position !== position + length)) break;
      length = Math.min(length + next.length, end - offset);
    }
    return { kind, position, length };
  }

  /** Does `work` for each block that the range touches, with no other request in these blocks. */
  async #changing(
    offset: number,
    length: number,
    work: (block: number, from: number, to: number) => Promise<void>,
  ): Promise<void> {
    const { blockBytes } = this.#map;
    const end = offset + length;
    const firstBlock = Math.floor(offset / blockBytes);
    const afterLast = Math.ceil(end / blockBytes);
    await this.#order.run(firstBlock * blockBytes, afterLast * blockBytes, true, async () => {
      await this.#prepareToWrite();
      for (let block = firstBlock; block < afterLast; block++) {
        const start = block * blockBytes;
        await work(block, Math.max(offset, start), Math.min(end, start + blockBytes));
      }
      this.#tables.start();
    });
  }

  async #writePart(block: number, from: number, source: Uint8Array): Promise<void> {
    const map = this.#map;
    const state = await map.state(block);
    if (typeof state !== "number") return await this.#writeNewBlock(block, state, from, source);
    await this.#file.write(this.#inFile(state) + map.headBytes + from - block * map.blockBytes, source);
    if (map.keepsSectors && (await map.holdSectors?.(from, source.length))) this.#tables.add(block);
  }

  async #writeNewBlock(block: number, state: "zero" | "absent", from: number, source: Uint8Array): Promise<void> {
    const map = this.#map;
    const start = block * map.blockBytes;
    const unit = map.space.take();
    const dataPosition = unit.position + map.headBytes;
    const copies = state === "absent" && this.#behind.exists;
    try {
      await map.prepareUnit(block, unit.position);
      const alone = (copies && map.keepsSectors) || (!copies && unit.clean);
      if (!alone) await this.#fillUnit(dataPosition, start, copies, unit.clean);
      await this.#file.write(dataPosition + from - start, source);
    } catch (error) {
      map.space.untake(unit.position);
      throw error;
    }
    await map.setState(block, unit.position);
    if (map.keepsSectors) {
      const all = !copies;
      const length = all ? Math.min(map.blockBytes, this.sizeBytes - start) : source.length;
      await map.holdSectors?.(all ? start : from, length);
    }
    this.#tables.add(block);
  }

  /** What a block held before it got its unit: the backing image's bytes, or zeros. */
  async #fillUnit(dataPosition: number, start: number, copies: boolean, clean: boolean): Promise<void> {
    const { blockBytes } = this.#map;
    const inDisk = Math.min(blockBytes, this.sizeBytes - start);
    const total = clean ? inDisk : blockBytes;
    const chunk = new Uint8Array(Math.min(CHUNK_BYTES, total));
    for (let at = 0; at < total; at += chunk.length) {
      const part = chunk.subarray(0, Math.min(chunk.length, total - at));
      const copied = copies ? Math.max(0, Math.min(part.length, inDisk - at)) : 0;
      if (copied > 0) await this.#behind.read(start + at, part.subarray(0, copied));
      part.fill(0, copied);
      await this.#file.write(dataPosition + at, part);
    }
  }

  async #zeroPart(block: number, from: number, to: number, mayLeave: boolean): Promise<void> {
    const map = this.#map;
    const state = await map.state(block);
    if (state === "zero" || (state === "absent" && !this.#behind.exists)) return;
    const start = block * map.blockBytes;
    const whole = from === start && to === Math.min(start + map.blockBytes, this.sizeBytes);
    if (whole && !map.fixed && (map.marksZero || !this.#behind.exists)) {
      await map.setState(block, this.#behind.exists ? "zero" : "absent");
      if (typeof state === "number") map.space.release(state);
      this.#tables.add(block);
      return;
    }
    if (typeof state === "number" && !map.keepsSectors) {
      const position = state + map.headBytes + from - start;
      if (await this.#file.punchHole(position, to - from)) return;
    }
    if (mayLeave) return;
    const zeros = new Uint8Array(Math.min(CHUNK_BYTES, to - from));
    for (let at = from; at < to; at += zeros.length) {
      await this.#writePart(block, at, zeros.subarray(0, Math.min(zeros.length, to - at)));
    }
  }

  /** Before the disk gets shorter: nothing past `newSize` is left, in tables or in the last block. */
  async #clearTail(newSize: number, before: number, truncate: boolean): Promise<void> {
    const map = this.#map;
    if (!truncate) await this.#refuseData(newSize, before);
    const firstGone = Math.ceil(newSize / map.blockBytes);
    for (let block = firstGone; block < map.blockCount(); block++) {
      const state = await map.state(block);
      if (state === "absent" || map.fixed) continue;
      await map.setState(block, "absent");
      if (typeof state === "number") map.space.release(state);
      this.#tables.add(block);
    }
    const tail = Math.min(firstGone * map.blockBytes, before);
    if (newSize < tail && typeof (await map.state(firstGone - 1)) === "number") {
      await this.#zeroPart(firstGone - 1, newSize, tail, false);
    }
  }

  async #refuseData(from: number, to: number): Promise<void> {
    const chunk = new Uint8Array(CHUNK_BYTES);
    for (let at = from; at < to; ) {
      const run = await this.#runAt(at, Math.min(to, at + CHUNK_BYTES));
      const part = chunk.subarray(0, run.length);
      if (run.kind === "data") {
        await this.#file.read(run.position, part);
        if (part.some((byte) => byte !== 0)) {
          throw new GuesthouseError("truncation-needed", "The disk holds data past the new size.", { offset: at });
        }
      }
      at += run.length;
    }
  }

  /** After the disk got longer: the new part is zero, in the rest of the last block and over a longer backing image. */
  async #clearGrown(before: number, sizeBytes: number): Promise<void> {
    const { blockBytes } = this.#map;
    const covered = Math.max(Math.ceil(before / blockBytes) * blockBytes, this.#behind.sizeBytes);
    const end = Math.min(sizeBytes, covered);
    for (let at = before; at < end; ) {
      const block = Math.floor(at / blockBytes);
      const to = Math.min(end, (block + 1) * blockBytes);
      const outside = at >= this.#behind.sizeBytes && typeof (await this.#map.state(block)) !== "number";
      if (!outside) await this.#zeroPart(block, at, to, false);
      at = to;
    }
  }

  /** Damaged tables may point anywhere: what lies past all that was ever stored is no data, and writing there would blow the file up. */
  #inFile(position: number): number {
    if (position >= Math.max(this.#file.sizeBytes, this.#map.space.endBytes)) {
      throw new GuesthouseError("corrupt-image", "A table of the image points past the end of the file.", {
        name: this.#file.name,
        position,
        fileBytes: this.#file.sizeBytes,
      });
    }
    return position;
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

  #checkOpen(): void {
    if (this.#closed) throw new GuesthouseError("closed", "The image is closed.");
  }

  #checkWritable(): void {
    if (this.readOnly) throw new GuesthouseError("read-only", "The image is read-only.");
  }

  #check(offset: number, length: number, writes: boolean): void {
    this.#checkOpen();
    checkRange(this.sizeBytes, this.blockSize, offset, length);
    if (writes) this.#checkWritable();
  }
}
