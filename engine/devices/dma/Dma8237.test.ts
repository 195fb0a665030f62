import { describe, expect, test } from "vitest";
import { deviceConformance } from "../../../tests/conformance/deviceConformance.ts";
import type { PhysicalMemory } from "../../contracts/PhysicalMemory.ts";
import { Dma8237 } from "./Dma8237.ts";

function make() {
  const bytes = new Uint8Array(0x400000);
  const memory: PhysicalMemory = {
    read8: (a) => bytes[a]!,
    read16: (a) => bytes[a]! | (bytes[a + 1]! << 8),
    read32: () => 0,
    write8: () => {},
    write16: () => {},
    write32: () => {},
    read: (a, target) => target.set(bytes.subarray(a, a + target.length)),
    write: (a, source) => bytes.set(source, a),
  };
  const codes: number[] = [];
  const dma = new Dma8237({ memory, onPostCode: (code) => codes.push(code) });
  const first = (register: number, value: number) => dma.firstPorts.write(register, value, 1);
  const second = (register: number, value: number) => dma.secondPorts.write(2 * register, value, 1);
  const open = () => {
    second(0xb, 0xc0);
    second(0xa, 0x00);
  };
  /** Programs channel 2 as the floppy driver does and unmasks it. */
  const program = (mode: number, page: number, address: number, count: number) => {
    first(0xa, 0x06);
    first(0xc, 0);
    first(0xb, mode | 2);
    for (const value of [address & 0xff, address >> 8]) first(4, value);
    for (const value of [count & 0xff, count >> 8]) first(5, value);
    dma.pagePorts.write(1, page, 1);
    first(0xa, 0x02);
  };
  const word = (register: number) => dma.firstPorts.read(register, 1) | (dma.firstPorts.read(register, 1) << 8);
  return { bytes, dma, first, second, open, program, word, codes };
}

const block = (length: number) => Uint8Array.from({ length }, (_, index) => (index * 7 + 1) & 0xff);

describe("8237A", () => {
  test("a write transfer lands at page and address and ends with terminal count", () => {
    const { bytes, dma, open, program, word } = make();
    open();
    program(0x44, 0x12, 0x3400, 511);
    const source = block(512);
    expect(dma.channel(2).writeToMemory(source.subarray(0, 500))).toEqual({ transferred: 500, terminalCount: false });
    expect(word(4)).toBe(0x3400 + 500);
    expect(dma.channel(2).writeToMemory(source.subarray(500))).toEqual({ transferred: 12, terminalCount: true });
    expect(bytes.subarray(0x123400, 0x123600)).toEqual(source);
    expect(word(5)).toBe(0xffff);
    expect([dma.firstPorts.read(8, 1), dma.firstPorts.read(8, 1)]).toEqual([0x04, 0x00]);
    expect(dma.channel(2).writeToMemory(source).transferred).toBe(0);
  });

  test("a read transfer fills the device's bytes and stops at the count", () => {
    const { bytes, dma, open, program } = make();
    open();
    bytes.set(block(300), 0x20000);
    program(0x48, 2, 0, 255);
    const target = new Uint8Array(300);
    expect(dma.channel(2).readFromMemory(target)).toEqual({ transferred: 256, terminalCount: true });
    expect(target.subarray(0, 256)).toEqual(block(256));
    expect(target[256]).toBe(0);
  });

  test("masks, the disable bit, the closed cascade and the wrong direction stop a transfer", () => {
    const { dma, open, program, first, second } = make();
    program(0x44, 1, 0, 9);
    const attempt = () => dma.channel(2).writeToMemory(block(4)).transferred;
    expect(attempt()).toBe(0); // channel 4 is masked after reset
    open();
    expect(attempt()).toBe(4);
    first(0xa, 0x06);
    expect(attempt()).toBe(0);
    first(0xe, 0);
    expect(attempt()).toBe(4);
    first(8, 4);
    expect(attempt()).toBe(0);
    first(8, 0);
    expect(dma.channel(2).readFromMemory(new Uint8Array(4)).transferred).toBe(0);
    second(0xf, 0x0f);
    expect(attempt()).toBe(0);
  });

  test("autoinitialisation starts over and stays unmasked", () => {
    const { bytes, dma, open, program, word } = make();
    open();
    program(0x54, 0, 0x8000, 3);
    expect(dma.channel(2).writeToMemory(Uint8Array.of(1, 2, 3, 4)).terminalCount).toBe(true);
    expect([word(4), word(5)]).toEqual([0x8000, 3]);
    dma.channel(2).writeToMemory(Uint8Array.of(5));
    expect([...bytes.subarray(0x8000, 0x8004)]).toEqual([5, 2, 3, 4]);
  });

  test("addresses wrap inside the page", () => {
    const { bytes, dma, open, program } = make();
    open();
    program(0x44, 3, 0xfffe, 3);
    dma.channel(2).writeToMemory(Uint8Array.of(1, 2, 3, 4));
    expect([bytes[0x3fffe], bytes[0x3ffff], bytes[0x30000], bytes[0x30001], bytes[0x40000]]).toEqual([1, 2, 3, 4, 0]);
  });

  test("decrementing addresses store backwards", () => {
    const { bytes, dma, open, program, word } = make();
    open();
    program(0x64, 3, 0x0001, 2);
    dma.channel(2).writeToMemory(Uint8Array.of(1, 2, 3));
    expect([bytes[0x30001], bytes[0x30000], bytes[0x3ffff]]).toEqual([1, 2, 3]);
    expect(word(4)).toBe(0xfffe);
  });

  test("verify counts without touching memory", () => {
    const { bytes, dma, open, program } = make();
    open();
    program(0x40, 3, 0, 3);
    expect(dma.channel(2).writeToMemory(block(8))).toEqual({ transferred: 4, terminalCount: true });
    expect(bytes[0x30000]).toBe(0);
  });

  test("channels 5 to 7 count words and ignore the page's lowest bit", () => {
    const { bytes, dma, second } = make();
    second(0xb, 0x45);
    second(0xc, 0);
    for (const value of [0x00, 0x80]) second(2, value); // channel 5 address, in words
    for (const value of [0x01, 0x00]) second(3, value);
    dma.pagePorts.write(0xb, 0x13, 1);
    second(0xa, 0x01);
    expect(dma.channel(5).writeToMemory(Uint8Array.of(1, 2, 3, 4, 5))).toEqual({ transferred: 4, terminalCount: true });
    expect([...bytes.subarray(0x130000, 0x130005)]).toEqual([1, 2, 3, 4, 0]);
  });

  test("master clear masks everything and resets the byte pointer", () => {
    const { dma, first, word } = make();
    first(0, 0x34);
    first(0xd, 0);
    first(0, 0x78);
    first(0, 0x56);
    expect(word(0)).toBe(0x5678);
    expect(dma.firstPorts.read(0xf, 1)).toBe(0xff);
  });

  test("page registers read back, and port 80h is the firmware's progress display", () => {
    const { dma, codes } = make();
    for (let offset = 0; offset < 16; offset++) dma.pagePorts.write(offset, 0x40 + offset, 1);
    expect(dma.pagePorts.read(7, 1)).toBe(0x47);
    expect(codes).toEqual([0x40]);
  });
});

deviceConformance("Dma8237", () => {
  const { dma, open, program } = make();
  return {
    device: dma,
    exercise: () => {
      open();
      program(0x54, 0x12, 0x3400, 511);
      dma.channel(2).writeToMemory(block(100));
    },
  };
});
