import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  descriptor,
  enterProtectedMode,
  enterUser,
  gate,
  innerStackTop,
  kernelStackTop,
  pushDwords,
  sel,
  setDescriptor,
  setIdtGate,
  tss,
  userStackTop,
} from "./testing/protectedMode.ts";
import { SystemUnitHarness } from "./testing/SystemUnitHarness.ts";

let unit: SystemUnitHarness;
beforeAll(async () => {
  unit = await SystemUnitHarness.create();
}, 120_000);
beforeEach(() => enterProtectedMode(unit));

const place = (): number[] => [unit.selector("cs"), unit.rip];
const cpl = (): number => unit.state.get32("cpl");

describe("gates at the same level", () => {
  test("a 32-bit interrupt gate pushes three dwords and clears IF", () => {
    unit.call("sti");
    unit.call("deliverInterrupt", 0x30);
    expect(place()).toEqual([sel.code0, 0x8030]);
    expect(unit.dwords(kernelStackTop - 12, 3)).toEqual([0x100, sel.code0, 0x202]);
    expect(unit.flags & 0x200).toBe(0);
  });
  test("a trap gate leaves IF alone", () => {
    unit.call("sti");
    setIdtGate(unit, 0x30, gate(sel.code0, 0x8030, 0x8f));
    unit.call("softwareInterrupt", 0x30);
    expect(unit.flags & 0x200).toBe(0x200);
  });
  test("a 16-bit gate pushes words and uses 16 bits of offset", () => {
    setIdtGate(unit, 0x30, gate(sel.code0, 0x12345678, 0x86));
    unit.call("softwareInterrupt", 0x30);
    expect(unit.rip).toBe(0x5678);
    expect(unit.words(kernelStackTop - 6, 3)).toEqual([0x100, sel.code0, 2]);
  });
  test("faults push RF and an error code", () => {
    unit.raise(13, 0x1234);
    expect(unit.dwords(unit.gpr(4), 4)).toEqual([0x1234, 0x100, sel.code0, 0x10002]);
    expect(unit.isDelivering).toBe(false);
  });
  test("faults without an error code push none", () => {
    unit.raise(6);
    expect(unit.gpr(4)).toBe(kernelStackTop - 12);
  });
  test("TF and NT are cleared in the handler, not in the image", () => {
    unit.state.set32("flagsSystem", 0x4102);
    unit.call("softwareInterrupt", 0x30);
    expect(unit.flags & 0x4100).toBe(0);
    expect(unit.r32(unit.gpr(4) + 8) & 0x4100).toBe(0x4100);
  });
});

describe("gates to an inner level", () => {
  beforeEach(() => enterUser(unit));

  test("switch to the stack of the TSS and push the old one", () => {
    unit.call("deliverInterrupt", 0x30);
    expect([...place(), cpl(), unit.selector("ss"), unit.gpr(4)]).toEqual([
      sel.code0,
      0x8030,
      0,
      sel.data0,
      innerStackTop - 20,
    ]);
    expect(unit.dwords(innerStackTop - 20, 5)).toEqual([0x100, sel.code3, 0x202, userStackTop, sel.data3]);
  });
  test("and IRET goes back to all of it", () => {
    unit.call("deliverInterrupt", 0x30);
    unit.load("es", sel.data0);
    unit.call("iret", 4);
    expect([...place(), cpl(), unit.selector("ss"), unit.gpr(4)]).toEqual([sel.code3, 0x100, 3, sel.data3, userStackTop]);
    expect([unit.selector("ds"), unit.selector("es")]).toEqual([sel.data3, 0]);
  });
  test("INT n needs a gate of its own level: #GP(vector * 8 + 2)", () => {
    expect(unit.fault("softwareInterrupt", 0x30)).toEqual({ vector: 13, errorCode: 0x182 });
    setIdtGate(unit, 0x30, gate(sel.code0, 0x8030, 0xee));
    unit.call("softwareInterrupt", 0x30);
    expect(place()).toEqual([sel.code0, 0x8030]);
  });
  test("INT3 is checked likewise, exceptions and INT1 are not", () => {
    expect(unit.fault("int3")).toEqual({ vector: 13, errorCode: 0x1a });
    unit.call("int1");
    expect(unit.rip).toBe(0x8001);
  });
  test("a null stack in the TSS: #TS with EXT", () => {
    unit.w16(tss + 8, 0);
    expect(unit.fault("deliverInterrupt", 0x30)).toEqual({ vector: 10, errorCode: 1 });
    expect(unit.state.get32("faultKeepsRip")).toBe(1);
  });
  test("a stack of the wrong level: #TS(selector)", () => {
    unit.w16(tss + 8, sel.data3);
    expect(unit.fault("deliverInterrupt", 0x30)).toEqual({ vector: 10, errorCode: (sel.data3 & 0xfc) | 1 });
  });
  test("an absent stack: #SS(selector)", () => {
    unit.w16(tss + 8, sel.absentData);
    expect(unit.fault("deliverInterrupt", 0x30)).toEqual({ vector: 12, errorCode: sel.absentData | 1 });
  });
  test("a TSS too short for the stack: #TS(TR)", () => {
    unit.w64(0x1000 + sel.tss, descriptor(tss, 7, 0x89));
    unit.state.set32("cpl", 0);
    unit.call("ltr", sel.tss);
    unit.state.set32("cpl", 3);
    expect(unit.fault("deliverInterrupt", 0x30)).toEqual({ vector: 10, errorCode: sel.tss | 1 });
  });
  test("no room on the inner stack: #SS(its selector)", () => {
    setDescriptor(unit, sel.free0, descriptor(0, 0x0f, 0x92, 0x4));
    unit.w16(tss + 8, sel.free0);
    unit.w32(tss + 4, 0x10);
    expect(unit.fault("deliverInterrupt", 0x30)).toEqual({ vector: 12, errorCode: sel.free0 | 1 });
    expect([unit.gpr(4), unit.selector("ss")]).toEqual([userStackTop, sel.data3]);
  });
  test("a 16-bit TSS has 16-bit stacks", () => {
    setDescriptor(unit, sel.free0, descriptor(0x4800, 0x2b, 0x81));
    unit.w16(0x4802, 0x5f00);
    unit.w16(0x4804, sel.data0);
    unit.state.set32("cpl", 0);
    unit.call("ltr", sel.free0);
    unit.state.set32("cpl", 3);
    unit.call("deliverInterrupt", 0x30);
    expect(unit.gpr(4)).toBe(0x5f00 - 20);
  });
  test("a conforming handler runs at the level it interrupted", () => {
    setIdtGate(unit, 0x30, gate(sel.conforming, 0x8030, 0x8e));
    unit.call("deliverInterrupt", 0x30);
    expect([...place(), cpl(), unit.gpr(4)]).toEqual([sel.conforming | 3, 0x8030, 3, userStackTop - 12]);
  });
});

