import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { SystemUnitHarness } from "./testing/SystemUnitHarness.ts";

let unit: SystemUnitHarness;
beforeAll(async () => {
  unit = await SystemUnitHarness.create();
}, 120_000);
beforeEach(() => unit.reset());

const gp0 = { vector: 13, errorCode: 0 };
const write = (index: number, value: bigint): ReturnType<SystemUnitHarness["fault"]> => {
  unit.setGpr(1, index);
  unit.setGpr(0, Number(value & 0xffff_ffffn));
  unit.setGpr(2, Number((value >> 32n) & 0xffff_ffffn));
  return unit.fault("wrmsr");
};
const read = (index: number): bigint | ReturnType<SystemUnitHarness["fault"]> => {
  unit.setGpr(1, index);
  return unit.fault("rdmsr") ?? (BigInt(unit.gpr(2)) << 32n) | BigInt(unit.gpr(0));
};
const qword = (at: number): bigint => unit.ram.getBigUint64(at, true);

describe("the time-stamp counter", () => {
  test("a write to it moves the adjustment by as much, and the other way round", () => {
    unit.tsc = 1000;
    expect(write(0x10, 5000n)).toBeUndefined();
    expect([read(0x10), read(0x3b)]).toEqual([5000n, 4000n]);
    expect(write(0x3b, 10n)).toBeUndefined();
    expect([read(0x10), read(0x3b)]).toEqual([1010n, 10n]);
  });
  test("RDTSCP and RDPID give the auxiliary register", () => {
    expect(write(0xc0000103, 0x1234n)).toBeUndefined();
    unit.call("rdtscp");
    expect(unit.gpr(1)).toBe(0x1234);
    expect(write(0xc0000103, 0x1_0000_0000n)).toEqual(gp0);
  });
});

describe("KVM's clock", () => {
  /** What a guest makes of the structure at a counter value. */
  const nanoseconds = (at: number, tsc: bigint): bigint => {
    const shift = BigInt(unit.ram.getInt8(at + 28));
    const multiplier = BigInt(unit.r32(at + 24));
    return qword(at + 16) + (((tsc - qword(at + 8)) << shift) * multiplier) / (1n << 32n);
  };
  test.each([0x4b564d01, 0x12])("register %i relates the counter to time since reset", (index) => {
    unit.tsc = 7_000;
    expect(write(index, 0x2001n)).toBeUndefined();
    expect([unit.r32(0x2000) & 1, unit.r8(0x2000 + 29)]).toEqual([0, 1]);
    expect(nanoseconds(0x2000, 7_000n)).toBe(7_000n);
    expect(nanoseconds(0x2000, 1_000_007_001n)).toBe(1_000_007_001n);
    expect(read(index)).toBe(0x2001n);
  });
  test("follows a counter that is written, and time goes on", () => {
    write(0x4b564d01, 0x2001n);
    const version = unit.r32(0x2000);
    unit.tsc = 500;
    write(0x10, 0n);
    expect(unit.r32(0x2000)).toBe(version + 2);
    expect(nanoseconds(0x2000, 0n)).toBe(500n);
  });
  test("bit 0 clear turns it off", () => {
    write(0x4b564d01, 0x2000n);
    expect(qword(0x2008)).toBe(0n);
  });
  test.each([0x4b564d00, 0x11])("register %i tells the time of day at reset", (index) => {
    unit.wallClockMs = 1_700_000_000_500;
    unit.tsc = 1_500_000_000;
    write(index, 0x3000n);
    expect([unit.r32(0x3000), unit.r32(0x3004), unit.r32(0x3008)]).toEqual([2, 1_699_999_999, 0]);
  });
});

describe("registers of the local APIC", () => {
  test("the deadline crosses in ticks without the guest's offset", () => {
    unit.tsc = 100;
    write(0x10, 1100n);
    unit.log = [];
    write(0x6e0, 0x1_0000_0000n);
    write(0x6e0, 5n);
    write(0x6e0, 0n);
    expect(unit.log).toEqual(["msr 6e0 0:fffffc18", "msr 6e0 0:1", "msr 6e0 0:0"]);
    unit.msrValue = 0x50n;
    expect(read(0x6e0)).toBe(0x50n + 1000n);
    unit.msrValue = 0n;
    expect(read(0x6e0)).toBe(0n);
  });
  test("x2APIC mode is entered from xAPIC mode and left by disabling", () => {
    expect(read(0x802)).toEqual(gp0);
    expect(write(0x1b, 0xfee0_0400n)).toEqual(gp0);
    expect(write(0x1b, 0xfee0_0c00n)).toBeUndefined();
    expect(read(0x802)).toBe(0n);
    expect(write(0x1b, 0xfee0_0800n)).toEqual(gp0);
    expect(write(0x1b, 0xfee0_0000n)).toBeUndefined();
    expect(write(0x1b, 0xfee0_0c00n)).toEqual(gp0);
  });
  test("what the APIC refuses and registers that cannot be read are #GP(0)", () => {
    write(0x1b, 0xfee0_0c00n);
    for (const index of [0x80b, 0x80e, 0x831, 0x83f, 0x840]) expect(read(index)).toEqual(gp0);
    unit.msrRefused = true;
    expect(write(0x80b, 1n)).toEqual(gp0);
    unit.msrRefused = false;
    expect(write(0x80b, 0n)).toBeUndefined();
  });
});

describe("other registers", () => {
  test("machine checks: four banks, which can only be cleared", () => {
    expect(read(0x179)).toBe(4n);
    expect(write(0x179, 0n)).toEqual(gp0);
    expect(write(0x400, 0xffff_ffff_ffff_ffffn)).toBeUndefined();
    expect([write(0x401, 1n), write(0x405, 1n), write(0x410, 0n)]).toEqual([gp0, gp0, gp0]);
    expect(write(0x401, 0n)).toBeUndefined();
  });
  test("fast strings are on, and what the processor lacks stays lacking", () => {
    expect(read(0x1a0)).toBe(0x1801n);
    write(0x1a0, 0n);
    expect(read(0x1a0)).toBe(0x1800n);
  });
  test("a locked feature control takes no more writes", () => {
    expect(write(0x3a, 1n)).toBeUndefined();
    expect(write(0x3a, 0n)).toEqual(gp0);
  });
  test("SYSENTER addresses are canonical", () => {
    expect(write(0x176, 0x8000_0000_0000n)).toEqual(gp0);
    expect(write(0x176, 0xffff_8000_0000_0000n)).toBeUndefined();
  });
  test("speculation control takes defined bits; a processor without it has none", () => {
    expect(write(0x48, 1n)).toBeUndefined();
    expect([write(0x48, 8n), write(0x49, 1n), read(0x49)]).toEqual([gp0, undefined, gp0]);
    unit.state.set32("structuredFeatureEdx", 0);
    expect([read(0x48), read(0x10a)]).toEqual([gp0, gp0]);
  });
});
