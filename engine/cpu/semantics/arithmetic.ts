/**
 * Addition, subtraction, logic, and the atomic read-modify-write instructions (Intel SDM vol. 2). Flags are set after the result is
 * written, since the write is the last thing that may fault. CMPXCHG and its double-width forms always write a destination in memory,
 * with the old value when the comparison fails, as the bus cycle of the real ones does.
 */
import type { Algebra, Semantics, Value, Width } from "./Algebra.ts";
import { binary, unary } from "./shapes.ts";

const carryIn = <W extends Width>(x: Algebra, width: W): Value<W> => x.fromCondition(x.getFlag("CF"), width);

const logic = (compute: <W extends Width>(x: Algebra, a: Value<W>, b: Value<W>) => Value<W>): Semantics =>
  binary((x, destination, source) => {
    const b = x.read(source);
    const result = compute(x, x.readForWrite(destination), b);
    x.write(destination, result);
    x.flagsLogic(result);
  });

/** high:low of implied 32- or 64-bit registers as they are compared and stored by CMPXCHG8B. */
const joined = (x: Algebra, high: number, low: number): Value<64> =>
  x.or(
    x.shiftLeft(x.zeroExtend(x.readRegister(32, high), 64), x.constant(8, 32)),
    x.zeroExtend(x.readRegister(32, low), 64),
  );

export const arithmetic = {
  ADD: binary((x, destination, source) => {
    const b = x.read(source);
    const a = x.readForWrite(destination);
    const result = x.add(a, b);
    x.write(destination, result);
    x.flagsAdd(a, b, result);
  }),
  ADC: binary((x, destination, source) => {
    const b = x.read(source);
    const a = x.readForWrite(destination);
    const result = x.add(x.add(a, b), carryIn(x, destination.width));
    x.write(destination, result);
    x.flagsAdd(a, b, result);
  }),
  SUB: binary((x, destination, source) => {
    const b = x.read(source);
    const a = x.readForWrite(destination);
    const result = x.sub(a, b);
    x.write(destination, result);
    x.flagsSub(a, b, result);
  }),
  SBB: binary((x, destination, source) => {
    const b = x.read(source);
    const a = x.readForWrite(destination);
    const result = x.sub(x.sub(a, b), carryIn(x, destination.width));
    x.write(destination, result);
    x.flagsSub(a, b, result);
  }),
  CMP: binary((x, left, right) => {
    const a = x.read(left);
    const b = x.read(right);
    x.flagsSub(a, b, x.sub(a, b));
  }),
  AND: logic((x, a, b) => x.and(a, b)),
  OR: logic((x, a, b) => x.or(a, b)),
  XOR: logic((x, a, b) => x.xor(a, b)),
  TEST: binary((x, left, right) => x.flagsLogic(x.and(x.read(left), x.read(right)))),
  NOT: unary((x, destination) => x.write(destination, x.not(x.readForWrite(destination)))),
  NEG: unary((x, destination) => {
    const a = x.readForWrite(destination);
    const result = x.neg(a);
    x.write(destination, result);
    x.flagsSub(x.constant(destination.width, 0), a, result);
  }),
  INC: unary((x, destination) => {
    const a = x.readForWrite(destination);
    const one = x.constant(destination.width, 1);
    const result = x.add(a, one);
    x.write(destination, result);
    x.flagsAddKeepCarry(a, one, result);
  }),
  DEC: unary((x, destination) => {
    const a = x.readForWrite(destination);
    const one = x.constant(destination.width, 1);
    const result = x.sub(a, one);
    x.write(destination, result);
    x.flagsSubKeepCarry(a, one, result);
  }),
  /** The source is written first: XADD of a register with itself leaves the sum. */
  XADD: binary((x, destination, source) => {
    const b = x.read(source);
    const a = x.readForWrite(destination);
    const result = x.add(a, b);
    x.write(source, a);
    x.write(destination, result);
    x.flagsAdd(a, b, result);
  }),
  CMPXCHG: binary((x, destination, source) => {
    const replacement = x.read(source);
    const expected = x.readRegister(destination.width, 0);
    const a = x.readForWrite(destination);
    const same = x.equal(expected, a);
    if (destination.kind === "memory") {
      x.write(destination, x.select(same, replacement, a));
      x.when(x.not2(same), () => x.writeRegister(destination.width, 0, a));
    } else {
      x.when(
        same,
        () => x.write(destination, replacement),
        () => x.writeRegister(destination.width, 0, a),
      );
    }
    x.flagsSub(expected, a, x.sub(expected, a));
  }),
  CMPXCHG8B: (x, [memory]) => {
    const a = x.readForWriteAt(memory!, 0, 64);
    const same = x.equal(joined(x, 2, 0), a);
    x.writeAt(memory!, 0, x.select(same, joined(x, 1, 3), a));
    x.when(x.not2(same), () => {
      x.writeRegister(32, 0, x.truncate(a, 32));
      x.writeRegister(32, 2, x.truncate(x.shiftRight(a, x.constant(8, 32)), 32));
    });
    x.setFlag("ZF", same);
  },
  CMPXCHG16B: (x, [memory]) => {
    const aligned = x.and(x.linearAddress(memory!, 16), x.constant(64, 15));
    x.when(x.not2(x.isZero(aligned)), () => x.raise(13, 0));
    const low = x.readForWriteAt(memory!, 0, 64);
    const high = x.readForWriteAt(memory!, 8, 64);
    const same = x.and2(x.equal(x.readRegister(64, 0), low), x.equal(x.readRegister(64, 2), high));
    x.writeAt(memory!, 0, x.select(same, x.readRegister(64, 3), low));
    x.writeAt(memory!, 8, x.select(same, x.readRegister(64, 1), high));
    x.when(x.not2(same), () => {
      x.writeRegister(64, 0, low);
      x.writeRegister(64, 2, high);
    });
    x.setFlag("ZF", same);
  },
} satisfies Record<string, Semantics>;
