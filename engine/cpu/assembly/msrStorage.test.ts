import { beforeAll, beforeEach, expect, test } from "vitest";
import { SystemUnitHarness } from "./testing/SystemUnitHarness.ts";

let unit: SystemUnitHarness;
beforeAll(async () => {
  unit = await SystemUnitHarness.create();
}, 120_000);
beforeEach(() => unit.reset());

const write = (index: number, value: bigint): ReturnType<SystemUnitHarness["fault"]> => {
  unit.setGpr(1, index);
  unit.setGpr(0, Number(value & 0xffff_ffffn));
  unit.setGpr(2, Number((value >> 32n) & 0xffff_ffffn));
  return unit.fault("wrmsr");
};

test("a machine check bank: control all or nothing, status only cleared, address and miscellaneous anything", () => {
  const gp0 = { vector: 13, errorCode: 0 };
  const all = 0xffff_ffff_ffff_ffffn;
  expect([all, 0n, 1n].map((value) => write(0x400, value))).toEqual([undefined, undefined, gp0]);
  expect([0n, 1n].map((value) => write(0x401, value))).toEqual([undefined, gp0]);
  for (const index of [0x402, 0x403, 0x40e]) expect(write(index, 0xaaaa_0000_0000_1234n)).toBeUndefined();
  expect(write(0x410, 0n)).toEqual(gp0);
});
