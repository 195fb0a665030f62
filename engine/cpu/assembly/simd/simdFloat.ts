// The slow path of SSE floating point: every operation on all its lanes, exactly, with MXCSR. Executors call it when their own fast
// path cannot tell that the answer is the plain one. Operations and codes: `semantics/floatOperations.ts`.
import {
  FLOAT_ADD,
  FLOAT_ADD_SUB,
  FLOAT_CODE_CONTROL_SHIFT,
  FLOAT_CODE_COUNT_SHIFT,
  FLOAT_CODE_DOUBLE,
  FLOAT_CODE_MORE_FOLLOWS,
  FLOAT_COMPARE,
  FLOAT_COMPARE_FLAGS,
  FLOAT_DEMOTE,
  FLOAT_DIV,
  FLOAT_FROM_HALF,
  FLOAT_FROM_INT32,
  FLOAT_FROM_INT64,
  FLOAT_MAX,
  FLOAT_MIN,
  FLOAT_MUL,
  FLOAT_MUL_ADD,
  FLOAT_PROMOTE,
  FLOAT_RECIPROCAL,
  FLOAT_RECIPROCAL_ROOT,
  FLOAT_ROUND,
  FLOAT_SQRT,
  FLOAT_SUB,
  FLOAT_TO_HALF,
  FLOAT_TO_INT32,
  FLOAT_TO_INT64,
  FUSED_FLIP_EVEN_ADDENDS,
  FUSED_NEGATE_ADDEND,
  FUSED_NEGATE_PRODUCT,
} from "../layout.generated";
import { add, divide, multiply, multiplyAdd, squareRoot } from "./arithmetic";
import { signMask, useDouble, useSingle } from "./binaryFormat";
import { compare, compareFlags, maximum, minimum } from "./comparison";
import {
  doubleToSingle,
  fromInteger,
  halfToSingle,
  reciprocal,
  reciprocalRoot,
  roundToIntegral,
  singleToDouble,
  singleToHalf,
  toInteger,
} from "./conversions";
import { beginOperation, endOperation, flag, isUsual, makeInexact, PE } from "./mxcsr";
import { computePlain, computePlainLow, inexact, low } from "./plainLanes";

/** Operands and result, while lanes are picked from them. */
const A: usize = memory.data(16, 16);
const B: usize = memory.data(16, 16);
const C: usize = memory.data(16, 16);
const RESULT: usize = memory.data(16, 16);

// @ts-ignore: TypeScript has no decorators of functions
@inline
function lane(vector: usize, log2Bytes: i32, index: i32): u64 {
  if (log2Bytes == 3) return load<u64>(vector + (<usize>index << 3));
  if (log2Bytes == 2) return load<u32>(vector + (<usize>index << 2));
  return load<u16>(vector + (<usize>index << 1));
}

// @ts-ignore: TypeScript has no decorators of functions
@inline
function setLane(log2Bytes: i32, index: i32, value: u64): void {
  if (log2Bytes == 3) store<u64>(RESULT + (<usize>index << 3), value);
  else if (log2Bytes == 2) store<u32>(RESULT + (<usize>index << 2), <u32>value);
  else store<u16>(RESULT + (<usize>index << 1), <u16>value);
}

function sourceLog2(operation: i32, double: bool): i32 {
  if (operation == FLOAT_FROM_HALF) return 1;
  if (operation == FLOAT_FROM_INT64) return 3;
  if (operation == FLOAT_FROM_INT32) return 2;
  return double ? 3 : 2;
}
function resultLog2(operation: i32, double: bool): i32 {
  switch (operation) {
    case FLOAT_PROMOTE:
    case FLOAT_TO_INT64:
      return 3;
    case FLOAT_DEMOTE:
    case FLOAT_TO_INT32:
    case FLOAT_FROM_HALF:
    case FLOAT_COMPARE_FLAGS:
      return 2;
    case FLOAT_TO_HALF:
      return 1;
    default:
      return double ? 3 : 2;
  }
}

