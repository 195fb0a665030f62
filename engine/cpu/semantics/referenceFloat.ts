/**
 * The floating-point operations of `floatOperations.ts` on one lane, in exact arithmetic: numbers are integers times powers of two, results are rounded
 * once. Independent of the unit that executors use (`assembly/simd`), and compared with it. Sources: IEEE 754-2008; Intel SDM vol. 1,
 * 4.8, 4.9 and 11.5. Absent: the reciprocal approximations, which have no exact answer.
 */
import type { FloatOperation } from "./floatOperations.ts";
import { fusedControl } from "./floatOperations.ts";

export interface FloatAnswer {
  readonly result: bigint;
  /** Exceptions in the places of MXCSR's flags: of operands, and of the result. */
  readonly flags: number;
}

interface Format {
  readonly fraction: number;
  readonly exponentBits: number;
}
const half: Format = { fraction: 10, exponentBits: 5 };
const single: Format = { fraction: 23, exponentBits: 8 };
const double: Format = { fraction: 52, exponentBits: 11 };

const [invalidFlag, denormalFlag, zeroDivideFlag, overflowFlag, underflowFlag, inexactFlag] = [1, 2, 4, 8, 16, 32];
const modes = { nearest: 0, down: 1, up: 2, truncate: 3 } as const;
const extraBits = 300;

/** `value` is the magnitude as integer times 2^exponent. */
interface Decoded {
  readonly image: bigint;
  readonly negative: boolean;
  readonly kind: "nan" | "infinite" | "zero" | "number";
  readonly signaling: boolean;
  readonly denormal: boolean;
  readonly value: bigint;
  readonly exponent: number;
}

const biasOf = (format: Format): number => 2 ** (format.exponentBits - 1) - 1;
const bitLength = (value: bigint): number => value.toString(2).length;

class LaneArithmetic {
  flags = 0;
  readonly #format: Format;
  readonly #flattens: boolean;
  readonly #flushes: boolean;
  readonly #underflowMasked: boolean;
  readonly #overflowMasked: boolean;
  mode: number;

  constructor(format: Format, mxcsr: number, mode = (mxcsr >> 13) & 3) {
    this.#format = format;
    this.mode = mode;
    this.#flattens = (mxcsr & 0x40) !== 0;
    this.#underflowMasked = (mxcsr & 0x800) !== 0;
    this.#overflowMasked = (mxcsr & 0x400) !== 0;
    this.#flushes = (mxcsr & 0x8000) !== 0 && this.#underflowMasked;
  }

