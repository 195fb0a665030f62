import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { codeModeBits } from "../layout/cpuLayout.ts";
import { enterProtectedMode, enterUser, sel, tss } from "./testing/protectedMode.ts";
import { SystemUnitHarness } from "./testing/SystemUnitHarness.ts";

let unit: SystemUnitHarness;
beforeAll(async () => {
  unit = await SystemUnitHarness.create();
}, 120_000);
beforeEach(() => enterProtectedMode(unit));

const gp0 = { vector: 13, errorCode: 0 };
const ud = { vector: 6, errorCode: undefined };

describe("control registers", () => {
  test("PG without PE and NW without CD: #GP(0)", () => {
    expect(unit.fault("writeControl", 0, 0x8000_0010n)).toEqual(gp0);
    expect(unit.fault("writeControl", 0, 0x2000_0011n)).toEqual(gp0);
  });
  test("ET reads as one, undefined bits as zero", () => {
    unit.call("writeControl", 0, 0x6000_ff21n);
    expect(unit.call("readControl", 0)).toBe(0x6000_0031);
  });
  test("leaving protected mode makes segments real again, limits kept", () => {
    unit.load("ds", sel.readOnly);
    unit.call("writeControl", 0, 0x10n);
    expect([unit.segment("ds", "writeHi"), unit.segment("ds", "limit")]).toEqual([0xffffffff, 0xffffffff]);
    expect(unit.state.get32("codeMode") & codeModeBits.codeSizeMask).toBe(1);
  });
  test("reserved CR4 bits: #GP(0)", () => {
    expect(unit.fault("writeControl", 4, 0x2000n)).toEqual(gp0);
    unit.call("writeControl", 4, 0x7ffn);
    expect(unit.call("readControl", 4)).toBe(0x7ff);
    unit.state.set32("featureEdx", 0);
    expect(unit.fault("writeControl", 4, 0x40n)).toEqual(gp0);
  });
  test("LMSW sets PE, MP, EM and TS but does not clear PE", () => {
    unit.call("lmsw", 0xfffe);
    expect(unit.call("smsw")).toBe(0x1f);
    unit.call("clts");
    expect(unit.call("smsw")).toBe(0x17);
    unit.reset();
    unit.call("lmsw", 1);
    expect(unit.call("smsw") & 1).toBe(1);
  });
  test("CR1 and CR5 do not exist: #UD", () => {
    expect(unit.fault("readControl", 1)).toEqual(ud);
    expect(unit.fault("writeControl", 5, 0n)).toEqual(ud);
  });
  test("level 3 may use none of it", () => {
    enterUser(unit);
    for (const [name, ...values] of [
      ["readControl", 0],
      ["writeControl", 0, 0x11n],
      ["lmsw", 1],
      ["clts"],
      ["lgdt", 0, 0n],
      ["lidt", 0, 0n],
      ["invlpg", 0n],
      ["wbinvd"],
      ["hlt"],
      ["rdmsr"],
      ["wrmsr"],
      ["readDebug", 0],
      ["writeDebug", 0, 0n],
      ["requireSupervisor"],
    ] as const) {
      expect([name, unit.fault(name, ...values)]).toEqual([name, gp0]);
    }
  });
});

