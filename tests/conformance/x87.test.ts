import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { cpuLayout } from "../../engine/cpu/layout/cpuLayout.ts";
import { memoryPlan } from "../../engine/cpu/layout/memoryPlan.ts";
import { buildCpu } from "../../resources/build/buildCpu.ts";

/**
 * The x87 unit against results that a real processor gave. Arithmetic, conversions and comparisons must agree to the bit, with
 * every status flag; the transcendental functions to one unit in the last place (the processors' own error bound).
 */
type Unit = Record<string, (...args: (number | bigint)[]) => number | bigint>;

let unit: Unit;
let view: DataView;

beforeAll(async () => {
  const { fpu } = await buildCpu();
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 65536, shared: true });
  view = new DataView(memory.buffer);
  const unreachable = () => {
    throw new Error("no memory access or fault is expected here");
  };
  const module = new WebAssembly.Module(readFileSync(fpu!));
  const needed = WebAssembly.Module.imports(module).filter((entry) => entry.kind === "function");
  const from = (room: string) =>
    Object.fromEntries(needed.filter((entry) => entry.module === room).map(({ name }) => [name, unreachable]));
  const imports = { env: { memory, ...from("env") }, system: from("system") };
  unit = new WebAssembly.Instance(module, imports).exports as Unit;
}, 60_000);

const cases = readFileSync(new URL("x87.cases.txt", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"));
const operations = [...new Set(cases.map((line) => line.split(" ")[0]!))];
const transcendental = new Set(["f2xm1", "fyl2x", "fyl2xp1", "fpatan", "fsin", "fcos", "fptan"]);

const arithmetic: Record<string, number> = { fadd: 0, fmul: 1, fsub: 4, fsubr: 5, fdiv: 6, fdivr: 7 };

/** What each case does with ST(0) and ST(1) loaded; gives the stored image for stores. */
const actions: Record<string, (source: bigint) => bigint | undefined> = {
  ...Object.fromEntries(
    Object.entries(arithmetic).map(([name, op]) => [name, () => void unit.fpuArithmeticRegister!(op, 0, 1, 0)]),
  ),
  fsqrt: () => void unit.fpuSquareRoot!(),
  frndint: () => void unit.fpuRound!(),
  fscale: () => void unit.fpuScale!(),
  fprem: () => void unit.fpuRemainder!(0),
  fprem1: () => void unit.fpuRemainder!(1),
  fxtract: () => void unit.fpuExtract!(),
  f2xm1: () => void unit.fpuExp2Minus1!(),
  fyl2x: () => void unit.fpuYLog2X!(),
  fyl2xp1: () => void unit.fpuYLog2XPlus1!(),
  fpatan: () => void unit.fpuArctan!(),
  fsin: () => void unit.fpuTrigonometric!(0),
  fcos: () => void unit.fpuTrigonometric!(1),
  fptan: () => {
    unit.fpuTrigonometric!(3);
    unit.fpuPop!();
    return undefined;
  },
  fcom: () => void unit.fpuCompareRegister!(1, 0, 0),
  fucom: () => void unit.fpuCompareRegister!(1, 1, 0),
  fxam: () => void unit.fpuExamine!(),
  fstf32: () => BigInt.asUintN(32, BigInt(unit.fpuStoreF32!())),
  fstf64: () => BigInt.asUintN(64, BigInt(unit.fpuStoreF64!())),
  fist16: () => BigInt.asUintN(16, BigInt(unit.fpuStoreInt!(16, 0))),
  fist32: () => BigInt.asUintN(32, BigInt(unit.fpuStoreInt!(32, 0))),
  fist64: () => BigInt.asUintN(64, BigInt(unit.fpuStoreInt!(64, 0))),
  fisttp: () => BigInt.asUintN(64, BigInt(unit.fpuStoreInt!(64, 1))),
  fbstp: () => {
    const low = BigInt.asUintN(64, BigInt(unit.fpuStoreBcdLow!()));
    return low | (BigInt(Number(unit.fpuStoreBcdHigh!()) & 0xffff) << 64n);
  },
  fldf32: (source) => void unit.fpuLoadF32!(Number(BigInt.asIntN(32, source))),
  fldf64: (source) => void unit.fpuLoadF64!(BigInt.asIntN(64, source)),
  fild64: (source) => void unit.fpuLoadInt!(BigInt.asIntN(64, source)),
};

function parse(text: string): bigint {
  const [signExponent, significand] = text.split(":");
  return (BigInt(`0x${signExponent}`) << 64n) | BigInt(`0x${significand}`);
}

function push(value: bigint): void {
  unit.fpuLoadF80!(BigInt.asIntN(64, value), Number(value >> 64n));
}

function top(): bigint {
  const index = view.getUint32(memoryPlan.cpuState + cpuLayout.fpuTop.offset, true);
  const at = memoryPlan.cpuState + cpuLayout.fpuRegister.offset + index * cpuLayout.fpuRegister.strideBytes;
  return view.getBigUint64(at, true) | (BigInt(view.getUint16(at + 8, true)) << 64n);
}

/** Distance in units of the last place of two results with the same sign. */
function distance(a: bigint, b: bigint): bigint {
  const line = (value: bigint) => ((value >> 64n) << 63n) + (value & ((1n << 63n) - 1n));
  const difference = line(a) - line(b);
  return difference < 0n ? -difference : difference;
}

function runCase(line: string): { problem: string } | undefined {
  const [operation, control, st0, st1, result, status] = line.split(" ") as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const loads = operation.startsWith("fld") || operation === "fild64";
  const stores = /^(fst|fis|fbs)/.test(operation);
  unit.fpuInit!();
  unit.fpuLoadControl!(Number.parseInt(control, 16));
  if (!loads) {
    push(parse(stores ? st0 : st1));
    push(parse(st0));
  }
  unit.fpuClearExceptions!();
  const got = actions[operation]!(parse(st0)) ?? top();
  const near = transcendental.has(operation);
  // How an inexact last place was rounded, and whether it underflowed by it, is part of that last place.
  const mask = near ? 0x47ff & ~0x0232 : 0x47ff;
  const gotStatus = Number(unit.fpuReadStatus!()) & mask;
  const value = near ? distance(got, parse(result)) <= 1n : got === parse(result);
  if (value && gotStatus === (Number.parseInt(status, 16) & mask)) return undefined;
  return { problem: `${line}: got ${got.toString(16)}, status ${gotStatus.toString(16)}` };
}

test("there are cases for every operation", () => {
  expect(operations.sort()).toEqual(Object.keys(actions).sort());
});

test.each(operations)("%s agrees with hardware", (operation) => {
  const mine = cases.filter((line) => line.startsWith(`${operation} `));
  expect(mine.length).toBeGreaterThanOrEqual(50);
  expect(mine.map(runCase).filter((failure) => failure !== undefined)).toEqual([]);
});
