/**
 * 64-bit multiplication and division into 128 bits, which WebAssembly lacks.
 */
import { VECTOR_DE, raise } from "./faults";
import { RAX, RDX, gpr64, setGpr64 } from "./state";
import { mulHigh } from "./wideProduct";

export function mulHighU(a: u64, b: u64): u64 {
  return mulHigh(a, b);
}

export function mulHighS(a: u64, b: u64): u64 {
  let high = mulHighU(a, b);
  if ((a as i64) < 0) high -= b;
  if ((b as i64) < 0) high -= a;
  return high;
}

let remainder: u64 = 0;

/** high:low / divisor with high < divisor, so that the quotient fits; leaves `remainder`. */
function divide128(high: u64, low: u64, divisor: u64): u64 {
  if (high == 0) {
    remainder = low % divisor;
    return low / divisor;
  }
  let quotient: u64 = 0;
  for (let i = 63; i >= 0; i--) {
    const carry = high >> 63;
    high = (high << 1) | ((low >> (i as u64)) & 1);
    if (carry || high >= divisor) {
      high -= divisor;
      quotient |= (1 as u64) << (i as u64);
    }
  }
  remainder = high;
  return quotient;
}

/** RDX:RAX / divisor -> RAX, remainder RDX; #DE. */
export function div64(divisor: u64): void {
  const high = gpr64(RDX);
  if (high >= divisor) raise(VECTOR_DE, -1);
  const quotient = divide128(high, gpr64(RAX), divisor);
  setGpr64(RAX, quotient);
  setGpr64(RDX, remainder);
}

export function idiv64(divisor: u64): void {
  const negativeDividend = (gpr64(RDX) as i64) < 0;
  const negativeDivisor = (divisor as i64) < 0;
  let low = gpr64(RAX);
  let high = gpr64(RDX);
  if (negativeDividend) {
    low = 0 - low;
    high = ~high + (low == 0 ? 1 : 0);
  }
  const magnitude = negativeDivisor ? 0 - divisor : divisor;
  if (high >= magnitude) raise(VECTOR_DE, -1);
  const quotient = divide128(high, low, magnitude);
  const negative = negativeDividend != negativeDivisor;
  const most: u64 = 0x8000000000000000;
  if (negative ? quotient > most : quotient >= most) raise(VECTOR_DE, -1);
  setGpr64(RAX, negative ? 0 - quotient : quotient);
  setGpr64(RDX, negativeDividend ? 0 - remainder : remainder);
}
