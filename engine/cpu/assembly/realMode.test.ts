import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { helperSignatures } from "../semantics/helperSignatures.ts";
import { SystemUnitHarness } from "./testing/SystemUnitHarness.ts";

let unit: SystemUnitHarness;
beforeAll(async () => {
  unit = await SystemUnitHarness.create();
}, 120_000);
beforeEach(() => unit.reset());

describe("the unit", () => {
  test("exports every helper that the signatures promise", () => {
    const promised = Object.entries(helperSignatures).filter(([, signature]) => signature.unit === "system");
    expect(promised.map(([name]) => name).filter((name) => !unit.exportNames.includes(name))).toEqual([]);
  });
});

describe("reset", () => {
  test("starts at F000:FFF0 with the code segment's base at the top", () => {
    expect([unit.selector("cs"), unit.base("cs"), unit.rip]).toEqual([0xf000, 0xffff0000, 0xfff0]);
    expect(unit.state.get64("cr0")).toBe(0x60000010n);
    expect(unit.flags).toBe(2);
    expect(unit.gpr(2)).toBe(0x606a6);
  });
  test("takes its features from the CPUID table", () => {
    unit.setLevel("v1");
    expect(unit.gpr(2)).toBe(0x6fb);
    expect(unit.state.get32("featureEdx") & 0x11).toBe(0x11);
    unit.setLevel("host");
  });
});

describe("real mode segments", () => {
  test("a load sets the base to 16 times the selector and keeps the limit", () => {
    unit.load("ds", 0x1234);
    expect([unit.base("ds"), unit.segment("ds", "limit")]).toEqual([0x12340, 0xffff]);
  });
  test("a load keeps a limit that protected mode left large", () => {
    unit.w64(0x1008, 0x00cf92000000ffffn);
    unit.call("lgdt", 0xf, 0x1000n);
    unit.call("writeControl", 0, 0x11n);
    unit.load("ds", 8);
    unit.call("writeControl", 0, 0x10n);
    unit.load("ds", 0x2000);
    expect([unit.base("ds"), unit.segment("ds", "limit"), unit.segment("ds", "readHi")]).toEqual([
      0x20000, 0xffffffff, 0xffffffff,
    ]);
  });
  test("a far jump beyond the limit is a general protection fault", () => {
    expect(unit.fault("farJump", 0x100, 0x10000n, 4)).toEqual({ vector: 13, errorCode: 0 });
  });
  test("a far call pushes CS and IP, a far return with release goes back", () => {
    unit.load("ss", 0);
    unit.setGpr(4, 0x800);
    unit.call("farJump", 0x50, 0x12n, 2);
    unit.call("farCall", 0x60, 0x34n, 2);
    expect([unit.selector("cs"), unit.rip, unit.words(0x7fc, 2)]).toEqual([0x60, 0x34, [0x12, 0x50]]);
    unit.call("farReturn", 2, 6);
    expect([unit.selector("cs"), unit.rip, unit.gpr(4)]).toEqual([0x50, 0x12, 0x806]);
  });
});

