// FSIN FCOS FPTAN FPATAN (Intel SDM vol. 1, 8.3.8), evaluated with about 100 bits by series in double-double arithmetic and rounded once. Angles
// are reduced with the 66-bit value of pi that the processors use; the processors' own last-bit errors are not modelled.
import * as dd from "./doubleDouble";
import {
  add,
  BIAS,
  div,
  EXP_MAX,
  flag,
  flagInexact,
  IE,
  INTEGER_BIT,
  isZero,
  mul,
  nExp,
  normalize,
  nSig,
  PE,
  roundPackTo,
  setDefaultNan,
  settleOperand,
  settleOperands,
  setZ,
  UE,
  unmasked,
  WRAP_EXP,
} from "./float80";
import { fromPair, pow2, toPair } from "./pairs80";

const PI_HI: f64 = 3.141592653589793116;
const PI_LO: f64 = 1.224646799147353207e-16;

let sinHi: f64 = 0;
let sinLo: f64 = 0;
let cosHi: f64 = 0;
let cosLo: f64 = 0;

/** sin and cos of a pair with |x| <= pi/4, as pairs. */
function sinCosSeries(xh: f64, xl: f64): void {
  dd.mul(xh, xl, xh, xl);
  const qh = -dd.hi, ql = -dd.lo;
  let h: f64 = 1, l: f64 = 0;
  for (let n: f64 = 28; n > 1; n -= 2) {
    dd.mul(h, l, qh, ql);
    dd.div(dd.hi, dd.lo, n * (n + 1), 0);
    dd.add(dd.hi, dd.lo, 1, 0);
    h = dd.hi;
    l = dd.lo;
  }
  dd.mul(h, l, xh, xl);
  sinHi = dd.hi;
  sinLo = dd.lo;
  h = 1;
  l = 0;
  for (let n: f64 = 27; n > 0; n -= 2) {
    dd.mul(h, l, qh, ql);
    dd.div(dd.hi, dd.lo, n * (n + 1), 0);
    dd.add(dd.hi, dd.lo, 1, 0);
    h = dd.hi;
    l = dd.lo;
  }
  cosHi = h;
  cosLo = l;
}

/** Quadrant of the reduced argument, which is left in dd. */
let quadrant: u32 = 0;

/**
 * |x| = n * pi/2 + r, |r| <= pi/4, with pi/2 as the 66-bit number 0x3.243F6A8885A308D3 / 2. x below 2^63.
 */
function reduceAngle(exp: i32, sig: u64): void {
  quadrant = 0;
  if (exp < BIAS - 1 || (exp == BIAS - 1 && sig <= 0xc90f_daa2_2168_c235)) {
    toPair(0, exp, sig);
    return;
  }
  // The modulus 2 pi scaled so that its 66 bits are an integer: high:low.
  const piHigh: u64 = 3;
  const piLow: u64 = 0x243f_6a88_85a3_08d3;
  // pi/2 has weight: integer P (66 bits) = pi/2 * 2^65. x = sig * 2^(exp - BIAS - 63); in the same scale shift by exp - BIAS + 2.
  const shift = exp - BIAS + 2;
  let high: u64 = 0;
  let low: u64 = sig;
  let n: u32 = 0;
  for (let i = 0; i < shift; i++) {
    high = (high << 1) | (low >> 63);
    low <<= 1;
    n <<= 1;
    if (high > piHigh || (high == piHigh && low >= piLow)) {
      high = high - piHigh - u64(low < piLow);
      low -= piLow;
      n |= 1;
    }
  }
  const scale = pow2(-65);
  dd.add(<f64>high * 18446744073709551616.0 * scale, 0, <f64>(low >> 32) * 4294967296.0 * scale, 0);
  dd.add(dd.hi, dd.lo, <f64>(low & 0xffff_ffff) * scale, 0);
  if (dd.hi > 0.785398163397448279) {
    // pi/2 to 66 bits: the rest of the double is 0x8D3 * 2^-65.
    dd.add(dd.hi, dd.lo, -1.5707963267948966, -2259 * scale);
    n++;
  }
  quadrant = n & 3;
}

/** False when |x| >= 2^63: C2 is set and nothing changes. Special operands are settled in z* with `sinCosSettled`. */
export let settledEarly: bool = false;

export function sinCos(sign: u32, exp: i32, sig: u64): bool {
  settledEarly = true;
  if (settleOperand(sign, exp, sig)) return true;
  if (exp == EXP_MAX) {
    flag(IE);
    setDefaultNan();
    return true;
  }
  settledEarly = false;
  if (exp >= BIAS + 63) return false;
  tinyAngle = exp < BIAS - 40;
  if (tinyAngle) return true;
  reduceAngle(exp, sig);
  sinCosSeries(dd.hi, dd.lo);
  const sh = sinHi, sl = sinLo, ch = cosHi, cl = cosLo;
  if (quadrant == 1) {
    sinHi = ch;
    sinLo = cl;
    cosHi = -sh;
    cosLo = -sl;
  } else if (quadrant == 2) {
    sinHi = -sh;
    sinLo = -sl;
    cosHi = -ch;
    cosLo = -cl;
  } else if (quadrant == 3) {
    sinHi = -ch;
    sinLo = -cl;
    cosHi = sh;
    cosLo = sl;
  }
  if (sign) {
    sinHi = -sinHi;
    sinLo = -sinLo;
  }
  return true;
}

let tinyAngle: bool = false;

/** Below 2^-68 an Intel core takes the angle itself for its sine and tangent and 1 for its cosine, whatever the rounding control says. */
const LEAST_ROUNDED: i32 = BIAS - 68;

