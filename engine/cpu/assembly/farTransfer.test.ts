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
  userStackTop,
} from "./testing/protectedMode.ts";
import { SystemUnitHarness } from "./testing/SystemUnitHarness.ts";

let unit: SystemUnitHarness;
beforeAll(async () => {
  unit = await SystemUnitHarness.create();
}, 120_000);
beforeEach(() => enterProtectedMode(unit));

const where = (): number[] => [unit.selector("cs"), unit.rip, unit.state.get32("cpl")];

describe("far JMP", () => {
  test("to code of the same level; CS gets the current level as RPL", () => {
    unit.call("farJump", sel.code0, 0x1234n, 4);
    expect(where()).toEqual([sel.code0, 0x1234, 0]);
  });
  test("a 16-bit operand size cuts the offset", () => {
    unit.call("farJump", sel.code0, 0x51234n, 2);
    expect(unit.rip).toBe(0x1234);
  });
  test("to conforming code keeps the level", () => {
    enterUser(unit);
    unit.call("farJump", sel.conforming, 0x10n, 4);
    expect(where()).toEqual([sel.conforming | 3, 0x10, 3]);
  });
  test("null: #GP(0)", () => expect(unit.fault("farJump", 0, 0n, 4)).toEqual({ vector: 13, errorCode: 0 }));
  test("to another level: #GP(selector)", () => {
    expect(unit.fault("farJump", sel.code3, 0n, 4)).toEqual({ vector: 13, errorCode: sel.code3 & 0xfc });
    enterUser(unit);
    expect(unit.fault("farJump", sel.code0, 0n, 4)).toEqual({ vector: 13, errorCode: sel.code0 });
  });
  test("to data: #GP(selector); to absent code: #NP(selector)", () => {
    expect(unit.fault("farJump", sel.data0, 0n, 4)).toEqual({ vector: 13, errorCode: sel.data0 });
    expect(unit.fault("farJump", sel.absentCode, 0n, 4)).toEqual({ vector: 11, errorCode: sel.absentCode });
  });
  test("beyond the limit: #GP(0) and nothing changed", () => {
    expect(unit.fault("farJump", sel.code16, 0x10000n, 4)).toEqual({ vector: 13, errorCode: 0 });
    expect(where()).toEqual([sel.code0, 0x100, 0]);
  });
  test("through a call gate at the same level takes the gate's offset", () => {
    setDescriptor(unit, sel.free0, gate(sel.code0, 0x23456, 0x8c));
    unit.call("farJump", sel.free0, 0x99n, 4);
    expect(where()).toEqual([sel.code0, 0x23456, 0]);
  });
  test("a call gate does not let JMP go inward: #GP(code selector)", () => {
    setDescriptor(unit, sel.free0, gate(sel.code0, 0x400, 0xec));
    enterUser(unit);
    expect(unit.fault("farJump", sel.free0 | 3, 0n, 4)).toEqual({ vector: 13, errorCode: sel.code0 });
  });
});

describe("far CALL and RET", () => {
  test("at the same level push CS and EIP, and return releases parameters", () => {
    unit.call("farCall", sel.code0, 0x500n, 4);
    expect(unit.dwords(kernelStackTop - 8, 2)).toEqual([0x100, sel.code0]);
    unit.call("farReturn", 4, 12);
    expect([...where(), unit.gpr(4)]).toEqual([sel.code0, 0x100, 0, kernelStackTop + 12]);
  });
  test("through a call gate to an inner level: stack switch with parameters", () => {
    setDescriptor(unit, sel.free0, gate(sel.code0, 0x400, 0xec, 3));
    enterUser(unit);
    pushDwords(unit, [0x11, 0x22, 0x33]);
    unit.call("farCall", sel.free0 | 3, 0n, 4);
    expect([...where(), unit.selector("ss"), unit.gpr(4)]).toEqual([sel.code0, 0x400, 0, sel.data0, innerStackTop - 28]);
    expect(unit.dwords(innerStackTop - 28, 7)).toEqual([
      0x100,
      sel.code3,
      0x11,
      0x22,
      0x33,
      userStackTop - 12,
      sel.data3,
    ]);
  });
  test("RET n back to the outer level releases on both stacks and drops inner segments", () => {
    setDescriptor(unit, sel.free0, gate(sel.code0, 0x400, 0xec, 3));
    enterUser(unit);
    pushDwords(unit, [0x11, 0x22, 0x33]);
    unit.call("farCall", sel.free0 | 3, 0n, 4);
    unit.load("fs", sel.data0);
    unit.call("farReturn", 4, 12);
    expect([...where(), unit.selector("ss"), unit.gpr(4)]).toEqual([sel.code3, 0x100, 3, sel.data3, userStackTop]);
    expect([unit.selector("fs"), unit.selector("ds")]).toEqual([0, sel.data3]);
  });
  test("a 16-bit call gate copies words", () => {
    setDescriptor(unit, sel.free0, gate(sel.code0, 0x400, 0xe4, 2));
    enterUser(unit);
    pushDwords(unit, [0x22221111]);
    unit.call("farCall", sel.free0 | 3, 0n, 4);
    expect(unit.gpr(4)).toBe(innerStackTop - 12);
    expect(unit.words(unit.gpr(4), 6)).toEqual([0x100, sel.code3, 0x1111, 0x2222, userStackTop - 4, sel.data3]);
  });
  test("the gate's own level counts: #GP(gate)", () => {
    setDescriptor(unit, sel.free0, gate(sel.code0, 0x400, 0x8c));
    enterUser(unit);
    expect(unit.fault("farCall", sel.free0 | 3, 0n, 4)).toEqual({ vector: 13, errorCode: sel.free0 });
  });
  test("an absent gate: #NP(gate); absent code behind it: #NP(code)", () => {
    setDescriptor(unit, sel.free0, gate(sel.code0, 0x400, 0x0c));
    expect(unit.fault("farCall", sel.free0, 0n, 4)).toEqual({ vector: 11, errorCode: sel.free0 });
    setDescriptor(unit, sel.free0, gate(sel.absentCode, 0x400, 0x8c));
    expect(unit.fault("farCall", sel.free0, 0n, 4)).toEqual({ vector: 11, errorCode: sel.absentCode });
  });
  test("null code behind a gate: #GP(0)", () => {
    setDescriptor(unit, sel.free0, gate(0, 0x400, 0x8c));
    expect(unit.fault("farCall", sel.free0, 0n, 4)).toEqual({ vector: 13, errorCode: 0 });
  });
  test("a full stack: #SS(0), and the stack pointer stays", () => {
    setDescriptor(unit, sel.free0, descriptor(0, 0xff, 0x92, 0x4));
    unit.load("ss", sel.free0);
    unit.setGpr(4, 4);
    expect(unit.fault("farCall", sel.code0, 0n, 4)).toEqual({ vector: 12, errorCode: 0 });
    expect(unit.gpr(4)).toBe(4);
  });
  test("RET to an inner level: #GP(selector)", () => {
    enterUser(unit);
    pushDwords(unit, [0x100, sel.code0]);
    expect(unit.fault("farReturn", 4, 0)).toEqual({ vector: 13, errorCode: sel.code0 });
  });
});

