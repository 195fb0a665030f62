import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { attentionBits, codeModeBits } from "../layout/cpuLayout.ts";
import { enterProtectedMode, kernelStackTop, pushDwords, sel, setIdtGate } from "./testing/protectedMode.ts";
import { SystemUnitHarness } from "./testing/SystemUnitHarness.ts";

let unit: SystemUnitHarness;
beforeAll(async () => {
  unit = await SystemUnitHarness.create();
}, 120_000);
beforeEach(() => enterProtectedMode(unit));

const dr6 = (): number => Number(unit.state.get64("dr", 6)) & 0xe00f;
const stepping = (): boolean => (unit.state.get32("codeMode") & codeModeBits.stepping) !== 0;
const attention = (): number => unit.state.get32("attention") & attentionBits.debug;

describe("single step", () => {
  test("TF asks for attention, and traps after the instruction that follows", () => {
    unit.call("debugBeforeInstruction", 0x100n);
    unit.call("popf", 0x102, 4);
    unit.call("debugAfterInstruction");
    expect([attention(), stepping(), unit.rip]).toEqual([attentionBits.debug, true, 0x100]);
    unit.call("debugBeforeInstruction", 0x100n);
    unit.rip = 0x101;
    unit.call("debugAfterInstruction");
    expect([unit.rip, dr6(), unit.r32(kernelStackTop - 12), unit.r32(kernelStackTop - 4)]).toEqual([0x8001, 0x4000, 0x101, 0x102]);
    expect([attention(), stepping()]).toEqual([0, false]);
  });
  test("an instruction that clears TF is still stepped", () => {
    unit.call("popf", 0x102, 4);
    unit.call("debugBeforeInstruction", 0x100n);
    unit.call("popf", 0x002, 4);
    expect(attention()).toBe(attentionBits.debug);
    unit.call("debugAfterInstruction");
    expect([unit.rip, attention()]).toEqual([0x8001, 0]);
  });
  test("INT n is not: its delivery ends stepping", () => {
    unit.call("popf", 0x102, 4);
    unit.call("debugBeforeInstruction", 0x100n);
    unit.call("softwareInterrupt", 0x30);
    unit.call("debugAfterInstruction");
    expect([unit.rip, dr6()]).toEqual([0x8030, 0]);
  });
  test("a load of SS puts the trap off", () => {
    unit.call("popf", 0x102, 4);
    unit.call("debugBeforeInstruction", 0x100n);
    unit.load("ss", sel.data0);
    unit.call("debugAfterInstruction");
    expect(unit.rip).toBe(0x100);
    unit.call("debugBeforeInstruction", 0x102n);
    unit.call("debugAfterInstruction");
    expect(unit.rip).toBe(0x8001);
  });
});

describe("instruction breakpoints", () => {
  beforeEach(() => {
    unit.call("writeDebug", 1, 0x123n);
    unit.call("writeDebug", 7, 0x08n);
  });
  test("fault before the instruction, with RF as it was", () => {
    expect(unit.fault("debugBeforeInstruction", 0x122n)).toBeUndefined();
    expect(unit.fault("debugBeforeInstruction", 0x123n)).toEqual({ vector: 1, errorCode: undefined });
    unit.deliver();
    expect([dr6(), unit.rip, unit.r32(kernelStackTop - 4) & 0x10000]).toEqual([2, 0x8001, 0]);
  });
  test("RF from IRET lets one instruction pass", () => {
    pushDwords(unit, [0x123, sel.code0, 0x10002]);
    unit.call("iret", 4);
    expect(unit.fault("debugBeforeInstruction", 0x123n)).toBeUndefined();
    expect(unit.fault("debugBeforeInstruction", 0x123n)).toMatchObject({ vector: 1 });
  });
  test("arming them puts code into stepping mode", () => {
    expect([attention(), stepping()]).toEqual([attentionBits.debug, true]);
    unit.call("writeDebug", 7, 0n);
    expect([attention(), stepping()]).toEqual([0, false]);
  });
});

