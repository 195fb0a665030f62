/**
 * A canvas that keeps up with a machine's picture: sized like the guest's screen, changed rectangle by rectangle. Nothing of the
 * guest is trusted to be sensible; the decoder already checked that rectangles lie inside and pixels are complete.
 */
import type { ConsoleFrame } from "../../../engine/api/binaryMessage.ts";

export interface ScreenSize {
  readonly width: number;
  readonly height: number;
}

export class FrameSurface {
  readonly canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;

  constructor(canvas: HTMLCanvasElement) {
    const context = canvas.getContext("2d", { alpha: false });
    if (context === null) throw new Error("no 2d context");
    this.canvas = canvas;
    this.#context = context;
  }

  /** Paints a frame; returns the size when it changed. A frame of 0 x 0 leaves the last picture. */
  paint(frame: ConsoleFrame): ScreenSize | undefined {
    if (frame.width === 0 || frame.height === 0) return undefined;
    const { canvas } = this;
    const resized = canvas.width !== frame.width || canvas.height !== frame.height;
    if (resized) {
      canvas.width = frame.width;
      canvas.height = frame.height;
    }
    let at = frame.pixels.byteOffset;
    for (const { x, y, width, height } of frame.rects) {
      const length = width * height * 4;
      if (length > 0) {
        const bytes = new Uint8ClampedArray(frame.pixels.buffer as ArrayBuffer, at, length);
        this.#context.putImageData(new ImageData(bytes, width, height), x, y);
      }
      at += length;
    }
    return resized ? { width: frame.width, height: frame.height } : undefined;
  }
}
