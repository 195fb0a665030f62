import { beforeEach, describe, expect, test } from "vitest";
import { VbeDispi } from "./VbeDispi.ts";

let dispi: VbeDispi;
let cleared: number[];

beforeEach(() => {
  cleared = [];
  dispi = new VbeDispi({ memoryBytes: 16 << 20, onChange: (bytes) => cleared.push(bytes) });
});

const write = (index: number, value: number) => dispi.write(value, index);

function setMode(width: number, height: number, depth: number, enable = 0x41): void {
  write(4, 0);
  write(1, width);
  write(2, height);
  write(3, depth);
  write(4, enable);
}

describe("the display interface", () => {
  test("is B0C5 and takes older IDs, but no other", () => {
    expect(dispi.read(0)).toBe(0xb0c5);
    write(0, 0xb0c2);
    write(0, 0x1234);
    expect(dispi.read(0)).toBe(0xb0c2);
    expect(dispi.read(10)).toBe(256);
  });

  test("tells its limits while GETCAPS is set", () => {
    write(4, 0x02);
    expect([dispi.read(1), dispi.read(2), dispi.read(3)]).toEqual([1920, 1200, 32]);
  });

  test("sets a mode and clears the screen once", () => {
    setMode(1920, 1200, 32);
    expect(dispi.mode).toMatchObject({ width: 1920, height: 1200, depth: 32, virtualWidth: 1920 });
    expect(cleared.filter((bytes) => bytes > 0)).toEqual([1920 * 1200 * 4]);
    write(4, 0x41);
    expect(cleared.filter((bytes) => bytes > 0).length).toBe(1);
    setMode(640, 480, 8, 0xc1);
    expect(cleared.filter((bytes) => bytes > 0).length).toBe(1);
  });

  test("stays off for depths and sizes it does not have", () => {
    setMode(640, 480, 13);
    expect(dispi.mode).toBeUndefined();
    expect(dispi.read(4) & 1).toBe(0);
    setMode(0, 480, 32);
    expect(dispi.mode).toBeUndefined();
  });

  test("keeps the picture within the virtual screen", () => {
    setMode(640, 480, 32);
    expect(dispi.read(7)).toBe(Math.floor((16 << 20) / (640 * 4)));
    write(6, 1000);
    write(8, 2000);
    write(9, 0xffff);
    expect([dispi.read(6), dispi.read(8)]).toEqual([1000, 360]);
    expect(dispi.read(9)).toBe(Math.floor((16 << 20) / 4000) - 480);
    write(6, 100);
    expect(dispi.read(6)).toBe(1000);
    write(6, 0xffff);
    expect(dispi.read(6)).toBe(1000);
  });

  test("does not let a bank leave the memory", () => {
    setMode(640, 480, 8);
    write(5, 7);
    write(5, 256);
    expect(dispi.mode?.bank).toBe(7);
  });
});
