import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { codeModeBits } from "../layout/cpuLayout.ts";
import { descriptor, enterProtectedMode, gate, gdt, idt, sel, setDescriptor, tss } from "./testing/protectedMode.ts";
import { SystemUnitHarness } from "./testing/SystemUnitHarness.ts";

let unit: SystemUnitHarness;
beforeAll(async () => {
  unit = await SystemUnitHarness.create();
}, 120_000);

const level4 = 0x12_0000;
const high = 0xffff_8000_0000_0000n;
const longCode0 = sel.code1;
const longCode3 = (sel.data1 & 0xfc) | 3;
const [rsp, rcx, r11] = [4, 1, 11];
const longModeFeatures = (1 << 29) | (1 << 20) | (1 << 11);

const wrmsr = (index: number, value: bigint): ReturnType<SystemUnitHarness["fault"]> => {
  unit.setGpr(1, index);
  unit.setGpr(0, Number(value & 0xffff_ffffn));
  unit.setGpr(2, Number(value >> 32n));
  return unit.fault("wrmsr");
};
const longGate = (vector: number, offset: bigint, access: number, stack = 0): void => {
  unit.w64(idt + vector * 16, gate(longCode0, Number(offset & 0xffff_ffffn), access, stack));
  unit.w64(idt + vector * 16 + 8, offset >> 32n);
};
const qwords = (at: bigint, count: number): bigint[] =>
  Array.from({ length: count }, (_, i) => unit.ram.getBigUint64(Number(at & 0xffffffn) + i * 8, true));
const push = (...values: bigint[]): void => {
  const at = unit.state.get64("gpr", rsp) - BigInt(values.length * 8);
  unit.state.set64("gpr", at, rsp);
  values.forEach((value, i) => {
    unit.w64(Number(at & 0xffffffn) + i * 8, value);
  });
};
const place = (): (number | bigint)[] => [unit.selector("cs"), unit.state.get64("rip"), unit.state.get32("cpl")];

/** 64-bit code at level 0, the first 4 MiB at 0 and at the start of the upper half. */
beforeEach(() => {
  enterProtectedMode(unit);
  unit.state.set32("extendedFeatureEdx", longModeFeatures);
  setDescriptor(unit, longCode0, descriptor(0, 0xfffff, 0x9a, 0xa));
  setDescriptor(unit, longCode3, descriptor(0, 0xfffff, 0xfa, 0xa));
  unit.w64(level4, BigInt(level4 + 0x1007));
  unit.w64(level4 + 256 * 8, BigInt(level4 + 0x1007));
  unit.w64(level4 + 0x1000, BigInt(level4 + 0x2007));
  unit.w64(level4 + 0x2000, 0x87n);
  unit.w64(level4 + 0x2008, 0x20_0087n);
  unit.call("writeControl", 3, BigInt(level4));
  unit.call("writeControl", 4, 0x20n);
  wrmsr(0xc0000080, 0x901n);
  unit.call("writeControl", 0, 0x8000_0011n);
  unit.call("farJump", longCode0, 0x100n, 4);
  unit.call("lidt", 0xfff, high + BigInt(idt));
  for (let vector = 0; vector < 64; vector++) longGate(vector, high + 0x8000n + BigInt(vector), 0x8e);
  unit.w64(tss + 4, high + 0x6000n);
  unit.w64(tss + 0x24, high + 0x5ff8n);
  unit.state.set64("gpr", high + 0x7008n, rsp);
});

const toUser = (): void => {
  push(0x1000n, BigInt(longCode3), 0x202n, 0x9000n, BigInt(sel.data3));
  unit.call("iret", 8);
};

