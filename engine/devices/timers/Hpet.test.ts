import { describe, expect, test } from "vitest";
import { deviceConformance } from "../../../tests/conformance/deviceConformance.ts";
import { ManualClock } from "../../../tests/conformance/ManualClock.ts";
import { RecordedLine } from "../../../tests/conformance/RecordedLine.ts";
import { Hpet } from "./Hpet.ts";

function make() {
  const clock = new ManualClock();
  const lines = new Map([0, 8, 20, 21, 22, 23].map((irq) => [irq, new RecordedLine()]));
  const hpet = new Hpet({ clock, line: (irq) => lines.get(irq)! });
  const read = (offset: number) => hpet.read(offset, 4);
  const write = (offset: number, value: number) => hpet.write(offset, value, 4);
  return { clock, hpet, read, write, irq: (irq: number) => lines.get(irq)! };
}

const ROUTE_20 = 20 << 9;

describe("HPET", () => {
  test("tells three 64-bit timers, legacy replacement and its period", () => {
    const { read } = make();
    expect([read(0), read(4)]).toEqual([0x8086a201, 10_000_000]);
    expect([read(0x100), read(0x104)]).toEqual([0x30, 0x00f00000]);
    expect([read(0x160), read(0x3f0)]).toEqual([0, 0]);
  });

  test("the main counter runs while enabled and carries into its high half", () => {
    const { clock, read, write } = make();
    clock.advance(1000);
    expect(read(0xf0)).toBe(0);
    write(0xf0, 0xfffffff0);
    write(0x10, 1);
    clock.advance(1005);
    expect([read(0xf0), read(0xf4)]).toEqual([84, 1]);
    write(0x10, 0);
    clock.advance(1000);
    expect(read(0xf0)).toBe(84);
    write(0xf4, 0xffffffff);
    write(0xf0, 0xfffffffe);
    write(0x10, 1);
    expect([read(0xf0), read(0xf4)]).toEqual([0xfffffffe, 0xffffffff]);
    clock.advance(30);
    expect([read(0xf0), read(0xf4)]).toEqual([1, 0]);
  });

  test("a one-shot edge comparator fires once at its value", () => {
    const { clock, write, irq } = make();
    write(0x100, ROUTE_20 | 0x04);
    write(0x108, 10_000);
    write(0x10c, 0);
    write(0x10, 1);
    clock.advance(99_999);
    expect(irq(20).rises).toBe(0);
    clock.advance(1);
    expect(irq(20).rises).toBe(1);
    clock.advance(1e9);
    expect([irq(20).rises, clock.fired]).toEqual([1, 1]);
  });

  test("a value already passed waits for the counter to wrap in 32-bit mode", () => {
    const { clock, write, irq } = make();
    write(0x10, 1);
    clock.advance(1_000_000);
    write(0x120, ROUTE_20 | 0x104);
    write(0x128, 1000);
    clock.advance(40e9);
    expect(irq(20).rises).toBe(0);
    clock.advance(4e9);
    expect(irq(20).rises).toBe(1);
  });

  test("a level comparator holds its line until its status bit is written", () => {
    const { clock, read, write, irq } = make();
    write(0x140, (22 << 9) | 0x06);
    write(0x148, 1000);
    write(0x14c, 0);
    write(0x10, 1);
    clock.advance(10_000);
    expect([irq(22).level, read(0x20)]).toEqual([true, 4]);
    write(0x20, 3);
    expect(irq(22).level).toBe(true);
    write(0x20, 4);
    expect([irq(22).level, read(0x20)]).toEqual([false, 0]);
  });

  test("periodic mode: first match with VAL_SET, then the period, one callback each", () => {
    const { clock, read, write, irq } = make();
    write(0x10, 3);
    write(0x100, 0x14c);
    write(0x108, 50_000); // first match after 500 us
    write(0x108, 100_000); // then every millisecond
    clock.advance(499_999);
    expect(irq(0).rises).toBe(0);
    clock.advance(1);
    expect([irq(0).rises, read(0x108)]).toEqual([1, 150_000]);
    clock.advance(10_000_000);
    expect([irq(0).rises, clock.fired]).toEqual([11, 11]);
  });

  test("an 8-byte write with VAL_SET sets both halves of value and period", () => {
    const { clock, write, read, irq } = make();
    write(0xf4, 1);
    write(0x100, ROUTE_20 | 0x4c);
    write(0x108, 0x100);
    write(0x10c, 1);
    expect([read(0x108), read(0x10c)]).toEqual([0x100, 1]);
    write(0x108, 2000);
    write(0x10c, 0);
    write(0x10, 1);
    clock.advance(2560);
    expect(irq(20).rises).toBe(1);
    clock.advance(20_000);
    expect(irq(20).rises).toBe(2);
  });

  test("legacy replacement takes IRQ0 and IRQ8 from the 8254 and the RTC and gives them back", () => {
    const { clock, hpet, write, irq } = make();
    hpet.pitInput.set(true);
    expect(irq(0).rises).toBe(1);
    write(0x10, 3);
    expect(irq(0).level).toBe(false);
    hpet.pitInput.set(false);
    hpet.pitInput.set(true);
    hpet.rtcInput.set(true);
    expect([irq(0).rises, irq(8).rises]).toEqual([1, 0]);
    write(0x120, 0x04);
    write(0x128, 5000);
    write(0x12c, 0);
    clock.advance(50_000);
    expect(irq(8).rises).toBe(1);
    write(0x10, 0);
    expect([irq(0).level, irq(8).level]).toEqual([true, true]);
  });

  test("an edge survives status writes until the next one", () => {
    const { clock, write, irq } = make();
    write(0x10, 3);
    write(0x100, 0x14c);
    write(0x108, 1000);
    write(0x108, 1000);
    clock.advance(10_000);
    write(0x20, 7);
    expect([irq(0).level, irq(0).rises]).toEqual([true, 1]);
    clock.advance(10_000);
    expect(irq(0).rises).toBe(2);
    write(0x100, 0);
    expect(irq(0).level).toBe(false);
  });

  test("a route the hardware does not have reads back as zero", () => {
    const { read, write } = make();
    write(0x100, (5 << 9) | 4);
    expect(read(0x100)).toBe(0x34);
    write(0x100, ROUTE_20 | 4);
    expect(read(0x100)).toBe(0x34 | ROUTE_20);
  });

  test("a period too short to serve does not flood the machine", () => {
    const { clock, write } = make();
    write(0x100, ROUTE_20 | 0x14c);
    write(0x108, 100);
    write(0x108, 1);
    write(0x10, 1);
    clock.advance(1_001_000);
    expect(clock.fired).toBeLessThan(110);
    expect(clock.fired).toBeGreaterThan(90);
  });
});

deviceConformance("Hpet", () => {
  const { hpet, write, clock } = make();
  return {
    device: hpet,
    exercise: () => {
      write(0x10, 3);
      write(0x100, 0x4c);
      write(0x108, 50_000);
      write(0x108, 100_000);
      write(0x140, (21 << 9) | 6);
      write(0x148, 40_000);
      write(0x14c, 0);
      clock.advance(1_234_567);
    },
  };
});
