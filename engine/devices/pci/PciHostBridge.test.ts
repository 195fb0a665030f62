import { describe, expect, test } from "vitest";
import { deviceConformance } from "../../../tests/conformance/deviceConformance.ts";
import { RecordedLine } from "../../../tests/conformance/RecordedLine.ts";
import { PciBus } from "./PciBus.ts";
import { type PamSegment, PciHostBridge } from "./PciHostBridge.ts";
import { Piix3IsaBridge } from "./Piix3IsaBridge.ts";

function make() {
  const lines = Array.from({ length: 16 }, () => new RecordedLine());
  const resets: boolean[] = [];
  const segments: PamSegment[] = [];
  const irqLine = (irq: number) => lines[irq]!;
  const isa = new Piix3IsaBridge({ irqLine, onReset: (hard) => resets.push(hard) });
  const bus = new PciBus([isa.pirqLine(0), isa.pirqLine(1), isa.pirqLine(2), isa.pirqLine(3)]);
  const host = new PciHostBridge({ bus, onPamChanged: (s) => segments.push(s), resetControl: isa.resetControl });
  bus.attach(0, 0, host);
  bus.attach(1, 0, isa);
  const read = (devfn: number, offset: number, width: 1 | 2 | 4 = 4) => {
    host.write(0, (0x80000000 | (devfn << 8) | (offset & 0xfc)) >>> 0, 4);
    return host.read(4 + (offset & 3), width);
  };
  const write = (devfn: number, offset: number, value: number, width: 1 | 2 | 4 = 1) => {
    host.write(0, (0x80000000 | (devfn << 8) | (offset & 0xfc)) >>> 0, 4);
    host.write(4 + (offset & 3), value, width);
  };
  return { lines, resets, segments, isa, bus, host, read, write };
}

describe("configuration mechanism 1", () => {
  test("reads functions through CF8/CFC in all widths", () => {
    const { read } = make();
    expect(read(0, 0)).toBe(0x12378086);
    expect(read(0, 2, 2)).toBe(0x1237);
    expect(read(8, 0x0e, 1)).toBe(0x80);
    expect(read(8, 0)).toBe(0x70008086);
  });

  test("functions and buses that do not exist read as all ones", () => {
    const { read, host } = make();
    expect(read(9, 0)).toBe(0xffffffff);
    expect(read(0x10, 0, 2)).toBe(0xffff);
    host.write(0, 0x80010000, 4);
    expect(host.read(4, 4)).toBe(0xffffffff);
  });

  test("without the enable bit nothing answers, and byte writes do not touch CONFADD", () => {
    const { host } = make();
    host.write(0, 0x00000000, 4);
    expect(host.read(4, 4)).toBe(0xffffffff);
    host.write(0, 0x80000800, 4);
    host.write(3, 0, 1);
    expect(host.read(0, 4)).toBe(0x80000800);
    expect(host.read(4, 4)).toBe(0x70008086);
  });
});

describe("i440FX registers", () => {
  test("PAM nibbles are reported per segment when they change", () => {
    const { segments, write } = make();
    expect(segments).toHaveLength(13);
    segments.length = 0;
    write(0, 0x59, 0x30);
    write(0, 0x5a, 0x12);
    write(0, 0x5a, 0x12);
    expect(segments).toEqual([
      { start: 0xf0000, length: 0x10000, readable: true, writable: true },
      { start: 0xc0000, length: 0x4000, readable: false, writable: true },
      { start: 0xc4000, length: 0x4000, readable: true, writable: false },
    ]);
  });

  test("a locked SMRAM stays locked until reset", () => {
    const { host, read, write } = make();
    write(0, 0x72, 0x4a);
    expect(read(0, 0x72, 1)).toBe(0x4a);
    write(0, 0x72, 0x5a);
    write(0, 0x72, 0x4a);
    expect(read(0, 0x72, 1)).toBe(0x1a);
    host.reset("hard");
    expect(read(0, 0x72, 1)).toBe(0x02);
  });
});

describe("PIIX3 ISA bridge", () => {
  test("an interrupt pin reaches the interrupt its PIRQ is steered to, and follows a new route", () => {
    const { lines, bus, write } = make();
    const line = bus.interruptLine(3, 1); // PIRQC#
    line.set(true);
    expect(lines[11]?.level).toBe(false);
    write(8, 0x62, 11);
    expect(lines[11]?.level).toBe(true);
    write(8, 0x62, 10);
    expect([lines[11]?.level, lines[10]?.level]).toEqual([false, true]);
    write(8, 0x62, 0x8a);
    expect(lines[10]?.level).toBe(false);
  });

  test("two devices and two PIRQs share one interrupt", () => {
    const { lines, bus, write } = make();
    write(8, 0x60, 11);
    write(8, 0x61, 11);
    const sources = [bus.interruptLine(1, 1), bus.interruptLine(5, 1), bus.interruptLine(2, 1)];
    for (const source of sources) source.set(true);
    for (const [index, source] of sources.entries()) {
      expect(lines[11]?.level).toBe(true);
      source.set(false);
      source.set(false);
      expect(lines[11]?.level).toBe(index < 2);
    }
  });

  test("CF9 resets on the rise of bit 2, hard or soft", () => {
    const { host, resets } = make();
    host.write(1, 0x02, 1);
    expect(resets).toEqual([]);
    host.write(1, 0x06, 1);
    host.write(1, 0x06, 1);
    expect(resets).toEqual([true]);
    expect(host.read(1, 1)).toBe(0x06);
    host.write(1, 0x00, 1);
    host.write(1, 0x04, 1);
    expect(resets).toEqual([true, false]);
  });
});

deviceConformance("PciHostBridge", () => {
  const { host, write } = make();
  return {
    device: host,
    exercise: () => {
      write(0, 0x59, 0x30);
      write(0, 0x5d, 0x33);
    },
  };
});

deviceConformance("Piix3IsaBridge", () => {
  const { isa, write } = make();
  return { device: isa, exercise: () => write(8, 0x60, 11) };
});