function fused(a: u64, b: u64, c: u64, control: u32, index: i32): u64 {
  let negateAddend = (control & FUSED_NEGATE_ADDEND) != 0;
  if ((control & FUSED_FLIP_EVEN_ADDENDS) != 0 && (index & 1) == 0) negateAddend = !negateAddend;
  const negateProduct = (control & FUSED_NEGATE_PRODUCT) != 0;
  return multiplyAdd(a, b, c, negateProduct ? signMask : 0, negateAddend ? signMask : 0);
}

function compute(operation: i32, a: u64, b: u64, control: u32, index: i32): u64 {
  switch (operation) {
    case FLOAT_ADD:
      return add(a, b, 0);
    case FLOAT_SUB:
      return add(a, b, signMask);
    case FLOAT_ADD_SUB:
      return add(a, b, (index & 1) == 0 ? signMask : 0);
    case FLOAT_MUL:
      return multiply(a, b);
    case FLOAT_DIV:
      return divide(a, b);
    case FLOAT_MIN:
      return minimum(a, b);
    case FLOAT_MAX:
      return maximum(a, b);
    case FLOAT_COMPARE:
      return compare(a, b, control);
    case FLOAT_SQRT:
      return squareRoot(a);
    case FLOAT_ROUND:
      return roundToIntegral(a, control);
    case FLOAT_MUL_ADD:
      return fused(a, b, lane(C, signMask >> 63 != 0 ? 3 : 2, index), control, index);
    default:
      return convert(operation, a, b, control);
  }
}

function convert(operation: i32, a: u64, b: u64, control: u32): u64 {
  switch (operation) {
    case FLOAT_PROMOTE:
      return singleToDouble(a);
    case FLOAT_DEMOTE:
      return doubleToSingle(a);
    case FLOAT_FROM_INT32:
      return fromInteger(<i64>(<i32>a));
    case FLOAT_FROM_INT64:
      return fromInteger(<i64>a);
    case FLOAT_TO_INT32:
      return toInteger(a, 32, control != 0);
    case FLOAT_TO_INT64:
      return toInteger(a, 64, control != 0);
    case FLOAT_COMPARE_FLAGS:
      return compareFlags(a, b, control != 0);
    case FLOAT_RECIPROCAL:
      return reciprocal(a);
    case FLOAT_RECIPROCAL_ROOT:
      return reciprocalRoot(a);
    case FLOAT_FROM_HALF:
      return halfToSingle(a);
    case FLOAT_TO_HALF:
      return singleToHalf(a, control);
    default:
      return 0;
  }
}

/** Lanes that take no part come out as zeros where results are narrower than what they were made from. */
export function simdFloat(code: i32, a: v128, b: v128, c: v128): v128 {
  const operation = code & 0xff;
  const double = (code & FLOAT_CODE_DOUBLE) != 0;
  const count = (code >> FLOAT_CODE_COUNT_SHIFT) & 7;
  const isLast = (code & FLOAT_CODE_MORE_FOLLOWS) == 0;
  if (count == 1 && isUsual() && computePlainLow(operation, double, a, b)) {
    if (inexact) makeInexact();
    return low(double);
  }
  v128.store(A, a);
  v128.store(B, b);
  v128.store(C, c);
  v128.store(RESULT, i64x2.splat(0));
  beginOperation();
  if (count > 1 && isUsual() && computePlain(operation, double, count, A, B, RESULT)) {
    if (inexact) flag(PE);
  } else computeLanes(operation, double, count, <u32>code >> FLOAT_CODE_CONTROL_SHIFT);
  if (isLast) endOperation();
  return v128.load(RESULT);
}

function computeLanes(operation: i32, double: bool, count: i32, control: u32): void {
  const from = sourceLog2(operation, double);
  const to = resultLog2(operation, double);
  for (let i = 0; i < count; i++) {
    // Conversions change the format on their way.
    if (double) useDouble();
    else useSingle();
    setLane(to, i, compute(operation, lane(A, from, i), lane(B, from, i), control, i));
  }
}
