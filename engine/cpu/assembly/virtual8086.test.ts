import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { enterProtectedMode, enterVirtual8086, gate, innerStackTop, sel, setIdtGate, tss } from "./testing/protectedMode.ts";
import { SystemUnitHarness } from "./testing/SystemUnitHarness.ts";

let unit: SystemUnitHarness;
beforeAll(async () => {
  unit = await SystemUnitHarness.create();
}, 120_000);
beforeEach(() => enterProtectedMode(unit));

const iopl3 = 0x23202;
const stack = 0x20800;
const setFlag = (bits: number): void => unit.state.set32("flagsSystem", unit.state.get32("flagsSystem") | bits);

describe("virtual-8086 mode", () => {
  test("is entered by IRET with nine dwords", () => {
    enterVirtual8086(unit);
    expect([unit.base("cs"), unit.rip, unit.base("ss"), unit.gpr(4)]).toEqual([0x10000, 0x100, 0x20000, 0x800]);
    expect([unit.base("es"), unit.base("ds"), unit.base("fs"), unit.base("gs")]).toEqual([0x30000, 0x31000, 0x32000, 0x33000]);
    expect([unit.state.get32("cpl"), unit.state.get32("codeMode") & 3, unit.segment("ds", "limit")]).toEqual([3, 0, 0xffff]);
  });
  test("segment loads are paragraphs with a 64 KiB limit", () => {
    enterVirtual8086(unit);
    unit.load("es", 0x4321);
    expect([unit.base("es"), unit.segment("es", "writeHi")]).toEqual([0x43210, 0xffff]);
  });
  test("an interrupt pushes the data segments too and clears them", () => {
    enterVirtual8086(unit);
    unit.call("deliverInterrupt", 0x30);
    expect(unit.dwords(innerStackTop - 36, 9)).toEqual([0x100, 0x1000, 0x20202, 0x800, 0x2000, 0x3000, 0x3100, 0x3200, 0x3300]);
    expect([unit.selector("ds"), unit.selector("gs"), unit.flags & 0x20000, unit.state.get32("cpl")]).toEqual([0, 0, 0, 0]);
    expect([unit.selector("cs"), unit.selector("ss"), unit.segment("ds", "readHi")]).toEqual([sel.code0, sel.data0, 0]);
    unit.call("iret", 4);
    expect([unit.base("ds"), unit.rip, unit.flags & 0x20000]).toEqual([0x31000, 0x100, 0x20000]);
  });
  test("a handler that is not level 0: #GP(its selector)", () => {
    setIdtGate(unit, 0x30, gate(sel.code1, 0, 0x8e));
    enterVirtual8086(unit);
    expect(unit.fault("deliverInterrupt", 0x30)).toEqual({ vector: 13, errorCode: sel.code1 | 1 });
  });
  test("a conforming handler: #GP(its selector)", () => {
    setIdtGate(unit, 0x30, gate(sel.conforming, 0, 0x8e));
    enterVirtual8086(unit);
    expect(unit.fault("deliverInterrupt", 0x30)).toEqual({ vector: 13, errorCode: sel.conforming | 1 });
  });
  test("with IOPL below 3 INT n, PUSHF, POPF, CLI, STI and IRET are #GP(0)", () => {
    enterVirtual8086(unit);
    const fault = { vector: 13, errorCode: 0 };
    expect(unit.fault("softwareInterrupt", 0x21)).toEqual(fault);
    expect(unit.fault("pushfImage", 2)).toEqual(fault);
    expect(unit.fault("popf", 2, 2)).toEqual(fault);
    expect(unit.fault("cli")).toEqual(fault);
    expect(unit.fault("sti")).toEqual(fault);
    expect(unit.fault("iret", 2)).toEqual(fault);
  });
  test("with IOPL 3 IRET, POPF and CLI work on IF, and INT n goes through the IDT", () => {
    setIdtGate(unit, 0x21, gate(sel.code0, 0x8021, 0xee));
    enterVirtual8086(unit, iopl3);
    unit.call("cli");
    expect(unit.flags & 0x200).toBe(0);
    unit.call("popf", 0x0202, 2);
    expect(unit.flags & 0x3200).toBe(0x3200);
    unit.w16(stack, 0x44);
    unit.w16(stack + 2, 0x1100);
    unit.w16(stack + 4, 0x0046);
    unit.call("iret", 2);
    expect([unit.rip, unit.base("cs"), unit.flags & 0x3246]).toEqual([0x44, 0x11000, 0x3046]);
    unit.call("softwareInterrupt", 0x21);
    expect(unit.rip).toBe(0x8021);
  });
  test("instructions about selectors are invalid", () => {
    enterVirtual8086(unit);
    expect(unit.fault("str")).toEqual({ vector: 6, errorCode: undefined });
  });
});

