/**
 * What a viewer has not seen yet, as rectangles. When there are more than a few, those that cost least are joined, so that a
 * slow viewer's arrears stay bounded. Rectangles may overlap.
 */
import type { Rect } from "../contracts/DisplaySink.ts";

const RECTS_MAX = 24;

export class DamageRegion {
  #rects: Rect[] = [];

  get empty(): boolean {
    return this.#rects.length === 0;
  }

  add(rects: readonly Rect[]): void {
    for (const rect of rects) {
      if (rect.width <= 0 || rect.height <= 0 || this.#rects.some((known) => contains(known, rect))) continue;
      this.#rects = this.#rects.filter((known) => !contains(rect, known));
      this.#rects.push({ ...rect });
      if (this.#rects.length > RECTS_MAX) this.#joinCheapest();
    }
  }

  /** Everything of a screen of this size. */
  fill(width: number, height: number): void {
    this.#rects = [{ x: 0, y: 0, width, height }];
  }

  take(): Rect[] {
    const rects = this.#rects;
    this.#rects = [];
    return rects;
  }

  /** Joins the newest with the one it fits best; the others were joined before. */
  #joinCheapest(): void {
    const newest = this.#rects.pop()!;
    let best = 0;
    let bestWaste = Number.POSITIVE_INFINITY;
    this.#rects.forEach((rect, index) => {
      const waste = area(union(rect, newest)) - area(rect) - area(newest);
      if (waste < bestWaste) [best, bestWaste] = [index, waste];
    });
    this.#rects[best] = union(this.#rects[best]!, newest);
  }
}

function area(rect: Rect): number {
  return rect.width * rect.height;
}

function contains(outer: Rect, inner: Rect): boolean {
  return (
    inner.x >= outer.x &&
    inner.y >= outer.y &&
    inner.x + inner.width <= outer.x + outer.width &&
    inner.y + inner.height <= outer.y + outer.height
  );
}

function union(first: Rect, second: Rect): Rect {
  const x = Math.min(first.x, second.x);
  const y = Math.min(first.y, second.y);
  return {
    x,
    y,
    width: Math.max(first.x + first.width, second.x + second.width) - x,
    height: Math.max(first.y + first.height, second.y + second.height) - y,
  };
}
