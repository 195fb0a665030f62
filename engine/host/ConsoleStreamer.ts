/**
 * A display turned into frames for any number of viewers. Nothing is rendered unless a viewer has credit; a viewer without
 * credit gathers damage and gets the newest picture when it comes back, so that slow viewers skip frames and never
 * hold the machine up. `tick` is called at the frame rate by the owner, for as long as somebody has credit.
 */
import { deflateRawSync } from "node:zlib";
import type { FrameContent } from "../api/binaryMessage.ts";
import type { DisplaySource, DisplayUpdate, Rect } from "../contracts/DisplaySink.ts";
import { DamageRegion } from "./DamageRegion.ts";
import type { FrameLook } from "./FramePacer.ts";

const CREDITS_MAX = 16;

interface Viewer {
  readonly deflate: boolean;
  readonly damage: DamageRegion;
  credits: number;
  /** Wants everything, whatever was drawn before. */
  fresh: boolean;
}

export interface DisplayMode {
  readonly width: number;
  readonly height: number;
  readonly mode: "text" | "graphics";
}

export class ConsoleStreamer {
  readonly #display: DisplaySource;
  readonly #send: (frame: FrameContent) => void;
  readonly #modeChanged: (mode: DisplayMode) => void;
  readonly #viewers = new Map<number, Viewer>();
  #mode: DisplayMode = { width: 0, height: 0, mode: "text" };

  /** What is sent is good until `send` returns. */
  constructor(display: DisplaySource, send: (frame: FrameContent) => void, modeChanged: (mode: DisplayMode) => void) {
    this.#display = display;
    this.#send = send;
    this.#modeChanged = modeChanged;
  }

  open(channel: number, deflate: boolean): void {
    this.#viewers.set(channel, { deflate, damage: new DamageRegion(), credits: 0, fresh: true });
  }

  close(channel: number): void {
    this.#viewers.delete(channel);
  }

  credit(channel: number, frames: number): void {
    const viewer = this.#viewers.get(channel);
    if (viewer !== undefined) viewer.credits = Math.min(CREDITS_MAX, viewer.credits + frames);
  }

  /** The whole picture, for others than viewers: what is new in it is still new to them. */
  picture(): DisplayUpdate | undefined {
    const update = this.#display.render(true);
    if (update === undefined) return undefined;
    this.#noteMode(update);
    for (const viewer of this.#viewers.values()) viewer.damage.fill(update.width, update.height);
    return update;
  }

  /** Sends what changed to those who can take it. */
  tick(): Omit<FrameLook, "busy"> {
    const changed = this.#sendChanges();
    return { wanted: this.#waiting().length > 0, changed };
  }

  #waiting(): Viewer[] {
    return [...this.#viewers.values()].filter((viewer) => viewer.credits > 0);
  }

  #sendChanges(): boolean {
    const waiting = this.#waiting();
    if (waiting.length === 0) return false;
    const fresh = waiting.some((viewer) => viewer.fresh);
    const behind = fresh || waiting.some((viewer) => !viewer.damage.empty);
    const update = this.#display.render(fresh) ?? (behind ? this.#display.render(true) : undefined);
    if (update === undefined) return false;
    this.#noteMode(update);
    for (const [channel, viewer] of this.#viewers) {
      if (viewer.fresh) viewer.damage.fill(update.width, update.height);
      else viewer.damage.add(update.damage);
      if (viewer.credits > 0 && !viewer.damage.empty) this.#sendFrame(channel, viewer, update);
    }
    return true;
  }

  #noteMode(update: DisplayUpdate): void {
    const { width, height, mode } = update;
    const before = this.#mode;
    if (before.width === width && before.height === height && before.mode === mode) return;
    this.#mode = { width, height, mode };
    this.#modeChanged(this.#mode);
    for (const viewer of this.#viewers.values()) viewer.fresh = true;
  }

  #sendFrame(channel: number, viewer: Viewer, update: DisplayUpdate): void {
    const rects = viewer.damage.take();
    viewer.fresh = false;
    viewer.credits--;
    const pixels = cut(update, rects);
    const { width, height, mode } = update;
    const payload = viewer.deflate ? deflateRawSync(pixels, { level: 1 }) : pixels;
    const deflated = viewer.deflate;
    this.#send({ channel, width, height, mode, rects, deflated, pixelBytes: pixels.length, pixels: payload });
  }
}

/** The rectangles' pixels, one rectangle after the other. Whole lines are a view of the picture, as they lie there already. */
function cut(update: DisplayUpdate, rects: readonly Rect[]): Uint8Array {
  const [only] = rects;
  if (rects.length === 1 && only !== undefined && only.width === update.width) {
    const { buffer, byteOffset } = update.pixels;
    return new Uint8Array(buffer, byteOffset + only.y * update.width * 4, only.width * only.height * 4);
  }
  const out = new Uint32Array(rects.reduce((sum, rect) => sum + rect.width * rect.height, 0));
  let at = 0;
  for (const { x, y, width, height } of rects) {
    for (let row = y; row < y + height; row++) {
      const start = row * update.width + x;
      out.set(update.pixels.subarray(start, start + width), at);
      at += width;
    }
  }
  return new Uint8Array(out.buffer);
}
