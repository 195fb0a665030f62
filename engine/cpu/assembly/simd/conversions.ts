// One lane of conversions between formats and to and from integers, rounding to integral values, and the reciprocal approximations.
// Source: Intel SDM vol. 2 (CVT*, ROUND*, VCVTPH2PS, VCVTPS2PH, RCPPS, RSQRTPS) and vol. 1, table 11-1 for the indefinite integer. The
// approximations are correctly rounded instead of twelve bits good; processors differ there as well.
import {
  bias,
  defaultNan,
  exponent,
  flattened,
  fractionBits,
  infinity,
      isDenormal,
  isInfinite,
  isNan,
  isSignaling,
  isZero,
  magnitude,
  noteDenormal,
  quieted,
  roundAway,
  roundPack,
    signMask,
  signOf,
  significand,
    unpack,
  useDouble,
  useHalf,
  useSingle,
} from "./binaryFormat";
import { DE, flag, IE, keepDenormals, keepTinyResults, PE, setRounding } from "./mxcsr";

export function singleToDouble(image: u64): u64 {
  useSingle();
  if (isNan(image)) {
    if (isSignaling(image)) flag(IE);
    return (signOf(image) << 32) | 0x7ff8_0000_0000_0000 | ((image & 0x7f_ffff) << 29);
  }
  image = flattened(image);
  noteDenormal(image);
  return reinterpret<u64>(<f64>reinterpret<f32>(<u32>image));
}

export function doubleToSingle(image: u64): u64 {
  useDouble();
  const sign = signOf(image) >> 32;
  if (isNan(image)) {
    if (isSignaling(image)) flag(IE);
    return sign | 0x7fc0_0000 | ((image & 0xf_ffff_ffff_ffff) >> 29);
  }
  image = flattened(image);
  if (isInfinite(image)) return sign | 0x7f80_0000;
  if (isZero(image)) return sign;
  noteDenormal(image);
  unpack(image);
  const exp = exponent - 1023 + 127;
  useSingle();
  return roundPack(sign, exp, significand);
}

/** Denormal halves are always numbers and raise nothing. */
export function halfToSingle(image: u64): u64 {
  keepDenormals();
  useHalf();
  const sign = signOf(image) << 16;
  if (isNan(image)) {
    if (isSignaling(image)) flag(IE);
    return sign | 0x7fc0_0000 | ((image & 0x3ff) << 13);
  }
  if (isInfinite(image)) return sign | 0x7f80_0000;
  if (isZero(image)) return sign;
  unpack(image);
  return sign | (<u64>(exponent - 15 + 127) << 23) | ((significand << 1) >> 41);
}

/** `control` is the instruction's immediate: a rounding mode, or bit 2 for that of MXCSR. */
export function singleToHalf(image: u64, control: u32): u64 {
  if ((control & 4) == 0) setRounding(control & 3);
  keepTinyResults();
  useSingle();
  const sign = signOf(image) >> 16;
  if (isNan(image)) {
    if (isSignaling(image)) flag(IE);
    return sign | 0x7e00 | ((image & 0x7f_ffff) >> 13);
  }
  image = flattened(image);
  if (isInfinite(image)) return sign | 0x7c00;
  if (isZero(image)) return sign;
  // A denormal single is inexact even where unmasked underflow would let its few bits fit.
  if (isDenormal(image)) flag(DE | PE);
  unpack(image);
  const exp = exponent - 127 + 15;
  useHalf();
  return roundPack(sign, exp, significand);
}

/** A signed integer to the format in use. */
export function fromInteger(value: i64): u64 {
  if (value == 0) return 0;
  const sign = value < 0 ? signMask : 0;
  const size: u64 = value < 0 ? 0 - <u64>value : <u64>value;
  const shift = <i32>clz(size);
  return roundPack(sign, bias + 63 - shift, size << shift);
}

let wasInexact: bool = false;

/** To a signed integer of `width` bits; what does not fit is invalid and gives the indefinite integer. */
export function toInteger(image: u64, width: i32, truncate: bool): i64 {
  const indefinite: i64 = (<i64>-1) << (width - 1);
  image = flattened(image);
  if (isZero(image)) return 0;
  const exp = <i32>(magnitude(image) >> fractionBits) - bias;
  if (exp >= width) {
    flag(IE);
    return indefinite;
  }
  const rounded = roundedMagnitude(image, truncate);
  const negative = signOf(image) != 0;
  const limit = (<u64>1) << (width - 1);
  if (rounded > limit || (rounded == limit && !negative)) {
    flag(IE);
    return indefinite;
  }
  if (wasInexact) flag(PE);
  return negative ? <i64>(0 - rounded) : <i64>rounded;
}

/** A finite number below 2^64 without its sign, rounded to an integer. */
function roundedMagnitude(image: u64, truncate: bool): u64 {
  unpack(image);
  const fractionPlaces = bias + 63 - exponent;
  wasInexact = false;
  if (fractionPlaces <= 0) return significand;
  const kept = fractionPlaces > 63 ? 0 : significand >> fractionPlaces;
  // The fraction left-justified, sticky.
  const fraction =
    fractionPlaces > 64 ? 1 : fractionPlaces == 64 ? significand : significand << (64 - fractionPlaces);
  if (fraction == 0) return kept;
  wasInexact = true;
  if (truncate) return kept;
  const scaled = ((kept & 1) << 2) | ((fraction >> 63) << 1) | u64(fraction << 1 != 0);
  return kept + (roundAway(signOf(image), scaled, 2) >> 2) - (kept & 1);
}

/** ROUNDPS: `control` bits 0..1 a mode, bit 2 that of MXCSR instead, bit 3 no precision exception. */
export function roundToIntegral(image: u64, control: u32): u64 {
  if (isNan(image)) return quieted(image);
  image = flattened(image);
  if ((control & 4) == 0) setRounding(control & 3);
  const exp = <i32>(magnitude(image) >> fractionBits) - bias;
  if (isZero(image) || exp >= fractionBits) return image;
  const rounded = roundedMagnitude(image, false);
  if (wasInexact && (control & 8) == 0) flag(PE);
  if (rounded == 0) return signOf(image);
  const shift = <i32>clz(rounded);
  return signOf(image) | (<u64>(bias + 63 - shift) << fractionBits) | ((rounded << shift << 1) >> (64 - fractionBits));
}

const SMALLEST_NORMAL: u64 = 0x80_0000;

/** Denormals count as zeros and tiny results become zeros whatever MXCSR says; nothing is raised. */
export function reciprocal(image: u64): u64 {
  if (isNan(image)) return image | 0x40_0000;
  if (magnitude(image) < SMALLEST_NORMAL) return signOf(image) | infinity;
  const result = <u64>reinterpret<u32>(<f32>1 / reinterpret<f32>(<u32>image));
  return magnitude(result) < SMALLEST_NORMAL ? signOf(image) : result;
}

export function reciprocalRoot(image: u64): u64 {
  if (isNan(image)) return image | 0x40_0000;
  if (magnitude(image) < SMALLEST_NORMAL) return signOf(image) | infinity;
  if (signOf(image) != 0) return defaultNan();
  return reinterpret<u32>(<f32>(1 / sqrt<f64>(reinterpret<f32>(<u32>image))));
}
