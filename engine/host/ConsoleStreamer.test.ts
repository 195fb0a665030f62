import { inflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { type ConsoleFrame, decodeBinaryMessage, encodeConsoleFrame } from "../api/binaryMessage.ts";
import type { DisplaySource, Rect } from "../contracts/DisplaySink.ts";
import { ConsoleStreamer } from "./ConsoleStreamer.ts";
import { DamageRegion } from "./DamageRegion.ts";

/** A screen that is painted by hand and counts how often it is looked at. */
class Screen implements DisplaySource {
  width = 8;
  height = 4;
  pixels = new Uint32Array(32);
  damage: Rect[] = [];
  renderings = 0;

  paint(rect: Rect, colour: number): void {
    for (let y = rect.y; y < rect.y + rect.height; y++) {
      this.pixels.fill(colour, y * this.width + rect.x, y * this.width + rect.x + rect.width);
    }
    this.damage.push(rect);
  }

  render(full: boolean) {
    this.renderings++;
    const { width, height, pixels } = this;
    const damage = full ? [{ x: 0, y: 0, width, height }] : this.damage;
    this.damage = [];
    return damage.length === 0 ? undefined : { width, height, pixels, damage, mode: "graphics" as const };
  }

  textScreen(): undefined {
    return undefined;
  }
}

function start() {
  const screen = new Screen();
  const frames: ConsoleFrame[] = [];
  const modes: unknown[] = [];
  const streamer = new ConsoleStreamer(
    screen,
    (frame) => frames.push(decodeBinaryMessage(encodeConsoleFrame(frame)) as ConsoleFrame),
    (mode) => modes.push(mode),
  );
  return { screen, frames, modes, streamer };
}

/** Paints frames as a viewer does. */
function picture(frames: readonly ConsoleFrame[], channel: number, width = 8, height = 4): Uint32Array {
  const pixels = new Uint32Array(width * height);
  for (const frame of frames.filter((each) => each.channel === channel)) {
    const data = frame.deflated ? inflateRawSync(frame.pixels) : frame.pixels;
    const words = new Uint32Array(Uint8Array.from(data).buffer);
    let at = 0;
    for (const rect of frame.rects) {
      for (let y = rect.y; y < rect.y + rect.height; y++) {
        pixels.set(words.subarray(at, at + rect.width), y * width + rect.x);
        at += rect.width;
      }
    }
  }
  return pixels;
}

describe("ConsoleStreamer", () => {
  test("renders nothing unless somebody has credit", () => {
    const { screen, streamer } = start();
    streamer.tick();
    streamer.open(1, false);
    streamer.tick();
    expect(screen.renderings).toBe(0);
  });

  test("a new viewer gets everything, then only what changed", () => {
    const { screen, frames, modes, streamer } = start();
    streamer.open(1, false);
    streamer.credit(1, 3);
    streamer.tick();
    screen.paint({ x: 2, y: 1, width: 3, height: 2 }, 0xffabcdef);
    streamer.tick();
    streamer.tick();
    expect(frames.map(({ rects }) => rects)).toEqual([
      [{ x: 0, y: 0, width: 8, height: 4 }],
      [{ x: 2, y: 1, width: 3, height: 2 }],
    ]);
    expect(picture(frames, 1)).toEqual(screen.pixels);
    expect(modes).toEqual([{ width: 8, height: 4, mode: "graphics" }]);
  });

  test("a slow viewer skips frames and still ends with the right picture", () => {
    const { screen, frames, streamer } = start();
    streamer.open(1, false);
    streamer.open(2, true);
    streamer.credit(1, 16);
    streamer.credit(2, 1);
    streamer.tick();
    for (let step = 0; step < 8; step++) {
      screen.paint({ x: step, y: step % 4, width: 1, height: 1 }, 0xff000000 + step);
      streamer.tick();
    }
    expect(frames.filter(({ channel }) => channel === 1)).toHaveLength(9);
    expect(frames.filter(({ channel }) => channel === 2)).toHaveLength(1);
    // Nothing changes any more, but the slow one still owes itself eight steps.
    streamer.credit(2, 1);
    streamer.tick();
    expect(frames.filter(({ channel }) => channel === 2)).toHaveLength(2);
    expect(picture(frames, 1)).toEqual(screen.pixels);
    expect(picture(frames, 2)).toEqual(screen.pixels);
  });

  test("another size makes everybody's picture new", () => {
    const { screen, frames, modes, streamer } = start();
    streamer.open(1, false);
    streamer.credit(1, 2);
    streamer.tick();
    screen.width = 4;
    screen.height = 2;
    screen.pixels = new Uint32Array(8).fill(0xff112233);
    screen.damage = [{ x: 0, y: 0, width: 4, height: 1 }];
    streamer.tick();
    expect(frames.at(-1)?.rects).toEqual([{ x: 0, y: 0, width: 4, height: 2 }]);
    expect(modes).toHaveLength(2);
  });

  test("a closed viewer gets nothing", () => {
    const { frames, streamer } = start();
    streamer.open(1, false);
    streamer.credit(1, 1);
    streamer.close(1);
    streamer.tick();
    expect(frames).toEqual([]);
  });
});

describe("DamageRegion", () => {
  test("stays small and covers everything that was added", () => {
    const region = new DamageRegion();
    const added: Rect[] = [];
    for (let index = 0; index < 200; index++) {
      const rect = { x: (index * 37) % 600, y: (index * 91) % 400, width: 1 + (index % 9), height: 1 + (index % 5) };
      added.push(rect);
      region.add([rect]);
    }
    const rects = region.take();
    expect(rects.length).toBeLessThanOrEqual(24);
    for (const rect of added) {
      const covered = rects.some(
        (each) =>
          rect.x >= each.x &&
          rect.y >= each.y &&
          rect.x + rect.width <= each.x + each.width &&
          rect.y + rect.height <= each.y + each.height,
      );
      expect(covered).toBe(true);
    }
    expect(region.empty).toBe(true);
  });
});
