import { describe, expect, test } from "vitest";
import { diskZones, memoryZones, positionOfSize, sizeAtPosition, zoneOf } from "./sizeScale.ts";

const range = { minimum: 4, maximum: 4096 };

describe("sizeScale", () => {
  test("the ends are the ends and the middle is the geometric mean", () => {
    expect(positionOfSize(4, range)).toBe(0);
    expect(positionOfSize(4096, range)).toBe(1);
    expect(positionOfSize(128, range)).toBe(0.5);
    expect(sizeAtPosition(0, range)).toBe(4);
    expect(sizeAtPosition(1, range)).toBe(4096);
  });

  test("values off the scale are held at its ends", () => {
    expect(positionOfSize(1, range)).toBe(0);
    expect(positionOfSize(100_000, range)).toBe(1);
  });

  test("positions give friendly numbers", () => {
    for (let position = 0; position <= 1; position += 0.01) {
      const size = sizeAtPosition(position, range);
      const step = Math.max(1, 2 ** (Math.floor(Math.log2(size)) - 4));
      expect(size % step).toBe(0);
    }
  });

  test("half of the host's memory is good, three quarters is tight", () => {
    const zones = memoryZones(8192);
    expect(zoneOf(4096, zones)).toBe("good");
    expect(zoneOf(4097, zones)).toBe("warning");
    expect(zoneOf(6145, zones)).toBe("danger");
  });

  test("a disk larger than what is free is in the danger zone, an unknown space in none", () => {
    expect(zoneOf(1001, diskZones(1000))).toBe("danger");
    expect(zoneOf(900, diskZones(1000))).toBe("warning");
    expect(zoneOf(900, diskZones(undefined))).toBe("plain");
  });
});
