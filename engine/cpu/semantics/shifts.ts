/**
 * Shifts and rotates (Intel SDM vol. 2: "SAL/SAR/SHL/SHR", "RCL/RCR/ROL/ROR", "SHLD", "SHRD"). Counts are masked to 5 bits, 6 for 64-bit
 * operands; a masked count of zero leaves the flags alone. Where the manual leaves OF (count over one) or AF undefined, they are
 * what recordings of an Intel core show: OF is what a count of one would have given, whatever the count, and AF is cleared.
 *
 * Everything is computed in 64 bits, so that counts beyond a narrow operand's width need no case of their own.
 */
import type { Algebra, Condition, OperandRef, Semantics, Value, Width } from "./Algebra.ts";
import { binaryWithCount, unaryWithCount } from "./shapes.ts";

interface Result<W extends Width> {
  readonly value: Value<W>;
  readonly carry: Condition;
}

const maskedCount = (x: Algebra, width: Width, count: OperandRef<8>): Value<8> =>
  x.and(x.read(count), x.constant(8, width === 64 ? 63 : 31));

const difference = (x: Algebra, from: number, count: Value<8>): Value<8> => x.sub(x.constant(8, from), count);

const topBit = <W extends Width>(x: Algebra, a: Value<W>): Condition => x.bit(a, a.width - 1);

/** CF of a left shift of the zero-extended operand by 1..63: the bit that left the operand last. */
const lastOutLeft = (x: Algebra, wide: Value<64>, width: Width, count: Value<8>): Condition =>
  width === 64 ? x.bit(wide, difference(x, 64, count)) : x.bit(x.shiftLeft(wide, count), width);

/** SF ZF PF from the result, AF cleared. */
const shift = (
  compute: <W extends Width>(x: Algebra, a: Value<W>, count: Value<8>) => Result<W>,
  overflow: <W extends Width>(x: Algebra, a: Value<W>) => Condition,
): Semantics =>
  unaryWithCount((x, destination, countOperand) => {
    const a = x.readForWrite(destination);
    const count = maskedCount(x, destination.width, countOperand);
    x.when(
      x.isZero(count),
      () => x.write(destination, a),
      () => {
        const result = compute(x, a, count);
        x.write(destination, result.value);
        x.flagsResult(result.value, result.carry, overflow(x, a));
      },
    );
  });

/** Only CF and OF change. */
const rotate = (
  compute: <W extends Width>(x: Algebra, a: Value<W>, count: Value<8>) => Result<W>,
  overflow: <W extends Width>(x: Algebra, a: Value<W>) => Condition,
  reduce: (x: Algebra, width: Width, count: Value<8>) => Value<8> = (_x, _width, count) => count,
): Semantics =>
  unaryWithCount((x, destination, countOperand) => {
    const a = x.readForWrite(destination);
    const count = reduce(x, destination.width, maskedCount(x, destination.width, countOperand));
    x.when(
      x.isZero(count),
      () => x.write(destination, a),
      () => {
        const result = compute(x, a, count);
        const overflows = overflow(x, a);
        x.write(destination, result.value);
        x.setFlag("CF", result.carry);
        x.setFlag("OF", overflows);
      },
    );
  });

/** A left shift by one overflows when the top bit and the one below differ. */
const topTwoDiffer = <W extends Width>(x: Algebra, a: Value<W>): Condition =>
  x.xor2(topBit(x, a), x.bit(a, a.width - 2));

/** RCL and RCR go through CF: 9, 17, 33 or 65 places. Only the narrow ones can have counts that go round. */
const throughCarry = (x: Algebra, width: Width, count: Value<8>): Value<8> => {
  if (width >= 32) return count;
  const places = x.constant(32, width + 1);
  return x.truncate(x.remU(x.zeroExtend(count, 32), places), 8);
};

function rotateThroughCarryLeft<W extends Width>(x: Algebra, a: Value<W>, count: Value<8>): Result<W> {
  const wide = x.zeroExtend(a, 64);
  const carry = x.shiftLeft(x.fromCondition(x.getFlag("CF"), 64), x.sub(count, x.constant(8, 1)));
  const down = x.shiftRight(x.shiftRight(wide, difference(x, a.width, count)), x.constant(8, 1));
  const value = x.or(x.or(x.shiftLeft(wide, count), carry), down);
  return { value: x.truncate(value, a.width), carry: x.bit(wide, difference(x, a.width, count)) };
}