describe("long mode", () => {
  test("begins with paging and 64-bit code", () => {
    expect(unit.state.get64("efer")).toBe(0xd01n);
    expect(unit.state.get32("codeMode")).toBe(2 | codeModeBits.bigStack | codeModeBits.flat);
    expect(place()).toEqual([longCode0, 0x100n, 0]);
  });
  test("needs PAE: #GP(0)", () => {
    expect(unit.fault("writeControl", 4, 0n)).toEqual({ vector: 13, errorCode: 0 });
  });
  test("four levels translate, and all of them get their accessed bits", () => {
    unit.call("storeSlow32", high + 0x3000n, 0x1234);
    expect(unit.r32(0x3000)).toBe(0x1234);
    expect([level4 + 256 * 8, level4 + 0x1000].map((at) => unit.r32(at) & 0x60)).toEqual([0x20, 0x20]);
    expect(unit.r32(level4 + 0x2000) & 0x60).toBe(0x60);
  });
  test("an address that is not canonical: #GP(0)", () => {
    expect(unit.fault("loadSlow8", 0x8000_0000_0000n)).toEqual({ vector: 13, errorCode: 0 });
  });
  test("page faults report 64-bit addresses", () => {
    expect(unit.fault("loadSlow8", 0xffff_9000_0000_0000n)).toEqual({ vector: 14, errorCode: 0 });
    expect(unit.state.get64("cr2")).toBe(0xffff_9000_0000_0000n);
  });
  test("reserved bits of upper levels: error code 9", () => {
    unit.w64(level4 + 0x1000, BigInt(level4 + 0x2087));
    unit.call("flushTlb");
    expect(unit.fault("loadSlow8", 0n)).toEqual({ vector: 14, errorCode: 9 });
  });
});

describe("delivery in long mode", () => {
  test("at the same level: aligned frame with SS and RSP", () => {
    unit.raise(13, 0x55);
    expect(place()).toEqual([longCode0, high + 0x800dn, 0]);
    const at = unit.state.get64("gpr", rsp);
    expect(at).toBe(high + 0x7000n - 48n);
    expect(qwords(at, 6)).toEqual([0x55n, 0x100n, BigInt(longCode0), 0x10002n, high + 0x7008n, BigInt(sel.data0)]);
  });
  test("from user code: RSP0, and a null SS", () => {
    toUser();
    unit.call("deliverInterrupt", 0x20);
    const at = unit.state.get64("gpr", rsp);
    expect([...place(), at, unit.selector("ss")]).toEqual([longCode0, high + 0x8020n, 0, high + 0x6000n - 40n, 0]);
    expect(qwords(at, 5)).toEqual([0x1000n, BigInt(longCode3), 0x202n, 0x9000n, BigInt(sel.data3)]);
    unit.call("iret", 8);
    expect([...place(), unit.state.get64("gpr", rsp)]).toEqual([longCode3, 0x1000n, 3, 0x9000n]);
  });
  test("by way of the interrupt stack table, from any level", () => {
    longGate(8, high + 0x8008n, 0x8e, 1);
    unit.raise(8, 0);
    expect(unit.state.get64("gpr", rsp)).toBe(high + 0x5ff0n - 48n);
  });
  test("a software interrupt needs the gate's level: #GP(vector * 8 + 2)", () => {
    toUser();
    expect(unit.fault("softwareInterrupt", 0x21)).toEqual({ vector: 13, errorCode: 0x10a });
  });
  test("a handler of 32 bits: #GP(selector)", () => {
    unit.w64(idt + 0x30 * 16, gate(sel.code0, 0, 0x8e));
    expect(unit.fault("softwareInterrupt", 0x30)).toEqual({ vector: 13, errorCode: sel.code0 });
  });
  test("a stack that is not canonical: #SS(0)", () => {
    unit.state.set64("gpr", 0x9000_0000_0000n, rsp);
    expect(unit.fault("softwareInterrupt", 0x20)).toEqual({ vector: 12, errorCode: 0 });
  });
});

