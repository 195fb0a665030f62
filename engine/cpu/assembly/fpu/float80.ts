// The 80-bit extended format in integer arithmetic: unpacking, rounding, add, subtract, multiply, divide, square root, remainder
// and conversions, with the exception flags of the x87. Source: Intel SDM vol. 1, sections 4.2.2, 4.8, 8.3 to 8.5.
//
// A number travels as three values: sign (0 or 1), biased exponent (0..0x7FFF) and significand with its explicit integer
// bit. Functions leave their result in `zSign`, `zExp`, `zSig` because AssemblyScript returns one value.
import { FPU_CONTROL } from "../layout.generated";

/** Status-word exception bits, also the mask bits of the control word. */
export const IE: u32 = 1;
export const DE: u32 = 2;
export const ZE: u32 = 4;
export const OE: u32 = 8;
export const UE: u32 = 16;
export const PE: u32 = 32;

export const EXP_MAX: i32 = 0x7fff;
export const BIAS: i32 = 16383;
export const INTEGER_BIT: u64 = 0x8000_0000_0000_0000;
export const QUIET_BIT: u64 = 0x4000_0000_0000_0000;
/** What an unmasked overflow or underflow adds to or takes from the exponent (SDM vol. 1, 4.9.1.4). */
const WRAP_EXP: i32 = 24576;

export let zSign: u32 = 0;
export let zExp: i32 = 0;
export let zSig: u64 = 0;

/** Exceptions of the operation at hand. */
export let raised: u32 = 0;
/** C1 of an inexact result: it was rounded away from zero. */
export let roundedUp: bool = false;

export function beginOperation(): void {
  raised = 0;
  roundedUp = false;
}

export function dropDenormal(): void {
  raised &= ~DE;
}

/** What was found before anything was computed. */
export function keepOnlyDenormal(): void {
  raised &= DE;
  roundedUp = false;
}

/** Takes back that a result was inexact. */
export function dropInexact(): void {
  raised &= ~PE;
  roundedUp = false;
}

export function flag(bits: u32): void {
  raised |= bits;
}

// @ts-ignore: decorator
@inline
export function setZ(sign: u32, exp: i32, sig: u64): void {
  zSign = sign;
  zExp = exp;
  zSig = sig;
}

export function setDefaultNan(): void {
  setZ(1, EXP_MAX, INTEGER_BIT | QUIET_BIT);
}

// @ts-ignore: decorator
@inline
export function roundingControl(): u32 {
  return (load<u32>(FPU_CONTROL) >> 10) & 3;
}

// @ts-ignore: decorator
@inline
function unmasked(bits: u32): bool {
  return (bits & ~load<u32>(FPU_CONTROL)) != 0;
}

// --- classification ---

// @ts-ignore: decorator
@inline
export function isNan(exp: i32, sig: u64): bool {
  return exp == EXP_MAX && sig << 1 != 0 && sig >> 63 != 0;
}

// @ts-ignore: decorator
@inline
export function isInfinite(exp: i32, sig: u64): bool {
  return exp == EXP_MAX && sig == INTEGER_BIT;
}

/** Unnormals, pseudo-infinities and pseudo-NaNs: an integer bit of 0 with an exponent that demands 1. */
// @ts-ignore: decorator
@inline
export function isUnsupported(exp: i32, sig: u64): bool {
  return exp != 0 && sig >> 63 == 0;
}

// @ts-ignore: decorator
@inline
export function isSignaling(exp: i32, sig: u64): bool {
  return isNan(exp, sig) && (sig & QUIET_BIT) == 0;
}

// @ts-ignore: decorator
@inline
export function isZero(exp: i32, sig: u64): bool {
  return exp == 0 && sig == 0;
}

// @ts-ignore: decorator
@inline
export function isDenormal(exp: i32, sig: u64): bool {
  return exp == 0 && sig != 0;
}