describe("data breakpoints", () => {
  const arm = (kind: number, length: number): void => {
    unit.call("writeDebug", 0, 0x1_0004n);
    unit.call("writeDebug", 7, BigInt(1 | (kind << 16) | ((length - 1) << 18)));
  };
  test("keep their page off the fast path, and no other", () => {
    arm(1, 4);
    unit.call("storeSlow8", 0x1_0800n, 1);
    unit.call("storeSlow8", 0x1_1000n, 1);
    expect(unit.tags(0x1_0000)).toEqual({ read: false, write: false, execute: true });
    expect(unit.tags(0x1_1000).write).toBe(true);
  });
  test("trap after a write that touches them", () => {
    arm(1, 4);
    unit.call("debugBeforeInstruction", 0x100n);
    unit.call("storeSlow16", 0x1_0007n, 0);
    unit.rip = 0x105;
    unit.call("debugAfterInstruction");
    expect([unit.rip, dr6(), unit.r32(kernelStackTop - 12)]).toEqual([0x8001, 1, 0x105]);
  });
  test("do not trap for neighbours, nor for reads of a write breakpoint", () => {
    arm(1, 4);
    unit.call("storeSlow32", 0x1_0000n, 0);
    unit.call("storeSlow8", 0x1_0008n, 0);
    unit.call("loadSlow32", 0x1_0004n);
    expect(unit.state.get32("pendingDebug")).toBe(0);
  });
  test("read-write ones trap for reads, string instructions included", () => {
    arm(3, 1);
    unit.setGpr(6, 0x1_0000);
    unit.setGpr(7, 0x2_0000);
    unit.setGpr(1, 2);
    // One element a call, so that the trap comes behind the one that is meant.
    unit.call("movs", 4, 4, 3, 1);
    expect([unit.gpr(1), unit.state.get32("pendingDebug")]).toEqual([1, 0]);
    unit.call("movs", 4, 4, 3, 1);
    expect(unit.state.get32("pendingDebug")).toBe(1);
  });
  test("are forgotten when the instruction faults after all", () => {
    arm(3, 1);
    unit.call("loadSlow8", 0x1_0004n);
    unit.raise(13, 0);
    expect(unit.state.get32("pendingDebug")).toBe(0);
  });
});

describe("debug registers", () => {
  test("fixed bits read as the manual says", () => {
    unit.call("writeDebug", 6, 0n);
    unit.call("writeDebug", 7, 0xd000n);
    expect([unit.call("readDebug", 6), unit.call("readDebug", 7)]).toEqual([0xffff0ff0, 0x400]);
  });
  test("DR4 and DR5 are DR6 and DR7 until CR4.DE", () => {
    expect(unit.call("readDebug", 5)).toBe(0x400);
    unit.call("writeControl", 4, 8n);
    expect(unit.fault("readDebug", 5)).toEqual({ vector: 6, errorCode: undefined });
  });
  test("general detect: #DB with BD, and the handler may look", () => {
    unit.call("writeDebug", 7, 0x2000n);
    expect(unit.fault("readDebug", 0)).toEqual({ vector: 1, errorCode: undefined });
    unit.deliver();
    expect(dr6()).toBe(0x2000);
    expect(unit.call("readDebug", 7)).toBe(0x400);
  });
  test("I/O breakpoints need CR4.DE", () => {
    unit.call("writeDebug", 0, 0x60n);
    unit.call("writeDebug", 7, BigInt(1 | (2 << 16)));
    unit.call("in8", 0x60);
    expect(unit.state.get32("pendingDebug")).toBe(0);
    unit.call("writeControl", 4, 8n);
    unit.call("in8", 0x60);
    expect(unit.state.get32("pendingDebug")).toBe(1);
  });
  test("a debug trap that cannot be delivered keeps the next instruction's address", () => {
    setIdtGate(unit, 1, 0n);
    unit.call("popf", 0x102, 4);
    unit.call("debugBeforeInstruction", 0x100n);
    unit.rip = 0x104;
    expect(unit.fault("debugAfterInstruction")).toEqual({ vector: 13, errorCode: 0x0b });
    expect([unit.state.get32("faultKeepsRip"), unit.rip]).toEqual([1, 0x104]);
    unit.deliver();
    expect(unit.r32(unit.gpr(4) + 4)).toBe(0x104);
  });
});

describe("after a load of SS", () => {
  const shadow = (): void => unit.state.set32("stackSegmentShadow", 1);
  test("the next instruction's breakpoint is not met", () => {
    unit.call("writeDebug", 0, 0x123n);
    unit.call("writeDebug", 7, 1n);
    shadow();
    unit.call("debugAfterInstruction");
    expect(unit.fault("debugBeforeInstruction", 0x123n)).toBeUndefined();
    expect(unit.fault("debugBeforeInstruction", 0x123n)).toMatchObject({ vector: 1 });
  });
  test("its data breakpoint traps after the next instruction", () => {
    unit.state.set32("pendingDebug", 1);
    shadow();
    unit.rip = 0x100;
    unit.call("debugAfterInstruction");
    unit.call("debugBeforeInstruction", 0x100n);
    expect(unit.rip).toBe(0x100);
    unit.rip = 0x102;
    unit.call("debugAfterInstruction");
    expect([unit.rip, dr6(), unit.r32(kernelStackTop - 12)]).toEqual([0x8001, 1, 0x102]);
  });
  test("INT1 takes its data breakpoint along: one #DB", () => {
    unit.state.set32("pendingDebug", 1);
    shadow();
    unit.call("debugAfterInstruction");
    unit.call("debugBeforeInstruction", 0x100n);
    unit.rip = 0x101;
    unit.call("int1");
    unit.call("debugAfterInstruction");
    expect([unit.rip, dr6(), unit.state.get32("pendingDebug"), unit.r32(kernelStackTop - 12)]).toEqual([0x8001, 1, 0, 0x101]);
  });
});
