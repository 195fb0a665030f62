import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  descriptor,
  enablePaging,
  enterProtectedMode,
  enterUser,
  gate,
  gdt,
  kernelStackTop,
  sel,
  setDescriptor,
  setIdtGate,
  tss,
} from "./testing/protectedMode.ts";
import { SystemUnitHarness } from "./testing/SystemUnitHarness.ts";

const task = 0x4c00;
let unit: SystemUnitHarness;
beforeAll(async () => {
  unit = await SystemUnitHarness.create();
}, 120_000);

const offsets = { cr3: 0x1c, eip: 0x20, eflags: 0x24, eax: 0x28, esp: 0x38, es: 0x48, cs: 0x4c, ss: 0x50, ds: 0x54, ldt: 0x60, trap: 0x64 };
const set = (values: Partial<Record<keyof typeof offsets, number>>): void => {
  for (const [name, value] of Object.entries(values)) unit.w32(task + offsets[name as keyof typeof offsets], value);
};
const access = (selector: number): number => unit.r8(gdt + selector + 5);

beforeEach(() => {
  enterProtectedMode(unit);
  setDescriptor(unit, sel.free0, descriptor(task, 0x67, 0x89));
  set({ eip: 0x700, eflags: 0x46, eax: 0xaaaa, esp: 0x6c00, es: sel.data0, cs: sel.code0, ss: sel.data0, ds: sel.data0 });
});