describe("SYSENTER and SYSEXIT", () => {
  const wrmsr = (index: number, value: number): void => {
    unit.setGpr(1, index);
    unit.setGpr(0, value);
    unit.setGpr(2, 0);
    unit.call("wrmsr");
  };
  test("without a code selector: #GP(0)", () => {
    expect(unit.fault("sysenter")).toEqual({ vector: 13, errorCode: 0 });
  });
  test("there and back", () => {
    wrmsr(0x174, 8);
    wrmsr(0x175, 0x6800);
    wrmsr(0x176, 0xabc);
    enterUser(unit);
    unit.call("sysenter");
    expect([...where(), unit.selector("ss"), unit.gpr(4), unit.flags & 0x200]).toEqual([8, 0xabc, 0, 16, 0x6800, 0]);
    unit.setGpr(1, 0x8800);
    unit.setGpr(2, 0x222);
    unit.call("sysexit", 4);
    expect([...where(), unit.selector("ss"), unit.gpr(4)]).toEqual([0x1b, 0x222, 3, 0x23, 0x8800]);
    expect(unit.fault("sysexit", 4)).toEqual({ vector: 13, errorCode: 0 });
  });
  test("SYSCALL is invalid outside of 64-bit code", () => {
    expect(unit.fault("syscall")).toEqual({ vector: 6, errorCode: undefined });
  });
});

describe("ENTER and BOUND", () => {
  test("level 0 pushes the frame pointer and makes room", () => {
    unit.setGpr(5, 0x1111);
    unit.call("enter", 4, 0x20, 0);
    expect([unit.gpr(5), unit.gpr(4), unit.r32(kernelStackTop - 4)]).toEqual([
      kernelStackTop - 4,
      kernelStackTop - 0x24,
      0x1111,
    ]);
  });
  test("level 2 copies a frame pointer and pushes its own", () => {
    unit.setGpr(5, 0x6800);
    unit.w32(0x67fc, 0xcafe);
    unit.call("enter", 4, 0, 2);
    expect(unit.dwords(kernelStackTop - 12, 3)).toEqual([kernelStackTop - 4, 0xcafe, 0x6800]);
    expect([unit.gpr(5), unit.gpr(4)]).toEqual([kernelStackTop - 4, kernelStackTop - 12]);
  });
  test("a frame beyond the stack faults and changes nothing", () => {
    setDescriptor(unit, sel.free0, descriptor(0, 0xff, 0x92, 0x4));
    unit.load("ss", sel.free0);
    unit.setGpr(4, 0x80);
    expect(unit.fault("enter", 4, 0x100, 0)).toEqual({ vector: 12, errorCode: 0 });
    expect(unit.gpr(4)).toBe(0x80);
  });
  test("BOUND raises #BR outside of signed bounds", () => {
    unit.w16(0x500, 0xfffe);
    unit.w16(0x502, 5);
    for (const index of [-2, 0, 5]) unit.call("bound", index, 0x500n, 2);
    for (const index of [-3, 6]) expect(unit.fault("bound", index, 0x500n, 2)).toEqual({ vector: 5, errorCode: undefined });
  });
});