function rotateThroughCarryRight<W extends Width>(x: Algebra, a: Value<W>, count: Value<8>): Result<W> {
  const wide = x.zeroExtend(a, 64);
  const rest = difference(x, a.width, count);
  const carry = x.shiftLeft(x.fromCondition(x.getFlag("CF"), 64), rest);
  const up = x.shiftLeft(x.shiftLeft(wide, rest), x.constant(8, 1));
  const value = x.or(x.or(x.shiftRight(wide, count), carry), up);
  return { value: x.truncate(value, a.width), carry: x.bit(wide, x.sub(count, x.constant(8, 1))) };
}

/** One value of twice the width: high part above low part. */
const joined = <W extends Width>(x: Algebra, high: Value<W>, low: Value<W>): Value<64> =>
  x.or(x.shiftLeft(x.zeroExtend(high, 64), x.constant(8, high.width)), x.zeroExtend(low, 64));

/** 16-bit double shifts by more than 16 bring the destination in again behind the source. */
function doubleLeft<W extends Width>(x: Algebra, a: Value<W>, b: Value<W>, count: Value<8>): Result<W> {
  const rest = difference(x, a.width, count);
  if (a.width === 64) return { value: x.or(x.shiftLeft(a, count), x.shiftRight(b, rest)), carry: x.bit(a, rest) };
  const upper = joined(x, a, b);
  const all = a.width === 16 ? x.or(x.shiftLeft(upper, x.constant(8, 16)), x.zeroExtend(a, 64)) : upper;
  const bits = a.width === 16 ? 48 : 64;
  const place = difference(x, bits - a.width, count);
  const value = x.truncate(x.shiftRight(all, place), a.width);
  return { value, carry: x.bit(all, difference(x, bits, count)) };
}

function doubleRight<W extends Width>(x: Algebra, a: Value<W>, b: Value<W>, count: Value<8>): Result<W> {
  const lastOut = x.sub(count, x.constant(8, 1));
  if (a.width === 64) {
    const value = x.or(x.shiftRight(a, count), x.shiftLeft(b, difference(x, 64, count)));
    return { value, carry: x.bit(a, lastOut) };
  }
  const lower = joined(x, b, a);
  const all = a.width === 16 ? x.or(lower, x.shiftLeft(x.zeroExtend(a, 64), x.constant(8, 32))) : lower;
  return { value: x.truncate(x.shiftRight(all, count), a.width), carry: x.bit(all, lastOut) };
}

const doubleShift = (
  compute: <W extends Width>(x: Algebra, a: Value<W>, b: Value<W>, count: Value<8>) => Result<W>,
  overflow: <W extends Width>(x: Algebra, a: Value<W>, b: Value<W>) => Condition,
): Semantics =>
  binaryWithCount((x, destination, source, countOperand) => {
    const b = x.read(source);
    const a = x.readForWrite(destination);
    const count = maskedCount(x, destination.width, countOperand);
    x.when(
      x.isZero(count),
      () => x.write(destination, a),
      () => {
        const result = compute(x, a, b, count);
        x.write(destination, result.value);
        x.flagsResult(result.value, result.carry, overflow(x, a, b));
      },
    );
  });

export const shifts = {
  SHL: shift((x, a, count) => {
    const wide = x.zeroExtend(a, 64);
    return { value: x.truncate(x.shiftLeft(wide, count), a.width), carry: lastOutLeft(x, wide, a.width, count) };
  }, topTwoDiffer),
  SHR: shift(
    (x, a, count) => {
      const wide = x.zeroExtend(a, 64);
      const carry = x.bit(wide, x.sub(count, x.constant(8, 1)));
      return { value: x.truncate(x.shiftRight(wide, count), a.width), carry };
    },
    (x, a) => topBit(x, a),
  ),
  SAR: shift(
    (x, a, count) => {
      const wide = x.signExtend(a, 64);
      const carry = x.bit(wide, x.sub(count, x.constant(8, 1)));
      return { value: x.truncate(x.shiftRightSigned(wide, count), a.width), carry };
    },
    (x) => x.constantCondition(false),
  ),
  ROL: rotate((x, a, count) => {
    const value = x.rotateLeft(a, count);
    return { value, carry: x.bit(value, 0) };
  }, topTwoDiffer),
  ROR: rotate(
    (x, a, count) => {
      const value = x.rotateRight(a, count);
      return { value, carry: topBit(x, value) };
    },
    (x, a) => x.xor2(topBit(x, a), x.bit(a, 0)),
  ),
  RCL: rotate(rotateThroughCarryLeft, topTwoDiffer, throughCarry),
  RCR: rotate(rotateThroughCarryRight, (x, a) => x.xor2(topBit(x, a), x.getFlag("CF")), throughCarry),
  SHLD: doubleShift(doubleLeft, topTwoDiffer),
  SHRD: doubleShift(doubleRight, (x, a, b) => x.xor2(topBit(x, a), x.bit(b, 0))),
} satisfies Record<string, Semantics>;