describe("real mode interrupts", () => {
  beforeEach(() => {
    unit.call("farJump", 0x100, 0x20n, 2);
    unit.load("ss", 0);
    unit.setGpr(4, 0x800);
  });
  test("INT n pushes FLAGS, CS and IP and clears IF and TF", () => {
    unit.w32(0x21 * 4, 0x05001234);
    unit.call("popf", 0x302, 2);
    unit.call("softwareInterrupt", 0x21);
    expect([unit.selector("cs"), unit.rip]).toEqual([0x500, 0x1234]);
    expect(unit.words(0x7fa, 3)).toEqual([0x20, 0x100, 0x302]);
    expect(unit.flags & 0x300).toBe(0);
  });
  test("the stack pointer wraps at 64 KiB", () => {
    unit.load("ss", 0x1000);
    unit.setGpr(4, 2);
    unit.w32(0x21 * 4, 0x05001234);
    unit.call("softwareInterrupt", 0x21);
    expect(unit.gpr(4)).toBe(0xfffc);
    expect(unit.r16(0x1fffc)).toBe(0x20);
  });
  test("a push that would straddle the top of the stack segment is a stack fault", () => {
    unit.setGpr(4, 1);
    expect(unit.fault("softwareInterrupt", 0x21)).toEqual({ vector: 12, errorCode: 0 });
    expect(unit.gpr(4)).toBe(1);
  });
  test("IRET restores all three", () => {
    unit.w16(0x7fa, 0x55);
    unit.w16(0x7fc, 0x66);
    unit.w16(0x7fe, 0x7202);
    unit.setGpr(4, 0x7fa);
    unit.call("iret", 2);
    expect([unit.rip, unit.selector("cs"), unit.flags, unit.gpr(4)]).toEqual([0x55, 0x66, 0x7202, 0x800]);
  });
  test("exceptions push no error code", () => {
    unit.w32(13 * 4, 0x07000100);
    unit.raise(13, 0);
    expect([unit.rip, unit.selector("cs"), unit.gpr(4)]).toEqual([0x100, 0x700, 0x7fa]);
  });
  test("a vector table that is too short ends in shutdown", () => {
    unit.call("lidt", 0, 0n);
    expect(unit.fault("softwareInterrupt", 3)).toMatchObject({ vector: 13 });
    unit.deliver();
    expect(unit.state.get32("activity")).toBe(2);
    expect(unit.state.get32("attention") & 8).toBe(8);
  });
  test("an external interrupt is acknowledged, delivered and wakes a halted processor", () => {
    unit.w32(0x20 * 4, 0x05000040);
    unit.call("popf", 0x202, 2);
    unit.call("hlt");
    unit.state.set32("interruptPin", 1);
    unit.call("updateAttention");
    expect(unit.state.get32("attention") & 1).toBe(1);
    expect(unit.call("takeInterrupt")).toBe(1);
    expect([unit.log, unit.rip, unit.state.get32("activity")]).toEqual([["acknowledge"], 0x40, 0]);
    expect(unit.state.get32("attention")).toBe(0);
  });
  test("an interrupt waits while IF is clear", () => {
    unit.state.set32("interruptPin", 1);
    expect(unit.call("takeInterrupt")).toBe(0);
    expect(unit.log).toEqual([]);
  });
  test("the shadow of STI holds an interrupt off once", () => {
    unit.state.set32("interruptPin", 1);
    unit.call("sti");
    unit.state.set64("shadowRip", BigInt(unit.rip));
    expect(unit.call("takeInterrupt")).toBe(0);
    expect(unit.call("takeInterrupt")).toBe(1);
  });
  test("an NMI is taken with IF clear and blocks the next one until IRET", () => {
    unit.state.set32("nmiPending", 1);
    expect(unit.call("takeInterrupt")).toBe(1);
    unit.state.set32("nmiPending", 1);
    expect(unit.call("takeInterrupt")).toBe(0);
    unit.call("iret", 2);
    expect(unit.call("takeInterrupt")).toBe(1);
  });
});

describe("flags", () => {
  test("every combination of arithmetic flags survives POPF and the lazy form", () => {
    const bits = [0, 2, 4, 6, 7, 11];
    for (let combination = 0; combination < 64; combination++) {
      const image = bits.reduce((sum, bit, i) => (combination & (1 << i) ? sum | (1 << bit) : sum), 2);
      unit.call("popf", image, 4);
      expect(unit.flags).toBe(image);
    }
  });
  test("the lazy form gives ZF SF PF from the result and CF OF from the carries", () => {
    unit.state.set64("flagResult", 0xffff_ffff_ffff_ff80n);
    unit.state.set32("flagCarries", 0x4000_0000);
    unit.state.set32("flagAux", 0x10);
    expect(unit.flags).toBe(2 | 0x80 | 0x800 | 0x10);
  });
  test("16-bit POPF leaves the upper half alone", () => {
    unit.call("popf", 0x40002, 4);
    unit.call("popf", 0xffff, 2);
    expect(unit.flags & 0x40000).toBe(0x40000);
    expect(unit.call("pushfImage", 2)).toBe(0x7fd7);
  });
  test("32-bit PUSHF hides RF and VM", () => {
    unit.state.set32("flagsSystem", 0x10002);
    expect(unit.call("pushfImage", 4)).toBe(2);
  });
});

describe("A20", () => {
  test("closed, the second megabyte appears as the first", () => {
    unit.w8(0x10, 0x11);
    unit.w8(0x10_0010, 0x22);
    expect(unit.call("loadSlow8", 0x10_0010n)).toBe(0x22);
    unit.call("setA20", 0);
    expect(unit.call("loadSlow8", 0x10_0010n)).toBe(0x11);
    unit.call("setA20", 1);
    expect(unit.call("loadSlow8", 0x10_0010n)).toBe(0x22);
  });
});
