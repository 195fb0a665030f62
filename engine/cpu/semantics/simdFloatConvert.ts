/**
 * Conversions of SSE, SSE2, AVX and F16C between float formats and integers (Intel SDM vol. 2). A conversion that changes the size of lanes
 * reads or writes half a vector; in 256 bits that is one of the pair. Conversions of MMX registers enter the x87 unit first.
 */
import type { Semantics } from "./Algebra.ts";
import type { FloatOperation } from "./floatOperations.ts";
import {
  binaryOperands,
  double,
  laneBytes,
  laneCount,
  ofSource,
  packedFloat,
  scalarFloat,
  single,
  writeScalar,
} from "./floatShapes.ts";
import type { FloatLanes } from "./VectorAlgebra.ts";
import { isPair, sourcesOf, writeMmx } from "./vectorShapes.ts";

const sequence = (first: number, count: number): number[] => Array.from({ length: count }, (_, i) => first + i);
/** The upper eight bytes brought down. */
const upperDown = [...sequence(8, 8), ...sequence(8, 8)];
/** The lower eight bytes of two vectors side by side. */
const lowerOfBoth = [...sequence(0, 8), ...sequence(16, 8)];

/** Lanes become twice as wide: `count` of them lie in the low part of the source. */
const widening =
  (name: FloatOperation, lanes: FloatLanes, count: 2 | 4): Semantics =>
  (x, operands) => {
    const [destination, source] = binaryOperands(operands);
    const v = x.vector;
    if (isPair(destination)) {
      const value = v.read(source, 16);
      const upper = v.shuffle(value, value, upperDown);
      v.writePair(destination, v.floatPair(name, lanes, count, [value], [upper]));
      return;
    }
    v.write(destination, v.float(name, lanes, count, [v.read(source, 8)]), 16);
  };

/** Lanes become half as wide; what is left of the destination is cleared. */
const narrowing =
  (name: FloatOperation, truncates = false): Semantics =>
  (x, operands) => {
    const [destination, source] = binaryOperands(operands);
    const v = x.vector;
    const control = truncates ? 1 : 0;
    if (isPair(source)) {
      const value = v.readPair(source);
      const [low, high] = v.floatPair(name, double, 2, [value[0]], [value[1]], control);
      v.write(destination, v.shuffle(low, high, lowerOfBoth), 16);
      return;
    }
    v.write(destination, v.float(name, double, 2, [v.read(source, 16)], control), 16);
  };

const singlesToIntegers =
  (truncates: boolean): Semantics =>
  (x, operands) => {
    const [destination, source] = binaryOperands(operands);
    const v = x.vector;
    const control = truncates ? 1 : 0;
    if (isPair(destination)) {
      const value = v.readPair(source);
      v.writePair(destination, v.floatPair("ToInt32", single, 4, [value[0]], [value[1]], control));
      return;
    }
    v.write(destination, v.float("ToInt32", single, 4, [v.read(source, 16)], control), 16);
  };

/** VCVTPS2PH: the destination is the operand that may be memory. */
const toHalves: Semantics = (x, operands) => {
  const { immediate } = sourcesOf(operands);
  const [destination, source] = binaryOperands(operands);
  const v = x.vector;
  const control = x.and(x.recordConstant(immediate!), x.constant(32, 7));
  if (isPair(source)) {
    const value = v.readPair(source);
    const [low, high] = v.floatPair("ToHalf", single, 4, [value[0]], [value[1]], control);
    v.write(destination, v.shuffle(low, high, lowerOfBoth), 16, true);
    return;
  }
  const value = v.float("ToHalf", single, 4, [v.read(source, 16)], control);
  if (destination.kind === "register") v.write(destination, value, 16);
  else v.write(destination, value, 8);
};

const lowFloatsToMmx =
  (lanes: FloatLanes, truncates: boolean): Semantics =>
  (x, operands) => {
    const [destination, source] = binaryOperands(operands);
    x.helper("mmxEnter");
    const a = x.vector.read(source, lanes === single ? 8 : 16);
    // Also when the conversion faults.
    x.helper("mmxUsed");
    writeMmx(x, destination, x.vector.float("ToInt32", lanes, 2, [a], truncates ? 1 : 0));
  };

const lowFloatToGeneral =
  (lanes: FloatLanes, truncates: boolean): Semantics =>
  (x, operands) => {
    const [destination, source] = binaryOperands(operands);
    const v = x.vector;
    const a = v.read(source, laneBytes(lanes));
    const width = destination.width === 64 ? 64 : 32;
    x.write(destination, x.truncate(v.floatToInteger(lanes, width, truncates, a), destination.width));
  };

const generalToLowFloat =
  (lanes: FloatLanes): Semantics =>
  (x, operands) => {
    const source = sourcesOf(operands).second;
    const integer = x.read(source);
    const value = source.width === 64 ? x.zeroExtend(integer, 64) : x.zeroExtend(integer, 32);
    writeScalar(x, operands, x.vector.integerToFloat(lanes, value), laneBytes(lanes));
  };

/** Two integers of an MMX register; from memory nothing of the x87 unit is touched. */
const mmxToFloats =
  (lanes: FloatLanes): Semantics =>
  (x, operands) => {
    const [destination, source] = binaryOperands(operands);
    const v = x.vector;
    if (source.kind === "register") {
      x.helper("mmxEnter");
      x.helper("mmxUsed");
    }
    const value = v.float("FromInt32", lanes, 2, [v.read(source, 8)]);
    if (lanes === single) v.writeLow(destination, value, 8);
    else v.write(destination, value, 16);
    if (source.kind === "register") x.helper("mmxUsed");
  };

/** Integers of a whole vector to singles, and of half a vector to doubles, which hold them all. */
export const simdFloatConvert = {
  CVTDQ2PS: packedFloat("FromInt32", single, ofSource),
  CVTPS2DQ: singlesToIntegers(false),
  CVTTPS2DQ: singlesToIntegers(true),
  CVTPD2DQ: narrowing("ToInt32"),
  CVTTPD2DQ: narrowing("ToInt32", true),
  CVTDQ2PD: widening("FromInt32", double, laneCount(double)),
  CVTPS2PD: widening("Promote", single, 2),
  CVTPD2PS: narrowing("Demote"),
  CVTSS2SD: scalarFloat("Promote", single, ofSource, undefined, double),
  CVTSD2SS: scalarFloat("Demote", double, ofSource, undefined, single),
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
  CVTPI2PS: mmxToFloats(single),
  CVTPI2PD: mmxToFloats(double),
  VCVTPH2PS: widening("FromHalf", single, 4),
  VCVTPS2PH: toHalves,
} satisfies Record<string, Semantics>;
