import { expect, test } from "vitest";
import { shrinkPicture } from "./shrinkPicture.ts";

const grey = (value: number): number => (0xff000000 | (value * 0x010101)) >>> 0;

test("each pixel is the mean of those that it stands for, and proportions stay", () => {
  const pixels = Uint32Array.from({ length: 32 }, (_, index) => grey(index % 2 === 0 ? 0 : 200));
  const { width, height, pixels: small } = shrinkPicture({ width: 8, height: 4, pixels }, 4, 4);
  expect([width, height]).toEqual([4, 2]);
  expect(new Set(small)).toEqual(new Set([grey(100)]));
  const odd = shrinkPicture({ width: 7, height: 5, pixels: new Uint32Array(35).fill(grey(9)) }, 3, 3);
  expect([odd.width, odd.height, ...new Set(odd.pixels)]).toEqual([3, 2, grey(9)]);
});

test("what is small enough stays as it is", () => {
  const picture = { width: 2, height: 1, pixels: Uint32Array.of(1, 2) };
  expect(shrinkPicture(picture, 320, 240)).toBe(picture);
});
