// F2XM1 FYL2X FYL2XP1 (Intel SDM vol. 1, 8.3.9 and 8.3.10), evaluated with about 100 bits by series in double-double arithmetic and rounded once.
import * as dd from "./doubleDouble";
import {
  add,
  BIAS,
  dropInexact,
  EXP_MAX,
  flag,
  IE,
  INTEGER_BIT,
  isZero,
  nExp,
  normalize,
  nSig,
  PE,
  setDefaultNan,
  settleOperand,
  settleOperands,
  setZ,
  zExp,
  zSig,
  zSign,
} from "./float80";
import { fromPair, toPair } from "./pairs80";

const LN2_HI: f64 = 0.693147180559945286;
const LN2_LO: f64 = 2.319046813846299558e-17;
const INV_LN2_HI: f64 = 1.442695040888963387;
const INV_LN2_LO: f64 = 2.035527374093103311e-17;

/** Taylor series of e^x - 1, |x| < 0.36, in dd. */
function expm1Series(xh: f64, xl: f64): void {
  // Horner from the 22nd term: 1 + x/n (...)
  let h: f64 = 1;
  let l: f64 = 0;
  for (let n: f64 = 23; n > 1; n -= 1) {
    dd.mul(h, l, xh, xl);
    dd.div(dd.hi, dd.lo, n, 0);
    dd.add(dd.hi, dd.lo, 1, 0);
    h = dd.hi;
    l = dd.lo;
  }
  dd.mul(h, l, xh, xl);
}

/** F2XM1: 2^x - 1 for -1 <= x <= 1. */
export function exp2Minus1(sign: u32, exp: i32, sig: u64): void {
  if (settleOperand(sign, exp, sig)) return;
  if (sig == 0) return setZ(sign, 0, 0);
  if (exp > BIAS || (exp == BIAS && sig != INTEGER_BIT)) {
    // Out of the defined range: processors leave the argument alone and call it inexact.
    if (exp == EXP_MAX) {
      if (sign) setZ(1, BIAS, INTEGER_BIT);
      else setZ(0, exp, sig);
      return;
    }
    flag(PE);
    return setZ(sign, exp, sig);
  }
  if (exp == BIAS) {
    // Exact, but processors call it inexact.
    flag(PE);
    if (sign) setZ(1, BIAS - 1, INTEGER_BIT);
    else setZ(0, BIAS, INTEGER_BIT);
    return;
  }
  if (exp < BIAS - 66) {
    // x ln 2 to the last bit; x may be smaller than any double.
    normalize(exp, sig);
    toPair(sign, BIAS, nSig);
    dd.mul(dd.hi, dd.lo, LN2_HI, LN2_LO);
    return fromPair(dd.hi, dd.lo, nExp - BIAS);
  }
  toPair(sign, exp, sig);
  dd.mul(dd.hi, dd.lo, LN2_HI, LN2_LO);
  // (e^(t/2) - 1) * ((e^(t/2) - 1) + 2)
  expm1Series(dd.hi / 2, dd.lo / 2);
  const h = dd.hi, l = dd.lo;
  dd.add(h, l, 2, 0);
  dd.mul(dd.hi, dd.lo, h, l);
  fromPair(dd.hi, dd.lo, 0);
}

/** 2 artanh(s) in dd, |s| < 0.18. */
function twoArtanh(sh: f64, sl: f64): void {
  dd.mul(sh, sl, sh, sl);
  const qh = dd.hi, ql = dd.lo;
  let h: f64 = 0;
  let l: f64 = 0;
  for (let n: f64 = 45; n > 0; n -= 2) {
    dd.mul(h, l, qh, ql);
    const ph = dd.hi, pl = dd.lo;
    dd.div(1, 0, n, 0);
    dd.add(ph, pl, dd.hi, dd.lo);
    h = dd.hi;
    l = dd.lo;
  }
  dd.mul(h, l, 2 * sh, 2 * sl);
}

let logHi: f64 = 0;
let logLo: f64 = 0;

/** log2 of a positive finite number, as a pair. */
function log2(exp: i32, sig: u64): void {
  normalize(exp, sig);
  let e = nExp - BIAS;
  // Significand to [sqrt(1/2), sqrt(2)).
  let place = BIAS;
  if (nSig > 0xb504_f333_f9de_6484) {
    e++;
    place = BIAS - 1;
  }
  toPair(0, place, nSig);
  const mh = dd.hi, ml = dd.lo;
  dd.add(mh, ml, 1, 0);
  const bh = dd.hi, bl = dd.lo;
  dd.add(mh, ml, -1, 0);
  dd.div(dd.hi, dd.lo, bh, bl);
  twoArtanh(dd.hi, dd.lo);
  dd.mul(dd.hi, dd.lo, INV_LN2_HI, INV_LN2_LO);
  dd.add(<f64>e, 0, dd.hi, dd.lo);
  logHi = dd.hi;
  logLo = dd.lo;
}

