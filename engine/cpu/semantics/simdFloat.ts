/**
 * Floating-point arithmetic, comparisons and conversions of SSE and SSE2 (Intel SDM vol. 2; vol. 1, 4.8.3.5 and table 4-7 for NaNs). The
 * arithmetic rounds to nearest whatever MXCSR says, sets no exception flags, raises no #XM, and neither flushes nor flattens denormals
 * (docs/quirks.md); conversions to integers do follow MXCSR.RC. Reciprocals are exact instead of twelve bits good.
 */
import type { Algebra, Condition, Semantics } from "./Algebra.ts";
import type { FloatLanes, Vector, VectorAlgebra } from "./VectorAlgebra.ts";
import { type Compute, packed, packedBinary, repeated, scalar, writeMmx, zeroVector } from "./vectorShapes.ts";

const laneBytes = (lanes: FloatLanes): 4 | 8 => (lanes === "f32x4" ? 4 : 8);

type Arithmetic = "Add" | "Sub" | "Mul" | "Div";

const arithmetic =
  (lanes: FloatLanes, name: Arithmetic): Compute =>
  (v, a, b) =>
    v.fixNaN(lanes, a, b, v.binary(`${lanes}${name}`, a, b));

/** The second operand when they are equal or not ordered. */
const minimum =
  (lanes: FloatLanes): Compute =>
  (v, a, b) =>
    v.binary(`${lanes}Pmin`, b, a);
const maximum =
  (lanes: FloatLanes): Compute =>
  (v, a, b) =>
    v.binary(`${lanes}Pmax`, b, a);

const squareRoot =
  (lanes: FloatLanes): Compute =>
  (v, _a, b) =>
    v.fixNaN(lanes, b, b, v.unary(`${lanes}Sqrt`, b));

const ones = (v: VectorAlgebra): Vector => repeated(v, 4, 0x3f80_0000n);
const reciprocal: Compute = (v, _a, b) => v.fixNaN("f32x4", b, b, v.binary("f32x4Div", ones(v), b));
const reciprocalRoot: Compute = (v, _a, b) => {
  const root = v.unary("f32x4Sqrt", b);
  return v.fixNaN("f32x4", b, b, v.binary("f32x4Div", ones(v), root));
};

/** Eight predicates: equal, less, less or equal, unordered, and their negations. */
const compare =
  (lanes: FloatLanes, isScalar: boolean): Semantics =>
  (x, [destination, source, predicate]) => {
    const v = x.vector;
    const bytes = laneBytes(lanes);
    const b = v.read(source!, isScalar ? bytes : 16);
    const a = v.read(destination!, 16);
    const code = x.recordConstant(predicate!);
    const unordered = v.binary("v128Or", v.binary(`${lanes}Ne`, a, a), v.binary(`${lanes}Ne`, b, b));
    const lower = v.select(x.bit(code, 0), v.binary(`${lanes}Lt`, a, b), v.binary(`${lanes}Eq`, a, b));
    const upper = v.select(x.bit(code, 0), unordered, v.binary(`${lanes}Le`, a, b));
    const positive = v.select(x.bit(code, 1), upper, lower);
    const result = v.select(x.bit(code, 2), v.unary("v128Not", positive), positive);
    if (isScalar) v.writeLow(destination!, result, bytes);
    else v.write(destination!, result, 16);
  };

/** COMISS and the like: ZF PF CF all set when unordered, OF SF AF clear. */
const compareToFlags =
  (lanes: FloatLanes): Semantics =>
  (x, [left, right]) => {
    const v = x.vector;
    const b = v.read(right!, laneBytes(lanes));
    const a = v.read(left!, 16);
    const holds = (mask: Vector): Condition => x.bit(v.extract(32, mask, 0), 0);
    const unordered = holds(v.binary("v128Or", v.binary(`${lanes}Ne`, a, a), v.binary(`${lanes}Ne`, b, b)));
    const never = x.constantCondition(false);
    x.setFlag("ZF", x.or2(unordered, holds(v.binary(`${lanes}Eq`, a, b))));
    x.setFlag("CF", x.or2(unordered, holds(v.binary(`${lanes}Lt`, a, b))));
    x.setFlag("PF", unordered);
    for (const flag of ["OF", "SF", "AF"] as const) x.setFlag(flag, never);
  };