describe("returns in long mode", () => {
  test("IRET to a null SS is refused for level 3", () => {
    push(0x1000n, BigInt(longCode3), 0x202n, 0x9000n, 0n);
    expect(unit.fault("iret", 8)).toEqual({ vector: 13, errorCode: 0 });
  });
  test("IRET to an address that is not canonical: #GP(0)", () => {
    push(0x8000_0000_0000n, BigInt(longCode3), 0x202n, 0x9000n, BigInt(sel.data3));
    expect(unit.fault("iret", 8)).toEqual({ vector: 13, errorCode: 0 });
  });
  test("IRET into compatibility mode", () => {
    push(0x1000n, BigInt(sel.code3), 0x202n, 0x9000n, BigInt(sel.data3));
    unit.call("iret", 8);
    expect([unit.state.get32("codeMode") & 3, ...place()]).toEqual([1, sel.code3, 0x1000n, 3]);
  });
  test("IRET to level 3 leaves the base of a null FS, and drops a data segment of level 0", () => {
    unit.load("fs", 0);
    wrmsr(0xc0000100, 0x4444_5555_6666n);
    unit.load("es", sel.data0);
    toUser();
    expect(unit.state.segmentBase(4)).toBe(0x4444_5555_6666);
    expect(unit.selector("es")).toBe(0);
  });
  test("IRET to level 3 drops an FS of level 0, but not the base that 64-bit code gave it", () => {
    unit.load("fs", sel.data0);
    wrmsr(0xc0000100, 0x4444_5555_6666n);
    toUser();
    expect([unit.selector("fs"), unit.state.segmentBase(4)]).toEqual([0, 0x4444_5555_6666]);
  });
  test("system tables above 4 GiB serve compatibility mode too", () => {
    unit.call("lgdt", sel.limit, high + 0x1000n);
    push(0x1000n, BigInt(sel.code3), 0x202n, 0x9000n, BigInt(sel.data3));
    unit.call("iret", 8);
    unit.load("ds", sel.data3);
    expect(unit.selector("ds")).toBe(sel.data3);
  });
  test("RETF of 8 bytes", () => {
    push(high + 0x4444n, BigInt(longCode0));
    unit.call("farReturn", 8, 0);
    expect([...place(), unit.state.get64("gpr", rsp)]).toEqual([longCode0, high + 0x4444n, 0, high + 0x7008n]);
  });
  test("IRET with NT: #GP(0), there are no tasks", () => {
    unit.state.set32("flagsSystem", 0x4002);
    expect(unit.fault("iret", 8)).toEqual({ vector: 13, errorCode: 0 });
    expect(unit.fault("farJump", sel.tss, 0n, 8)).toEqual({ vector: 13, errorCode: sel.tss });
  });
});

describe("SYSCALL and SYSRET", () => {
  beforeEach(() => {
    wrmsr(0xc0000081, (BigInt(sel.code3 - 0x10) << 48n) | (BigInt(longCode0) << 32n));
    wrmsr(0xc0000082, high + 0x7777n);
    wrmsr(0xc0000084, 0x600n);
  });
  test("there: RCX, R11, masked flags, flat segments", () => {
    toUser();
    unit.state.set64("rip", 0x1002n);
    unit.call("popf", 0x603, 8);
    unit.call("syscall");
    expect(place()).toEqual([longCode0, high + 0x7777n, 0]);
    expect([unit.state.get64("gpr", rcx), unit.state.get64("gpr", r11)]).toEqual([0x1002n, 0x603n]);
    expect([unit.flags, unit.selector("ss"), unit.state.get64("gpr", rsp)]).toEqual([3, longCode0 + 8, 0x9000n]);
  });
  test("and back", () => {
    unit.state.set64("gpr", 0x1234n, rcx);
    unit.state.set64("gpr", 0x246n, r11);
    unit.call("sysret", 8);
    expect([...place(), unit.selector("ss"), unit.flags]).toEqual([sel.code3, 0x1234n, 3, sel.code3 - 8 + 0, 0x246]);
    expect(unit.state.get32("codeMode") & 3).toBe(2);
  });
  test("SYSRET to an address that is not canonical: #GP(0) at level 0", () => {
    unit.state.set64("gpr", 0x8000_0000_0000n, rcx);
    expect(unit.fault("sysret", 8)).toEqual({ vector: 13, errorCode: 0 });
    expect(unit.state.get32("cpl")).toBe(0);
  });
  test("without SCE: #UD", () => {
    wrmsr(0xc0000080, 0x900n);
    expect(unit.fault("syscall")).toEqual({ vector: 6, errorCode: undefined });
  });
  test("an LSTAR that is not canonical: #GP(0)", () => {
    expect(wrmsr(0xc0000082, 0x8000_0000_0000n)).toEqual({ vector: 13, errorCode: 0 });
  });
  test("SWAPGS exchanges the bases", () => {
    wrmsr(0xc0000101, 0x1111n);
    wrmsr(0xc0000102, high);
    unit.call("swapgs");
    expect(unit.state.get64("msrKernelGsBase")).toBe(0x1111n);
    unit.setGpr(1, 0xc0000101);
    unit.call("rdmsr");
    expect(unit.gpr(2)).toBe(0xffff8000);
  });
});