describe("virtual-8086 extensions", () => {
  beforeEach(() => unit.call("writeControl", 4, 1n));

  test("a redirected INT n with IOPL 3 is served in the task itself", () => {
    unit.w32(0x21 * 4, 0x05001234);
    enterVirtual8086(unit, iopl3);
    unit.call("softwareInterrupt", 0x21);
    expect([unit.base("cs"), unit.rip, unit.gpr(4)]).toEqual([0x5000, 0x1234, 0x7fa]);
    expect(unit.words(stack - 6, 3)).toEqual([0x100, 0x1000, 0x3202]);
    expect(unit.flags & 0x20200).toBe(0x20000);
  });
  test("with IOPL 0 the image shows VIF as IF and IOPL 3, and VIF is cleared", () => {
    unit.w32(0x21 * 4, 0x05001234);
    enterVirtual8086(unit, 0xa0202);
    unit.call("softwareInterrupt", 0x21);
    expect(unit.r16(stack - 2)).toBe(0x3202);
    expect(unit.flags & 0x80200).toBe(0x200);
  });
  test("a set bit in the redirection map sends it to the monitor", () => {
    unit.w8(tss + 0x68 + (0x21 >> 3), 1 << (0x21 & 7));
    enterVirtual8086(unit);
    expect(unit.fault("softwareInterrupt", 0x21)).toEqual({ vector: 13, errorCode: 0 });
  });
  test("CLI, STI, PUSHF and POPF work on VIF", () => {
    enterVirtual8086(unit);
    unit.call("sti");
    expect(unit.flags & 0x80000).toBe(0x80000);
    expect(unit.call("pushfImage", 2)).toBe(0x3202);
    unit.call("popf", 0x0002, 2);
    expect(unit.flags & 0x80200).toBe(0x200);
    expect(unit.fault("pushfImage", 4)).toEqual({ vector: 13, errorCode: 0 });
  });
  test("enabling virtual interrupts while one is pending: #GP(0)", () => {
    enterVirtual8086(unit);
    setFlag(0x100000);
    expect(unit.fault("sti")).toEqual({ vector: 13, errorCode: 0 });
    expect(unit.fault("popf", 0x202, 2)).toEqual({ vector: 13, errorCode: 0 });
    unit.w16(stack + 4, 0x202);
    expect(unit.fault("iret", 2)).toEqual({ vector: 13, errorCode: 0 });
  });
  test("setting TF through POPF: #GP(0)", () => {
    enterVirtual8086(unit);
    expect(unit.fault("popf", 0x102, 2)).toEqual({ vector: 13, errorCode: 0 });
  });
  test("a 16-bit IRET moves IF of the image to VIF", () => {
    enterVirtual8086(unit);
    unit.w16(stack, 0x44);
    unit.w16(stack + 2, 0x1100);
    unit.w16(stack + 4, 0x202);
    unit.call("iret", 2);
    expect([unit.rip, unit.flags & 0x80200]).toEqual([0x44, 0x80200]);
  });
});
