/**
 * Floating-point arithmetic, comparisons and rounding of SSE to SSE4.1 and their AVX forms (Intel SDM vol. 2; vol. 1, chapters 10 to 12 and
 * 14). What MXCSR governs is behind `VectorAlgebra.float`. The reciprocals are correctly rounded, where real tables are good for
 * twelve bits (docs/quirks.md). Conversions are in `simdFloatConvert.ts`, fused operations in `simdFused.ts`.
 */
import type { Algebra, Semantics } from "./Algebra.ts";
import {
  binaryOperands,
  type Control,
  double,
  laneBytes,
  laneCount,
  ofSource,
  packedFloat,
  scalarFloat,
  single,
} from "./floatShapes.ts";
import type { FloatLanes, Vector, VectorAlgebra } from "./VectorAlgebra.ts";
import { type Compute, isPair, packed, packedBinary, sourcesOf } from "./vectorShapes.ts";

const logicAndNot: Compute = (v, a, b) => v.binary("v128AndNot", b, a);

/** Without VEX there are eight predicates, with it 32. */
const predicate: Control = (x, immediate, isVex) => x.and(immediate, x.constant(32, isVex ? 31 : 7));
const roundingControl: Control = (x, immediate) => x.and(immediate, x.constant(32, 15));

/** COMISS and the like: ZF PF CF all set when unordered, OF SF AF clear. */
const compareToFlags =
  (lanes: FloatLanes, quiet: boolean): Semantics =>
  (x, operands) => {
    const [left, right] = binaryOperands(operands);
    const v = x.vector;
    const b = v.read(right, laneBytes(lanes));
    const flags = v.compareFlags(lanes, quiet, v.read(left, 16), b);
    const never = x.constantCondition(false);
    x.setFlag("ZF", x.bit(flags, 6));
    x.setFlag("PF", x.bit(flags, 2));
    x.setFlag("CF", x.bit(flags, 0));
    for (const flag of ["OF", "SF", "AF"] as const) x.setFlag(flag, never);
  };

const bytesOfLanes = (bytes: number, lanes: readonly number[]): number[] =>
  lanes.flatMap((lane) => Array.from({ length: bytes }, (_, i) => lane * bytes + i));

/** Neighbours within a source: those of the first in the lower half, of the second in the upper. */
const horizontal =
  (name: "Add" | "Sub", lanes: FloatLanes): Semantics =>
  (x, operands) => {
    const { destination, first, second } = sourcesOf(operands);
    const v = x.vector;
    const [evenLanes, oddLanes] =
      lanes === single
        ? [
            [0, 2, 4, 6],
            [1, 3, 5, 7],
          ]
        : [
            [0, 2],
            [1, 3],
          ];
    const bytes = laneBytes(lanes);
    const pick = (a: Vector, b: Vector): Vector[] =>
      [evenLanes, oddLanes].map((picked) => v.shuffle(a, b, bytesOfLanes(bytes, picked!)));
    const count = laneCount(lanes);
    if (isPair(destination)) {
      const b = v.readPair(second);
      const a = v.readPair(first);
      v.writePair(destination, v.floatPair(name, lanes, count, pick(a[0], b[0]), pick(a[1], b[1])));
      return;
    }
    const b = v.read(second, 16);
    v.write(destination, v.float(name, lanes, count, pick(v.read(first, 16), b)), 16);
  };

/** All ones in the lanes whose bit, counted from `firstBit`, is set in the immediate. */
function lanesOfBits(x: Algebra, immediate: Vector, lanes: FloatLanes, firstBit: number): Vector {
  const bytes = laneBytes(lanes);
  const bits = x.vector.constant(
    Array.from({ length: 16 }, (_, i) => (i % bytes === 0 ? 1 << (firstBit + i / bytes) : 0)),
  );
  const chosen = x.vector.binary("v128And", immediate, bits);
  return x.vector.binary(lanes === single ? "i32x4Eq" : "i64x2Eq", chosen, bits);
}

/** The lanes in another order. */
const permuted = (v: VectorAlgebra, lanes: FloatLanes, order: readonly number[], value: Vector): Vector =>
  v.shuffle(value, value, bytesOfLanes(laneBytes(lanes), order));

/** The sums of a dot product, as pairs of lane orders: every lane adds its neighbour, then the neighbour's half. Which comes first NaNs tell. */
const dotSums = {
  f32x4: [
    [
      [1, 0, 3, 2],
      [0, 1, 2, 3],
    ],
    [
      [0, 1, 2, 3],
      [2, 3, 0, 1],
    ],
  ],
  f64x2: [
    [
      [0, 1],
      [1, 0],
    ],
  ],
} as const;

