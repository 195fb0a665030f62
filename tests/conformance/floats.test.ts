/**
 * Floating point of SSE, AVX, F16C and FMA as a real processor did it (`hardware/floats.cases.txt`, recorded by `hardware/recordFloats.ts`), results,
 * flags and exceptions, on the interpreter and on the reference; and both against each other on random cases.
 */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import type { CpuState } from "../../engine/contracts/CpuState.ts";
import { codeModeBits } from "../../engine/cpu/layout/cpuLayout.ts";
import { referenceFloat } from "../../engine/cpu/semantics/referenceFloat.ts";
import { type BareMachine, createBareMachine } from "../fixtures/bareMachine.ts";
import { drawCase, type FloatCase, type FloatOutcome, formatFloatCase, parseFloatCase } from "./hardware/floatCases.ts";
import { floatInstructions } from "./hardware/floatInstructions.ts";
import { generator } from "./hardware/HardwareCase.ts";

const codeAddress = 0x2_0000;
const operandExceptions = 7;

const recorded = readFileSync(process.env.FLOAT_CASES ?? new URL("hardware/floats.cases.txt", import.meta.url), "utf8")
  .trimEnd()
  .split("\n");

const bitsOfSource = ({ operation, lanes }: FloatCase["instruction"]): number =>
  operation === "FromHalf"
    ? 16
    : operation === "FromInt32"
      ? 32
      : operation === "FromInt64" || lanes === "f64x2"
        ? 64
        : 32;
const bitsOfResult = ({ operation, lanes }: FloatCase["instruction"]): number => {
  if (operation === "ToHalf") return 16;
  if (operation === "Promote" || operation === "ToInt64") return 64;
  return /^(Demote|ToInt32|FromHalf|CompareFlags)$/.test(operation) || lanes === "f32x4" ? 32 : 64;
};

function onReference({ instruction, mxcsr, registers }: FloatCase): FloatOutcome {
  const { operation, lanes, count, order, control } = instruction;
  const from = bitsOfSource(instruction);
  let result = 0n;
  let flags = 0;
  for (let lane = 0; lane < count; lane++) {
    const images = order.map((register) => BigInt.asUintN(from, registers[register]! >> BigInt(lane * from)));
    const answer = referenceFloat(operation, lanes, images, mxcsr, control, lane);
    result |= answer.result << BigInt(lane * bitsOfResult(instruction));
    flags |= answer.flags;
  }
  const unmasked = ~(mxcsr >> 7) & 0x3f;
  if (flags & unmasked & operandExceptions) flags &= operandExceptions;
  return { result: flags & unmasked ? undefined : result, mxcsr: mxcsr | flags };
}

function fxsaveOf({ registers, mxcsr }: FloatCase): Uint8Array {
  const image = new Uint8Array(512);
  const view = new DataView(image.buffer);
  view.setUint16(0, 0x37f, true);
  view.setUint32(24, mxcsr, true);
  registers.forEach((value, register) => {
    view.setBigUint64(160 + register * 16, BigInt.asUintN(64, value), true);
    view.setBigUint64(168 + register * 16, value >> 64n, true);
  });
  return image;
}

class Interpreted {
  readonly #machine: BareMachine;
  readonly #base: CpuState;

  constructor(machine: BareMachine) {
    this.#machine = machine;
    this.#base = machine.vcpu.getState();
  }

  run(one: FloatCase): FloatOutcome {
    const { vcpu, state, ram } = this.#machine;
    ram.fill(0xf4, codeAddress, codeAddress + 32);
    ram.set(one.instruction.code, codeAddress);
    vcpu.invalidateCode(codeAddress, 32);
    const segments = Array.from({ length: 6 }, (_, i) => ({
      selector: 8 * i,
      base: 0n,
      limit: 0xffff_ffff,
      attributes: i === 1 ? 0xa09b : 0xc093,
      present: true,
    }));
    vcpu.setState({
      ...this.#base,
      a20: true,
      gpr: Array.from({ length: 16 }, () => 0n),
      rip: BigInt(codeAddress),
      rflags: 2n,
      segments,
      cr0: 0x31n,
      cr4: 0x4_0600n,
      fxsave: fxsaveOf(one),
      halted: false,
      idtr: { base: 0n, limit: 0 },
    });
    state.set64("xcr0", 7n);
    state.set32("codeMode", 2 | codeModeBits.bigStack | codeModeBits.flat);
    const exit = vcpu.run(8);
    const after = vcpu.getState();
    const view = new DataView(after.fxsave.buffer, after.fxsave.byteOffset);
    const mxcsr = view.getUint32(24, true);
    // There is no IDT: an exception shuts the processor down. Which one it was, the flags tell.
    if (exit.kind !== "halted") return { result: undefined, mxcsr };
    return { result: this.#result(one, after, view), mxcsr };
  }

  #result({ instruction }: FloatCase, after: CpuState, view: DataView): bigint {
    const bits = instruction.resultBytes * 8;
    if (instruction.result === "flags") return after.rflags & 0x45n;
    if (instruction.result !== "xmm") return BigInt.asUintN(bits, after.gpr[0]!);
    return BigInt.asUintN(bits, view.getBigUint64(160, true) | (view.getBigUint64(168, true) << 64n));
  }
}

const show = (test: FloatCase, outcome: FloatOutcome): string => formatFloatCase(test, outcome);

describe("the processor's answers", () => {
  let interpreted: Interpreted;
  beforeAll(async () => {
    interpreted = new Interpreted(await createBareMachine(0x8_0000));
  }, 60_000);

  test("every instruction was recorded", () => {
    const names = new Set(recorded.map((line) => parseFloatCase(line).test.instruction.name));
    expect([...names].sort()).toEqual(floatInstructions.map(({ name }) => name).sort());
  });
  test("are the interpreter's", () => {
    expect(recorded.map((line) => show(parseFloatCase(line).test, interpreted.run(parseFloatCase(line).test)))).toEqual(
      recorded,
    );
  });
  test("are the reference's", () => {
    expect(recorded.map((line) => show(parseFloatCase(line).test, onReference(parseFloatCase(line).test)))).toEqual(
      recorded,
    );
  });
  test("interpreter and reference agree on random cases", () => {
    const random = generator(20_240_501);
    const differences: string[] = [];
    for (let i = 0; i < 6000; i++) {
      const one = drawCase(floatInstructions[random() % floatInstructions.length]!, random);
      const [ours, reference] = [show(one, interpreted.run(one)), show(one, onReference(one))];
      if (ours !== reference) differences.push(`${ours} instead of ${reference}`);
    }
    expect(differences).toEqual([]);
  });
});
