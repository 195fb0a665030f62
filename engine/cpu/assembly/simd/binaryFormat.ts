// The formats of SSE (single, double, and half for conversions) in integer arithmetic: classification, NaN selection and
// rounding. Source: Intel SDM vol. 1, 4.2.2, 4.8.3.5, 4.9 and table 4-7. The format in use is a set of globals, because AssemblyScript has
// no cheap structures; images are the low bits of a u64. A finite number that is not zero is unpacked to sign, biased
// exponent (below 1 for denormals) and a significand with bit 63 set.
import {
  DE,
  DOWN,
  denormalsAreZero,
  flag,
  flushToZero,
  IE,
  NEAREST,
  OE,
  PE,
  rounding,
  UE,
  UP,
  unmasked,
} from "./mxcsr";

export let fractionBits: i32 = 52;
export let exponentMax: i32 = 0x7ff;
export let bias: i32 = 1023;
export let signMask: u64 = 1 << 63;
/** Image of positive infinity. */
export let infinity: u64 = 0x7ff << 52;
let quietBit: u64 = 1 << 51;

export const TOP_BIT: u64 = 1 << 63;

export function useFormat(fraction: i32, exponentBits: i32): void {
  fractionBits = fraction;
  exponentMax = (1 << exponentBits) - 1;
  bias = exponentMax >> 1;
  signMask = (<u64>1) << (fraction + exponentBits);
  infinity = (<u64>exponentMax) << fraction;
  quietBit = (<u64>1) << (fraction - 1);
}
export function useSingle(): void {
  useFormat(23, 8);
}
export function useDouble(): void {
  useFormat(52, 11);
}
export function useHalf(): void {
  useFormat(10, 5);
}

// @ts-ignore: TypeScript has no decorators of functions
@inline
export function magnitude(image: u64): u64 {
  return image & (signMask - 1);
}
// @ts-ignore: TypeScript has no decorators of functions
@inline
export function signOf(image: u64): u64 {
  return image & signMask;
}
// @ts-ignore: TypeScript has no decorators of functions
@inline
export function isNan(image: u64): bool {
  return magnitude(image) > infinity;
}
// @ts-ignore: TypeScript has no decorators of functions
@inline
export function isInfinite(image: u64): bool {
  return magnitude(image) == infinity;
}
// @ts-ignore: TypeScript has no decorators of functions
@inline
export function isSignaling(image: u64): bool {
  return isNan(image) && (image & quietBit) == 0;
}
// @ts-ignore: TypeScript has no decorators of functions
@inline
export function isZero(image: u64): bool {
  return magnitude(image) == 0;
}
// @ts-ignore: TypeScript has no decorators of functions
@inline
export function isDenormal(image: u64): bool {
  return magnitude(image) - 1 < ((<u64>1) << fractionBits) - 1;
}

export function defaultNan(): u64 {
  return signMask | infinity | quietBit;
}
export function invalid(): u64 {
  flag(IE);
  return defaultNan();
}
export function quieted(image: u64): u64 {
  if (isSignaling(image)) flag(IE);
  return image | quietBit;
}
/** The first operand that is a NaN; either one being signaling counts. */
export function chooseNan(a: u64, b: u64): u64 {
  if (isSignaling(b)) flag(IE);
  return isNan(a) ? quieted(a) : b | quietBit;
}

/** An operand as DAZ leaves it. */
// @ts-ignore: TypeScript has no decorators of functions
@inline
export function flattened(image: u64): u64 {
  return denormalsAreZero && isDenormal(image) ? signOf(image) : image;
}
// @ts-ignore: TypeScript has no decorators of functions
@inline
export function noteDenormal(image: u64): void {
  if (isDenormal(image)) flag(DE);
}

// --- unpacked numbers ---
export let exponent: i32 = 0;
export let significand: u64 = 0;

/** Unpacks a finite number that is not zero. */
export function unpack(image: u64): void {
  const fraction = image & (((<u64>1) << fractionBits) - 1);
  const biased = <i32>(magnitude(image) >> fractionBits);
  if (biased == 0) {
    const shift = <i32>clz(fraction);
    exponent = 64 - fractionBits - shift;
    significand = fraction << shift;
  } else {
    exponent = biased;
    significand = TOP_BIT | (fraction << (63 - fractionBits));
  }
}

/** Shifts right; what falls out sticks in the lowest bit. */
// @ts-ignore: TypeScript has no decorators of functions
@inline
export function shiftRightJamming(value: u64, count: i32): u64 {
  if (count == 0) return value;
  if (count > 63) return u64(value != 0);
  return (value >> count) | u64(value << (64 - count) != 0);
}

/** `value` without the low `drop` bits, plus one unit when it is to be rounded up. Zero means that it overflowed the word. */
export function roundAway(sign: u64, value: u64, drop: i32): u64 {
  const unit = (<u64>1) << drop;
  const rest = value & (unit - 1);
  const kept = value - rest;
  if (rest == 0) return kept;
  const half = unit >> 1;
  let up: bool;
  if (rounding == NEAREST) up = rest > half || (rest == half && (kept & unit) != 0);
  else if (rounding == DOWN) up = sign != 0;
  else up = rounding == UP && sign == 0;
  return up ? kept + unit : kept;
}

/**
 * Rounds an unpacked number, whose lowest bit is sticky, to the format. Tininess is detected after rounding: a number that rounds to the
 * smallest normal one in unbounded range is not tiny.
 */
export function roundPack(sign: u64, exp: i32, sig: u64): u64 {
  const drop = 63 - fractionBits;
  const inexact = (sig & (((<u64>1) << drop) - 1)) != 0;
  let kept = roundAway(sign, sig, drop);
  let rounded = exp;
  if (kept == 0) {
    kept = TOP_BIT;
    rounded++;
  }
  if (rounded <= 0) return packTiny(sign, exp, sig, inexact);
  if (inexact) flag(PE);
  if (rounded >= exponentMax) return overflow(sign);
  return sign | ((<u64>rounded) << fractionBits) | ((kept << 1) >> (64 - fractionBits));
}

function overflow(sign: u64): u64 {
  flag(OE);
  if ((unmasked & OE) == 0) flag(PE);
  const away = rounding == NEAREST || (rounding == DOWN && sign != 0) || (rounding == UP && sign == 0);
  return sign | (away ? infinity : infinity - 1);
}

function packTiny(sign: u64, exp: i32, sig: u64, inexactNormal: bool): u64 {
  if ((unmasked & UE) != 0) {
    flag(inexactNormal ? UE | PE : UE);
    return sign;
  }
  if (flushToZero) {
    flag(UE | PE);
    return sign;
  }
  const drop = 63 - fractionBits;
  const shifted = shiftRightJamming(sig, 1 - exp);
  if ((shifted & (((<u64>1) << drop) - 1)) != 0) flag(UE | PE);
  // A carry into bit 63 makes it the smallest normal number: the exponent field follows by itself.
  return sign | (roundAway(sign, shifted, drop) >> drop);
}

/** Rounds high:low, not zero, whose top bit may be anywhere. `exp` belongs to bit 63 of high. */
export function normalizeRoundPack(sign: u64, exp: i32, high: u64, low: u64): u64 {
  if (high == 0) {
    high = low;
    low = 0;
    exp -= 64;
  }
  const shift = <i32>clz(high);
  if (shift != 0) {
    high = (high << shift) | (low >> (64 - shift));
    low <<= shift;
  }
  return roundPack(sign, exp - shift, high | u64(low != 0));
}