const [smep, smap, pcide, umip] = [1n << 20n, 1n << 21n, 1n << 17n, 1n << 11n];
const offered = (): void => {
  unit.state.set32("structuredFeatureEbx", (1 << 20) | (1 << 10) | (1 << 7) | 1);
  unit.state.set32("structuredFeatureEcx", 1 << 2);
  unit.state.set32("featureEcx", (1 << 17) | (1 << 26));
  unit.state.set32("extendedFeatureEdx", longModeFeatures | (1 << 26));
};
const setCr4 = (bits: bigint): void => void unit.call("writeControl", 4, 0x20n | bits);

describe("pages of 1 GiB", () => {
  beforeEach(offered);
  test("translate, with one dirty bit", () => {
    unit.w64(level4 + 0x1008, 0x87n);
    unit.call("storeSlow32", 0x4000_3000n, 0x77);
    expect(unit.r32(0x3000)).toBe(0x77);
    expect(unit.r32(level4 + 0x1008) & 0x60).toBe(0x60);
  });
  test("have reserved bits below bit 30: error code 9", () => {
    unit.w64(level4 + 0x1008, 0x2087n);
    expect(unit.fault("loadSlow8", 0x4000_0000n)).toEqual({ vector: 14, errorCode: 9 });
  });
  test("are reserved where CPUID does not offer them: error code 9", () => {
    unit.state.set32("extendedFeatureEdx", longModeFeatures);
    unit.w64(level4 + 0x1008, 0x87n);
    expect(unit.fault("loadSlow8", 0x4000_0000n)).toEqual({ vector: 14, errorCode: 9 });
  });
  test("an absent one has no reserved bits", () => {
    unit.w64(level4 + 0x1008, 0x2086n);
    expect(unit.fault("loadSlow8", 0x4000_0000n)).toEqual({ vector: 14, errorCode: 0 });
  });
});

describe("the supervisor on pages of the user", () => {
  beforeEach(offered);
  test("SMEP refuses fetches: error code 11h", () => {
    unit.call("translateFetch", 0x3000n);
    setCr4(smep);
    expect(unit.fault("translateFetch", 0x3000n)).toEqual({ vector: 14, errorCode: 0x11 });
    unit.call("loadSlow8", 0x3000n);
    expect(unit.tags(0x3000)).toMatchObject({ read: true, execute: false });
  });
  test("SMAP refuses reads and writes: error codes 1 and 3", () => {
    unit.call("storeSlow8", 0x3000n, 1);
    setCr4(smap);
    expect(unit.fault("loadSlow8", 0x3000n)).toEqual({ vector: 14, errorCode: 1 });
    expect(unit.fault("storeSlow8", 0x3000n, 1)).toEqual({ vector: 14, errorCode: 3 });
  });
  test("STAC opens and CLAC closes them, what was cached included", () => {
    setCr4(smap);
    unit.call("setAlignmentCheck", 1);
    unit.call("storeSlow8", 0x3000n, 1);
    expect(unit.tags(0x3000)).toMatchObject({ read: true, write: true });
    unit.call("setAlignmentCheck", 0);
    expect(unit.tags(0x3000)).toMatchObject({ read: false, write: false });
    expect(unit.fault("loadSlow8", 0x3000n)).toEqual({ vector: 14, errorCode: 1 });
  });
  test("more open pages than are remembered are all closed", () => {
    setCr4(smap);
    unit.call("setAlignmentCheck", 1);
    for (let page = 0; page < 100; page++) unit.call("loadSlow8", BigInt(page * 4096));
    unit.call("setAlignmentCheck", 0);
    for (const page of [0, 50, 99]) expect(unit.tags(page * 4096).read).toBe(false);
  });
  test("fetches that SMEP allows do not open a page to reads", () => {
    setCr4(smap);
    unit.call("translateFetch", 0x3000n);
    expect(unit.tags(0x3000)).toEqual({ read: false, write: false, execute: true });
  });
  test("STAC above level 0: #UD", () => {
    toUser();
    expect(unit.fault("setAlignmentCheck", 1)).toEqual({ vector: 6, errorCode: undefined });
  });
});

