// The 80-bit extended format: a number as three values, its classification, and what an operation on it raises. Source: Intel SDM vol. 1,
// 4.2.2, 4.8 and 8.3 to 8.5.
//
// A number travels as three values: sign (0 or 1), biased exponent (0..0x7FFF) and significand with its explicit integer
// bit. Functions leave their result in `zSign`, `zExp`, `zSig` because AssemblyScript returns one value.
import { DE, IE, PE, UE } from "../floatExceptions";
import { FPU_CONTROL } from "../layout.generated";

export { DE, IE, OE, PE, UE, ZE } from "../floatExceptions";

export const EXP_MAX: i32 = 0x7fff;
export const BIAS: i32 = 16383;
export const INTEGER_BIT: u64 = 0x8000_0000_0000_0000;
export const QUIET_BIT: u64 = 0x4000_0000_0000_0000;
/** What an unmasked overflow or underflow adds to or takes from the exponent (SDM vol. 1, 4.9.1.4). */
export const WRAP_EXP: i32 = 24576;

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

/** An inexact result was rounded away from zero. */
export function noteRoundedUp(): void {
  roundedUp = true;
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

// @ts-ignore: TypeScript has no decorators of functions
@inline
export function setZ(sign: u32, exp: i32, sig: u64): void {
  zSign = sign;
  zExp = exp;
  zSig = sig;
}

/**
 * Processors call a transcendental function's result (z*) inexact even where it is not, and so an underflow where it is denormal (SDM vol. 1,
 * 8.5.5 and 8.5.6).
 */
export function flagInexact(): void {
  flag(zExp == 0 ? PE | UE : PE);
}

export function setDefaultNan(): void {
  setZ(1, EXP_MAX, INTEGER_BIT | QUIET_BIT);
}

// @ts-ignore: TypeScript has no decorators of functions
@inline
export function roundingControl(): u32 {
  return (load<u32>(FPU_CONTROL) >> 10) & 3;
}

// @ts-ignore: TypeScript has no decorators of functions
@inline
export function unmasked(bits: u32): bool {
  return (bits & ~load<u32>(FPU_CONTROL)) != 0;
}

// --- classification ---

// @ts-ignore: TypeScript has no decorators of functions
@inline
export function isNan(exp: i32, sig: u64): bool {
  return exp == EXP_MAX && sig << 1 != 0 && sig >> 63 != 0;
}

// @ts-ignore: TypeScript has no decorators of functions
@inline
export function isInfinite(exp: i32, sig: u64): bool {
  return exp == EXP_MAX && sig == INTEGER_BIT;
}

/** Unnormals, pseudo-infinities and pseudo-NaNs: an integer bit of 0 with an exponent that demands 1. */
// @ts-ignore: TypeScript has no decorators of functions
@inline
export function isUnsupported(exp: i32, sig: u64): bool {
  return exp != 0 && sig >> 63 == 0;
}

// @ts-ignore: TypeScript has no decorators of functions
@inline
export function isSignaling(exp: i32, sig: u64): bool {
  return isNan(exp, sig) && (sig & QUIET_BIT) == 0;
}

// @ts-ignore: TypeScript has no decorators of functions
@inline
export function isZero(exp: i32, sig: u64): bool {
  return exp == 0 && sig == 0;
}

// @ts-ignore: TypeScript has no decorators of functions
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
