import { expect, test } from "vitest";
import { chartPath } from "./chartPath.ts";

test("the newest sample is at the right edge and the ceiling near the top", () => {
  expect(chartPath([0, 1], 10, 1).line).toBe("M8 100L9 4");
  expect(chartPath([0, 1], 10, 1).area).toBe("M8 100L9 4L9 100L8 100Z");
});

test("without a ceiling the largest sample is the top, and all zeros lie on the ground", () => {
  expect(chartPath([5, 10], 4).line).toBe("M2 52L3 4");
  expect(chartPath([0, 0], 4).line).toBe("M2 100L3 100");
  expect(chartPath([], 4)).toEqual({ line: "", area: "" });
});
