/**
 * Bit tests, bit scans, byte swap and counts (Intel SDM vol. 2). A register bit offset into memory reaches 2^(width-1) bits both ways from the
 * operand; an immediate one stays inside it. BSF and BSR of zero set ZF and keep the destination, which software relies
 * on. Undefined flags are as recorded from an Intel core: cleared, and PF of BSF and BSR follows the position.
 */
import type { Algebra, Condition, OperandRef, Semantics, Value, Width } from "./Algebra.ts";
import { binary, mixed, unary } from "./shapes.ts";

type Change = <W extends Width>(x: Algebra, a: Value<W>, mask: Value<W>) => Value<W>;

const oneAt = <W extends Width>(x: Algebra, width: W, index: Value<8>): Value<W> =>
  x.shiftLeft(x.constant(width, 1), index);

/** Byte offset of the unit of `width` bits that a signed bit offset falls into. */
function unitOffset<W extends Width>(x: Algebra, bitOffset: Value<W>): Value<64> {
  const width = bitOffset.width;
  const unitShift = width === 16 ? 4 : width === 32 ? 5 : 6;
  const units = x.shiftRightSigned(x.signExtend(bitOffset, 64), x.constant(8, unitShift));
  return x.shiftLeft(units, x.constant(8, unitShift - 3));
}

function bitInMemoryString(
  x: Algebra,
  memory: OperandRef<Width>,
  bitOffset: Value<Width>,
  index: Value<8>,
  change: Change | undefined,
): Condition {
  const width = memory.width;
  const offset = unitOffset(x, bitOffset);
  if (!change) return x.bit(x.readAt(memory, offset, width), index);
  const a = x.readForWriteAt(memory, offset, width);
  const tested = x.bit(a, index);
  x.writeAt(memory, offset, change(x, a, oneAt(x, width, index)));
  return tested;
}

const bitTest = (change?: Change): Semantics =>
  mixed((x, operand, position) => {
    const bitOffset = x.read(position);
    const index = x.and(x.truncate(bitOffset, 8), x.constant(8, operand.width - 1));
    if (operand.kind === "memory" && position.kind === "register") {
      x.setFlag("CF", bitInMemoryString(x, operand, bitOffset, index, change));
      return;
    }
    const a = change ? x.readForWrite(operand) : x.read(operand);
    const tested = x.bit(a, index);
    if (change) x.write(operand, change(x, a, oneAt(x, operand.width, index)));
    x.setFlag("CF", tested);
  });

const clearFlags = (x: Algebra, ...names: readonly ("CF" | "PF" | "AF" | "ZF" | "SF" | "OF")[]): void => {
  for (const name of names) x.setFlag(name, x.constantCondition(false));
};

const bitScan = (position: <W extends Width>(x: Algebra, a: Value<W>) => Value<W>): Semantics =>
  binary((x, destination, source) => {
    const a = x.read(source);
    const none = x.isZero(a);
    const result = x.select(none, a, position(x, a));
    x.when(x.not2(none), () => x.write(destination, result));
    x.flagsResult(result, x.constantCondition(false), x.constantCondition(false));
    x.setFlag("ZF", none);
  });

/** LZCNT, TZCNT: a zero source counts its whole width and sets CF. */
const zeroCount = (count: <W extends Width>(x: Algebra, a: Value<W>) => Value<W>): Semantics =>
  binary((x, destination, source) => {
    const a = x.read(source);
    const result = x.select(x.isZero(a), x.constant(destination.width, destination.width), count(x, a));
    x.write(destination, result);
    clearFlags(x, "PF", "AF", "SF", "OF");
    x.setFlag("CF", x.isZero(a));
    x.setFlag("ZF", x.isZero(result));
  });

export function swapBytes<W extends Width>(x: Algebra, a: Value<W>): Value<W> {
  const bytes = a.width / 8;
  let result = x.constant(a.width, 0);
  for (let byte = 0; byte < bytes; byte++) {
    const alone = x.and(x.shiftRight(a, x.constant(8, 8 * byte)), x.constant(a.width, 0xff));
    result = x.or(result, x.shiftLeft(alone, x.constant(8, 8 * (bytes - 1 - byte))));
  }
  return result;
}

export const bits = {
  BT: bitTest(),
  BTS: bitTest((x, a, mask) => x.or(a, mask)),
  BTR: bitTest((x, a, mask) => x.and(a, x.not(mask))),
  BTC: bitTest((x, a, mask) => x.xor(a, mask)),
  BSF: bitScan((x, a) => x.countTrailingZeros(a)),
  BSR: bitScan((x, a) => x.sub(x.constant(a.width, a.width - 1), x.countLeadingZeros(a))),
  LZCNT: zeroCount((x, a) => x.countLeadingZeros(a)),
  TZCNT: zeroCount((x, a) => x.countTrailingZeros(a)),
  POPCNT: binary((x, destination, source) => {
    const a = x.read(source);
    x.write(destination, x.popCount(a));
    clearFlags(x, "CF", "PF", "AF", "SF", "OF");
    x.setFlag("ZF", x.isZero(a));
  }),
  /** Undefined for 16 bits, where processors give zero. */
  BSWAP: unary((x, register) =>
    x.write(register, register.width === 16 ? x.constant(register.width, 0) : swapBytes(x, x.read(register))),
  ),
} satisfies Record<string, Semantics>;