/** z* = x, a little less than it or a little more: x - x^3/6 and x + x^3/3. */
function takeTinyAngle(sign: u32, exp: i32, sig: u64, more: bool): void {
  if (exp < LEAST_ROUNDED) takeAngleItself(sign, exp, sig);
  else if (more) roundPackTo(sign, exp, sig, 1, 64);
  else if (sig != INTEGER_BIT) roundPackTo(sign, exp, sig - 1, u64.MAX_VALUE, 64);
  else roundPackTo(sign, exp - 1, u64.MAX_VALUE, u64.MAX_VALUE, 64);
}

/**
 * z* = x, inexact, and an underflow where x has no normal exponent. Where that is not masked the exponent is adjusted (SDM vol. 1, 4.9.1.5).
 */
function takeAngleItself(sign: u32, exp: i32, sig: u64): void {
  setZ(sign, exp, sig);
  if (sig == 0) return;
  flag(PE);
  if (exp != 0 || sig >> 63 != 0) return;
  flag(UE);
  if (!unmasked(UE)) return;
  const shift = <i32>clz(sig);
  setZ(sign, 1 - shift + WRAP_EXP, sig << shift);
}

/** z* = sine of what `sinCos` was called with. */
export function takeSin(sign: u32, exp: i32, sig: u64): void {
  if (tinyAngle) takeTinyAngle(sign, exp, sig, false);
  else fromPair(sinHi, sinLo, 0);
}

export function takeCos(exp: i32, sig: u64): void {
  if (!tinyAngle) fromPair(cosHi, cosLo, 0);
  else if (exp >= LEAST_ROUNDED) roundPackTo(0, BIAS - 1, u64.MAX_VALUE, u64.MAX_VALUE, 64);
  else {
    setZ(0, BIAS, INTEGER_BIT);
    if (sig != 0) flag(PE);
  }
}

export function takeTan(sign: u32, exp: i32, sig: u64): void {
  if (tinyAngle) {
    takeTinyAngle(sign, exp, sig, true);
    return;
  }
  dd.div(sinHi, sinLo, cosHi, cosLo);
  fromPair(dd.hi, dd.lo, 0);
}

/** FPATAN: the angle of the point (x, y), by quadrant (SDM vol. 2, table 3-30). */
export function arctan(ySign: u32, yExp: i32, ySig: u64, xSign: u32, xExp: i32, xSig: u64): void {
  if (settleOperands(ySign, yExp, ySig, xSign, xExp, xSig)) return;
  const yZero = isZero(yExp, ySig), xZero = isZero(xExp, xSig);
  const yInfinite = yExp == EXP_MAX, xInfinite = xExp == EXP_MAX;
  if (yZero || (xInfinite && !yInfinite)) {
    if (xSign) multipleOfPi(ySign, PI_HI, PI_LO);
    else setZ(ySign, 0, 0);
    return;
  }
  if (xZero || (yInfinite && !xInfinite)) return multipleOfPi(ySign, PI_HI / 2, PI_LO / 2);
  if (yInfinite) {
    if (xSign) {
      dd.mul(PI_HI, PI_LO, 0.75, 0);
      multipleOfPi(ySign, dd.hi, dd.lo);
    } else multipleOfPi(ySign, PI_HI / 4, PI_LO / 4);
    return;
  }
  normalize(yExp, ySig);
  const ye = nExp, ym = nSig;
  normalize(xExp, xSig);
  const xe = nExp, xm = nSig;
  const swap = ye > xe || (ye == xe && ym > xm);
  const distance = swap ? ye - xe : xe - ye;
  if (distance > 70) {
    arctanFar(ySign, yExp, ySig, xSign, xExp, xSig, swap);
    return;
  }
  // q = smaller / larger in (0, 1]
  toPair(0, BIAS, swap ? xm : ym);
  const nh = dd.hi * pow2(-distance), nl = dd.lo * pow2(-distance);
  toPair(0, BIAS, swap ? ym : xm);
  dd.div(nh, nl, dd.hi, dd.lo);
  arctanPair(dd.hi, dd.lo);
  if (swap) dd.add(PI_HI / 2, PI_LO / 2, -dd.hi, -dd.lo);
  if (xSign) dd.add(PI_HI, PI_LO, -dd.hi, -dd.lo);
  fromPair(ySign ? -dd.hi : dd.hi, ySign ? -dd.lo : dd.lo, 0);
}

function multipleOfPi(sign: u32, high: f64, low: f64): void {
  fromPair(sign ? -high : high, sign ? -low : low, 0);
}

function arctanFar(ySign: u32, yExp: i32, ySig: u64, xSign: u32, xExp: i32, xSig: u64, swap: bool): void {
  if (swap) multipleOfPi(ySign, PI_HI / 2, PI_LO / 2);
  else if (xSign) multipleOfPi(ySign, PI_HI, PI_LO);
  else {
    div(ySign, yExp, ySig, 0, xExp, xSig);
    flagInexact();
  }
}

/** arctan of a pair in (0, 1]: a double's worth by the library, the rest by one Newton step. */
function arctanPair(qh: f64, ql: f64): void {
  let guess = Math.atan(qh);
  if (guess > 0.7853981633974483) guess = 0.7853981633974483;
  sinCosSeries(guess, 0);
  dd.mul(qh, ql, cosHi, cosLo);
  dd.add(dd.hi, dd.lo, -sinHi, -sinLo);
  const nh = dd.hi, nl = dd.lo;
  dd.mul(qh, ql, sinHi, sinLo);
  dd.add(cosHi, cosLo, dd.hi, dd.lo);
  dd.div(nh, nl, dd.hi, dd.lo);
  dd.add(guess, 0, dd.hi, dd.lo);
}