describe("bad gates", () => {
  test("beyond the table: #GP(vector * 8 + 2)", () => {
    unit.call("lidt", 0x7f, 0x2000n);
    expect(unit.fault("softwareInterrupt", 0x10)).toEqual({ vector: 13, errorCode: 0x82 });
  });
  test("an external event adds EXT", () => {
    unit.call("lidt", 0x7f, 0x2000n);
    expect(unit.fault("deliverInterrupt", 0x10)).toEqual({ vector: 13, errorCode: 0x83 });
  });
  test("no gate at all: #GP", () => {
    setIdtGate(unit, 0x30, descriptor(0, 0xffff, 0x92));
    expect(unit.fault("softwareInterrupt", 0x30)).toEqual({ vector: 13, errorCode: 0x182 });
  });
  test("absent: #NP", () => {
    setIdtGate(unit, 0x30, gate(sel.code0, 0, 0x0e));
    expect(unit.fault("softwareInterrupt", 0x30)).toEqual({ vector: 11, errorCode: 0x182 });
  });
  test("null code selector: #GP(0)", () => {
    setIdtGate(unit, 0x30, gate(0, 0, 0x8e));
    expect(unit.fault("softwareInterrupt", 0x30)).toEqual({ vector: 13, errorCode: 0 });
  });
  test("data as code: #GP(selector); absent code: #NP(selector)", () => {
    setIdtGate(unit, 0x30, gate(sel.data0, 0, 0x8e));
    expect(unit.fault("softwareInterrupt", 0x30)).toEqual({ vector: 13, errorCode: sel.data0 });
    setIdtGate(unit, 0x30, gate(sel.absentCode, 0, 0x8e));
    expect(unit.fault("softwareInterrupt", 0x30)).toEqual({ vector: 11, errorCode: sel.absentCode });
  });
  test("a less privileged handler: #GP(selector)", () => {
    setIdtGate(unit, 0x30, gate(sel.code3, 0, 0x8e));
    expect(unit.fault("softwareInterrupt", 0x30)).toEqual({ vector: 13, errorCode: sel.code3 & 0xfc });
  });
  test("an offset beyond the code limit: #GP(0)", () => {
    setIdtGate(unit, 0x30, gate(sel.code16, 0x10000, 0x8e));
    expect(unit.fault("softwareInterrupt", 0x30)).toEqual({ vector: 13, errorCode: 0 });
    expect(unit.gpr(4)).toBe(kernelStackTop);
  });
});

