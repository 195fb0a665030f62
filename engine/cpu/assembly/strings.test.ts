import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { physMapBits } from "../layout/memoryPlan.ts";
import { descriptor, enablePaging, enterProtectedMode, sel, setDescriptor, setPage } from "./testing/protectedMode.ts";
import { SystemUnitHarness } from "./testing/SystemUnitHarness.ts";

let unit: SystemUnitHarness;
beforeAll(async () => {
  unit = await SystemUnitHarness.create();
}, 120_000);
beforeEach(() => enterProtectedMode(unit));

const ds = 3;
const [none, repeat, repeatNot] = [0, 1, 2];
const set = (registers: { ecx?: number; esi?: number; edi?: number; eax?: number }): void => {
  const numbers = { eax: 0, ecx: 1, esi: 6, edi: 7 };
  for (const [name, value] of Object.entries(registers)) unit.setGpr(numbers[name as keyof typeof numbers], value);
};
const registers = (): number[] => [unit.gpr(1), unit.gpr(6), unit.gpr(7)];
const text = (at: number, value: string): void => {
  for (let i = 0; i < value.length; i++) unit.w8(at + i, value.charCodeAt(i));
};
const read = (at: number, length: number): string =>
  String.fromCharCode(...Array.from({ length }, (_, i) => unit.r8(at + i)));
/** Makes both pages fast, as the emitted code's misses do. */
const warm = (...pages: number[]): void => {
  for (const page of pages) unit.call("storeSlow8", BigInt(page), unit.r8(page));
};

describe("MOVS", () => {
  test("without a prefix moves one element and leaves ECX", () => {
    text(0x1_0000, "abcdefgh");
    set({ ecx: 9, esi: 0x1_0000, edi: 0x1_1000 });
    expect(unit.call("movs", 4, 4, ds, none)).toBe(0);
    expect([read(0x1_1000, 5), ...registers()]).toEqual(["abcd\0", 9, 0x1_0004, 0x1_1004]);
  });
  test("REP moves a run over page boundaries", () => {
    for (let i = 0; i < 0x1800; i++) unit.w8(0x1_0800 + i, i * 7);
    set({ ecx: 0x1800, esi: 0x1_0800, edi: 0x2_0333 });
    let calls = 1;
    while (unit.call("movs", 1, 4, ds, repeat)) calls++;
    expect(registers()).toEqual([0, 0x1_2000, 0x2_1b33]);
    expect(calls).toBe(2);
    for (let i = 0; i < 0x1800; i++) expect(unit.r8(0x2_0333 + i)).toBe((i * 7) & 0xff);
  });
  test("an overlapping forward move repeats the pattern", () => {
    warm(0x1_0000);
    text(0x1_0000, "ab");
    set({ ecx: 8, esi: 0x1_0000, edi: 0x1_0002 });
    unit.call("movs", 1, 4, ds, repeat);
    expect(read(0x1_0000, 10)).toBe("ababababab");
  });
  test("overlap is found through aliased pages too", () => {
    enablePaging(unit);
    setPage(unit, 0x2_0000, 0x1_0007);
    warm(0x1_0000, 0x2_0000);
    text(0x1_0000, "ab");
    set({ ecx: 6, esi: 0x1_0000, edi: 0x2_0002 });
    unit.call("movs", 1, 4, ds, repeat);
    expect(read(0x1_0000, 8)).toBe("abababab");
  });
  test("backward with DF", () => {
    text(0x1_0000, "abcd");
    unit.call("popf", 0x402, 4);
    set({ ecx: 4, esi: 0x1_0003, edi: 0x1_0005 });
    unit.call("movs", 1, 4, ds, repeat);
    expect([read(0x1_0000, 6), ...registers()]).toEqual(["ababcd", 0, 0x1_0000 - 1, 0x1_0001]);
  });
  test("16-bit addresses wrap and leave the upper halves", () => {
    text(0xfffe, "ab");
    text(0, "cd");
    set({ ecx: 0xabc0004, esi: 0xabcfffe, edi: 0xabc3000 });
    unit.call("movs", 1, 2, ds, repeat);
    expect([read(0x3000, 4), ...registers()]).toEqual(["abcd", 0xabc0000, 0xabc0002, 0xabc3004]);
  });
  test("a fault in the middle leaves what is left to do", () => {
    enablePaging(unit);
    setPage(unit, 0x2_1000, 0);
    set({ ecx: 0x20, esi: 0x1_0000, edi: 0x2_0ff0 });
    expect(unit.fault("movs", 1, 4, ds, repeat)).toEqual({ vector: 14, errorCode: 2 });
    expect(registers()).toEqual([0x10, 0x1_0010, 0x2_1000]);
  });
  test("a segment limit in the middle likewise", () => {
    setDescriptor(unit, sel.free0, descriptor(0x2_0000, 0xf, 0x92, 0x4));
    unit.load("es", sel.free0);
    warm(0x1_0000, 0x2_0000);
    set({ ecx: 0x20, esi: 0x1_0000, edi: 0 });
    expect(unit.fault("movs", 4, 4, ds, repeat)).toEqual({ vector: 13, errorCode: 0 });
    expect(registers()).toEqual([0x1c, 0x1_0010, 0x10]);
  });
  test("with ECX 0 nothing is touched", () => {
    set({ ecx: 0, esi: 0xf000_0000, edi: 0xf000_0000 });
    expect(unit.call("movs", 1, 4, ds, repeat)).toBe(0);
    expect(unit.log).toEqual([]);
  });
  test("while stepping one element at a time", () => {
    unit.state.set32("stepArmed", 1);
    set({ ecx: 3, esi: 0x1_0000, edi: 0x1_1000 });
    expect([unit.call("movs", 1, 4, ds, repeat), unit.gpr(1)]).toEqual([1, 2]);
  });
});

