import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { codeModeBits } from "../layout/cpuLayout.ts";
import { descriptor, enterProtectedMode, enterUser, gate, gdt, ldt, sel, setDescriptor } from "./testing/protectedMode.ts";
import { SystemUnitHarness } from "./testing/SystemUnitHarness.ts";

let unit: SystemUnitHarness;
beforeAll(async () => {
  unit = await SystemUnitHarness.create();
}, 120_000);
beforeEach(() => enterProtectedMode(unit));

const accessByte = (selector: number): number => unit.r8(gdt + (selector & 0xf8) + 5);
const range = (name: "ds"): number[] =>
  (["readLo", "readHi", "writeLo", "writeHi"] as const).map((field) => unit.segment(name, field));

describe("loading data segments", () => {
  test("sets base, limit, attributes and the accessed bit", () => {
    setDescriptor(unit, sel.free0, descriptor(0x12345678, 0x00fff, 0x92, 0x4));
    unit.load("ds", sel.free0);
    expect([unit.base("ds"), unit.segment("ds", "limit"), unit.segment("ds", "attributes")]).toEqual([
      0x12345678, 0xfff, 0x4093,
    ]);
    expect(accessByte(sel.free0)).toBe(0x93);
    expect(range("ds")).toEqual([0, 0xfff, 0, 0xfff]);
  });
  test("granular limits count pages", () => {
    setDescriptor(unit, sel.free0, descriptor(0, 1, 0x92, 0x8));
    unit.load("ds", sel.free0);
    expect(unit.segment("ds", "limit")).toBe(0x1fff);
  });
  test("a null selector loads and admits nothing", () => {
    unit.load("ds", 3);
    expect([unit.selector("ds"), ...range("ds")]).toEqual([3, 1, 0, 1, 0]);
  });
  test("read-only data admits reads alone", () => {
    unit.load("ds", sel.readOnly);
    expect(range("ds")).toEqual([0, 0xffffffff, 1, 0]);
  });
  test("readable code is data that cannot be written", () => {
    unit.load("ds", sel.code0);
    expect(range("ds")).toEqual([0, 0xffffffff, 1, 0]);
  });
  test("expand-down segments begin above their limit", () => {
    unit.load("ds", sel.expandDown);
    expect(range("ds")).toEqual([0x1000, 0xffffffff, 0x1000, 0xffffffff]);
  });
  test("execute-only code is refused: #GP(selector)", () => {
    expect(unit.loadFault("ds", sel.executeOnly)).toEqual({ vector: 13, errorCode: sel.executeOnly });
  });
  test("system descriptors are refused", () => {
    expect(unit.loadFault("ds", sel.tss)).toEqual({ vector: 13, errorCode: sel.tss });
  });
  test("absent segments: #NP(selector)", () => {
    expect(unit.loadFault("es", sel.absentData)).toEqual({ vector: 11, errorCode: sel.absentData });
  });
  test("selectors beyond the table: #GP(selector)", () => {
    expect(unit.loadFault("es", 0xb3)).toEqual({ vector: 13, errorCode: 0xb0 });
  });
  test("level 3 may not load level 0 data", () => {
    enterUser(unit);
    expect(unit.loadFault("es", sel.data0)).toEqual({ vector: 13, errorCode: sel.data0 });
  });
  test("an RPL above the DPL is refused even at level 0", () => {
    expect(unit.loadFault("es", sel.data0 | 3)).toEqual({ vector: 13, errorCode: sel.data0 });
  });
  test("conforming code may be read from any level", () => {
    enterUser(unit);
    unit.load("es", sel.conforming | 3);
    expect(unit.selector("es")).toBe(sel.conforming | 3);
  });
  test("selectors of the local table need one", () => {
    expect(unit.loadFault("es", 4)).toEqual({ vector: 13, errorCode: 4 });
    unit.call("lldt", sel.ldt);
    unit.w64(ldt + 8, descriptor(0x7000, 0xff, 0x92));
    unit.load("es", 0x0c);
    expect(unit.base("es")).toBe(0x7000);
    expect(unit.loadFault("es", 0x24)).toEqual({ vector: 13, errorCode: 0x24 });
  });
});