  get #signBit(): bigint {
    return 1n << BigInt(this.#format.fraction + this.#format.exponentBits);
  }
  get #infinity(): bigint {
    return ((1n << BigInt(this.#format.exponentBits)) - 1n) << BigInt(this.#format.fraction);
  }
  get #quietBit(): bigint {
    return 1n << BigInt(this.#format.fraction - 1);
  }
  signed(negative: boolean, magnitude: bigint): bigint {
    return negative ? this.#signBit | magnitude : magnitude;
  }
  infinite(negative: boolean): bigint {
    return this.signed(negative, this.#infinity);
  }
  invalid(): bigint {
    this.flags |= invalidFlag!;
    return this.#signBit | this.#infinity | this.#quietBit;
  }
  /** The fraction of a NaN, in the format it came from, left-justified to 52 bits, as a quiet NaN of this format. */
  nan(negative: boolean, fraction52: bigint): bigint {
    const fraction = fraction52 >> BigInt(52 - this.#format.fraction);
    return this.signed(negative, this.#infinity | this.#quietBit | fraction);
  }

  decode(image: bigint, flattens = this.#flattens): Decoded {
    const { fraction, exponentBits } = this.#format;
    const negative = (image & this.#signBit) !== 0n;
    const magnitude = image & (this.#signBit - 1n);
    const biased = Number(magnitude >> BigInt(fraction));
    const bits = magnitude & ((1n << BigInt(fraction)) - 1n);
    const common = { image, negative, signaling: false, denormal: false, value: 0n, exponent: 0 };
    if (biased === 2 ** exponentBits - 1) {
      if (bits === 0n) return { ...common, kind: "infinite" };
      return { ...common, kind: "nan", signaling: (bits & this.#quietBit) === 0n };
    }
    const exponent = Math.max(biased, 1) - biasOf(this.#format) - fraction;
    if (biased > 0) return { ...common, kind: "number", value: bits | (1n << BigInt(fraction)), exponent };
    if (bits === 0n || flattens) return { ...common, image: this.signed(negative, 0n), kind: "zero" };
    return { ...common, kind: "number", denormal: true, value: bits, exponent };
  }

  /** The NaN that an operation on these gives, if any of them is one. */
  nanAmong(operands: readonly Decoded[]): bigint | undefined {
    const first = operands.find(({ kind }) => kind === "nan");
    if (!first) return undefined;
    if (operands.some(({ signaling }) => signaling)) this.flags |= invalidFlag!;
    return first.image | this.#quietBit;
  }
  noteDenormals(...operands: readonly Decoded[]): void {
    if (operands.some(({ denormal }) => denormal)) this.flags |= denormalFlag!;
  }

  /** value * 2^exponent as a multiple of 2^unit. */
  roundToUnit(negative: boolean, value: bigint, exponent: number, unit: number): { value: bigint; exact: boolean } {
    const drop = BigInt(unit - exponent);
    if (drop <= 0n) return { value: value << -drop, exact: true };
    const kept = value >> drop;
    const rest = value - (kept << drop);
    if (rest === 0n) return { value: kept, exact: true };
    const middle = 1n << (drop - 1n);
    const nearestUp = rest > middle || (rest === middle && kept % 2n === 1n);
    const up =
      this.mode === modes.nearest
        ? nearestUp
        : this.mode === modes.down
          ? negative
          : this.mode === modes.up && !negative;
    return { value: up ? kept + 1n : kept, exact: false };
  }

  /** The nearest number of the format; a value that is not exact has its lowest bit set far below anything that counts. */
  round(negative: boolean, value: bigint, exponent: number): bigint {
    const { fraction } = this.#format;
    const bias = biasOf(this.#format);
    const leading = exponent + bitLength(value) - 1;
    const smallest = 1 - bias;
    let unit = leading - fraction;
    let rounded = this.roundToUnit(negative, value, exponent, unit);
    const tiny = bitLength(rounded.value) - 1 + unit < smallest;
    if (tiny && !this.#underflowMasked) {
      this.flags |= underflowFlag! | (rounded.exact ? 0 : inexactFlag!);
      return 0n;
    }
    if (tiny && this.#flushes) {
      this.flags |= underflowFlag! | inexactFlag!;
      return this.signed(negative, 0n);
    }
    if (tiny) {
      unit = smallest - fraction;
      rounded = this.roundToUnit(negative, value, exponent, unit);
      if (!rounded.exact) this.flags |= underflowFlag!;
    }
    if (!rounded.exact) this.flags |= inexactFlag!;
    if (!tiny && bitLength(rounded.value) - 1 + unit > bias) return this.#overflow(negative);
    return this.signed(negative, this.#pack(rounded.value, unit));
  }

  #overflow(negative: boolean): bigint {
    this.flags |= overflowFlag! | (this.#overflowMasked ? inexactFlag! : 0);
    const toInfinity =
      this.mode === modes.nearest || (this.mode === modes.down && negative) || (this.mode === modes.up && !negative);
    return this.signed(negative, toInfinity ? this.#infinity : this.#infinity - 1n);
  }

  #pack(value: bigint, unit: number): bigint {
    if (value === 0n) return 0n;
    const { fraction } = this.#format;
    const excess = bitLength(value) - 1 - fraction;
    if (excess < 0) return value;
    const biased = BigInt(unit + excess + fraction + biasOf(this.#format));
    return (biased << BigInt(fraction)) + (value >> BigInt(Math.max(excess, 0))) - (1n << BigInt(fraction));
  }

  /** The exact sum of two numbers, rounded. */
  sum(
    a: Pick<Decoded, "negative" | "value" | "exponent">,
    b: Pick<Decoded, "negative" | "value" | "exponent">,
  ): bigint {
    const exponent = Math.min(a.exponent, b.exponent);
    const whole = ({ negative, value, exponent: own }: typeof a): bigint =>
      (negative ? -value : value) << BigInt(own - exponent);
    const total = whole(a) + whole(b);
    if (total === 0n) {
      const negative = a.value === 0n && a.negative === b.negative ? a.negative : this.mode === modes.down;
      return this.signed(negative, 0n);
    }
    return this.round(total < 0n, total < 0n ? -total : total, exponent);
  }
}

const turned = (a: Decoded, flip: boolean): Decoded => (flip ? { ...a, negative: !a.negative } : a);

function add(l: LaneArithmetic, a: Decoded, other: Decoded, flip: boolean): bigint {
  const nan = l.nanAmong([a, other]);
  if (nan !== undefined) return nan;
  const b = turned(other, flip);
  if (a.kind === "infinite" && b.kind === "infinite" && a.negative !== b.negative) return l.invalid();
  l.noteDenormals(a, b);
  if (a.kind === "infinite" || b.kind === "infinite")
    return l.infinite(a.kind === "infinite" ? a.negative : b.negative);
  return l.sum(a, b);
}

function multiply(l: LaneArithmetic, a: Decoded, b: Decoded): bigint {
  const nan = l.nanAmong([a, b]);
  if (nan !== undefined) return nan;
  const negative = a.negative !== b.negative;
  const infinite = a.kind === "infinite" || b.kind === "infinite";
  if (infinite && (a.kind === "zero" || b.kind === "zero")) return l.invalid();
  l.noteDenormals(a, b);
  if (infinite) return l.infinite(negative);
  if (a.value * b.value === 0n) return l.signed(negative, 0n);
  return l.round(negative, a.value * b.value, a.exponent + b.exponent);
}

function divide(l: LaneArithmetic, a: Decoded, b: Decoded): bigint {
  const nan = l.nanAmong([a, b]);
  if (nan !== undefined) return nan;
  const negative = a.negative !== b.negative;
  if (a.kind === b.kind && a.kind !== "number") return l.invalid();
  if (b.kind === "zero" && a.kind === "number") {
    l.flags |= zeroDivideFlag!;
    return l.infinite(negative);
  }
  l.noteDenormals(a, b);
  if (a.kind === "infinite") return l.infinite(negative);
  if (b.kind === "infinite" || a.kind === "zero") return l.signed(negative, 0n);
  const scaled = a.value << BigInt(extraBits);
  const quotient = scaled / b.value;
  return l.round(
    negative,
    (quotient << 1n) | (scaled % b.value === 0n ? 0n : 1n),
    a.exponent - b.exponent - extraBits - 1,
  );
}

function integerRoot(value: bigint): bigint {
  let root = 1n << BigInt((bitLength(value) + 1) >> 1);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

function squareRoot(l: LaneArithmetic, a: Decoded): bigint {
  const nan = l.nanAmong([a]);
  if (nan !== undefined) return nan;
  if (a.kind === "zero") return a.image;
  if (a.negative) return l.invalid();
  if (a.kind === "infinite") return a.image;
  l.noteDenormals(a);
  const shift = extraBits + (Math.abs(a.exponent - extraBits) & 1);
  const scaled = a.value << BigInt(shift);
  const root = integerRoot(scaled);
  return l.round(false, (root << 1n) | (root * root === scaled ? 0n : 1n), (a.exponent - shift) / 2 - 1);
}

function multiplyAdd(l: LaneArithmetic, a: Decoded, b: Decoded, addend: Decoded, control: number): bigint {
  const nan = l.nanAmong([a, b, addend]);
  if (nan !== undefined) return nan;
  const c = turned(addend, (control & fusedControl.negateAddend) !== 0);
  const negative = (a.negative !== b.negative) !== ((control & fusedControl.negateProduct) !== 0);
  const infinite = a.kind === "infinite" || b.kind === "infinite";
  if (infinite && (a.kind === "zero" || b.kind === "zero")) return l.invalid();
  if (infinite && c.kind === "infinite" && c.negative !== negative) return l.invalid();
  l.noteDenormals(a, b, c);
  if (infinite || c.kind === "infinite") return l.infinite(infinite ? negative : c.negative);
  return l.sum({ negative, value: a.value * b.value, exponent: a.exponent + b.exponent }, c);
}

type Relation = "less" | "equal" | "greater" | "unordered";

function relate(l: LaneArithmetic, a: Decoded, b: Decoded, quiet: boolean): Relation {
  if (a.kind === "nan" || b.kind === "nan") {
    if (!quiet || a.signaling || b.signaling) l.flags |= invalidFlag!;
    return "unordered";
  }
  l.noteDenormals(a, b);
  const size = ({ kind, value, exponent }: Decoded): bigint =>
    kind === "infinite" ? 1n << 3000n : value << BigInt(exponent + 1200);
  const signed = (one: Decoded): bigint => (one.negative ? -size(one) : size(one));
  if (signed(a) === signed(b)) return "equal";
  return signed(a) < signed(b) ? "less" : "greater";
}

/** Names of the first sixteen predicates; the others exchange quiet and signaling. */
const predicates =
  `EQ_Q LT_S LE_S UNORD_Q NEQ_UQ NLT_US NLE_US ORD_Q EQ_UQ NGE_US NGT_US FALSE_Q NEQ_Q GE_S GT_S TRUE_UQ`.split(" ");
const satisfying: Readonly<Record<string, readonly Relation[]>> = {
  EQ: ["equal"],
  LT: ["less"],
  LE: ["less", "equal"],
  UNORD: ["unordered"],
  NEQ: ["less", "greater"],
  NLT: ["equal", "greater"],
  NLE: ["greater"],
  ORD: ["less", "equal", "greater"],
  NGE: ["less"],
  NGT: ["less", "equal"],
  FALSE: [],
  GE: ["equal", "greater"],
  GT: ["greater"],
  TRUE: ["less", "equal", "greater"],
};

function compare(l: LaneArithmetic, a: Decoded, b: Decoded, predicate: number): boolean {
  const [name, kind] = predicates[predicate & 15]!.split("_") as [string, string];
  const relation = relate(l, a, b, kind.endsWith("Q") === predicate < 16);
  return satisfying[name]!.includes(relation) || (relation === "unordered" && kind.startsWith("U"));
}

function toInteger(l: LaneArithmetic, a: Decoded, width: number, truncates: boolean): bigint {
  if (truncates) l.mode = modes.truncate;
  const limit = 1n << BigInt(width - 1);
  const rounded = a.kind === "number" ? l.roundToUnit(a.negative, a.value, a.exponent, 0) : { value: 0n, exact: true };
  const value = a.negative ? -rounded.value : rounded.value;
  if (a.kind === "nan" || a.kind === "infinite" || value >= limit || value < -limit) {
    l.flags |= invalidFlag!;
    return limit;
  }
  if (!rounded.exact) l.flags |= inexactFlag!;
  return BigInt.asUintN(width, value);
}

function roundToIntegral(l: LaneArithmetic, a: Decoded, control: number): bigint {
  const nan = l.nanAmong([a]);
  if (nan !== undefined) return nan;
  if (a.kind !== "number" || a.exponent >= 0) return a.image;
  if ((control & 4) === 0) l.mode = control & 3;
  const rounded = l.roundToUnit(a.negative, a.value, a.exponent, 0);
  if (!rounded.exact && (control & 8) === 0) l.flags |= inexactFlag!;
  return rounded.value === 0n ? l.signed(a.negative, 0n) : l.round(a.negative, rounded.value, 0);
}

/** From one format to another. */
function convert(from: Format, to: Format, image: bigint, mxcsr: number, control: number): FloatAnswer {
  const source = new LaneArithmetic(from, mxcsr);
  const a = source.decode(image, from === half ? false : undefined);
  const mode = to === half && (control & 4) === 0 ? control & 3 : undefined;
  const target = new LaneArithmetic(to, to === half ? mxcsr & ~0x8000 : mxcsr, mode);
  if (a.kind === "nan") {
    const fraction = (image & ((1n << BigInt(from.fraction)) - 1n)) << BigInt(52 - from.fraction);
    return { result: target.nan(a.negative, fraction), flags: a.signaling ? invalidFlag! : 0 };
  }
  if (a.kind === "infinite") return { result: target.infinite(a.negative), flags: 0 };
  if (a.kind === "zero") return { result: target.signed(a.negative, 0n), flags: 0 };
  if (from !== half) target.noteDenormals(a);
  if (a.denormal && to === half) target.flags |= inexactFlag!;
  const result = target.round(a.negative, a.value, a.exponent);
  return { result, flags: target.flags };
}

/** Operations on one format. */
function within(l: LaneArithmetic, name: FloatOperation, images: readonly bigint[], control: number, index: number) {
  const [a, b, c] = images.map((image) => l.decode(image)) as [Decoded, Decoded, Decoded];
  switch (name) {
    case "Add":
      return add(l, a, b, false);
    case "Sub":
      return add(l, a, b, true);
    case "AddSub":
      return add(l, a, b, index % 2 === 0);
    case "Mul":
      return multiply(l, a, b);
    case "Div":
      return divide(l, a, b);
    case "Min":
      return (relate(l, a, b, false) === "less" ? a : b).image;
    case "Max":
      return (relate(l, a, b, false) === "greater" ? a : b).image;
    case "Sqrt":
      return squareRoot(l, a);
    case "Round":
      return roundToIntegral(l, a, control);
    case "MulAdd":
      return multiplyAdd(
        l,
        a,
        b,
        c,
        (control & fusedControl.flipEvenAddends) !== 0 && index % 2 === 0
          ? control ^ fusedControl.negateAddend
          : control,
      );
    case "ToInt32":
      return toInteger(l, a, 32, control !== 0);
    case "ToInt64":
      return toInteger(l, a, 64, control !== 0);
    case "CompareFlags":
      return { unordered: 0x45n, less: 1n, equal: 0x40n, greater: 0n }[relate(l, a, b, control !== 0)];
    default:
      throw new Error(`The reference does not compute ${name}`);
  }
}

/** Lane `index` of an operation; `images` are one to three operands. */
export function referenceFloat(
  name: FloatOperation,
  lanes: "f32x4" | "f64x2",
  images: readonly bigint[],
  mxcsr: number,
  control = 0,
  index = 0,
): FloatAnswer {
  const format = lanes === "f32x4" ? single : double;
  const [image] = images as [bigint];
  if (name === "Promote") return convert(single, double, image, mxcsr, control);
  if (name === "Demote") return convert(double, single, image, mxcsr, control);
  if (name === "FromHalf") return convert(half, single, image, mxcsr, control);
  if (name === "ToHalf") return convert(single, half, image, mxcsr, control);
  const l = new LaneArithmetic(format, mxcsr);
  if (name === "FromInt32" || name === "FromInt64") {
    const value = BigInt.asIntN(name === "FromInt32" ? 32 : 64, image);
    const result = value === 0n ? 0n : l.round(value < 0n, value < 0n ? -value : value, 0);
    return { result, flags: l.flags };
  }
  if (name === "Compare") {
    const [a, b] = images.map((one) => l.decode(one)) as [Decoded, Decoded];
    const holds = compare(l, a, b, control);
    return { result: holds ? (lanes === "f32x4" ? 0xffff_ffffn : 0xffff_ffff_ffff_ffffn) : 0n, flags: l.flags };
  }
  const result = within(l, name, images, control, index);
  return { result, flags: l.flags };
}