describe("process-context identifiers", () => {
  beforeEach(offered);
  const gp0 = { vector: 13, errorCode: 0 };
  test("bit 63 of a CR3 value is taken and not kept", () => {
    expect(unit.fault("writeControl", 3, (1n << 63n) | BigInt(level4))).toEqual(gp0);
    setCr4(pcide);
    unit.call("writeControl", 3, (1n << 63n) | BigInt(level4) | 5n);
    expect(unit.callBig("readControl", 3 as unknown as bigint)).toBe(BigInt(level4) | 5n);
  });
  test("they begin with identifier 0 and end before paging does", () => {
    unit.call("writeControl", 3, BigInt(level4) | 8n);
    expect(unit.fault("writeControl", 4, 0x20n | pcide)).toEqual(gp0);
  });
  test("INVPCID checks type, identifier and address", () => {
    unit.w64(0x3000, 0n);
    unit.w64(0x3008, 0x8000_0000_0000n);
    expect(unit.fault("invpcid", 4n, 0x3000n)).toEqual(gp0);
    expect(unit.fault("invpcid", 0n, 0x3000n)).toEqual(gp0);
    expect(unit.fault("invpcid", 2n, 0x3000n)).toBeUndefined();
    unit.w64(0x3000, 1n);
    expect(unit.fault("invpcid", 1n, 0x3000n)).toEqual(gp0);
    unit.w64(0x3000, 0x1000n);
    expect(unit.fault("invpcid", 2n, 0x3000n)).toEqual(gp0);
  });
});

test("UMIP keeps descriptor tables from user code: #GP(0)", () => {
  offered();
  setCr4(umip);
  for (const name of ["gdtrLimit", "idtrLimit", "sldt", "str", "smsw"]) expect(unit.fault(name)).toBeUndefined();
  toUser();
  for (const name of ["gdtrLimit", "idtrLimit", "sldt", "str", "smsw"]) {
    expect(unit.fault(name)).toEqual({ vector: 13, errorCode: 0 });
  }
});