/**
 * The operand rules that come before any arithmetic on two operands: unsupported formats and NaNs settle the result (true), denormals
 * are flagged. Of two NaNs the one with the larger significand wins (SDM vol. 1, table 4-7).
 */
export function settleOperands(aSign: u32, aExp: i32, aSig: u64, bSign: u32, bExp: i32, bSig: u64): bool {
  if (isUnsupported(aExp, aSig) || isUnsupported(bExp, bSig)) {
    flag(IE);
    setDefaultNan();
    return true;
  }
  const aNan = isNan(aExp, aSig);
  const bNan = isNan(bExp, bSig);
  if (aNan || bNan) {
    if (isSignaling(aExp, aSig) || isSignaling(bExp, bSig)) flag(IE);
    let takeA = aNan;
    if (aNan && bNan) {
      const aQuiet = (aSig & QUIET_BIT) != 0;
      const bQuiet = (bSig & QUIET_BIT) != 0;
      if (aQuiet != bQuiet) takeA = aQuiet;
      else if (aSig != bSig) takeA = aSig > bSig;
      else takeA = aSign < bSign;
    }
    if (takeA) setZ(aSign, EXP_MAX, aSig | QUIET_BIT);
    else setZ(bSign, EXP_MAX, bSig | QUIET_BIT);
    return true;
  }
  if (isDenormal(aExp, aSig) || isDenormal(bExp, bSig)) flag(DE);
  return false;
}

/** The same for one operand. */
export function settleOperand(sign: u32, exp: i32, sig: u64): bool {
  return settleOperands(sign, exp, sig, 0, BIAS, INTEGER_BIT);
}

// --- 128-bit pieces ---

/** High half of a 64 x 64 bit product. */
export function mulHigh(a: u64, b: u64): u64 {
  const aLow = a & 0xffff_ffff;
  const aHigh = a >> 32;
  const bLow = b & 0xffff_ffff;
  const bHigh = b >> 32;
  const middle = aHigh * bLow + ((aLow * bLow) >> 32);
  const carry = aLow * bHigh + (middle & 0xffff_ffff);
  return aHigh * bHigh + (middle >> 32) + (carry >> 32);
}

export let wideHigh: u64 = 0;
export let wideLow: u64 = 0;

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

