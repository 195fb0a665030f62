import { expect, test } from "vitest";
import { mayWriteX2 } from "./writableApicBits.ts";

test("LINT0 may be written with its read-only bits set, and no other entry with a remote IRR", () => {
  expect(mayWriteX2(0x35, 0x5700, 0)).toBe(true);
  expect(mayWriteX2(0x36, 0x5400, 0)).toBe(true);
  expect(mayWriteX2(0x32, 0x4000, 0)).toBe(false);
  expect(mayWriteX2(0x35, 0x2_0000, 0)).toBe(false);
});
