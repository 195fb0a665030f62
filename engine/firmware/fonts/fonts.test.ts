import { describe, expect, test } from "vitest";
import { font8x8 } from "./font8x8.ts";
import { font8x14 } from "./font8x14.ts";
import { font8x16 } from "./font8x16.ts";

function picture(font: Uint8Array, height: number, character: number): string[] {
  return Array.from({ length: height }, (_, row) =>
    font[character * height + row]!.toString(2).padStart(8, "0").replaceAll("0", ".").replaceAll("1", "#"),
  );
}

const fonts = [
  { font: font8x8, height: 8 },
  { font: font8x14, height: 14 },
  { font: font8x16, height: 16 },
];

describe.each(fonts)("the 8x$height font", ({ font, height }) => {
  test("has 256 glyphs", () => {
    expect(font.length).toBe(256 * height);
  });

  test("draws every character but the blanks", () => {
    const blank = Array.from({ length: 256 }, (_, c) => c).filter((c) =>
      font.subarray(c * height, (c + 1) * height).every((row) => row === 0),
    );
    expect(blank).toEqual([0x00, 0x20, 0xff]);
  });

  test("fills the full block and joins vertical lines from top to bottom", () => {
    expect(font.subarray(0xdb * height, 0xdc * height).every((row) => row === 0xff)).toBe(true);
    expect(font.subarray(0xb3 * height, 0xb4 * height).every((row) => row === 0x18)).toBe(true);
  });

  test("bit 7 is the leftmost pixel", () => {
    expect(picture(font, height, 0xdd).every((row) => row === "####....")).toBe(true);
  });
});