describe("loading SS", () => {
  test("null: #GP(0)", () => expect(unit.loadFault("ss", 0)).toEqual({ vector: 13, errorCode: 0 }));
  test("wrong RPL or DPL: #GP(selector)", () => {
    expect(unit.loadFault("ss", sel.data0 | 1)).toEqual({ vector: 13, errorCode: sel.data0 });
    expect(unit.loadFault("ss", sel.data3)).toEqual({ vector: 13, errorCode: sel.data3 & ~3 });
  });
  test("not writable: #GP(selector)", () =>
    expect(unit.loadFault("ss", sel.readOnly)).toEqual({ vector: 13, errorCode: sel.readOnly }));
  test("absent: #SS(selector)", () =>
    expect(unit.loadFault("ss", sel.absentData)).toEqual({ vector: 12, errorCode: sel.absentData }));
  test("a 16-bit stack segment clears the big stack bit", () => {
    unit.load("ss", sel.stack16);
    expect(unit.state.get32("codeMode") & codeModeBits.bigStack).toBe(0);
  });
});

describe("code mode", () => {
  test("flat 32-bit code", () => {
    expect(unit.state.get32("codeMode")).toBe(1 | codeModeBits.bigStack | codeModeBits.flat);
  });
  test("any limited, based or null data segment ends flatness", () => {
    for (const selector of [sel.expandDown, sel.stack16, sel.readOnly, 0]) {
      unit.load("es", selector);
      expect(unit.state.get32("codeMode") & codeModeBits.flat).toBe(0);
      unit.load("es", sel.data0);
      expect(unit.state.get32("codeMode") & codeModeBits.flat).toBe(codeModeBits.flat);
    }
  });
  test("16-bit code", () => {
    unit.call("farJump", sel.code16, 0x10n, 4);
    expect(unit.state.get32("codeMode") & codeModeBits.codeSizeMask).toBe(0);
  });
});

describe("asking about selectors", () => {
  const zf = (): number => (unit.flags >> 6) & 1;
  test("LAR gives the access rights of what is visible", () => {
    expect(unit.call("lar", sel.data0, 7)).toBe(0x00cf9300);
    expect(zf()).toBe(1);
  });
  test("LAR leaves the register alone for a null or hidden selector", () => {
    expect([unit.call("lar", 0, 7), zf()]).toEqual([7, 0]);
    enterUser(unit);
    expect([unit.call("lar", sel.data0, 7), zf()]).toEqual([7, 0]);
  });
  test("LAR knows call gates, LSL does not", () => {
    setDescriptor(unit, sel.free0, gate(sel.code0, 0, 0x8c));
    expect([unit.call("lar", sel.free0, 7), zf()]).toEqual([0x8c00, 1]);
    expect([unit.call("lsl", sel.free0, 7), zf()]).toEqual([7, 0]);
  });
  test("LSL gives the limit in bytes", () => {
    expect([unit.call("lsl", sel.code0, 7), zf()]).toEqual([0xffffffff, 1]);
    expect(unit.call("lsl", sel.tss, 7)).toBe(0x1fff);
  });
  test("VERR and VERW", () => {
    for (const [selector, readable, writable] of [
      [sel.data0, 1, 1],
      [sel.readOnly, 1, 0],
      [sel.code0, 1, 0],
      [sel.executeOnly, 0, 0],
      [sel.tss, 0, 0],
      [0, 0, 0],
    ] as const) {
      unit.call("verr", selector);
      expect(zf()).toBe(readable);
      unit.call("verw", selector);
      expect(zf()).toBe(writable);
    }
  });
  test("ARPL raises the requested level and says so", () => {
    expect([unit.call("arpl", 0x10, 0x1b), zf()]).toEqual([0x13, 1]);
    expect([unit.call("arpl", 0x13, 0x18), zf()]).toEqual([0x13, 0]);
  });
  test("all of them are undefined opcodes in real mode", () => {
    unit.reset();
    for (const [name, ...values] of [["lar", 8, 0], ["lsl", 8, 0], ["verr", 8], ["verw", 8], ["arpl", 0, 0], ["lldt", 0], ["ltr", 8], ["sldt"], ["str"]] as const) {
      expect(unit.fault(name, ...values)).toEqual({ vector: 6, errorCode: undefined });
    }
  });
});

describe("system segment registers", () => {
  test("LTR makes the task busy and refuses a busy one", () => {
    expect(accessByte(sel.tss)).toBe(0x8b);
    expect(unit.call("str")).toBe(sel.tss);
    expect(unit.fault("ltr", sel.tss)).toEqual({ vector: 13, errorCode: sel.tss });
  });
  test("LLDT takes null, and nothing but table descriptors", () => {
    unit.call("lldt", 0);
    expect(unit.call("sldt")).toBe(0);
    expect(unit.fault("lldt", sel.data0)).toEqual({ vector: 13, errorCode: sel.data0 });
  });
  test("both are the supervisor's", () => {
    enterUser(unit);
    expect(unit.fault("lldt", 0)).toEqual({ vector: 13, errorCode: 0 });
    expect(unit.fault("ltr", sel.tss)).toEqual({ vector: 13, errorCode: 0 });
  });
});
