// One lane of the arithmetic of SSE and FMA: add, subtract, multiply, divide, square root, fused multiply-add. Images in, image out;
// exceptions go to `mxcsr.ts`. Source: Intel SDM vol. 1, 4.8 and 4.9; vol. 2 for the operand order of NaNs.
import {
  bias,
  chooseNan,
  exponent,
  flattened,
  infinity,
  invalid,
  isDenormal,
  isInfinite,
  isNan,
  isSignaling,
  isZero,
  normalizeRoundPack,
  noteDenormal,
  quieted,
  roundPack,
  shiftRightJamming,
  signMask,
  signOf,
  significand,
  TOP_BIT,
  unpack,
} from "./binaryFormat";
import { mulHigh } from "../wideProduct";
import { DE, DOWN, flag, IE, rounding, ZE } from "./mxcsr";

/** The sign of a sum that is exactly zero although its terms are not. */
function signOfCancellation(): u64 {
  return rounding == DOWN ? signMask : 0;
}

/** a + b, or a - b when `flip` is the sign bit. */
export function add(a: u64, b: u64, flip: u64): u64 {
  if (isNan(a) || isNan(b)) return chooseNan(a, b);
  a = flattened(a);
  b = flattened(b) ^ flip;
  if (isDenormal(a) || isDenormal(b)) flag(DE);
  if (isInfinite(a)) return isInfinite(b) && a != b ? invalid() : a;
  if (isInfinite(b)) return b;
  if (isZero(b)) {
    if (isZero(a)) return a == b ? a : signOfCancellation();
    unpack(a);
    return roundPack(signOf(a), exponent, significand);
  }
  unpack(b);
  const bExp = exponent;
  const bSig = significand >> 1;
  if (isZero(a)) return roundPack(signOf(b), bExp, significand);
  unpack(a);
  return addUnpacked(signOf(a), exponent, significand >> 1, signOf(b), bExp, bSig);
}

/** Significands with bit 62 set, for a sum that needs no more than 62 bits and a sticky one. */
function addUnpacked(aSign: u64, aExp: i32, aSig: u64, bSign: u64, bExp: i32, bSig: u64): u64 {
  if (aExp < bExp || (aExp == bExp && aSig < bSig)) return addUnpacked(bSign, bExp, bSig, aSign, aExp, aSig);
  const aligned = shiftRightJamming(bSig, aExp - bExp);
  if (aSign == bSign) return normalizeRoundPack(aSign, aExp + 1, aSig + aligned, 0);
  if (aSig == aligned) return signOfCancellation();
  return normalizeRoundPack(aSign, aExp + 1, aSig - aligned, 0);
}

export let productHigh: u64 = 0;
export let productLow: u64 = 0;

function multiplyWide(a: u64, b: u64): void {
  productHigh = mulHigh(a, b);
  productLow = a * b;
}

export function multiply(a: u64, b: u64): u64 {
  if (isNan(a) || isNan(b)) return chooseNan(a, b);
  a = flattened(a);
  b = flattened(b);
  const sign = signOf(a ^ b);
  if (isInfinite(a) || isInfinite(b)) {
    if (isZero(a) || isZero(b)) return invalid();
    noteDenormal(a);
    noteDenormal(b);
    return sign | infinity;
  }
  noteDenormal(a);
  noteDenormal(b);
  if (isZero(a) || isZero(b)) return sign;
  unpack(a);
  const exp = exponent;
  const sig = significand;
  unpack(b);
  multiplyWide(sig, significand);
  return normalizeRoundPack(sign, exp + exponent - bias + 1, productHigh, productLow);
}

export function divide(a: u64, b: u64): u64 {
  if (isNan(a) || isNan(b)) return chooseNan(a, b);
  a = flattened(a);
  b = flattened(b);
  const sign = signOf(a ^ b);
  if (isInfinite(a)) {
    if (isInfinite(b)) return invalid();
    noteDenormal(b);
    return sign | infinity;
  }
  if (isInfinite(b)) {
    noteDenormal(a);
    return sign;
  }
  if (isZero(b)) {
    if (isZero(a)) return invalid();
    flag(ZE);
    return sign | infinity;
  }
  noteDenormal(a);
  noteDenormal(b);
  if (isZero(a)) return sign;
  unpack(a);
  const aExp = exponent;
  const aSig = significand >> 11;
  unpack(b);
  return divideUnpacked(sign, aExp - exponent + bias, aSig, significand >> 11);
}

/** Significands of 53 bits; eleven quotient bits a step. */
function divideUnpacked(sign: u64, exp: i32, a: u64, b: u64): u64 {
  if (a < b) {
    a <<= 1;
    exp--;
  }
  let rest = a - b;
  let quotient: u64 = 1;
  for (let i = 0; i < 5; i++) {
    rest <<= 11;
    quotient = (quotient << 11) | (rest / b);
    rest %= b;
  }
  return roundPack(sign, exp, (quotient << 8) | u64(rest != 0));
}

