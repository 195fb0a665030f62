/**
 * A disk image whose blocks lie anywhere in a file, found through tables: VDI, VHD, VHDX and sparse VMDK extents. The format's BlockMap knows
 * the tables; this class does what is the same for all. Data is written first, then made stable, and only then do tables
 * refer to it. That happens behind the requests: a write is answered when its data is with the host, a flush when the
 * tables are stable too. A crash at any moment leaves the tables of some earlier moment and nothing flushed is lost.
 */
import { GuesthouseError } from "../../../base/GuesthouseError.ts";
import type { BackingReference, CheckReport, DiskImageInfo, Extent, LongWork } from "../../../contracts/DiskImage.ts";
import { DiskImageBase } from "../../DiskImageBase.ts";
import type { BackingReader } from "./BackingReader.ts";
import type { BlockMap, Run } from "./BlockMap.ts";
import { checkBlocks } from "./checkBlocks.ts";
import type { ImageFacts } from "./ImageFacts.ts";
import type { ImageFile } from "./ImageFile.ts";
import { packUnits } from "./packUnits.ts";
import { releaseZeroBlocks } from "./releaseZeroBlocks.ts";
import { TableCommitter } from "./TableCommitter.ts";

/** Blocks are filled in parts of this size. */
const CHUNK_BYTES = 1024 * 1024;
/** An answer about extents looks at so many blocks at most. */
const EXTENT_BLOCKS = 1024;

export class SparseImage extends DiskImageBase {
  readonly #file: ImageFile;
  readonly #map: BlockMap;
  readonly #facts: ImageFacts;
  readonly #behind: BackingReader;
  readonly #tables: TableCommitter;
  #firstWrite: Promise<void> | undefined;

  constructor(file: ImageFile, map: BlockMap, facts: ImageFacts, behind: BackingReader) {
    super({ readOnly: !file.writable, granuleBytes: map.blockBytes, backing: behind.device });
    this.#file = file;
    this.#map = map;
    this.#facts = facts;
    this.#behind = behind;
    this.#tables = new TableCommitter(file, map);
  }

  get sizeBytes(): number {
    return this.#map.sizeBytes();
  }

  protected async doInfo(): Promise<DiskImageInfo> {
    const allocatedBytes = await this.#file.allocatedBytes();
    return { ...this.#facts.info(), sizeBytes: this.sizeBytes, allocatedBytes };
  }

  protected async doRead(offset: number, target: Uint8Array): Promise<void> {
    const end = offset + target.length;
    for (let at = offset; at < end; ) {
      const run = await this.#runAt(at, end);
      const part = target.subarray(at - offset, at - offset + run.length);
      if (run.kind === "data") await this.#file.read(this.#inFile(run.position), part);
      else if (run.kind === "zero") part.fill(0);
      else await this.#behind.read(at, part);
      at += run.length;
    }
  }

  protected async doWrite(offset: number, source: Uint8Array): Promise<void> {
    await this.#changing(offset, source.length, async (block, from, to) => {
      await this.#writePart(block, from, source.subarray(from - offset, to - offset));
    });
  }

  protected async doWriteZeroes(offset: number, length: number): Promise<void> {
    await this.#changing(offset, length, async (block, from, to) => {
      await this.#zeroPart(block, from, to, false);
    });
  }

  /** Gives whole blocks back and leaves parts of blocks as they are. */
  protected async doDiscard(offset: number, length: number): Promise<void> {
    await this.#changing(offset, length, async (block, from, to) => {
      await this.#zeroPart(block, from, to, true);
    });
  }

  protected async doExtentAt(offset: number): Promise<Extent> {
    const first = await this.#map.run(offset);
    let length = first.length;
    for (let count = 0; count < EXTENT_BLOCKS && offset + length < this.sizeBytes; count++) {
      const next = await this.#map.run(offset + length);
      if (next.kind !== first.kind) break;
      length += next.length;
    }
    return { kind: first.kind, length };
  }

  /** Later writes wait, so that the tables come to an end. */
  protected async doFlush(): Promise<void> {
    await this.locks.run(0, this.sizeBytes, false, () => this.#tables.flush());
  }

  protected async doCheck(repair: boolean, work: LongWork): Promise<CheckReport> {
    if (!this.readOnly) await this.#tables.flush();
    if (repair) await this.#prepareToWrite();
    return await checkBlocks(this.#file, this.#map, this.#tables, repair, work);
  }

  protected async doCompact(work: LongWork): Promise<void> {
    await this.#prepareToWrite();
    if (this.#map.fixed) return;
    if (!this.#behind.exists || this.#map.marksZero) {
      await releaseZeroBlocks(this.#file, this.#map, this.#tables, this.#behind.exists, work);
    }
    await packUnits(this.#file, this.#map, this.#tables, work);
  }

  protected async doResize(sizeBytes: number): Promise<void> {
    await this.#prepareToWrite();
    const before = this.sizeBytes;
    if (sizeBytes < before) {
      await this.#clearTail(sizeBytes, before);
      if (!this.#map.fixed) await packUnits(this.#file, this.#map, this.#tables, {});
    }
    await this.#tables.flush();
    await this.#map.resize(sizeBytes);
    await this.#facts.resized(sizeBytes);
    if (sizeBytes > before) await this.#clearGrown(before, sizeBytes);
    await this.#tables.flush();
  }

  protected async doRebase(backing: BackingReference | undefined): Promise<void> {
    await this.#prepareToWrite();
    await this.#tables.flush();
    await this.#facts.rebase(backing);
    await this.#file.flush();
  }

  protected async doClose(): Promise<void> {
    try {
      if (this.readOnly) return;
      await this.#tables.flush();
      // Some programs take free places between blocks for damage, and nobody else would use them again.
      if (this.#map.space.holes > 0) await packUnits(this.#file, this.#map, this.#tables, {});
    } finally {
      await this.#tables.end();
      await this.#file.close();
    }
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

  /** Does `work` for each block that the range touches. */
  async #changing(
    offset: number,
    length: number,
    work: (block: number, from: number, to: number) => Promise<void>,
  ): Promise<void> {
    const { blockBytes } = this.#map;
    const end = offset + length;
    await this.#prepareToWrite();
    for (let block = Math.floor(offset / blockBytes); block * blockBytes < end; block++) {
      const start = block * blockBytes;
      await work(block, Math.max(offset, start), Math.min(end, start + blockBytes));
    }
    this.#tables.start();
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
  async #clearTail(newSize: number, before: number): Promise<void> {
    const map = this.#map;
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
}