/** DPPS, DPPD: the multiplications are one operation and so is every step of the sum, exceptions included. Takes and gives 128-bit parts. */
function dotProduct(
  x: Algebra,
  lanes: FloatLanes,
  immediate: Vector,
  a: readonly Vector[],
  b: readonly Vector[],
): Vector[] {
  const v = x.vector;
  const used = lanesOfBits(x, immediate, lanes, 4);
  const operation = (name: "Mul" | "Add", parts: readonly (readonly Vector[])[]): readonly Vector[] =>
    parts.length === 2
      ? v.floatPair(name, lanes, laneCount(lanes), parts[0]!, parts[1]!)
      : [v.float(name, lanes, laneCount(lanes), parts[0]!)];
  const chosen = (value: Vector): Vector => v.binary("v128And", value, used);
  let sums = operation(
    "Mul",
    a.map((part, i) => [chosen(part), chosen(b[i]!)]),
  );
  for (const orders of dotSums[lanes]) {
    sums = operation(
      "Add",
      sums.map((part) => orders.map((order) => permuted(v, lanes, order, part))),
    );
  }
  const written = lanesOfBits(x, immediate, lanes, 0);
  return sums.map((part) => v.binary("v128And", part, written));
}

const dotProducts =
  (lanes: FloatLanes): Semantics =>
  (x, operands) => {
    const { destination, first, second, immediate } = sourcesOf(operands);
    const v = x.vector;
    const byte = x.recordConstant(immediate!);
    const bits = lanes === single ? v.splat(byte) : v.splat(x.zeroExtend(byte, 64));
    if (isPair(destination)) {
      const b = v.readPair(second);
      const [low, high] = dotProduct(x, lanes, bits, v.readPair(first), b);
      v.writePair(destination, [low!, high!]);
      return;
    }
    const b = v.read(second, 16);
    v.write(destination, dotProduct(x, lanes, bits, [v.read(first, 16)], [b])[0]!, 16);
  };

export const simdFloat = {
  ADDPS: packedFloat("Add", single),
  ADDPD: packedFloat("Add", double),
  ADDSS: scalarFloat("Add", single),
  ADDSD: scalarFloat("Add", double),
  SUBPS: packedFloat("Sub", single),
  SUBPD: packedFloat("Sub", double),
  SUBSS: scalarFloat("Sub", single),
  SUBSD: scalarFloat("Sub", double),
  MULPS: packedFloat("Mul", single),
  MULPD: packedFloat("Mul", double),
  MULSS: scalarFloat("Mul", single),
  MULSD: scalarFloat("Mul", double),
  DIVPS: packedFloat("Div", single),
  DIVPD: packedFloat("Div", double),
  DIVSS: scalarFloat("Div", single),
  DIVSD: scalarFloat("Div", double),
  MINPS: packedFloat("Min", single),
  MINPD: packedFloat("Min", double),
  MINSS: scalarFloat("Min", single),
  MINSD: scalarFloat("Min", double),
  MAXPS: packedFloat("Max", single),
  MAXPD: packedFloat("Max", double),
  MAXSS: scalarFloat("Max", single),
  MAXSD: scalarFloat("Max", double),
  SQRTPS: packedFloat("Sqrt", single, ofSource),
  SQRTPD: packedFloat("Sqrt", double, ofSource),
  SQRTSS: scalarFloat("Sqrt", single, ofSource),
  SQRTSD: scalarFloat("Sqrt", double, ofSource),
  RCPPS: packedFloat("Reciprocal", single, ofSource),
  RCPSS: scalarFloat("Reciprocal", single, ofSource),
  RSQRTPS: packedFloat("ReciprocalRoot", single, ofSource),
  RSQRTSS: scalarFloat("ReciprocalRoot", single, ofSource),
  ANDPS: packedBinary("v128And"),
  ANDNPS: packed(logicAndNot),
  ORPS: packedBinary("v128Or"),
  XORPS: packedBinary("v128Xor"),
  CMPPS: packedFloat("Compare", single, undefined, predicate),
  CMPPD: packedFloat("Compare", double, undefined, predicate),
  CMPSS: scalarFloat("Compare", single, undefined, predicate),
  CMPSD: scalarFloat("Compare", double, undefined, predicate),
  COMISS: compareToFlags(single, false),
  COMISD: compareToFlags(double, false),
  UCOMISS: compareToFlags(single, true),
  UCOMISD: compareToFlags(double, true),
  ADDSUBPS: packedFloat("AddSub", single),
  ADDSUBPD: packedFloat("AddSub", double),
  HADDPS: horizontal("Add", single),
  HADDPD: horizontal("Add", double),
  HSUBPS: horizontal("Sub", single),
  HSUBPD: horizontal("Sub", double),
  ROUNDPS: packedFloat("Round", single, ofSource, roundingControl),
  ROUNDPD: packedFloat("Round", double, ofSource, roundingControl),
  ROUNDSS: scalarFloat("Round", single, ofSource, roundingControl),
  ROUNDSD: scalarFloat("Round", double, ofSource, roundingControl),
  DPPS: dotProducts(single),
  DPPD: dotProducts(double),
} satisfies Record<string, Semantics>;
