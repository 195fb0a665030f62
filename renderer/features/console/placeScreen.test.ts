import { describe, expect, test } from "vitest";
import { placeScreen } from "./placeScreen.ts";

const view = { width: 1000, height: 700 };

describe("placeScreen", () => {
  test("whole multiples are exact and centred", () => {
    expect(placeScreen(view, { width: 320, height: 200 }, 1, "whole")).toEqual({
      left: 20,
      top: 50,
      width: 960,
      height: 600,
      scale: 3,
      smooth: false,
    });
  });

  test("actual size keeps the preferred scale and gives way when it does not fit", () => {
    expect(placeScreen(view, { width: 320, height: 200 }, 1, "actual").scale).toBe(1);
    expect(placeScreen(view, { width: 320, height: 200 }, 1, "actual", 2).scale).toBe(2);
    expect(placeScreen(view, { width: 320, height: 200 }, 1, "actual", 4).scale).toBe(3);
  });

  test("a dense display gets whole device pixels", () => {
    const placed = placeScreen(view, { width: 720, height: 400 }, 2, "actual");
    expect(placed).toMatchObject({ scale: 2, smooth: false, width: 720, height: 400 });
    const odd = placeScreen(view, { width: 720, height: 400 }, 1.5, "whole");
    expect(odd.scale).toBe(2);
    expect(odd.width * 1.5).toBe(1440);
  });

  test("scaled fills one direction, keeps the proportions and filters", () => {
    const placed = placeScreen(view, { width: 640, height: 480 }, 1, "scaled");
    expect(placed.height).toBe(700);
    expect(placed.width / placed.height).toBeCloseTo(640 / 480, 2);
    expect(placed.smooth).toBe(true);
  });

  test("a picture larger than the view shrinks in every mode", () => {
    for (const mode of ["whole", "actual", "scaled"] as const) {
      const placed = placeScreen(view, { width: 1280, height: 1024 }, 1, mode);
      expect(placed.width).toBeLessThanOrEqual(view.width);
      expect(placed.height).toBeLessThanOrEqual(view.height);
      expect(placed.smooth).toBe(true);
    }
  });
});