// --- conversions ---
const twoTo31 = { f32x4: 0x4f00_0000n, f64x2: 0x41e0_0000_0000_0000n } as const;
const evenDoubles = [0, 1, 2, 3, 8, 9, 10, 11];

/** Integral floats to 32-bit integers in the low lanes; the indefinite integer where they do not fit (saturation gives it below). */
function toIntegers(v: VectorAlgebra, lanes: FloatLanes, a: Vector): Vector {
  const fits = v.binary(`${lanes}Lt`, a, repeated(v, laneBytes(lanes), twoTo31[lanes]));
  const indefinite = repeated(v, 4, 0x8000_0000n);
  if (lanes === "f32x4") return v.bitSelect(fits, v.unary("i32x4TruncSatF32x4S", a), indefinite);
  const narrow = v.shuffle(fits, fits, [...evenDoubles, ...evenDoubles]);
  const picked = v.bitSelect(narrow, v.unary("i32x4TruncSatF64x2SZero", a), indefinite);
  return v.shuffle(picked, zeroVector(v), [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]);
}

const rounded = (v: VectorAlgebra, lanes: FloatLanes, truncates: boolean, a: Vector): Vector =>
  truncates ? a : v.roundByControl(lanes, a);

const floatsToIntegers = (lanes: FloatLanes, truncates: boolean): Semantics =>
  packed((v, _a, b) => toIntegers(v, lanes, rounded(v, lanes, truncates, b)));

const lowFloatsToMmx =
  (lanes: FloatLanes, truncates: boolean): Semantics =>
  (x, [destination, source]) => {
    x.helper("mmxEnter");
    const a = x.vector.read(source!, lanes === "f32x4" ? 8 : 16);
    writeMmx(x, destination!, toIntegers(x.vector, lanes, rounded(x.vector, lanes, truncates, a)));
  };

const lowFloatToGeneral =
  (lanes: FloatLanes, truncates: boolean): Semantics =>
  (x, [destination, source]) => {
    const v = x.vector;
    const a = rounded(v, lanes, truncates, v.read(source!, laneBytes(lanes)));
    const value = destination!.width === 64 ? v.truncateLow(lanes, a) : v.extract(32, toIntegers(v, lanes, a), 0);
    x.write(destination!, x.truncate(value, destination!.width));
  };

const generalToLowFloat =
  (lanes: FloatLanes): Semantics =>
  (x, [destination, source]) => {
    const value = x.vector.convertLow(lanes, x.signExtend(x.read(source!), 64));
    x.vector.writeLow(destination!, value, laneBytes(lanes));
  };

/** Two integers of an MMX register; from memory nothing of the x87 unit is touched by CVTPI2PD, but the rule is the same here. */
const mmxToFloats = (work: (x: Algebra, integers: Vector) => Vector, bytes: 8 | 16): Semantics => {
  return (x, [destination, source]) => {
    if (source!.kind === "register" || bytes === 8) x.helper("mmxEnter");
    const value = work(x, x.vector.read(source!, 8));
    if (bytes === 8) x.vector.writeLow(destination!, value, 8);
    else x.vector.write(destination!, value, 16);
  };
};

const logicAndNot: Compute = (v, a, b) => v.binary("v128AndNot", b, a);
const single = "f32x4";
const double = "f64x2";