describe("STOS and LODS", () => {
  test("STOS fills in every width", () => {
    for (const size of [1, 2, 4]) {
      warm(0x1_0000);
      set({ eax: 0x64636261, ecx: 3, edi: 0x1_0000 });
      unit.call("stos", size, 4, ds, repeat);
      expect(read(0x1_0000, 3 * size)).toBe("abcd".slice(0, size).repeat(3));
      expect(unit.gpr(7)).toBe(0x1_0000 + 3 * size);
    }
  });
  test("STOS to a code page goes element by element and is reported", () => {
    unit.mapPage(0x10, 0x10, physMapBits.readable | physMapBits.writable | physMapBits.hasCode);
    set({ eax: 1, ecx: 2, edi: 0x1_0000 });
    unit.call("stos", 2, 4, ds, repeat);
    expect(unit.log).toEqual(["code 10 0 2", "code 10 2 2"]);
  });
  test("LODS changes only its part of EAX", () => {
    text(0x1_0000, "abcd");
    set({ eax: 0x11111111, esi: 0x1_0000 });
    unit.call("lods", 1, 4, ds, none);
    expect(unit.gpr(0)).toBe(0x11111161);
    unit.call("lods", 2, 4, ds, none);
    expect(unit.gpr(0)).toBe(0x11116362);
  });
});

describe("CMPS and SCAS", () => {
  const zf = (): number => (unit.flags >> 6) & 1;
  test("REPE CMPS stops after the first difference", () => {
    text(0x1_0000, "abcdef");
    text(0x1_1000, "abcxef");
    set({ ecx: 6, esi: 0x1_0000, edi: 0x1_1000 });
    expect(unit.call("cmps", 1, 4, ds, repeat)).toBe(0);
    expect([...registers(), zf(), unit.flags & 1]).toEqual([2, 0x1_0004, 0x1_1004, 0, 1]);
  });
  test("REPNE SCAS finds", () => {
    text(0x1_0000, "abcdef");
    set({ eax: 0x164, ecx: 10, edi: 0x1_0000 });
    unit.call("scas", 1, 4, ds, repeatNot);
    expect([unit.gpr(1), unit.gpr(7), zf()]).toEqual([6, 0x1_0004, 1]);
  });
  test("flags are those of CMP, in every width", () => {
    const flagsOf = (a: number, b: number, bits: number): number => {
      const mask = 2 ** bits - 1;
      const sign = 2 ** (bits - 1);
      const difference = (((a - b) % 2 ** bits) + 2 ** bits) % 2 ** bits;
      let flags = 0;
      if ((a & mask) >>> 0 < (b & mask) >>> 0) flags |= 1;
      let ones = 0;
      for (let i = 0; i < 8; i++) ones += (difference >>> i) & 1;
      if (ones % 2 === 0) flags |= 4;
      if ((a & 15) < (b & 15)) flags |= 0x10;
      if (difference === 0) flags |= 0x40;
      if (difference >= sign) flags |= 0x80;
      const [signA, signB] = [a >= sign, b >= sign];
      if (signA !== signB && signA !== difference >= sign) flags |= 0x800;
      return flags;
    };
    const samples = [0, 1, 0x0f, 0x10, 0x7f, 0x80, 0xff];
    for (const size of [1, 2, 4]) {
      const scale = 2 ** (size * 8 - 8);
      for (const a of samples) {
        for (const b of samples) {
          unit.w32(0x1_0000, b * scale);
          set({ eax: a * scale, edi: 0x1_0000 });
          unit.call("scas", size, 4, ds, none);
          expect(unit.flags & 0x8d5).toBe(flagsOf(a * scale, b * scale, size * 8));
        }
      }
    }
  });
  test("no element, no flags", () => {
    unit.call("popf", 0x8d7, 4);
    set({ ecx: 0 });
    unit.call("scas", 1, 4, ds, repeat);
    expect(unit.flags & 0x8d5).toBe(0x8d5);
  });
});

describe("INS and OUTS", () => {
  test("read the port per element", () => {
    unit.deviceValue = 0x6261;
    unit.setGpr(2, 0x1f0);
    set({ ecx: 2, edi: 0x1_0000 });
    expect(unit.call("ins", 2, 4, ds, repeat)).toBe(0);
    expect([read(0x1_0000, 4), unit.log]).toEqual(["abab", ["portRead 1f0 2", "portRead 1f0 2"]]);
  });
  test("a page fault comes before the port is touched", () => {
    enablePaging(unit);
    setPage(unit, 0x1_0000, 0);
    unit.setGpr(2, 0x1f0);
    set({ ecx: 2, edi: 0x1_0000 });
    expect(unit.fault("ins", 2, 4, ds, repeat)).toEqual({ vector: 14, errorCode: 2 });
    expect(unit.log).toEqual([]);
  });
  test("OUTS writes the source segment's elements", () => {
    text(0x1_0000, "abcd");
    unit.setGpr(2, 0x1f0);
    set({ ecx: 2, esi: 0x1_0000 });
    unit.call("outs", 2, 4, ds, repeat);
    expect(unit.log).toEqual(["portWrite 1f0 2 6261", "portWrite 1f0 2 6463"]);
  });
});
