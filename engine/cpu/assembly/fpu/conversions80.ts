// The 80-bit format to and from single, double and integers, and rounding to integral values. Source: Intel SDM vol. 1, 4.2, 4.8 and 8.3.
import {
  BIAS,
  DE,
  EXP_MAX,
  IE,
  INTEGER_BIT,
  OE,
  PE,
  QUIET_BIT,
  UE,
  flag,
  isNan,
  isSignaling,
  isUnsupported,
  noteRoundedUp,
  roundingControl,
  setZ,
  settleOperand,
  unmasked,
} from "./format80";
import {
  carried,
  keepBits,
  kept,
  mustIncrement,
  nExp,
  nSig,
  normalize,
  roundsToPowerOfTwo,
  shiftRightSticky,
  wideHigh,
  wideLow,
} from "./rounding80";

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
  const tiny = e < 0 || (e == 0 && !roundsToPowerOfTwo(sign, high, 0, bits));
  if (e <= 0) {
    shiftRightSticky(high, 0, 1 - e);
    high = wideHigh;
    sticky = wideLow;
    e = 0;
  }
  const inexact = keepBits(sign, high, sticky, bits);
  if (tiny && (inexact || unmasked(UE))) flag(UE);
  high = kept;
  e += carried;
  if (e == 0 && high >> 63 != 0) e = 1;
  if (e >= expMax) {
    flag(OE | PE);
    const mode = roundingControl();
    const toInfinity = mode == 0 || (mode == 1 && sign != 0) || (mode == 2 && sign == 0);
    if (toInfinity) noteRoundedUp();
    return toInfinity ? infinity : infinity - 1;
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
    if (up) noteRoundedUp();
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
    noteRoundedUp();
  }
  if (magnitude == 0) {
    setZ(sign, 0, 0);
    return;
  }
  const lead = <i32>clz(magnitude);
  setZ(sign, BIAS + 63 - lead, magnitude << lead);
}
