/**
 * The sector bitmaps of blocks as far as memory holds them: those that were read, and those that changed since the file's tables were written,
 * which always stay. Blocks are told by number; where a bitmap lies in the file is the format's affair.
 */
import { SectorBitmap } from "./SectorBitmap.ts";

export class BitmapCache {
  readonly #most: number;
  readonly #highestFirst: boolean;
  readonly #bitmaps = new Map<number, SectorBitmap>();
  readonly #changed = new Set<number>();

  /** More than `most` only when all of them have changed. The order of bits is the format's: see SectorBitmap. */
  constructor(most: number, highestFirst: boolean) {
    this.#most = most;
    this.#highestFirst = highestFirst;
  }

  /** `read` is asked for the bytes where they are not known. */
  async of(block: number, read: () => Promise<Uint8Array>): Promise<SectorBitmap> {
    const known = this.#bitmaps.get(block);
    if (known !== undefined) return known;
    const bytes = await read();
    // Another request may have read it meanwhile, and changed it.
    const meanwhile = this.#bitmaps.get(block);
    if (meanwhile !== undefined) return meanwhile;
    const bitmap = new SectorBitmap(bytes, this.#highestFirst);
    this.#remember(block, bitmap);
    return bitmap;
  }

  /** A block that held nothing so far: its bitmap is to be written. */
  start(block: number, sizeBytes: number): void {
    this.change(block, new SectorBitmap(new Uint8Array(sizeBytes), this.#highestFirst));
  }

  /** The bitmap differs from the file's now. */
  change(block: number, bitmap: SectorBitmap): void {
    this.#remember(block, bitmap);
    this.#changed.add(block);
  }

  drop(block: number): void {
    this.#bitmaps.delete(block);
    this.#changed.delete(block);
  }

  /** All from this block on. */
  dropFrom(first: number): void {
    for (const block of this.#bitmaps.keys()) if (block >= first) this.#bitmaps.delete(block);
  }

  /** Those of these blocks that have changed, with a copy of the bytes to write. They count as written from now on; `changeAgain` takes that back. */
  takeChanged(blocks: readonly number[]): { block: number; bytes: Uint8Array }[] {
    const taken: { block: number; bytes: Uint8Array }[] = [];
    for (const block of blocks) {
      const bitmap = this.#changed.delete(block) ? this.#bitmaps.get(block) : undefined;
      if (bitmap !== undefined) taken.push({ block, bytes: bitmap.bytes.slice() });
    }
    return taken;
  }

  /** Writing these failed. */
  changeAgain(blocks: readonly number[]): void {
    for (const block of blocks) if (this.#bitmaps.has(block)) this.#changed.add(block);
  }

  /** A bitmap that the file holds need not stay in memory. */
  #remember(block: number, bitmap: SectorBitmap): void {
    this.#bitmaps.set(block, bitmap);
    if (this.#bitmaps.size <= this.#most) return;
    for (const other of this.#bitmaps.keys()) {
      if (other === block || this.#changed.has(other)) continue;
      this.#bitmaps.delete(other);
      return;
    }
  }
}