/** FYL2X: y log2(x). */
export function yLog2x(xSign: u32, xExp: i32, xSig: u64, ySign: u32, yExp: i32, ySig: u64): void {
  if (settleOperands(xSign, xExp, xSig, ySign, yExp, ySig)) return;
  if (xSign != 0 && !isZero(xExp, xSig)) {
    flag(IE);
    return setDefaultNan();
  }
  if (isZero(xExp, xSig)) {
    if (isZero(yExp, ySig)) {
      flag(IE);
      return setDefaultNan();
    }
    if (yExp != EXP_MAX) flag(4);
    return setZ(ySign ^ 1, EXP_MAX, INTEGER_BIT);
  }
  if (xExp == EXP_MAX) {
    if (isZero(yExp, ySig)) {
      flag(IE);
      return setDefaultNan();
    }
    return setZ(ySign, EXP_MAX, INTEGER_BIT);
  }
  if (xExp == BIAS && xSig == INTEGER_BIT) {
    if (yExp == EXP_MAX) {
      flag(IE);
      return setDefaultNan();
    }
    return setZ(ySign, 0, 0);
  }
  log2(xExp, xSig);
  timesY(ySign, yExp, ySig, 0);
}

/** z* = pair(logHi, logLo) * 2^n * y, rounded once: only y and this result can be too large or too small. */
function timesY(ySign: u32, yExp: i32, ySig: u64, n: i32): void {
  if (yExp == EXP_MAX) {
    setZ(ySign ^ u32(logHi < 0), EXP_MAX, INTEGER_BIT);
    return;
  }
  if (ySig == 0) {
    setZ(ySign ^ u32(logHi < 0), 0, 0);
    return;
  }
  normalize(yExp, ySig);
  const e = nExp;
  toPair(ySign, BIAS, nSig);
  dd.mul(dd.hi, dd.lo, logHi, logLo);
  fromPair(dd.hi, dd.lo, e - BIAS + n);
}

/** FYL2XP1: y log2(x + 1), |x| < 1 - sqrt(1/2). */
export function yLog2xPlus1(xSign: u32, xExp: i32, xSig: u64, ySign: u32, yExp: i32, ySig: u64): void {
  if (settleOperands(xSign, xExp, xSig, ySign, yExp, ySig)) return;
  if (xSig == 0) {
    if (yExp == EXP_MAX) {
      flag(IE);
      return setDefaultNan();
    }
    return setZ(xSign ^ ySign, 0, 0);
  }
  if (xExp >= BIAS - 1) {
    if (xSign != 0 && xExp >= BIAS) {
      flag(IE);
      return setDefaultNan();
    }
    return yLog2xPlus1Far(xSign, xExp, xSig, ySign, yExp, ySig);
  }
  let n: i32 = 0;
  if (xExp < BIAS - 70) {
    // x / ln 2 to the last bit; x may be smaller than any double.
    normalize(xExp, xSig);
    n = nExp - BIAS;
    toPair(xSign, BIAS, nSig);
  } else {
    toPair(xSign, xExp, xSig);
    const h = dd.hi, l = dd.lo;
    dd.add(h, l, 2, 0);
    dd.div(h, l, dd.hi, dd.lo);
    if (Math.abs(dd.hi) > 0.18) return yLog2xPlus1Far(xSign, xExp, xSig, ySign, yExp, ySig);
    twoArtanh(dd.hi, dd.lo);
  }
  dd.mul(dd.hi, dd.lo, INV_LN2_HI, INV_LN2_LO);
  logHi = dd.hi;
  logLo = dd.lo;
  timesY(ySign, yExp, ySig, n);
}

/** Beyond the range that is defined: by way of x + 1, whose rounding is none of the result's. */
function yLog2xPlus1Far(xSign: u32, xExp: i32, xSig: u64, ySign: u32, yExp: i32, ySig: u64): void {
  add(xSign, xExp, xSig, 0, BIAS, INTEGER_BIT);
  dropInexact();
  yLog2x(zSign, zExp, zSig, ySign, yExp, ySig);
}