export function squareRoot(a: u64): u64 {
  if (isNan(a)) return quieted(a);
  a = flattened(a);
  if (isZero(a)) return a;
  if (signOf(a) != 0) return invalid();
  if (isInfinite(a)) return a;
  noteDenormal(a);
  unpack(a);
  const unbiased = exponent - bias;
  // Radicand of 53 or 54 bits; 56 result bits, one a step, the rest restored.
  const radicand = (significand >> 11) << (unbiased & 1);
  let root: u64 = 0;
  let rest: u64 = 0;
  for (let i = 0; i < 56; i++) {
    rest = (rest << 2) | (i < 27 ? (radicand >> (52 - 2 * i)) & 3 : 0);
    const trial = (root << 2) | 1;
    root <<= 1;
    if (rest >= trial) {
      rest -= trial;
      root |= 1;
    }
  }
  return roundPack(0, (unbiased >> 1) + bias, (root << 8) | u64(rest != 0));
}

/** a * b + c with one rounding; `negateProduct` and `negateAddend` are the sign bit or zero. NaNs in the order a, b, c. */
export function multiplyAdd(a: u64, b: u64, c: u64, negateProduct: u64, negateAddend: u64): u64 {
  if (isNan(a) || isNan(b) || isNan(c)) return nanOfThree(a, b, c);
  a = flattened(a);
  b = flattened(b);
  c = flattened(c) ^ negateAddend;
  const sign = signOf(a ^ b) ^ negateProduct;
  if (isInfinite(a) || isInfinite(b)) {
    if (isZero(a) || isZero(b)) return invalid();
    if (isInfinite(c) && signOf(c) != sign) return invalid();
    noteDenormals(a, b, c);
    return sign | infinity;
  }
  noteDenormals(a, b, c);
  if (isInfinite(c)) return c;
  if (isZero(a) || isZero(b)) {
    if (isZero(c)) return sign == signOf(c) ? sign : signOfCancellation();
    unpack(c);
    return roundPack(signOf(c), exponent, significand);
  }
  unpack(a);
  const exp = exponent;
  const sig = significand;
  unpack(b);
  multiplyWide(sig, significand);
  const productExp = exp + exponent - bias + 1;
  if (isZero(c)) return normalizeRoundPack(sign, productExp, productHigh, productLow);
  return addWide(sign, productExp, c);
}

function noteDenormals(a: u64, b: u64, c: u64): void {
  noteDenormal(a);
  noteDenormal(b);
  noteDenormal(c);
}

/** Zero times infinity is invalid also beside a quiet NaN that is the addend; the NaN is the result. */
function nanOfThree(a: u64, b: u64, c: u64): u64 {
  if (isSignaling(a) || isSignaling(b) || isSignaling(c)) flag(IE);
  if (isNan(a)) return quieted(a);
  if (isNan(b)) return quieted(b);
  return quieted(c);
}

let alignedHigh: u64 = 0;
let alignedLow: u64 = 0;

function alignWide(high: u64, low: u64, count: i32): void {
  if (count == 0) {
    alignedHigh = high;
    alignedLow = low;
  } else if (count < 64) {
    alignedHigh = high >> count;
    alignedLow = (high << (64 - count)) | shiftRightJamming(low, count);
  } else {
    alignedHigh = 0;
    alignedLow = count < 128 ? shiftRightJamming(high, count - 64) | u64(low != 0) : 1;
  }
}

/** The product of `multiplyWide` plus an unpacked number; both not zero. One place is kept free for the carry. */
function addWide(sign: u64, productExp: i32, c: u64): u64 {
  unpack(c);
  const cSign = signOf(c);
  let high = productHigh;
  let low = productLow;
  if (high < TOP_BIT) {
    high = (high << 1) | (low >> 63);
    low <<= 1;
    productExp--;
  }
  // The product's lowest bits are zero: nothing falls out.
  low = (low >> 1) | (high << 63);
  high >>= 1;
  const cHigh = significand >> 1;
  const cLow = significand << 63;
  const distance = productExp - exponent;
  let exp = productExp;
  if (distance >= 0) {
    alignWide(cHigh, cLow, distance);
    return sumWide(exp + 1, sign, high, low, cSign, alignedHigh, alignedLow);
  }
  exp = exponent;
  alignWide(high, low, -distance);
  return sumWide(exp + 1, sign, alignedHigh, alignedLow, cSign, cHigh, cLow);
}

function sumWide(exp: i32, aSign: u64, aHigh: u64, aLow: u64, bSign: u64, bHigh: u64, bLow: u64): u64 {
  if (aSign == bSign) {
    const low = aLow + bLow;
    return normalizeRoundPack(aSign, exp, aHigh + bHigh + u64(low < aLow), low);
  }
  if (aHigh == bHigh && aLow == bLow) return signOfCancellation();
  if (aHigh < bHigh || (aHigh == bHigh && aLow < bLow)) {
    return normalizeRoundPack(bSign, exp, bHigh - aHigh - u64(bLow < aLow), bLow - aLow);
  }
  return normalizeRoundPack(aSign, exp, aHigh - bHigh - u64(aLow < bLow), aLow - bLow);
}
