// Between the 80-bit format and pairs of doubles, in which the functions of logarithms and angles are evaluated.
import * as dd from "./doubleDouble";
import {
  BIAS,
  flagInexact,
  fromF64,
  roundPackTo,
  setZ,
  shiftRightSticky,
  wideHigh,
  wideLow,
  zExp,
  zSig,
  zSign,
} from "./float80";

/** A value with |exponent| well inside the range of doubles, as a double-double. */
export function toPair(sign: u32, exp: i32, sig: u64): void {
  const scale = pow2(exp - BIAS - 63);
  const high = <f64>(sig >> 11) * 2048 * scale;
  const low = <f64>(sig & 0x7ff) * scale;
  const s = high + low;
  const rest = low - (s - high);
  dd.set(sign ? -s : s, sign ? -rest : rest);
}

export function pow2(n: i32): f64 {
  return reinterpret<f64>((<u64>(n + 1023)) << 52);
}

/** Rounds the pair times 2^n into z*; the precision control does not count here. */
export function fromPair(high: f64, low: f64, n: i32): void {
  fromF64(reinterpret<u64>(high));
  const sign = zSign, exp = zExp, sig = zSig;
  fromF64(reinterpret<u64>(low));
  let wide = sig;
  let rest: u64 = 0;
  if (zSig != 0) {
    shiftRightSticky(zSig, 0, exp - zExp);
    if (zSign == sign) {
      wide += wideHigh;
      rest = wideLow;
    } else {
      rest = 0 - wideLow;
      wide -= wideHigh + u64(wideLow != 0);
    }
  }
  if (wide == 0) return setZ(sign, 0, 0);
  const shift = <i32>clz(wide);
  if (shift != 0) {
    wide = (wide << shift) | (rest >> (64 - shift));
    rest <<= shift;
  }
  roundPackTo(sign, exp + n - shift, wide, rest, 64);
  flagInexact();
}
