// Arithmetic while everything is as usual but no result has been inexact yet: plain float instructions give the result, error-free
// transformations (Dekker 1971, Knuth TAOCP 4.2.2) tell whether it is exact. Only for numbers far from overflow and underflow, and zeros.
// Programs that only ever compute exactly (integers held as doubles) stay here for ever.
import { FLOAT_ADD, FLOAT_DIV, FLOAT_MUL, FLOAT_SQRT, FLOAT_SUB } from "../layout.generated";

export let inexact: bool = false;
let single: f32 = 0;
let double: f64 = 0;

const SMALLEST_SINGLE: u32 = (127 - 50) << 23;
const LARGEST_SINGLE: u32 = (127 + 50) << 23;
const SMALLEST_DOUBLE: u64 = (1023 - 400) << 52;
const LARGEST_DOUBLE: u64 = (1023 + 400) << 52;

// @ts-ignore: TypeScript has no decorators of functions
@inline
function isModestSingle(a: f32): bool {
  const size = reinterpret<u32>(a) & 0x7fff_ffff;
  return size == 0 || size - SMALLEST_SINGLE < LARGEST_SINGLE - SMALLEST_SINGLE;
}
// @ts-ignore: TypeScript has no decorators of functions
@inline
function isModestDouble(a: f64): bool {
  const size = reinterpret<u64>(a) & 0x7fff_ffff_ffff_ffff;
  return size == 0 || size - SMALLEST_DOUBLE < LARGEST_DOUBLE - SMALLEST_DOUBLE;
}

// @ts-ignore: TypeScript has no decorators of functions
@inline
function note(isInexact: bool): void {
  if (isInexact) inexact = true;
}

/** What a rounded sum lacks. */
// @ts-ignore: TypeScript has no decorators of functions
@inline
function sumError<T>(a: T, b: T, sum: T): T {
  const part = sum - a;
  return a - (sum - part) + (b - part);
}

/** What a rounded product lacks. */
function productError(a: f64, b: f64, product: f64): f64 {
  const aScaled = a * 134217729.0;
  const aHigh = aScaled - (aScaled - a);
  const aLow = a - aHigh;
  const bScaled = b * 134217729.0;
  const bHigh = bScaled - (bScaled - b);
  const bLow = b - bHigh;
  return aHigh * bHigh - product + aHigh * bLow + aLow * bHigh + aLow * bLow;
}

/** False: not a case for here. */
function computeSingle(operation: i32, a: f32, b: f32): bool {
  switch (operation) {
    case FLOAT_ADD:
      single = a + b;
      note(sumError<f32>(a, b, single) != 0);
      return true;
    case FLOAT_SUB:
      single = a - b;
      note(sumError<f32>(a, -b, single) != 0);
      return true;
    case FLOAT_MUL:
      single = a * b;
      note(<f64>single != <f64>a * <f64>b);
      return true;
    case FLOAT_DIV:
      if (b == 0) return false;
      single = a / b;
      note(<f64>single * <f64>b != <f64>a);
      return true;
    default:
      if (a < 0) return false;
      single = sqrt<f32>(a);
      note(<f64>single * <f64>single != <f64>a);
      return true;
  }
}

function computeDouble(operation: i32, a: f64, b: f64): bool {
  switch (operation) {
    case FLOAT_ADD:
      double = a + b;
      note(sumError<f64>(a, b, double) != 0);
      return true;
    case FLOAT_SUB:
      double = a - b;
      note(sumError<f64>(a, -b, double) != 0);
      return true;
    case FLOAT_MUL:
      double = a * b;
      note(productError(a, b, double) != 0);
      return true;
    case FLOAT_DIV:
      if (b == 0) return false;
      double = a / b;
      note(double * b != a || productError(double, b, a) != 0);
      return true;
    default:
      if (a < 0) return false;
      double = sqrt<f64>(a);
      note(double * double != a || productError(double, double, a) != 0);
      return true;
  }
}

// @ts-ignore: TypeScript has no decorators of functions
@inline
function isPlain(operation: i32): bool {
  return operation <= FLOAT_SUB || operation == FLOAT_MUL || operation == FLOAT_DIV || operation == FLOAT_SQRT;
}

/** The low lane; its result is `low`. False: not a case for here. */
export function computePlainLow(operation: i32, isDouble: bool, a: v128, b: v128): bool {
  if (!isPlain(operation)) return false;
  inexact = false;
  if (isDouble) {
    const x = f64x2.extract_lane(a, 0);
    const y = f64x2.extract_lane(b, 0);
    return isModestDouble(x) && isModestDouble(y) && computeDouble(operation, x, y);
  }
  const x = f32x4.extract_lane(a, 0);
  const y = f32x4.extract_lane(b, 0);
  return isModestSingle(x) && isModestSingle(y) && computeSingle(operation, x, y);
}

export function low(isDouble: bool): v128 {
  return isDouble ? f64x2.splat(double) : f32x4.splat(single);
}

/** All lanes of operands at `a` and `b`, results to `result`; sets `inexact`. False, and nothing of worth stored: not a case for here. */
export function computePlain(operation: i32, isDouble: bool, count: i32, a: usize, b: usize, result: usize): bool {
  if (!isPlain(operation)) return false;
  inexact = false;
  for (let i = 0; i < count; i++) {
    if (isDouble) {
      const x = load<f64>(a + (<usize>i << 3));
      const y = load<f64>(b + (<usize>i << 3));
      if (!isModestDouble(x) || !isModestDouble(y) || !computeDouble(operation, x, y)) return false;
      store<f64>(result + (<usize>i << 3), double);
    } else {
      const x = load<f32>(a + (<usize>i << 2));
      const y = load<f32>(b + (<usize>i << 2));
      if (!isModestSingle(x) || !isModestSingle(y) || !computeSingle(operation, x, y)) return false;
      store<f32>(result + (<usize>i << 2), single);
    }
  }
  return true;
}