describe("MSRs", () => {
  const read = (index: number): number[] => {
    unit.setGpr(1, index);
    unit.call("rdmsr");
    return [unit.gpr(0), unit.gpr(2)];
  };
  const write = (index: number, low: number, high = 0): ReturnType<SystemUnitHarness["fault"]> => {
    unit.setGpr(1, index);
    unit.setGpr(0, low);
    unit.setGpr(2, high);
    return unit.fault("wrmsr");
  };
  test("unknown ones raise #GP(0) and are counted", () => {
    unit.setGpr(1, 0x12345);
    expect(unit.fault("rdmsr")).toEqual(gp0);
    expect([unit.state.get32("unknownMsrs"), unit.state.get32("lastUnknownMsr")]).toEqual([1, 0x12345]);
  });
  test("the time-stamp counter can be set and goes on", () => {
    unit.tsc = 1000;
    write(0x10, 5, 1);
    unit.tsc = 1007;
    unit.call("rdtsc");
    expect([unit.gpr(0), unit.gpr(2)]).toEqual([12, 1]);
    expect(read(0x10)).toEqual([12, 1]);
  });
  test("RDTSC at level 3 with TSD: #GP(0)", () => {
    unit.call("writeControl", 4, 4n);
    unit.call("rdtsc");
    enterUser(unit);
    expect(unit.fault("rdtsc")).toEqual(gp0);
  });
  test("the APIC base reaches the outside and keeps its bootstrap bit", () => {
    expect(read(0x1b)).toEqual([0xfee00900, 0]);
    expect(write(0x1b, 0xfed00800)).toBeUndefined();
    expect(unit.log).toEqual(["msr 1b 0:fed00900"]);
    expect(write(0x1b, 0xfed00801)).toEqual(gp0);
  });
  test("the page attribute table refuses reserved types", () => {
    expect(read(0x277)).toEqual([0x00070406, 0x00070406]);
    expect(write(0x277, 0x00070403)).toEqual(gp0);
    expect(write(0x277, 0x01040506, 0x07060504)).toBeUndefined();
  });
  test("memory type ranges are kept and checked", () => {
    expect(read(0xfe)).toEqual([0x508, 0]);
    for (const index of [0x200, 0x20e, 0x250, 0x258, 0x259, 0x268, 0x26f, 0x2ff]) {
      expect(write(index, 0x06)).toBeUndefined();
      expect(read(index)).toEqual([6, 0]);
    }
    expect(write(0x201, 0xff000800, 0xf)).toBeUndefined();
    expect(write(0x201, 0x800, 0x100)).toEqual(gp0);
    expect(write(0x2ff, 0x02)).toEqual(gp0);
  });
  test("EFER offers SCE, LME and NXE; LMA is the processor's own", () => {
    expect(write(0xc0000080, 0xd01)).toBeUndefined();
    expect(read(0xc0000080)).toEqual([0x901, 0]);
    expect(write(0xc0000080, 0x1000)).toEqual(gp0);
  });
  test("a processor without long mode has no LME and no STAR", () => {
    unit.state.set32("extendedFeatureEdx", 1 << 20);
    expect(write(0xc0000080, 0x800)).toBeUndefined();
    expect(write(0xc0000080, 0x100)).toEqual(gp0);
    expect(write(0xc0000081, 0)).toEqual(gp0);
  });
});

describe("CPUID", () => {
  const ask = (leaf: number, subleaf = 0): number[] => {
    unit.setGpr(0, leaf);
    unit.setGpr(1, subleaf);
    unit.call("cpuid");
    return [0, 3, 1, 2].map((register) => unit.gpr(register));
  };
  const text = (words: number[]): string =>
    words.flatMap((word) => [0, 8, 16, 24].map((shift) => String.fromCharCode((word >>> shift) & 0xff))).join("");

  test("vendor and features", () => {
    const [last, b, c, d] = ask(0) as [number, number, number, number];
    expect([last, text([b, d, c])]).toEqual([0x16, "GenuineIntel"]);
    const [signature, , ecx, edx] = ask(1);
    expect([signature, ecx! >>> 31, edx! & 0x0789bb7f]).toEqual([0x606a6, 1, 0x0789bb7f]);
  });
  test("the brand string", () => {
    const brand = text([0x80000002, 0x80000003, 0x80000004].flatMap((leaf) => ask(leaf)));
    expect(brand.replaceAll("\0", "")).toBe("Guesthouse Virtual CPU");
  });
  test("long mode and NX are on offer at every level", () => {
    for (const level of ["v1", "v2", "v3", "host"] as const) {
      unit.setLevel(level);
      expect(ask(0x80000001)[3]! & 0x2010_0800).toBe(0x2010_0800);
    }
  });
  test("KVM's leaves tell the frequency", () => {
    const [last, b, c, d] = ask(0x40000000) as [number, number, number, number];
    expect([last, text([b, c, d])]).toEqual([0x40000010, "KVMKVMKVM\0\0\0"]);
    expect(ask(0x40000010).slice(0, 2)).toEqual([1_000_000, 1_000_000]);
  });
  test("leaves that do not exist answer as the last basic one", () => {
    for (const leaf of [0x17, 0x3000_0000, 0x4000_0100, 0x8000_0009]) expect(ask(leaf)).toEqual(ask(0x16));
    unit.setLevel("v1");
    expect(ask(0x16)).toEqual([0, 0, 0, 0]);
    unit.setLevel("host");
  });
  test("the leaf limit of MISC_ENABLE is obeyed", () => {
    unit.state.set64("msrMiscEnable", 0x400000n);
    expect(ask(0)[0]).toBe(3);
  });
  test("the APIC bit follows the APIC's global enable", () => {
    unit.state.set64("msrApicBase", 0xfee00000n);
    expect(ask(1)[3]! & (1 << 9)).toBe(0);
  });
  test("cache leaves end", () => {
    expect([2, 3].map((subleaf) => ask(4, subleaf)[0]! & 0x1f)).toEqual([3, 3]);
    expect(ask(4, 4)).toEqual([0, 0, 0, 0]);
    expect(ask(4, 5)).toEqual([0, 0, 0, 0]);
  });
});

