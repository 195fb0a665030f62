import { expect, test } from "vitest";
import { timeLeftMs } from "./timeLeft.ts";

test("what is left is guessed by what was seen, once that is enough", () => {
  expect(timeLeftMs(5000, 0.25, 0.5)).toBe(10_000);
  expect(timeLeftMs(5000, 0.5, 1)).toBe(0);
  expect(timeLeftMs(1000, 0, 0.5)).toBeUndefined();
  expect(timeLeftMs(60_000, 0.1, 0.105)).toBeUndefined();
});
