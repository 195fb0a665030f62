import { beforeEach, describe, expect, test } from "vitest";
import { FakeVideoMemory } from "../../../tests/fixtures/FakeVideoMemory.ts";
import { DirtyPages } from "./DirtyPages.ts";
import { VgaDac } from "./VgaDac.ts";
import { VgaMemory } from "./VgaMemory.ts";
import { VgaRegisters } from "./VgaRegisters.ts";

let video: FakeVideoMemory;
let registers: VgaRegisters;
let memory: VgaMemory;
let dirty: DirtyPages;

beforeEach(() => {
  video = new FakeVideoMemory(1 << 20);
  dirty = new DirtyPages(video);
  registers = new VgaRegisters({ dac: new VgaDac(() => undefined), beam: () => 0, onChange: () => memory?.update() });
  memory = new VgaMemory(video.bytes, registers, dirty);
  registers.write(0x3c2, 0x03);
  sequencer(2, 0x0f);
  sequencer(4, 0x06);
  graphics(6, 0x05);
  graphics(7, 0x0f);
  graphics(8, 0xff);
});

function sequencer(index: number, value: number): void {
  registers.write(0x3c4, index);
  registers.write(0x3c5, value);
}
function graphics(index: number, value: number): void {
  registers.write(0x3ce, index);
  registers.write(0x3cf, value);
}
const planes = (cell: number) => [...video.bytes.subarray(cell * 4, cell * 4 + 4)];

describe("write mode 0", () => {
  test("writes the planes of the map mask", () => {
    sequencer(2, 0x05);
    memory.write(100, 0xa5, 1);
    expect(planes(100)).toEqual([0xa5, 0, 0xa5, 0]);
  });

  test("wide writes reach neighbouring cells, as single bytes do", () => {
    sequencer(2, 0x06);
    video.bytes.fill(0x11, 400, 416);
    memory.write(100, 0x44332211, 4);
    memory.write(104, 0x6655, 2);
    expect([100, 101, 102, 103].map(planes)).toEqual([0x11, 0x22, 0x33, 0x44].map((byte) => [0x11, byte, byte, 0x11]));
    expect([104, 105, 106].map(planes)).toEqual([0x55, 0x66, 0].map((byte) => [0, byte, byte, 0]));
    expect(memory.fontWrites).toBeGreaterThan(0);
  });

  test("rotates, sets and resets, and keeps the latches where the bit mask is clear", () => {
    video.bytes.fill(0xff, 40, 44);
    memory.read(10, 1);
    graphics(3, 0x04);
    graphics(1, 0x03);
    graphics(0, 0x02);
    graphics(8, 0x3c);
    memory.write(11, 0x81, 1);
    // Rotated by four 81h is 18h; plane 0 is reset, plane 1 is set.
    expect(planes(11)).toEqual([0xc3, 0xff, 0xdb, 0xdb]);
  });

  test.each([
    [0x08, 0x0f & 0x3c],
    [0x10, 0x0f | 0x3c],
    [0x18, 0x0f ^ 0x3c],
  ])("function select %i combines with the latches", (select, result) => {
    video.bytes.fill(0x3c, 0, 4);
    memory.read(0, 1);
    graphics(3, select);
    memory.write(1, 0x0f, 1);
    expect(planes(1)).toEqual([result, result, result, result]);
  });
});

test("write mode 1 copies the latches", () => {
  video.bytes.set([1, 2, 3, 4], 20);
  memory.read(5, 1);
  graphics(5, 0x01);
  memory.write(9, 0xff, 1);
  expect(planes(9)).toEqual([1, 2, 3, 4]);
});

test("write mode 2 fills the masked dots with a colour", () => {
  graphics(5, 0x02);
  graphics(8, 0x0f);
  memory.write(3, 0x0a, 1);
  expect(planes(3)).toEqual([0, 0x0f, 0, 0x0f]);
});

test("write mode 3 masks the set/reset colour with the written byte", () => {
  graphics(5, 0x03);
  graphics(0, 0x06);
  graphics(8, 0x7e);
  memory.write(3, 0xf0, 1);
  expect(planes(3)).toEqual([0, 0x70, 0x70, 0]);
});

describe("reads", () => {
  test("mode 0 gives the plane that was chosen", () => {
    video.bytes.set([1, 2, 3, 4], 20);
    for (const plane of [0, 1, 2, 3]) {
      graphics(4, plane);
      expect(memory.read(5, 1)).toBe(plane + 1);
    }
  });

  test("mode 1 compares colours in the planes that matter", () => {
    // Dots from the left: colours 0, 15, 5, 5, 0...
    video.bytes.set([0b01110000, 0b01000000, 0b01110000, 0b01000000], 20);
    graphics(5, 0x08);
    graphics(2, 0x05);
    expect(memory.read(5, 1)).toBe(0b00110000);
    graphics(7, 0x05);
    expect(memory.read(5, 1)).toBe(0b01110000);
  });
});

describe("addressing", () => {
  test("chain-4 spreads four bytes over the planes of one cell, in every width alike", () => {
    sequencer(4, 0x0e);
    memory.write(8, 0x44332211, 4);
    expect(planes(8)).toEqual([0x11, 0x22, 0x33, 0x44]);
    memory.write(12, 0x6655, 2);
    memory.write(14, 0x77, 1);
    expect(planes(12)).toEqual([0x55, 0x66, 0x77, 0]);
    expect([memory.read(8, 4), memory.read(12, 2), memory.read(11, 1)]).toEqual([0x44332211, 0x6655, 0x44]);
  });

  test("odd/even puts characters and attributes side by side", () => {
    sequencer(4, 0x02);
    sequencer(2, 0x03);
    graphics(5, 0x10);
    graphics(6, 0x0e);
    memory.write(0x18000, 0x07410742, 4);
    memory.write(0x18004, 0x0743, 2);
    memory.write(0x18006, 0x44, 1);
    memory.write(0x18007, 0x70, 1);
    expect([0, 2, 4, 6].map((cell) => planes(cell).slice(0, 2))).toEqual([
      [0x42, 0x07],
      [0x41, 0x07],
      [0x43, 0x07],
      [0x44, 0x70],
    ]);
    expect(memory.read(0x18000, 4)).toBe(0x07410742);
  });

  test("each memory map answers in its own window only", () => {
    for (const [map, inside, outside] of [
      [1, 0x0ffff, 0x10000],
      [2, 0x10000, 0x18000],
      [3, 0x18000, 0x17fff],
    ] as const) {
      graphics(6, map << 2);
      memory.write(inside, 0x5a, 1);
      memory.write(outside, 0xee, 1);
      expect([memory.read(inside, 1), memory.read(outside, 1)]).toEqual([0x5a, 0xff]);
    }
    registers.write(0x3c2, 0x01);
    expect(memory.read(0x18000, 1)).toBe(0xff);
  });

  test("a linear bank is the frame buffer itself", () => {
    memory.setBank(0x20000, 0);
    memory.write(0x10, 0xddccbbaa, 4);
    expect([...video.bytes.subarray(0x20010, 0x20014)]).toEqual([0xaa, 0xbb, 0xcc, 0xdd]);
    expect(memory.read(0x12, 2)).toBe(0xddcc);
    expect(memory.read(0x10000, 1)).toBe(0xff);
  });
});

test("writes mark the page they touch", () => {
  dirty.collect();
  dirty.clear();
  memory.write(0x1400, 1, 1);
  expect(dirty.collect()).toBe(true);
  expect([dirty.touches(0x4000, 0x1000), dirty.touches(0x5000, 0x1000)]).toEqual([false, true]);
});
