// The control and status register of SSE as one operation sees it: rounding, denormal handling, and the exceptions that all of its lanes
// raised. Source: Intel SDM vol. 1, 10.2.3, 11.5.2 and 11.5.3. Exceptions of the operands (invalid, denormal, divide by zero) are
// found in all lanes before any result is rounded; where one of them is unmasked, those of results are not reported.
import { DE, IE, PE, UE, ZE } from "../floatExceptions";
import { CR4, MXCSR } from "../layout.generated";

export { DE, IE, OE, PE, UE, ZE } from "../floatExceptions";

// @ts-ignore: TypeScript has no decorators of functions
@external("system", "raise")
declare function raise(vector: i32, errorCode: i32): void;

const DAZ: u32 = 1 << 6;
const MASK_SHIFT: u32 = 7;
const FTZ: u32 = 1 << 15;
const OF_OPERANDS: u32 = IE | DE | ZE;

const CR4_OSXMMEXCPT: u64 = 1 << 10;
const UD: i32 = 6;
const XM: i32 = 19;

/** Rounding modes in the register's encoding. */
export const NEAREST: u32 = 0;
export const DOWN: u32 = 1;
export const UP: u32 = 2;
export const TOWARD_ZERO: u32 = 3;

export let rounding: u32 = 0;
export let denormalsAreZero: bool = false;
export let flushToZero: bool = false;
/** Exceptions that are not masked, in the places of the flags. */
export let unmasked: u32 = 0;
/** Of the operation at hand; it may come in two halves. */
let raised: u32 = 0;

export function beginOperation(): void {
  const mxcsr = load<u32>(MXCSR);
  rounding = (mxcsr >> 13) & 3;
  denormalsAreZero = (mxcsr & DAZ) != 0;
  unmasked = ~(mxcsr >> MASK_SHIFT) & 0x3f;
  // FTZ only acts while underflow is masked.
  flushToZero = (mxcsr & FTZ) != 0 && (unmasked & UE) == 0;
}

/** Nearest, denormals and tiny results kept, everything masked. */
export function isUsual(): bool {
  return (load<u32>(MXCSR) & 0xffc0) == 0x1f80;
}

/** For an operation that is usual and does nothing else to the flags. */
export function makeInexact(): void {
  store<u32>(MXCSR, load<u32>(MXCSR) | PE);
}

export function setRounding(mode: u32): void {
  rounding = mode;
}

/** Half-precision sources keep their denormals; half-precision results are never flushed. */
export function keepDenormals(): void {
  denormalsAreZero = false;
}
export function keepTinyResults(): void {
  flushToZero = false;
}

// @ts-ignore: TypeScript has no decorators of functions
@inline
export function flag(bits: u32): void {
  raised |= bits;
}

export function dropInexact(): void {
  raised &= ~PE;
}

/** Makes the flags sticky; raises the exception of an unmasked one before anything is written. */
export function endOperation(): void {
  let flags = raised;
  if (flags == 0) return;
  raised = 0;
  const ofOperands = flags & OF_OPERANDS;
  if ((ofOperands & unmasked) != 0) flags = ofOperands;
  store<u32>(MXCSR, load<u32>(MXCSR) | flags);
  if ((flags & unmasked) != 0) raise((load<u64>(CR4) & CR4_OSXMMEXCPT) != 0 ? XM : UD, -1);
}
