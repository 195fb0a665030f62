/** The helpers of the algebra that are pure arithmetic, for the reference executor. */
import { GuestFault, type ReferenceHelper, type ReferenceState } from "./ReferenceState.ts";

const signed = (bits: bigint): bigint => BigInt.asIntN(64, bits);
const unsigned = (bits: bigint): bigint => BigInt.asUintN(64, bits);

function divide(state: ReferenceState, dividend: bigint, divisor: bigint, fits: (quotient: bigint) => boolean): void {
  if (divisor === 0n) throw new GuestFault(0);
  const quotient = dividend / divisor;
  if (!fits(quotient)) throw new GuestFault(0);
  state.gpr[0] = unsigned(quotient);
  state.gpr[2] = unsigned(dividend % divisor);
}

export const referenceArithmetic: Readonly<Record<string, ReferenceHelper>> = {
  mulHighU: (_state, a, b) => (a! * b!) >> 64n,
  mulHighS: (_state, a, b) => unsigned((signed(a!) * signed(b!)) >> 64n),
  div64: (state, divisor) => {
    const dividend = (state.gpr[2]! << 64n) | state.gpr[0]!;
    divide(state, dividend, divisor!, (quotient) => quotient < 1n << 64n);
    return undefined;
  },
  idiv64: (state, divisor) => {
    const dividend = (signed(state.gpr[2]!) << 64n) | state.gpr[0]!;
    divide(state, dividend, signed(divisor!), (quotient) => signed(unsigned(quotient)) === quotient);
    return undefined;
  },
};