export const simdFloat = {
  ADDPS: packed(arithmetic(single, "Add")),
  ADDPD: packed(arithmetic(double, "Add")),
  ADDSS: scalar(4, arithmetic(single, "Add")),
  ADDSD: scalar(8, arithmetic(double, "Add")),
  SUBPS: packed(arithmetic(single, "Sub")),
  SUBPD: packed(arithmetic(double, "Sub")),
  SUBSS: scalar(4, arithmetic(single, "Sub")),
  SUBSD: scalar(8, arithmetic(double, "Sub")),
  MULPS: packed(arithmetic(single, "Mul")),
  MULPD: packed(arithmetic(double, "Mul")),
  MULSS: scalar(4, arithmetic(single, "Mul")),
  MULSD: scalar(8, arithmetic(double, "Mul")),
  DIVPS: packed(arithmetic(single, "Div")),
  DIVPD: packed(arithmetic(double, "Div")),
  DIVSS: scalar(4, arithmetic(single, "Div")),
  DIVSD: scalar(8, arithmetic(double, "Div")),
  MINPS: packed(minimum(single)),
  MINPD: packed(minimum(double)),
  MINSS: scalar(4, minimum(single)),
  MINSD: scalar(8, minimum(double)),
  MAXPS: packed(maximum(single)),
  MAXPD: packed(maximum(double)),
  MAXSS: scalar(4, maximum(single)),
  MAXSD: scalar(8, maximum(double)),
  SQRTPS: packed(squareRoot(single)),
  SQRTPD: packed(squareRoot(double)),
  SQRTSS: scalar(4, squareRoot(single)),
  SQRTSD: scalar(8, squareRoot(double)),
  RCPPS: packed(reciprocal),
  RCPSS: scalar(4, reciprocal),
  RSQRTPS: packed(reciprocalRoot),
  RSQRTSS: scalar(4, reciprocalRoot),
  ANDPS: packedBinary("v128And"),
  ANDNPS: packed(logicAndNot),
  ORPS: packedBinary("v128Or"),
  XORPS: packedBinary("v128Xor"),
  CMPPS: compare(single, false),
  CMPPD: compare(double, false),
  CMPSS: compare(single, true),
  CMPSD: compare(double, true),
  COMISS: compareToFlags(single),
  COMISD: compareToFlags(double),
  CVTDQ2PS: packed((v, _a, b) => v.unary("f32x4ConvertI32x4S", b)),
  CVTPS2DQ: floatsToIntegers(single, false),
  CVTTPS2DQ: floatsToIntegers(single, true),
  CVTPD2DQ: floatsToIntegers(double, false),
  CVTTPD2DQ: floatsToIntegers(double, true),
  CVTDQ2PD: packed((v, _a, b) => v.unary("f64x2ConvertLowI32x4S", b)),
  CVTPS2PD: packed((v, _a, b) => v.unary("f64x2PromoteLowF32x4", b)),
  CVTPD2PS: packed((v, _a, b) => v.unary("f32x4DemoteF64x2Zero", b)),
  CVTSS2SD: (x, [destination, source]) => {
    const value = x.vector.unary("f64x2PromoteLowF32x4", x.vector.read(source!, 4));
    x.vector.writeLow(destination!, value, 8);
  },
  CVTSD2SS: (x, [destination, source]) => {
    const value = x.vector.unary("f32x4DemoteF64x2Zero", x.vector.read(source!, 8));
    x.vector.writeLow(destination!, value, 4);
  },
  CVTSI2SS: generalToLowFloat(single),
  CVTSI2SD: generalToLowFloat(double),
  CVTSS2SI: lowFloatToGeneral(single, false),
  CVTTSS2SI: lowFloatToGeneral(single, true),
  CVTSD2SI: lowFloatToGeneral(double, false),
  CVTTSD2SI: lowFloatToGeneral(double, true),
  CVTPS2PI: lowFloatsToMmx(single, false),
  CVTTPS2PI: lowFloatsToMmx(single, true),
  CVTPD2PI: lowFloatsToMmx(double, false),
  CVTTPD2PI: lowFloatsToMmx(double, true),
  CVTPI2PS: mmxToFloats((x, a) => x.vector.unary("f32x4ConvertI32x4S", a), 8),
  CVTPI2PD: mmxToFloats((x, a) => x.vector.unary("f64x2ConvertLowI32x4S", a), 16),
} satisfies Record<string, Semantics>;
