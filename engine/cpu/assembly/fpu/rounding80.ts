// Rounding to the x87's precisions, with 128-bit significands on the way, and the flags that rounding raises. Source: Intel SDM vol. 1, 4.8.4,
// 4.9.1 and 8.5.
import { FPU_CONTROL } from "../layout.generated";
import {
  EXP_MAX,
  INTEGER_BIT,
  OE,
  PE,
  UE,
  WRAP_EXP,
  flag,
  noteRoundedUp,
  roundingControl,
  setZ,
  unmasked,
} from "./format80";

// --- 128-bit pieces ---

export let wideHigh: u64 = 0;
export let wideLow: u64 = 0;

export function setWide(high: u64, low: u64): void {
  wideHigh = high;
  wideLow = low;
}

/** Shifts high:low right; what falls out sticks in the lowest bit. */
export function shiftRightSticky(high: u64, low: u64, count: i32): void {
  if (count == 0) {
    wideHigh = high;
    wideLow = low;
  } else if (count < 64) {
    const lost = low << (64 - count);
    wideHigh = high >> count;
    wideLow = (high << (64 - count)) | (low >> count) | u64(lost != 0);
  } else if (count < 128) {
    const shift = count - 64;
    const lost = shift == 0 ? low : (high << (64 - shift)) | low;
    wideHigh = 0;
    wideLow = (high >> shift) | u64(lost != 0);
  } else {
    wideHigh = 0;
    wideLow = u64((high | low) != 0);
  }
}

// --- rounding ---

// @ts-ignore: TypeScript has no decorators of functions
@inline
export function mustIncrement(sign: u32, lowest: bool, half: bool, rest: bool): bool {
  switch (roundingControl()) {
    case 0:
      return half && (rest || lowest);
    case 1:
      return sign != 0 && (half || rest);
    case 2:
      return sign == 0 && (half || rest);
    default:
      return false;
  }
}

/** Significand bits that the precision control keeps. */
function precisionBits(): i32 {
  const control = (load<u32>(FPU_CONTROL) >> 8) & 3;
  return control == 0 ? 24 : control == 2 ? 53 : 64;
}

/** What is left of high:low after rounding to its first `bits` bits; where that carries out at the top, the exponent is one higher. */
export let kept: u64 = 0;
export let carried: i32 = 0;

/** Answers whether it lost anything. */
export function keepBits(sign: u32, high: u64, low: u64, bits: i32): bool {
  const drop = 64 - bits;
  let half = low >> 63 != 0;
  let rest = low << 1 != 0;
  let unit: u64 = 1;
  if (drop > 0) {
    unit = (<u64>1) << drop;
    const fraction = high & (unit - 1);
    half = (fraction & (unit >> 1)) != 0;
    rest = (fraction & ((unit >> 1) - 1)) != 0 || low != 0;
  }
  kept = high & ~(unit - 1);
  carried = 0;
  if (!half && !rest) return false;
  flag(PE);
  if (!mustIncrement(sign, (kept & unit) != 0, half, rest)) return true;
  noteRoundedUp();
  kept += unit;
  if (kept != 0) return true;
  kept = INTEGER_BIT;
  carried = 1;
  return true;
}

/**
 * Whether high:low (bit 63 of high set), rounded to its first `bits` bits, is the power of two above it. With the exponent just below the smallest
 * it is not tiny then: tininess is what the result has after rounding, had the exponent no limit (SDM vol. 1, 4.9.1.5).
 */
export function roundsToPowerOfTwo(sign: u32, high: u64, low: u64, bits: i32): bool {
  const drop = 64 - bits;
  const unit = (<u64>1) << drop;
  if ((high | (unit - 1)) != u64.MAX_VALUE) return false;
  const half = drop > 0 ? (high & (unit >> 1)) != 0 : low >> 63 != 0;
  const rest = drop > 0 ? (high & ((unit >> 1) - 1)) != 0 || low != 0 : low << 1 != 0;
  return mustIncrement(sign, true, half, rest);
}

/** Rounds high:low (bit 63 of high set unless zero) to the precision that the control word asks for. */
export function roundPack(sign: u32, exp: i32, high: u64, low: u64): void {
  roundPackTo(sign, exp, high, low, precisionBits());
}

export function roundPackTo(sign: u32, exp: i32, high: u64, low: u64, bits: i32): void {
  if ((high | low) == 0) {
    setZ(sign, 0, 0);
    return;
  }
  let tiny = exp < 0 || (exp == 0 && !roundsToPowerOfTwo(sign, high, low, bits));
  if (exp <= 0) {
    if (tiny && unmasked(UE)) {
      flag(UE);
      exp += WRAP_EXP;
      tiny = false;
    } else {
      shiftRightSticky(high, low, 1 - exp);
      high = wideHigh;
      low = wideLow;
      exp = 0;
    }
  }
  if (keepBits(sign, high, low, bits) && tiny) flag(UE);
  high = kept;
  exp += carried;
  if (exp == 0 && high >> 63 != 0) exp = 1;
  if (high == 0) exp = 0;
  if (exp >= EXP_MAX) overflow(sign, exp, high, bits);
  else setZ(sign, exp, high);
}

function overflow(sign: u32, exp: i32, sig: u64, bits: i32): void {
  flag(OE);
  if (unmasked(OE)) {
    setZ(sign, exp - WRAP_EXP, sig);
    return;
  }
  flag(PE);
  const mode = roundingControl();
  const toInfinity = mode == 0 || (mode == 1 && sign != 0) || (mode == 2 && sign == 0);
  if (toInfinity) noteRoundedUp();
  if (toInfinity) setZ(sign, EXP_MAX, INTEGER_BIT);
  else setZ(sign, EXP_MAX - 1, <u64>-1 << (64 - bits));
}

/** Normalizes high:low, then rounds. `exp` is the exponent that bit 63 of high stands for. */
export function normalizeRoundPack(sign: u32, exp: i32, high: u64, low: u64): void {
  if (high == 0) {
    if (low == 0) {
      setZ(sign, 0, 0);
      return;
    }
    high = low;
    low = 0;
    exp -= 64;
  }
  const shift = <i32>clz(high);
  if (shift != 0) {
    high = (high << shift) | (low >> (64 - shift));
    low <<= shift;
    exp -= shift;
  }
  roundPack(sign, exp, high, low);
}

/** Normal form of a denormal: leaves exponent (may be below 1) and significand in `nExp`, `nSig`. */
export let nExp: i32 = 0;
export let nSig: u64 = 0;
export function normalize(exp: i32, sig: u64): void {
  if (exp == 0) exp = 1;
  const shift = sig == 0 ? 0 : <i32>clz(sig);
  nExp = exp - shift;
  nSig = sig << shift;
}