// @ts-ignore: decorator
@inline
function mustIncrement(sign: u32, lowest: bool, half: bool, rest: bool): bool {
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

/** Rounds high:low (bit 63 of high set unless zero) to the precision that the control word asks for. */
export function roundPack(sign: u32, exp: i32, high: u64, low: u64): void {
  roundPackTo(sign, exp, high, low, precisionBits());
}

export function roundPackTo(sign: u32, exp: i32, high: u64, low: u64, bits: i32): void {
  if ((high | low) == 0) {
    setZ(sign, 0, 0);
    return;
  }
  let tiny = false;
  if (exp <= 0) {
    tiny = true;
    if (unmasked(UE)) {
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
  const drop = 64 - bits;
  let half: bool;
  let rest: bool;
  let unit: u64 = 1;
  if (drop == 0) {
    half = low >> 63 != 0;
    rest = low << 1 != 0;
  } else {
    unit = (<u64>1) << drop;
    const fraction = high & (unit - 1);
    half = (fraction & (unit >> 1)) != 0;
    rest = (fraction & ((unit >> 1) - 1)) != 0 || low != 0;
    high &= ~(unit - 1);
  }
  if (half || rest) {
    flag(PE);
    if (tiny) flag(UE);
    if (mustIncrement(sign, (high & unit) != 0, half, rest)) {
      roundedUp = true;
      high += unit;
      if (high == 0) {
        high = INTEGER_BIT;
        exp++;
      }
    }
  }
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
  roundedUp = toInfinity;
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

// --- arithmetic; operands are settled (no NaN, nothing unsupported) inside ---

export function add(aSign: u32, aExp: i32, aSig: u64, bSign: u32, bExp: i32, bSig: u64): void {
  if (settleOperands(aSign, aExp, aSig, bSign, bExp, bSig)) return;
  if (aExp == EXP_MAX || bExp == EXP_MAX) {
    if (aExp == EXP_MAX && bExp == EXP_MAX && aSign != bSign) {
      flag(IE);
      setDefaultNan();
    } else setZ(aExp == EXP_MAX ? aSign : bSign, EXP_MAX, INTEGER_BIT);
    return;
  }
  if (aSig == 0 && bSig == 0) {
    setZ(aSign == bSign ? aSign : u32(roundingControl() == 1), 0, 0);
    return;
  }
  if (aExp == 0) aExp = 1;
  if (bExp == 0) bExp = 1;
  // The operand with the larger exponent first.
  if (bExp > aExp || (bExp == aExp && bSig > aSig)) {
    const s = aSign, e = aExp, m = aSig;
    aSign = bSign; aExp = bExp; aSig = bSig;
    bSign = s; bExp = e; bSig = m;
  }
  shiftRightSticky(bSig, 0, aExp - bExp);
  const bHigh = wideHigh;
  const bLow = wideLow;
  if (aSign == bSign) {
    const sum = aSig + bHigh;
    if (sum < aSig) {
      shiftRightSticky(sum, bLow, 1);
      roundPack(aSign, aExp + 1, wideHigh | INTEGER_BIT, wideLow);
    } else normalizeRoundPack(aSign, aExp, sum, bLow);
    return;
  }
  const low: u64 = 0 - bLow;
  const high = aSig - bHigh - u64(bLow != 0);
  if ((high | low) == 0) setZ(u32(roundingControl() == 1), 0, 0);
  else normalizeRoundPack(aSign, aExp, high, low);
}

export function mul(aSign: u32, aExp: i32, aSig: u64, bSign: u32, bExp: i32, bSig: u64): void {
  if (settleOperands(aSign, aExp, aSig, bSign, bExp, bSig)) return;
  const sign = aSign ^ bSign;
  if (aExp == EXP_MAX || bExp == EXP_MAX) {
    if (isZero(aExp, aSig) || isZero(bExp, bSig)) {
      flag(IE);
      setDefaultNan();
    } else setZ(sign, EXP_MAX, INTEGER_BIT);
    return;
  }
  if (aSig == 0 || bSig == 0) {
    setZ(sign, 0, 0);
    return;
  }
  normalize(aExp, aSig);
  aExp = nExp;
  aSig = nSig;
  normalize(bExp, bSig);
  normalizeRoundPack(sign, aExp + nExp - BIAS + 1, mulHigh(aSig, nSig), aSig * nSig);
}

/** Quotient bits of (high:0...) / divisor, with the rest sticking in the lowest bit of wideLow. */
function divideWide(dividend: u64, divisor: u64): void {
  let remainder = dividend;
  let high: u64 = 0;
  if (remainder >= divisor) {
    remainder -= divisor;
    high = 1;
  }
  for (let i = 0; i < 63; i++) {
    const carry = remainder >> 63;
    remainder <<= 1;
    high <<= 1;
    if (carry != 0 || remainder >= divisor) {
      remainder -= divisor;
      high |= 1;
    }
  }
  // Two more bits decide the rounding of a quotient below one half; the rest only has to be seen.
  let low: u64 = 0;
  for (let i = 0; i < 2; i++) {
    const carry = remainder >> 63;
    remainder <<= 1;
    low <<= 1;
    if (carry != 0 || remainder >= divisor) {
      remainder -= divisor;
      low |= 1;
    }
  }
  wideHigh = high;
  wideLow = (low << 62) | u64(remainder != 0);
}

export function div(aSign: u32, aExp: i32, aSig: u64, bSign: u32, bExp: i32, bSig: u64): void {
  if (settleOperands(aSign, aExp, aSig, bSign, bExp, bSig)) return;
  const sign = aSign ^ bSign;
  if (aExp == EXP_MAX) {
    if (bExp == EXP_MAX) {
      flag(IE);
      setDefaultNan();
    } else setZ(sign, EXP_MAX, INTEGER_BIT);
    return;
  }
  if (bExp == EXP_MAX) {
    setZ(sign, 0, 0);
    return;
  }
  if (bSig == 0) {
    if (aSig == 0) {
      flag(IE);
      setDefaultNan();
    } else {
      flag(ZE);
      setZ(sign, EXP_MAX, INTEGER_BIT);
    }
    return;
  }
  if (aSig == 0) {
    setZ(sign, 0, 0);
    return;
  }
  normalize(aExp, aSig);
  aExp = nExp;
  aSig = nSig;
  normalize(bExp, bSig);
  divideWide(aSig, nSig);
  normalizeRoundPack(sign, aExp - nExp + BIAS, wideHigh, wideLow);
}

export function sqrt(sign: u32, exp: i32, sig: u64): void {
  if (settleOperand(sign, exp, sig)) return;
  if (sig == 0) {
    setZ(sign, 0, 0);
    return;
  }
  if (sign != 0) {
    flag(IE);
    setDefaultNan();
    return;
  }
  if (exp == EXP_MAX) {
    setZ(0, EXP_MAX, INTEGER_BIT);
    return;
  }
  normalize(exp, sig);
  const unbiased = nExp - BIAS;
  // Radicand in [1, 4) as a 2.126 fixed-point number; one result bit a step, 66 of them, restoring.
  const odd = unbiased & 1;
  let high: u64 = odd ? nSig : nSig >> 1;
  let low: u64 = odd ? 0 : nSig << 63;
  let root: u64 = 0;
  let rest: u64 = 0;
  let restHigh: u64 = 0;
  let extra: u64 = 0;
  for (let i = 0; i < 66; i++) {
    restHigh = (restHigh << 2) | (rest >> 62);
    rest = (rest << 2) | (high >> 62);
    high = (high << 2) | (low >> 62);
    low <<= 2;
    // Trial: 4 * root + 1 against the rest. root has up to 65 bits at the end: `extra` is its top.
    const trialHigh = (extra << 2) | (root >> 62);
    const trialLow = (root << 2) | 1;
    const fits = restHigh > trialHigh || (restHigh == trialHigh && rest >= trialLow);
    extra = (extra << 1) | (root >> 63);
    root <<= 1;
    if (fits) {
      restHigh = restHigh - trialHigh - u64(rest < trialLow);
      rest -= trialLow;
      root |= 1;
    }
  }
  // 66 bits: extra (2) and root (64); the first is the integer bit.
  const resultHigh = (extra << 62) | (root >> 2);
  const resultLow = (root << 62) | u64((restHigh | rest) != 0);
  roundPack(0, (unbiased >> 1) + BIAS, resultHigh, resultLow);
}

/** -1 less, 0 equal, 1 greater, 2 unordered. `quiet`: FUCOM raises only for signaling NaNs. */
export function compare(aSign: u32, aExp: i32, aSig: u64, bSign: u32, bExp: i32, bSig: u64, quiet: bool): i32 {
  if (isUnsupported(aExp, aSig) || isUnsupported(bExp, bSig)) {
    flag(IE);
    return 2;
  }
  if (isNan(aExp, aSig) || isNan(bExp, bSig)) {
    if (!quiet || isSignaling(aExp, aSig) || isSignaling(bExp, bSig)) flag(IE);
    return 2;
  }
  if (isDenormal(aExp, aSig) || isDenormal(bExp, bSig)) flag(DE);
  if (aSig == 0 && bSig == 0) return 0;
  if (aSign != bSign) return aSign != 0 ? -1 : 1;
  normalize(aExp, aSig);
  const e = aSig == 0 ? -100000 : nExp;
  const m = nSig;
  normalize(bExp, bSig);
  const f = bSig == 0 ? -100000 : nExp;
  if (e == f && m == nSig) return 0;
  const smaller = e < f || (e == f && m < nSig);
  return smaller != (aSign != 0) ? -1 : 1;
}

// --- conversions ---

export function fromF32(bits: u32): void {
  const sign = bits >> 31;
  const exp = <i32>((bits >> 23) & 0xff);
  const fraction = <u64>(bits & 0x7f_ffff);
  fromSmaller(sign, exp, fraction, 0xff, 127, 40);
}

export function fromF64(bits: u64): void {
  const sign = <u32>(bits >> 63);
  const exp = <i32>((bits >> 52) & 0x7ff);
  const fraction = bits & 0xf_ffff_ffff_ffff;
  fromSmaller(sign, exp, fraction, 0x7ff, 1023, 11);
}

function fromSmaller(sign: u32, exp: i32, fraction: u64, expMax: i32, bias: i32, shift: i32): void {
  if (exp == expMax) {
    if (fraction != 0 && (fraction << shift & QUIET_BIT) == 0) flag(IE);
    setZ(sign, EXP_MAX, INTEGER_BIT | (fraction << shift) | (fraction != 0 ? QUIET_BIT : 0));
  } else if (exp == 0) {
    if (fraction == 0) setZ(sign, 0, 0);
    else {
      flag(DE);
      const lead = <i32>clz(fraction << shift);
      setZ(sign, BIAS - bias + 1 - lead, (fraction << shift) << lead);
    }
  } else setZ(sign, exp - bias + BIAS, INTEGER_BIT | (fraction << shift));
}

export function fromInt(value: i64): void {
  if (value == 0) {
    setZ(0, 0, 0);
    return;
  }
  const sign = u32(value < 0);
  const magnitude: u64 = sign ? 0 - <u64>value : <u64>value;
  const shift = <i32>clz(magnitude);
  setZ(sign, BIAS + 63 - shift, magnitude << shift);
}

export function toF32(sign: u32, exp: i32, sig: u64): u32 {
  return <u32>toSmaller(sign, exp, sig, 24, 0xff, 127);
}

export function toF64(sign: u32, exp: i32, sig: u64): u64 {
  return toSmaller(sign, exp, sig, 53, 0x7ff, 1023);
}

/** IEEE single or double image with `bits` of significand. */
function toSmaller(sign: u32, exp: i32, sig: u64, bits: i32, expMax: i32, bias: i32): u64 {
  const fractionBits = bits - 1;
  const width = bits == 24 ? 32 : 64;
  const signBit = (<u64>sign) << (width - 1);
  const infinity = signBit | ((<u64>expMax) << fractionBits);
  if (isUnsupported(exp, sig)) {
    flag(IE);
    return ((<u64>1) << (width - 1)) | ((<u64>expMax) << fractionBits) | ((<u64>1) << (fractionBits - 1));
  }
  if (isNan(exp, sig)) {
    if (isSignaling(exp, sig)) flag(IE);
    return infinity | (((sig | QUIET_BIT) << 1) >> (64 - fractionBits));
  }
  if (exp == EXP_MAX) return infinity;
  if (sig == 0) return signBit;
  normalize(exp, sig);
  let e = nExp - BIAS + bias;
  let high = nSig;
  let sticky: u64 = 0;
  let tiny = false;
  if (e <= 0) {
    tiny = true;
    shiftRightSticky(high, 0, 1 - e);
    high = wideHigh;
    sticky = wideLow;
    e = 0;
  }
  const drop = 64 - bits;
  const unit = (<u64>1) << drop;
  const fraction = high & (unit - 1);
  const half = (fraction & (unit >> 1)) != 0;
  const rest = (fraction & ((unit >> 1) - 1)) != 0 || sticky != 0;
  high &= ~(unit - 1);
  if (half || rest) {
    flag(PE);
    if (tiny) flag(UE);
    if (mustIncrement(sign, (high & unit) != 0, half, rest)) {
      roundedUp = true;
      high += unit;
      if (high == 0) {
        high = INTEGER_BIT;
        e++;
      }
    }
  } else if (tiny && unmasked(UE)) flag(UE);
  if (e == 0 && high >> 63 != 0) e = 1;
  if (e >= expMax) {
    flag(OE | PE);
    const mode = roundingControl();
    roundedUp = mode == 0 || (mode == 1 && sign != 0) || (mode == 2 && sign == 0);
    return roundedUp ? infinity : infinity - 1;
  }
  return signBit | ((<u64>e) << fractionBits) | ((high << 1) >> (64 - fractionBits));
}

/** Rounds to an integer of `width` bits; out of range gives the integer indefinite and IE. `truncate` ignores the rounding control. */
export function toInt(sign: u32, exp: i32, sig: u64, width: i32, truncate: bool): i64 {
  const indefinite: i64 = (<i64>-1) << (width - 1);
  if (exp == EXP_MAX || isUnsupported(exp, sig)) {
    flag(IE);
    return indefinite;
  }
  const shift = BIAS + 63 - exp;
  if (shift < 0) {
    flag(IE);
    return indefinite;
  }
  shiftRightSticky(sig, 0, shift > 127 ? 127 : shift);
  let magnitude = wideHigh;
  const half = wideLow >> 63 != 0;
  const rest = wideLow << 1 != 0;
  let up = false;
  if (!truncate && mustIncrement(sign, (magnitude & 1) != 0, half, rest)) {
    up = true;
    magnitude++;
    if (magnitude == 0) {
      flag(IE);
      return indefinite;
    }
  }
  const limit = (<u64>1) << (width - 1);
  if (magnitude > limit || (magnitude == limit && sign == 0)) {
    flag(IE);
    return indefinite;
  }
  if (half || rest) {
    flag(PE);
    roundedUp = up;
  }
  return sign ? <i64>(0 - magnitude) : <i64>magnitude;
}

/** FRNDINT. */
export function roundToInteger(sign: u32, exp: i32, sig: u64): void {
  if (settleOperand(sign, exp, sig)) return;
  const shift = BIAS + 63 - exp;
  if (exp == EXP_MAX || sig == 0 || shift <= 0) {
    setZ(sign, exp, sig);
    return;
  }
  shiftRightSticky(sig, 0, shift > 127 ? 127 : shift);
  let magnitude = wideHigh;
  const half = wideLow >> 63 != 0;
  const rest = wideLow << 1 != 0;
  if (half || rest) flag(PE);
  if (mustIncrement(sign, (magnitude & 1) != 0, half, rest)) {
    magnitude++;
    roundedUp = true;
  }
  if (magnitude == 0) {
    setZ(sign, 0, 0);
    return;
  }
  const lead = <i32>clz(magnitude);
  setZ(sign, BIAS + 63 - lead, magnitude << lead);
}

/**
 * FPREM (truncating) and FPREM1 (nearest): one step reduces the exponent by at most 63. Result in z*; `quotient` holds the low
 * quotient bits, `partial` tells that more steps are needed (C2).
 */
export let quotient: u64 = 0;
export let partial: bool = false;
export function remainder(aSign: u32, aExp: i32, aSig: u64, bSign: u32, bExp: i32, bSig: u64, nearest: bool): void {
  quotient = 0;
  partial = false;
  if (settleOperands(aSign, aExp, aSig, bSign, bExp, bSig)) return;
  if (aExp == EXP_MAX || isZero(bExp, bSig)) {
    flag(IE);
    setDefaultNan();
    return;
  }
  if (bExp == EXP_MAX || aSig == 0) {
    setZ(aSign, aExp, aSig);
    return;
  }
  normalize(bExp, bSig);
  const be = nExp;
  const bm = nSig;
  normalize(aExp, aSig);
  let e = nExp;
  let m = nSig;
  const distance = e - be;
  if (distance < -1 || (distance < 0 && !nearest)) {
    setZ(aSign, aExp, aSig);
    return;
  }
  if (distance > 63) {
    partial = true;
    // Reduce by a multiple of 32 bits so that the next steps end exactly at the divisor's exponent.
    const steps = 32 + (distance & 31);
    reduce(m, bm, steps);
    finishRemainder(aSign, e - steps, zSig);
    quotient = 0;
    return;
  }
  let q: u64 = 0;
  if (distance >= 0) {
    reduce(m, bm, distance);
    m = zSig;
    q = quotient;
    e = be;
  }
  if (nearest && m != 0) roundRemainder(aSign, e, m, be, bm, q);
  else {
    quotient = q;
    finishRemainder(aSign, e, m);
  }
}

/** Restoring division of m * 2^steps by b: rest in zSig, quotient bits in `quotient`. */
function reduce(m: u64, b: u64, steps: i32): void {
  let q: u64 = 0;
  if (m >= b) {
    m -= b;
    q = 1;
  }
  for (let i = 0; i < steps; i++) {
    const carry = m >> 63;
    m <<= 1;
    q <<= 1;
    if (carry != 0 || m >= b) {
      m -= b;
      q |= 1;
    }
  }
  zSig = m;
  quotient = q;
}

function roundRemainder(sign: u32, e: i32, m: u64, be: i32, bm: u64, q: u64): void {
  // Compare 2 * rest with the divisor; e is be, or be - 1 when no step was made.
  let up: bool;
  if (e < be) up = m > bm;
  else {
    const doubled = m << 1;
    up = m >> 63 != 0 || doubled > bm || (doubled == bm && (q & 1) != 0);
  }
  if (!up) {
    quotient = q;
    finishRemainder(sign, e, m);
    return;
  }
  quotient = q + 1;
  if (e < be) {
    // divisor - rest with the rest one binary place lower
    const low: u64 = m << 63;
    const high = bm - (m >> 1) - u64(low != 0);
    finishRemainderWide(sign ^ 1, be, high, 0 - low);
  } else finishRemainder(sign ^ 1, be, bm - m);
}

function finishRemainderWide(sign: u32, exp: i32, high: u64, low: u64): void {
  const shift = <i32>clz(high);
  if (shift != 0) {
    high = (high << shift) | (low >> (64 - shift));
    exp -= shift;
  }
  finishRemainder(sign, exp, high);
}

/** The remainder is exact: pack it without rounding. */
function finishRemainder(sign: u32, exp: i32, sig: u64): void {
  if (sig == 0) {
    setZ(sign, 0, 0);
    return;
  }
  const shift = <i32>clz(sig);
  sig <<= shift;
  exp -= shift;
  if (exp <= 0) {
    setZ(sign, 0, sig >> (1 - exp));
    if (unmasked(UE)) flag(UE);
  } else setZ(sign, exp, sig);
}

/** Multiplies by 2^n, n already clamped to a sane range. */
export function scale(sign: u32, exp: i32, sig: u64, n: i32): void {
  if (sig == 0 || exp == EXP_MAX) {
    setZ(sign, exp, sig);
    return;
  }
  normalize(exp, sig);
  const scaled = nExp + n;
  // Where not even the wrapped exponent of an unmasked exception would fit, the answer is as if all was masked.
  if (scaled - WRAP_EXP >= EXP_MAX && unmasked(OE)) {
    flag(OE | PE);
    roundedUp = true;
    return setZ(sign, EXP_MAX, INTEGER_BIT);
  }
  if (scaled + WRAP_EXP <= 0 && unmasked(UE)) {
    flag(UE | PE);
    return setZ(sign, 0, 0);
  }
  roundPackTo(sign, scaled, nSig, 0, 64);
}