describe("faults while delivering", () => {
  const breakGate = (vector: number): void => setIdtGate(unit, vector, 0n);

  test("contributory after contributory is a double fault with error code 0", () => {
    breakGate(13);
    unit.raise(13, 0x50);
    expect(unit.rip).toBe(0x8008);
    expect(unit.dwords(unit.gpr(4), 2)).toEqual([0, 0x100]);
  });
  test("contributory after a benign exception is delivered as it is", () => {
    breakGate(6);
    unit.raise(6);
    expect(unit.rip).toBe(0x800d);
    expect(unit.r32(unit.gpr(4))).toBe(6 * 8 + 2 + 1);
  });
  test("contributory after a page fault is a double fault", () => {
    breakGate(14);
    unit.raise(14, 2);
    expect(unit.rip).toBe(0x8008);
  });
  test("a page fault after a contributory exception is delivered", () => {
    unit.fault("raise", 13, 0);
    unit.state.set32("deliveringVector", 13);
    unit.state.set32("faultVector", 14);
    unit.deliver();
    expect(unit.rip).toBe(0x800e);
  });
  test("a third fault shuts down", () => {
    breakGate(13);
    breakGate(8);
    unit.raise(13, 0);
    expect(unit.state.get32("activity")).toBe(2);
  });
  test("a software interrupt's own fault is no double fault and has no EXT", () => {
    breakGate(0x30);
    unit.fault("softwareInterrupt", 0x30);
    unit.deliver();
    expect([unit.rip, unit.r32(unit.gpr(4))]).toEqual([0x800d, 0x182]);
  });
});

describe("IRET in protected mode", () => {
  test("level 3 may change neither IF nor IOPL", () => {
    enterUser(unit, 0x202);
    pushDwords(unit, [0x200, sel.code3, 0x3002]);
    unit.call("iret", 4);
    expect([unit.rip, unit.flags & 0x3200]).toEqual([0x200, 0x200]);
  });
  test("a 16-bit IRET takes three words", () => {
    unit.setGpr(4, 0x6ff0);
    unit.w16(0x6ff0, 0x1234);
    unit.w16(0x6ff2, sel.code0);
    unit.w16(0x6ff4, 0x46);
    unit.call("iret", 2);
    expect([unit.rip, unit.gpr(4), unit.flags]).toEqual([0x1234, 0x6ff6, 0x46]);
  });
  test("to an inner level: #GP(selector)", () => {
    enterUser(unit);
    pushDwords(unit, [0x200, sel.code0, 2]);
    expect(unit.fault("iret", 4)).toEqual({ vector: 13, errorCode: sel.code0 });
  });
  test("null code: #GP(0), absent code: #NP", () => {
    pushDwords(unit, [0x200, 0, 2]);
    expect(unit.fault("iret", 4)).toEqual({ vector: 13, errorCode: 0 });
    pushDwords(unit, [0x200, sel.absentCode, 2]);
    expect(unit.fault("iret", 4)).toEqual({ vector: 11, errorCode: sel.absentCode });
  });
  test("an outer stack of the wrong level: #GP(its selector), nothing changed", () => {
    pushDwords(unit, [0x200, sel.code3, 2, 0x9000, sel.data0]);
    const before = unit.gpr(4);
    expect(unit.fault("iret", 4)).toEqual({ vector: 13, errorCode: sel.data0 });
    expect([unit.gpr(4), cpl(), unit.rip]).toEqual([before, 0, 0x100]);
  });
  test("to a 16-bit outer stack only SP changes", () => {
    setDescriptor(unit, sel.free0, descriptor(0, 0xffff, 0xf2));
    unit.setGpr(4, 0x20_6000);
    pushDwords(unit, [0x200, sel.code3, 2, 0x9000, sel.free0 | 3]);
    unit.call("iret", 4);
    expect(unit.gpr(4)).toBe(0x20_9000);
  });
});

describe("STI, CLI and POPF by privilege", () => {
  test("level 3 with IOPL 0 may not touch IF", () => {
    enterUser(unit);
    expect(unit.fault("cli")).toEqual({ vector: 13, errorCode: 0 });
    unit.call("popf", 0x3002, 4);
    expect(unit.flags & 0x3200).toBe(0x200);
  });
  test("with IOPL 3 it may", () => {
    enterUser(unit, 0x3202);
    unit.call("cli");
    expect(unit.flags & 0x200).toBe(0);
    unit.call("popf", 0x0202, 4);
    expect(unit.flags & 0x3200).toBe(0x3200);
  });
  test("with PVI STI sets VIF, and faults while VIP waits", () => {
    unit.call("writeControl", 4, 2n);
    enterUser(unit);
    unit.call("sti");
    expect(unit.flags & 0x80000).toBe(0x80000);
    unit.state.set32("flagsSystem", unit.state.get32("flagsSystem") | 0x100000);
    expect(unit.fault("sti")).toEqual({ vector: 13, errorCode: 0 });
    unit.call("cli");
    expect(unit.flags & 0x80000).toBe(0);
  });
});
