import { expect, test } from "vitest";
import type { IoHandler, IoWidth } from "../contracts/IoHandler.ts";
import { Bus } from "./Bus.ts";

/** Registers backed by bytes; remembers each access. */
function registers(size: number): IoHandler & { bytes: Uint8Array; log: string[] } {
  const bytes = new Uint8Array(size);
  const log: string[] = [];
  return {
    bytes,
    log,
    read(offset, width) {
      log.push(`r${width}@${offset}`);
      let value = 0;
      for (let i = 0; i < width; i++) value |= bytes[offset + i]! << (8 * i);
      return value;
    },
    write(offset, value, width) {
      log.push(`w${width}@${offset}`);
      for (let i = 0; i < width; i++) bytes[offset + i] = value >>> (8 * i);
    },
  };
}

test("a handler sees offsets from its window's start", () => {
  const bus = new Bus("ports");
  const device = registers(8);
  bus.map({ start: 0x3f8, length: 8 }, device);
  bus.write(0x3fb, 0x83, 1);
  expect(device.bytes[3]).toBe(0x83);
  expect(bus.read(0x3fb, 1)).toBe(0x83);
});

test("widths a handler lacks are split little-endian", () => {
  const bus = new Bus("ports");
  const device = registers(8);
  bus.map({ start: 0x70, length: 2 }, device, [1]);
  bus.write(0x70, 0x1234, 2);
  expect(device.log).toEqual(["w1@0", "w1@1"]);
  expect(bus.read(0x70, 2)).toBe(0x1234);
});

test("a narrow read of wide registers gives the matching part", () => {
  const bus = new Bus("memory");
  const device = registers(8);
  device.bytes.set([1, 2, 3, 4]);
  bus.map({ start: 0x1000, length: 8 }, device, [4]);
  expect(bus.read(0x1002, 1)).toBe(3);
});

test("nothing there reads as all ones and is counted", () => {
  const bus = new Bus("ports");
  expect(bus.read(0x1234, 4)).toBe(0xffff_ffff);
  bus.write(0x1234, 1, 1);
  expect([bus.unmappedReads, bus.unmappedWrites]).toEqual([1, 1]);
});

test("an access across the end of a window is split between the neighbours", () => {
  const bus = new Bus("ports");
  const a = registers(1);
  const b = registers(1);
  bus.map({ start: 0x60, length: 1 }, a);
  bus.map({ start: 0x61, length: 1 }, b);
  bus.write(0x60, 0xbbaa, 2);
  expect([a.bytes[0], b.bytes[0]]).toEqual([0xaa, 0xbb]);
});

test("overlap is refused, a moved window is found at its new place only", () => {
  const bus = new Bus("ports");
  const window = bus.map({ start: 0x100, length: 16 }, registers(16));
  expect(() => bus.map({ start: 0x10f, length: 1 }, registers(1))).toThrow(/overlaps/);
  window.move(0x200);
  expect(bus.covers(0x100)).toBe(false);
  expect(bus.covers(0x20f)).toBe(true);
  window.enable(false);
  expect(bus.covers(0x200)).toBe(false);
});

test("reads are unsigned", () => {
  const bus = new Bus("ports");
  bus.map({ start: 0, length: 4 }, { read: (_offset: number, _width: IoWidth) => -1, write() {} });
  expect(bus.read(0, 4)).toBe(0xffff_ffff);
});
