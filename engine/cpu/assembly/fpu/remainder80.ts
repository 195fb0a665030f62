// FPREM and FPREM1: exact remainders by steps. Source: Intel SDM vol. 2, FPREM, FPREM1.
import { EXP_MAX, IE, UE, WRAP_EXP, flag, isZero, setDefaultNan, setZ, settleOperands, unmasked } from "./format80";
import { nExp, nSig, normalize } from "./rounding80";

/**
 * FPREM (truncating) and FPREM1 (nearest): one step reduces the exponent by at most 63. Result in z*; `quotient` holds the low
 * quotient bits, `partial` tells that more steps are needed (C2).
 */
export let quotient: u64 = 0;
export let partial: bool = false;
let rest: u64 = 0;
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
    finishRemainder(aSign, e, m);
    return;
  }
  if (distance > 63) {
    partial = true;
    // Reduce by a multiple of 32 bits so that the next steps end exactly at the divisor's exponent.
    const steps = 32 + (distance & 31);
    reduce(m, bm, steps);
    finishRemainder(aSign, e - steps, rest);
    quotient = 0;
    return;
  }
  let q: u64 = 0;
  if (distance >= 0) {
    reduce(m, bm, distance);
    m = rest;
    q = quotient;
    e = be;
  }
  if (nearest && m != 0) roundRemainder(aSign, e, m, be, bm, q);
  else {
    quotient = q;
    finishRemainder(aSign, e, m);
  }
}

/** Restoring division of m * 2^steps by b: what is left in `rest`, quotient bits in `quotient`. */
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
  rest = m;
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

/** The remainder is exact: pack it without rounding. A tiny one is an underflow only where that is not masked, its exponent then being adjusted. */
function finishRemainder(sign: u32, exp: i32, sig: u64): void {
  if (sig == 0) {
    setZ(sign, 0, 0);
    return;
  }
  const shift = <i32>clz(sig);
  sig <<= shift;
  exp -= shift;
  if (exp <= 0 && unmasked(UE)) {
    setZ(sign, exp + WRAP_EXP, sig);
    flag(UE);
  } else if (exp <= 0) setZ(sign, 0, sig >> (1 - exp));
  else setZ(sign, exp, sig);
}