describe("task switches", () => {
  test("JMP saves the old task, loads the new one and moves the busy bit", () => {
    unit.setGpr(0, 0x1234);
    unit.call("farJump", sel.free0, 0n, 4);
    expect([unit.rip, unit.gpr(0), unit.gpr(4), unit.flags, unit.selector("tr")]).toEqual([0x700, 0xaaaa, 0x6c00, 0x46, sel.free0]);
    expect([unit.r32(tss + 0x20), unit.r32(tss + 0x28), unit.r32(tss + 0x38)]).toEqual([0x100, 0x1234, kernelStackTop]);
    expect([unit.r16(tss + 0x4c), unit.r16(tss + 0x50)]).toEqual([sel.code0, sel.data0]);
    expect([access(sel.tss), access(sel.free0)]).toEqual([0x89, 0x8b]);
    expect(unit.state.get64("cr0") & 8n).toBe(8n);
    expect(unit.state.get32("faultKeepsRip")).toBe(0);
  });
  test("CALL links back, sets NT and keeps both busy; IRET returns", () => {
    unit.call("farCall", sel.free0, 0n, 4);
    expect([unit.r16(task), unit.flags & 0x4000]).toEqual([sel.tss, 0x4000]);
    expect([access(sel.tss), access(sel.free0)]).toEqual([0x8b, 0x8b]);
    unit.call("iret", 4);
    expect([unit.selector("tr"), unit.rip, unit.gpr(4), unit.flags & 0x4000]).toEqual([sel.tss, 0x100, kernelStackTop, 0]);
    expect([access(sel.tss), access(sel.free0), unit.r32(task + 0x24) & 0x4000]).toEqual([0x8b, 0x89, 0]);
  });
  test("through a task gate", () => {
    setDescriptor(unit, sel.free1, gate(sel.free0, 0, 0xe5));
    enterUser(unit);
    unit.call("farCall", sel.free1 | 3, 0n, 4);
    expect([unit.selector("tr"), unit.state.get32("cpl"), unit.r16(tss + 0x4c)]).toEqual([sel.free0, 0, sel.code3]);
  });
  test("an exception through a task gate leaves its error code on the new stack", () => {
    setIdtGate(unit, 13, gate(sel.free0, 0, 0x85));
    unit.raise(13, 0x50);
    expect([unit.rip, unit.gpr(4), unit.r32(0x6bfc)]).toEqual([0x700, 0x6bfc, 0x50]);
    expect([unit.flags & 0x4000, unit.r16(task), unit.state.get32("faultKeepsRip")]).toEqual([0x4000, sel.tss, 0]);
  });
  test("a busy target: #GP(selector)", () => {
    expect(unit.fault("farJump", sel.tss, 0n, 4)).toEqual({ vector: 13, errorCode: sel.tss });
  });
  test("a TSS that is too small: #TS(selector)", () => {
    setDescriptor(unit, sel.free0, descriptor(task, 0x66, 0x89));
    expect(unit.fault("farJump", sel.free0, 0n, 4)).toEqual({ vector: 10, errorCode: sel.free0 });
  });
  test("an absent TSS: #NP(selector)", () => {
    setDescriptor(unit, sel.free0, descriptor(task, 0x67, 0x09));
    expect(unit.fault("farJump", sel.free0, 0n, 4)).toEqual({ vector: 11, errorCode: sel.free0 });
  });
  test("level 3 may not name a level 0 TSS: #GP(selector)", () => {
    enterUser(unit);
    expect(unit.fault("farJump", sel.free0, 0n, 4)).toEqual({ vector: 13, errorCode: sel.free0 });
  });
  test("a bad stack segment faults in the new task: #TS(selector)", () => {
    set({ ss: sel.data3 });
    expect(unit.fault("farJump", sel.free0, 0n, 4)).toEqual({ vector: 10, errorCode: sel.data3 & 0xfc });
    expect([unit.state.get32("faultKeepsRip"), unit.rip, unit.selector("tr")]).toEqual([1, 0x700, sel.free0]);
  });
  test("a bad data segment likewise, after stack and code are loaded", () => {
    set({ ds: sel.executeOnly });
    unit.fault("farJump", sel.free0, 0n, 4);
    unit.deliver();
    expect([unit.rip, unit.r32(unit.gpr(4)), unit.r32(unit.gpr(4) + 4)]).toEqual([0x800a, sel.executeOnly, 0x700]);
    expect(unit.state.get32("faultKeepsRip")).toBe(0);
  });
  test("code of another level than its RPL: #TS(selector)", () => {
    set({ cs: sel.code3 & 0xfc });
    expect(unit.fault("farJump", sel.free0, 0n, 4)).toEqual({ vector: 10, errorCode: sel.code3 & 0xfc });
  });
  test("a bad local table: #TS(selector)", () => {
    set({ ldt: sel.data0 });
    expect(unit.fault("farJump", sel.free0, 0n, 4)).toEqual({ vector: 10, errorCode: sel.data0 });
  });
  test("CR3 follows the task while paging is on", () => {
    enablePaging(unit);
    unit.w32(0x11_0000, 0x10_1007);
    set({ cr3: 0x11_0000 });
    unit.call("farJump", sel.free0, 0n, 4);
    expect(unit.state.get64("cr3")).toBe(0x11_0000n);
    unit.call("loadSlow8", 0x5000n);
    expect(unit.r32(0x11_0000) & 0x20).toBe(0x20);
  });
  test("into a virtual-8086 task", () => {
    set({ eflags: 0x20002, cs: 0x1000, ss: 0x2000, ds: 0x3000 });
    unit.call("farJump", sel.free0, 0n, 4);
    expect([unit.state.get32("cpl"), unit.base("cs"), unit.base("ds"), unit.segment("ss", "limit")]).toEqual([3, 0x10000, 0x30000, 0xffff]);
  });
  test("the T bit asks for a debug trap before the first instruction", () => {
    set({ trap: 1 });
    unit.call("farJump", sel.free0, 0n, 4);
    expect(unit.state.get32("attention") & 16).toBe(16);
    unit.call("debugBeforeInstruction", 0x700n);
    expect([unit.rip, unit.r32(unit.gpr(4)), unit.state.get64("dr", 6) & 0xe000n]).toEqual([0x8001, 0x700, 0x8000n]);
  });
  test("the switch clears local breakpoint enables", () => {
    unit.call("writeDebug", 7, 0x3ffn);
    unit.call("farJump", sel.free0, 0n, 4);
    expect(unit.state.get64("dr", 7) & 0x3ffn).toBe(0x2aan);
  });
  test("to a 16-bit TSS and its frame", () => {
    setDescriptor(unit, sel.free0, descriptor(task, 0x2b, 0x81));
    const words = [0x700, 2, 1, 2, 3, 4, 0x6c00, 6, 7, 8, sel.data0, sel.code0, sel.data0, sel.data0, 0];
    words.forEach((value, i) => {
      unit.w16(task + 0x0e + i * 2, value);
    });
    unit.call("farJump", sel.free0, 0n, 4);
    expect([unit.rip, unit.gpr(0) & 0xffff, unit.gpr(4) & 0xffff, unit.gpr(7) & 0xffff]).toEqual([0x700, 1, 0x6c00, 8]);
    unit.setGpr(0, 0x55);
    unit.call("farJump", sel.tss, 0n, 4);
    expect([unit.rip, unit.r16(task + 0x12)]).toEqual([0x100, 0x55]);
  });
  test("IRET to a task that is not busy: #TS(selector)", () => {
    unit.w16(tss, sel.free0);
    unit.state.set32("flagsSystem", 0x4002);
    expect(unit.fault("iret", 4)).toEqual({ vector: 10, errorCode: sel.free0 });
  });
});
