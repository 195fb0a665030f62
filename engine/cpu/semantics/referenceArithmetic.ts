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

/** Moves bits between the places where the mask has ones and the low end. */
function moveBits(value: bigint, mask: bigint, deposit: boolean): bigint {
  let result = 0n;
  let low = 0n;
  for (let place = 0n; place < 64n; place++) {
    if (((mask >> place) & 1n) === 0n) continue;
    const [from, to] = deposit ? [low, place] : [place, low];
    result |= ((value >> from) & 1n) << to;
    low++;
  }
  return result;
}

/** Bit by bit: the remainder by Castagnoli's polynomial, reflected. */
function checksum(crc: bigint, value: bigint, bytes: bigint): bigint {
  let remainder = crc;
  for (let bit = 0n; bit < 8n * bytes; bit++) {
    const carry = (remainder ^ (value >> bit)) & 1n;
    remainder = (remainder >> 1n) ^ (carry === 1n ? 0x82f6_3b78n : 0n);
  }
  return remainder;
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
  depositBits: (_state, value, mask) => moveBits(value!, mask!, true),
  extractBits: (_state, value, mask) => moveBits(value!, mask!, false),
  crc32: (_state, crc, value, bytes) => checksum(crc!, value!, bytes!),
};
