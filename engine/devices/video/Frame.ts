/**
 * The picture that is handed to viewers: pixels as 0xFFBBGGRR and what changed of them since the last hand-over. Lines are
 * compared as they are put, so that only real changes become damage.
 */
import type { Rect } from "../../contracts/DisplaySink.ts";

/** More rectangles than this are handed over as one that covers them all. */
const MAXIMUM_RECTS = 64;
const BLACK = 0xff000000;

export class Frame {
  width = 0;
  height = 0;
  pixels = new Uint32Array(0);
  #damage: Rect[] = [];

  /** A new size starts black and is damaged as a whole. Tells whether the size changed. */
  resize(width: number, height: number): boolean {
    if (width === this.width && height === this.height) return false;
    this.width = width;
    this.height = height;
    this.pixels = new Uint32Array(width * height).fill(BLACK);
    this.damageAll();
    return true;
  }

  clear(): void {
    if (this.pixels.every((pixel) => pixel === BLACK)) return;
    this.pixels.fill(BLACK);
    this.damageAll();
  }

  damageAll(): void {
    this.#damage = [{ x: 0, y: 0, width: this.width, height: this.height }];
  }

  /** Takes over a line of `width` pixels where it differs. */
  putLine(y: number, line: Uint32Array): void {
    const { pixels, width } = this;
    const start = y * width;
    let first = 0;
    while (first < width && pixels[start + first] === line[first]) first++;
    if (first === width) return;
    let last = width - 1;
    while (pixels[start + last] === line[last]) last--;
    pixels.set(line.subarray(first, last + 1), start + first);
    this.#addLine(first, y, last - first + 1);
  }

  /** Line `y` is to look like the line above it. */
  repeatLine(y: number): void {
    this.putLine(y, this.pixels.subarray((y - 1) * this.width, y * this.width));
  }

  /** A part was drawn into `pixels` directly. Parts side by side in one row become one. */
  addRect(x: number, y: number, width: number, height: number): void {
    const previous = this.#damage.at(-1);
    if (previous !== undefined && previous.y === y && previous.height === height && previous.x + previous.width === x) {
      previous.width += width;
      return;
    }
    this.#damage.push({ x, y, width, height });
  }

  /** Lines one below the other become one rectangle. */
  #addLine(x: number, y: number, width: number): void {
    const previous = this.#damage.at(-1);
    if (previous === undefined || previous.y + previous.height !== y) {
      this.#damage.push({ x, y, width, height: 1 });
      return;
    }
    const right = Math.max(previous.x + previous.width, x + width);
    previous.x = Math.min(previous.x, x);
    previous.width = right - previous.x;
    previous.height++;
  }

  takeDamage(): Rect[] {
    const damage = this.#damage;
    this.#damage = [];
    if (damage.length <= MAXIMUM_RECTS) return damage;
    const x = Math.min(...damage.map((rect) => rect.x));
    const y = Math.min(...damage.map((rect) => rect.y));
    const right = Math.max(...damage.map((rect) => rect.x + rect.width));
    const bottom = Math.max(...damage.map((rect) => rect.y + rect.height));
    return [{ x, y, width: right - x, height: bottom - y }];
  }
}
