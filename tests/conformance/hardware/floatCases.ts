/**
 * Recorded floating-point cases as text, one a line: `name | mxcsr xmm0 xmm1 xmm2 | result mxcsr`, all in hexadecimal; `#XM` stands for the
 * result of a case that raised it. Inputs are drawn so that special values, ties, overflow and underflow are as frequent as ordinary numbers.
 */
import { type FloatInstruction, floatInstructions } from "./floatInstructions.ts";

export interface FloatCase {
  readonly instruction: FloatInstruction;
  readonly mxcsr: number;
  readonly registers: readonly bigint[];
}
export interface FloatOutcome {
  /** Undefined: #XM. */
  readonly result: bigint | undefined;
  readonly mxcsr: number;
}

const singles = `0 80000000 7f800000 ff800000 1 80000001 7fffff 807fffff 800000 80800000 7f7fffff ff7fffff 7fc00000 7fc12345 ffc54321
  7f800001 ffa00000 3f800000 bf800000 3f000000 4f000000 cf000000 4effffff 5f000000 3f7fffff 3f800001 477fe000 477ff000
  33000000 33800000 387fc000 38800000 387fffff df000000 4b000001 40200000`;
const doubles = `0 8000000000000000 7ff0000000000000 fff0000000000000 1 8000000000000001 fffffffffffff 10000000000000 8010000000000000
  7fefffffffffffff ffefffffffffffff 7ff8000000000000 7ff8123456789abc fff8000000004321 7ff0000000000001 fff4000000000000
  3ff0000000000000 bff0000000000000 3fe0000000000000 41e0000000000000 c1e0000000000000 41dfffffffc00000 41dfffffffe00000
  c1e00000001fffff 43e0000000000000 c3e0000000000000 3fefffffffffffff 3ff0000000000001 3810000000000000 380fffffefffffff
  380ffffff0000000 47efffffe0000000 47effffff0000000 36a0000000000000 3690000000000000 4330000000000001 4004000000000000`;
const halves = "0 8000 7c00 fc00 1 8001 3ff 400 7bff 7e00 7c01 fd55 3c00";
const parse = (text: string): bigint[] => text.split(/\s+/).map((word) => BigInt(`0x${word}`));

const formats = {
  f32x4: { bits: 32, fraction: 23, bias: 127, edges: parse(singles) },
  f64x2: { bits: 64, fraction: 52, bias: 1023, edges: parse(doubles) },
} as const;
const halfEdges = parse(halves);

type Random = () => number;
const random64 = (random: Random): bigint => (BigInt(random()) << 32n) | BigInt(random());
const pick = <T>(values: readonly T[], random: Random): T => values[random() % values.length]!;

/** Of one float: an edge, anything at all, or a number whose exponent is near an interesting one. */
function drawFloat(lanes: "f32x4" | "f64x2", random: Random): bigint {
  const { bits, fraction, bias, edges } = formats[lanes];
  const kind = random() % 16;
  const any = BigInt.asUintN(bits, random64(random));
  if (kind < 6) return pick(edges, random);
  if (kind === 6) return any;
  const center =
    kind < 10 ? bias : kind === 10 ? 25 : kind === 11 ? 2 * bias - 25 : kind === 12 ? bias / 2 : bias - 127;
  const exponent = Math.min(2 * bias, Math.max(0, Math.floor(center) - 30 + (random() % 60)));
  // Few significant bits make ties and exact results.
  const significant = kind === 9 ? (any >> BigInt(fraction - 4)) << BigInt(fraction - 4) : any;
  const mask = (1n << BigInt(fraction)) - 1n;
  const sign = (any >> BigInt(bits - 1)) << BigInt(bits - 1);
  return sign | (BigInt(exponent) << BigInt(fraction)) | (significant & mask);
}

function drawRegister({ operation, lanes }: FloatInstruction, random: Random, like: bigint | undefined): bigint {
  if (operation === "FromInt32" || operation === "FromInt64") {
    const value = BigInt.asIntN(64, random64(random)) >> BigInt(random() % 64);
    return (random64(random) << 64n) | BigInt.asUintN(64, value);
  }
  if (operation === "FromHalf") {
    const words = Array.from({ length: 8 }, () => (random() & 1 ? pick(halfEdges, random) : BigInt(random() & 0xffff)));
    return words.reduce((all, word) => (all << 16n) | word, 0n);
  }
  // Almost the negative of another operand: cancellation.
  if (like !== undefined && random() % 12 === 0) {
    const { bits } = formats[lanes];
    const signs = bits === 32 ? 0x8000_0000_8000_0000_8000_0000_8000_0000n : (1n << 127n) | (1n << 63n);
    return like ^ signs ^ BigInt(random() & 3);
  }
  const { bits } = formats[lanes];
  let value = 0n;
  for (let lane = 0; lane < 128 / bits; lane++) value = (value << BigInt(bits)) | drawFloat(lanes, random);
  return value;
}

export function drawCase(instruction: FloatInstruction, random: Random): FloatCase {
  const kind = random() % 6;
  let mxcsr = 0x1f80;
  if (kind >= 1) mxcsr |= (random() & 3) << 13;
  if (kind >= 2) mxcsr |= (random() & 1 ? 0x40 : 0) | (random() & 1 ? 0x8000 : 0);
  if (kind >= 4) mxcsr &= ~((random() & 0x3f) << 7);
  if (random() & 1) mxcsr |= 0x20;
  const registers: bigint[] = [];
  for (let i = 0; i < 3; i++) registers.push(drawRegister(instruction, random, registers[i - 1]));
  return { instruction, mxcsr, registers };
}

export function formatFloatCase({ instruction, mxcsr, registers }: FloatCase, outcome: FloatOutcome): string {
  const inputs = [BigInt(mxcsr), ...registers].map((value) => value.toString(16)).join(" ");
  return `${instruction.name} | ${inputs} | ${outcome.result?.toString(16) ?? "#XM"} ${outcome.mxcsr.toString(16)}`;
}

const byName = new Map(floatInstructions.map((instruction) => [instruction.name, instruction]));

export function parseFloatCase(line: string): { readonly test: FloatCase; readonly wanted: FloatOutcome } {
  const [name, inputs, outputs] = line.split(" | ") as [string, string, string];
  const instruction = byName.get(name);
  if (!instruction) throw new Error(`No recorded instruction is called ${name}`);
  const [mxcsr, ...registers] = parse(inputs);
  const [result, after] = outputs.split(" ") as [string, string];
  return {
    test: { instruction, mxcsr: Number(mxcsr), registers },
    wanted: { result: result === "#XM" ? undefined : BigInt(`0x${result}`), mxcsr: Number.parseInt(after, 16) },
  };
}
