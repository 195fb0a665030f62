// Add, multiply, divide, square root, comparison and scaling of 80-bit numbers in integer arithmetic. Source: Intel SDM vol. 1, 4.8, 8.3 and 8.5.
import {
  BIAS,
  DE,
  EXP_MAX,
  IE,
  INTEGER_BIT,
  OE,
  PE,
  UE,
  WRAP_EXP,
  ZE,
  flag,
  isDenormal,
  isNan,
  isSignaling,
  isUnsupported,
  isZero,
  roundedUp,
  roundingControl,
  setDefaultNan,
  setZ,
  settleOperand,
  settleOperands,
  unmasked,
} from "./format80";
import { mulHigh } from "../wideProduct";
import {
  nExp,
  nSig,
  normalize,
  normalizeRoundPack,
  roundPack,
  roundPackTo,
  setWide,
  shiftRightSticky,
  wideHigh,
  wideLow,
} from "./rounding80";

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
  setWide(high, (low << 62) | u64(remainder != 0));
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
