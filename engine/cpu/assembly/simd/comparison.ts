// One lane of comparisons, minimum and maximum. Source: Intel SDM vol. 2, CMPPS (tables of the 32 predicates), MINPS, COMISS, UCOMISS.
import { flattened, isDenormal, isNan, isSignaling, isZero, signMask, signOf } from "./binaryFormat";
import { DE, flag, IE } from "./mxcsr";

export const LESS: u32 = 1;
export const EQUAL: u32 = 2;
export const GREATER: u32 = 4;
export const UNORDERED: u32 = 8;

/** How a relates to b; a quiet comparison is invalid for signaling NaNs only. */
export function relate(a: u64, b: u64, quiet: bool): u32 {
  if (isNan(a) || isNan(b)) {
    if (!quiet || isSignaling(a) || isSignaling(b)) flag(IE);
    return UNORDERED;
  }
  a = flattened(a);
  b = flattened(b);
  if (isDenormal(a) || isDenormal(b)) flag(DE);
  if (a == b || (isZero(a) && isZero(b))) return EQUAL;
  const negative = signOf(a) != 0;
  if (signOf(a) != signOf(b)) return negative ? LESS : GREATER;
  return a < b != negative ? LESS : GREATER;
}

/** Predicates 0..7 as relations that satisfy them: EQ LT LE UNORD NEQ NLT NLE ORD; 8..15 differ in the answer to NaNs. */
const SATISFIED: u64 = 0x7ced_8312;
const SATISFIED_UPPER: u64 = 0xf465_0b9a;

/** All ones or zero. Predicate bit 4 turns signaling into quiet and back. */
export function compare(a: u64, b: u64, predicate: u32): u64 {
  const low = predicate & 7;
  const signals = (low == 1 || low == 2 || low == 5 || low == 6) != ((predicate & 16) != 0);
  const relation = relate(a, b, !signals);
  const relations = <u32>(((predicate & 8) != 0 ? SATISFIED_UPPER : SATISFIED) >> (low * 4)) & 15;
  return (relations & relation) != 0 ? signMask | (signMask - 1) : 0;
}

/** The second operand when they are equal or not ordered; a NaN of either kind is invalid. */
export function minimum(a: u64, b: u64): u64 {
  const relation = relate(a, b, false);
  return flattened(relation == LESS ? a : b);
}
export function maximum(a: u64, b: u64): u64 {
  const relation = relate(a, b, false);
  return flattened(relation == GREATER ? a : b);
}

/** ZF PF CF as COMISS sets them, in their places in EFLAGS. */
export function compareFlags(a: u64, b: u64, quiet: bool): u64 {
  const relation = relate(a, b, quiet);
  if (relation == UNORDERED) return 0x45;
  return relation == LESS ? 1 : relation == EQUAL ? 0x40 : 0;
}