describe("ports", () => {
  test("level 0 needs no permission", () => {
    unit.deviceValue = 0x11223344;
    expect([unit.call("in8", 0x60), unit.call("in16", 0x60), unit.call("in32", 0x60)]).toEqual([0x44, 0x3344, 0x11223344]);
    unit.call("out16", 0x80, 0x12345);
    expect(unit.log.at(-1)).toBe("portWrite 80 2 2345");
  });
  test("above IOPL the bitmap decides, every port of the access", () => {
    enterUser(unit);
    unit.w8(tss + 0x88 + 0xc, 0x08);
    unit.call("out8", 0x60, 1);
    expect(unit.fault("in8", 0x63)).toEqual(gp0);
    expect(unit.fault("in16", 0x62)).toEqual(gp0);
    expect(unit.fault("out32", 0x60, 0)).toEqual(gp0);
    expect(unit.log).toEqual(["portWrite 60 1 1"]);
  });
  test("beyond the end of the TSS there is no permission", () => {
    enterUser(unit);
    unit.w16(tss + 0x66, 0x1ffa);
    unit.call("in8", 0x27);
    expect(unit.fault("in8", 0x28)).toEqual(gp0);
  });
  test("IOPL 3 needs no bitmap in protected mode", () => {
    enterUser(unit, 0x3202);
    unit.w8(tss + 0x88 + 0xc, 0xff);
    unit.call("in8", 0x60);
    expect(unit.log).toEqual(["portRead 60 1"]);
  });
});

describe("waiting", () => {
  test("HLT sets the activity and asks for attention", () => {
    unit.call("hlt");
    expect([unit.state.get32("activity"), unit.state.get32("attention") & 8]).toEqual([1, 8]);
  });
  test("MONITOR and MWAIT are not on offer, RDTSCP is where CPUID says so: #UD", () => {
    unit.state.set32("extendedFeatureEdx", 0);
    for (const name of ["monitor", "mwait", "rdtscp"]) expect(unit.fault(name)).toEqual(ud);
  });
});

describe("128-bit products and quotients", () => {
  const big = (name: string, ...values: bigint[]): bigint => {
    const u = (value: bigint): bigint => BigInt.asUintN(64, value);
    return u(unit.callBig(name, ...values.map(u)));
  };
  const samples = [0n, 1n, 7n, 0xffff_ffffn, 0x8000_0000_0000_0000n, 0x1234_5678_9abc_def0n, 0xffff_ffff_ffff_ffffn];

  test("high halves of products", () => {
    for (const a of samples) {
      for (const b of samples) {
        expect(big("mulHighU", a, b)).toBe((a * b) >> 64n);
        expect(big("mulHighS", a, b)).toBe(BigInt.asUintN(64, (BigInt.asIntN(64, a) * BigInt.asIntN(64, b)) >> 64n));
      }
    }
  });
  test("unsigned division", () => {
    for (const divisor of samples.slice(1)) {
      for (const low of samples) {
        const high = divisor / 2n;
        unit.state.set64("gpr", low, 0);
        unit.state.set64("gpr", high, 2);
        unit.call("div64", divisor);
        const dividend = (high << 64n) | low;
        expect([unit.state.get64("gpr", 0), unit.state.get64("gpr", 2)]).toEqual([dividend / divisor, dividend % divisor]);
      }
    }
  });
  test("signed division truncates towards zero and checks the range", () => {
    const cases: [bigint, bigint][] = [[-7n, 2n], [7n, -2n], [-7n, -2n], [-(1n << 63n), 1n], [(1n << 70n) + 5n, 1n << 40n]];
    for (const [dividend, divisor] of cases) {
      const bits = BigInt.asUintN(128, dividend);
      unit.state.set64("gpr", BigInt.asUintN(64, bits), 0);
      unit.state.set64("gpr", bits >> 64n, 2);
      unit.call("idiv64", BigInt.asUintN(64, divisor));
      expect(BigInt.asIntN(64, unit.state.get64("gpr", 0))).toBe(dividend / divisor);
      expect(BigInt.asIntN(64, unit.state.get64("gpr", 2))).toBe(dividend % divisor);
    }
    unit.state.set64("gpr", 1n << 63n, 0);
    unit.state.set64("gpr", 0xffff_ffff_ffff_ffffn, 2);
    expect(unit.fault("idiv64", 0xffff_ffff_ffff_ffffn)).toEqual({ vector: 0, errorCode: undefined });
  });
  test("division by zero or into too little room: #DE", () => {
    expect(unit.fault("div64", 0n)).toEqual({ vector: 0, errorCode: undefined });
    expect(unit.fault("idiv64", 0n)).toEqual({ vector: 0, errorCode: undefined });
  });
});
