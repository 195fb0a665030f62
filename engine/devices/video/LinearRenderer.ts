/**
 * Packed pixels line after line, as the display interface shows them: 8 bits through the DAC, 15 (5:5:5), 16 (5:6:5),
 * 24 and 32 bits (blue in the lowest byte). Lines on pages that did not change are skipped.
 */
import type { DirtyPages } from "./DirtyPages.ts";
import type { Frame } from "./Frame.ts";

export type LinearDepth = 8 | 15 | 16 | 24 | 32;

export interface LinearPicture {
  readonly width: number;
  readonly height: number;
  readonly depth: LinearDepth;
  /** First byte of the first line, and from line to line. */
  readonly startBytes: number;
  readonly strideBytes: number;
  readonly bytes: Uint8Array;
  readonly dirty: DirtyPages;
  /** The DAC's colours, for 8 bits. */
  readonly colors: Uint32Array;
  readonly generation: string;
}

export function bytesPerPixel(depth: LinearDepth): number {
  return (depth + 7) >> 3;
}

type PixelReader = (bytes: Uint8Array, at: number, line: Uint32Array, colors: Uint32Array) => void;

const OPAQUE = 0xff000000;

function widen5(value: number): number {
  return (value << 3) | (value >> 2);
}

const readers: Record<LinearDepth, PixelReader> = {
  8: (bytes, at, line, colors) => {
    for (let x = 0; x < line.length; x++) line[x] = colors[bytes[at + x]!]!;
  },
  15: (bytes, at, line) => {
    const words = new Uint16Array(bytes.buffer, bytes.byteOffset + at, line.length);
    for (let x = 0; x < line.length; x++) {
      const pixel = words[x]!;
      const blue = widen5(pixel & 31);
      line[x] = OPAQUE | (blue << 16) | (widen5((pixel >> 5) & 31) << 8) | widen5((pixel >> 10) & 31);
    }
  },
  16: (bytes, at, line) => {
    const words = new Uint16Array(bytes.buffer, bytes.byteOffset + at, line.length);
    for (let x = 0; x < line.length; x++) {
      const pixel = words[x]!;
      const green = (pixel >> 5) & 63;
      line[x] = OPAQUE | (widen5(pixel & 31) << 16) | (((green << 2) | (green >> 4)) << 8) | widen5(pixel >> 11);
    }
  },
  24: (bytes, at, line) => {
    for (let x = 0; x < line.length; x++, at += 3) {
      line[x] = OPAQUE | (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
    }
  },
  32: (bytes, at, line) => {
    // Lines start on a multiple of four, because every offset in such a mode is.
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset + at, line.length);
    for (let x = 0; x < line.length; x++) {
      const pixel = words[x]!;
      line[x] = OPAQUE | ((pixel & 0xff) << 16) | (pixel & 0xff00) | ((pixel >>> 16) & 0xff);
    }
  },
};

export class LinearRenderer {
  #signature = "";
  #line = new Uint32Array(0);

  forget(): void {
    this.#signature = "";
  }

  render(picture: LinearPicture, frame: Frame): void {
    const { width, height, depth, startBytes, strideBytes, bytes, dirty, colors } = picture;
    frame.resize(width, height);
    if (this.#line.length !== width) this.#line = new Uint32Array(width);
    const signature = [picture.generation, width, height, depth, startBytes, strideBytes].join();
    const everything = signature !== this.#signature;
    this.#signature = signature;
    const lineBytes = width * bytesPerPixel(depth);
    const read = readers[depth];
    for (let y = 0; y < height; y++) {
      const at = startBytes + y * strideBytes;
      if (at + lineBytes > bytes.length) break;
      if (!everything && !dirty.touches(at, lineBytes)) continue;
      read(bytes, at, this.#line, colors);
      frame.putLine(y, this.#line);
    }
  }
}