describe("call gates of long mode", () => {
  const longCallGate = (code: number, offset: bigint, access = 0xec): void => {
    setDescriptor(unit, sel.free0, gate(code, Number(offset & 0xffff_ffffn), access));
    unit.w64(gdt + sel.free1, offset >> 32n);
  };
  test("to the same level: a frame of 8-byte values", () => {
    longCallGate(longCode0, high + 0x4000n);
    unit.call("farCall", sel.free0, 0n, 4);
    expect(place()).toEqual([longCode0, high + 0x4000n, 0]);
    expect(qwords(unit.state.get64("gpr", rsp), 2)).toEqual([0x100n, BigInt(longCode0)]);
  });
  test("to an inner level: RSP0, a null SS, and back by RETF", () => {
    longCallGate(longCode0, high + 0x4000n);
    toUser();
    unit.call("farCall", sel.free0 | 3, 0n, 4);
    expect([...place(), unit.selector("ss")]).toEqual([longCode0, high + 0x4000n, 0, 0]);
    const at = unit.state.get64("gpr", rsp);
    expect(qwords(at, 4)).toEqual([0x1000n, BigInt(longCode3), 0x9000n, BigInt(sel.data3)]);
    unit.call("farReturn", 8, 0);
    expect([...place(), unit.state.get64("gpr", rsp)]).toEqual([longCode3, 0x1000n, 3, 0x9000n]);
  });
  test("lead to 64-bit code only: #GP(code selector)", () => {
    longCallGate(sel.code0, 0x4000n);
    expect(unit.fault("farCall", sel.free0, 0n, 4)).toEqual({ vector: 13, errorCode: sel.code0 });
    expect(unit.fault("farJump", sel.free0, 0n, 4)).toEqual({ vector: 13, errorCode: sel.code0 });
  });
  test("have a second half without a type: #GP(gate selector)", () => {
    longCallGate(longCode0, 0x4000n);
    unit.w64(gdt + sel.free1, 1n << 40n);
    expect(unit.fault("farCall", sel.free0, 0n, 4)).toEqual({ vector: 13, errorCode: sel.free0 });
  });
  test("of 16 bits are not there: #GP(gate selector)", () => {
    longCallGate(longCode0, 0x4000n, 0xe4);
    expect(unit.fault("farCall", sel.free0, 0n, 4)).toEqual({ vector: 13, errorCode: sel.free0 });
  });
});

test("LGDT and LIDT refuse a base that is not canonical: #GP(0)", () => {
  for (const name of ["lgdt", "lidt"]) expect(unit.fault(name, 0xff, 0x8000_0000_0000n)).toEqual({ vector: 13, errorCode: 0 });
});

test("LTR and LLDT refuse a base that is not canonical: #GP(selector), and the TSS stays available", () => {
  unit.w64(gdt + sel.free1, 0x8000n);
  for (const [name, type] of [
    ["ltr", 0x89],
    ["lldt", 0x82],
  ] as const) {
    setDescriptor(unit, sel.free0, descriptor(0, 0xfff, type));
    expect(unit.fault(name, sel.free0)).toEqual({ vector: 13, errorCode: sel.free0 });
    expect(unit.r8(gdt + sel.free0 + 5)).toBe(type);
  }
});

test("VMCALL: an unknown call, the poll that always succeeds, and a caller above level 0", () => {
  const ask = (call: bigint): bigint => {
    unit.state.set64("gpr", call, 0);
    unit.call("hypercall");
    return BigInt.asIntN(64, unit.state.get64("gpr", 0));
  };
  expect([ask(12n), ask(1n)]).toEqual([-1000n, 0n]);
  toUser();
  expect(ask(1n)).toBe(-1n);
});

test("KVM's call to send interrupts reaches the one processor that there is", () => {
  const send = (processors: bigint, first: bigint, command: bigint): bigint => {
    for (const [register, value] of [10n, 0n, first, processors].entries()) unit.state.set64("gpr", value, register);
    unit.state.set64("gpr", command, 6);
    unit.log = [];
    unit.call("hypercall");
    return BigInt.asIntN(64, unit.state.get64("gpr", 0));
  };
  expect([send(0xffff_ffffn, 0xffff_ffffn, 0n), unit.log]).toEqual([0n, []]);
  expect([send(1n, 0n, 0x55n), unit.log]).toEqual([1n, ["msr 83f 0:55"]]);
  expect([send(3n, 0n, 0x400n), unit.state.get32("nmiPending")]).toEqual([1n, 1]);
  expect(send(1n, 0n, 0x4_0055n)).toBe(-22n);
});

test("LTR looks at 16 bytes: #GP(selector) when the table ends between them", () => {
  const last = 0xa0;
  setDescriptor(unit, last, descriptor(tss, 0x1fff, 0x89));
  expect(unit.fault("ltr", last)).toEqual({ vector: 13, errorCode: last });
});
