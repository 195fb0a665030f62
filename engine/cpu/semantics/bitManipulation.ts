/**
 * The bit-field instructions of BMI1 and BMI2, additions with one carry chain each (ADX), MOVBE and CRC32 (Intel SDM vol. 2). Flags that the manual
 * leaves undefined are as recorded from Intel cores: AF and PF are cleared, and SF of BEXTR. MULX, the shifts without flags and PDEP, PEXT touch none.
 */
import type { Algebra, Condition, FlagName, OperandRef, Semantics, Value, Width } from "./Algebra.ts";
import { swapBytes } from "./bits.ts";
import { binary, mixed } from "./shapes.ts";

type Operation3 = <W extends Width>(
  x: Algebra,
  destination: OperandRef<W>,
  first: OperandRef<W>,
  second: OperandRef<W>,
) => void;

/** Three operands of one width. */
const ternary =
  (operation: Operation3): Semantics =>
  (x, [destination, first, second]) => {
    if (destination!.width !== first!.width || first!.width !== second!.width) {
      throw new Error("Operands of different widths where all three must be equal");
    }
    operation(x, destination!, first!, second!);
  };

const never = (x: Algebra) => x.constantCondition(false);

function setFlags<W extends Width>(x: Algebra, result: Value<W>, carry: Condition): void {
  x.flagsResult(result, carry, never(x));
  x.setFlag("PF", never(x));
}

/** A count as wide as shifts take it, modulo the width. */
const countOf = (x: Algebra, value: Value<Width>): Value<8> =>
  x.and(x.truncate(value, 8), x.constant(8, value.width - 1));

/** All ones below bit `count`, for a count less than the width. */
const onesBelow = <W extends Width>(x: Algebra, width: W, count: Value<8>): Value<W> =>
  x.sub(x.shiftLeft(x.constant(width, 1), count), x.constant(width, 1));

/** The value, with everything from bit `count` (0..255) on cleared. */
function keepLow<W extends Width>(x: Algebra, value: Value<W>, count: Value<8>): Value<W> {
  const mask = onesBelow(x, value.width, x.and(count, x.constant(8, value.width - 1)));
  return x.select(x.lessU(count, x.constant(8, value.width)), x.and(value, mask), value);
}

const shiftWithoutFlags = (shift: <W extends Width>(x: Algebra, a: Value<W>, count: Value<8>) => Value<W>): Semantics =>
  ternary((x, destination, source, count) => x.write(destination, shift(x, x.read(source), countOf(x, x.read(count)))));

/** BLSR, BLSMSK, BLSI: what they make of a source, and when CF is set. */
const lowestBit = (
  compute: <W extends Width>(x: Algebra, a: Value<W>) => Value<W>,
  carryWhenZero: boolean,
): Semantics =>
  binary((x, destination, source) => {
    const a = x.read(source);
    const result = compute(x, a);
    x.write(destination, result);
    const zero = x.isZero(a);
    setFlags(x, result, carryWhenZero ? zero : x.not2(zero));
  });

const minusOne = <W extends Width>(x: Algebra, a: Value<W>): Value<W> => x.sub(a, x.constant(a.width, 1));

/** Adds with its own carry flag and leaves all others alone. */
const addWithFlag = (flag: FlagName): Semantics =>
  binary((x, destination, source) => {
    const b = x.read(source);
    const a = x.read(destination);
    const carry = x.getFlag(flag);
    const sum = x.add(a, b);
    const result = x.add(sum, x.fromCondition(carry, a.width));
    x.write(destination, result);
    x.setFlag(flag, x.or2(x.lessU(sum, a), x.lessU(result, sum)));
  });

const moveBits = (helper: "depositBits" | "extractBits"): Semantics =>
  ternary((x, destination, source, mask) => {
    const result = x.helper(helper, x.zeroExtend(x.read(source), 64), x.zeroExtend(x.read(mask), 64));
    x.write(destination, x.truncate(result, destination.width));
  });

/** RDX times the source; the high half wins where both go to one register. */
const multiplyWithoutFlags: Semantics = ternary((x, high, low, source) => {
  const a = x.readRegister(high.width, 2);
  const b = x.read(source);
  if (high.width === 64) {
    const upper = x.helper("mulHighU", x.zeroExtend(a, 64), x.zeroExtend(b, 64));
    x.write(low, x.mul(a, b));
    x.write(high, x.truncate(upper, high.width));
    return;
  }
  const product = x.mul(x.zeroExtend(a, 64), x.zeroExtend(b, 64));
  x.write(low, x.truncate(product, low.width));
  x.write(high, x.truncate(x.shiftRight(product, x.constant(8, 32)), high.width));
});

export const bitManipulation = {
  ANDN: ternary((x, destination, first, second) => {
    const b = x.read(second);
    const result = x.and(x.not(x.read(first)), b);
    x.write(destination, result);
    setFlags(x, result, never(x));
  }),
  /** Start in the low byte of the last operand, length in the next. */
  BEXTR: ternary((x, destination, source, control) => {
    const a = x.read(source);
    const fields = x.read(control);
    const start = x.truncate(fields, 8);
    const length = x.truncate(x.shiftRight(fields, x.constant(8, 8)), 8);
    const width = destination.width;
    const inside = x.lessU(start, x.constant(8, width));
    const moved = x.select(inside, x.shiftRight(a, countOf(x, fields)), x.constant(width, 0));
    const result = keepLow(x, moved, length);
    x.write(destination, result);
    setFlags(x, result, never(x));
    x.setFlag("SF", never(x));
  }),
  BLSR: lowestBit((x, a) => x.and(minusOne(x, a), a), true),
  BLSMSK: lowestBit((x, a) => x.xor(minusOne(x, a), a), true),
  BLSI: lowestBit((x, a) => x.and(x.neg(a), a), false),
  BZHI: ternary((x, destination, source, control) => {
    const a = x.read(source);
    const count = x.truncate(x.read(control), 8);
    const result = keepLow(x, a, count);
    x.write(destination, result);
    setFlags(x, result, x.not2(x.lessU(count, x.constant(8, a.width))));
  }),
  MULX: multiplyWithoutFlags,
  PDEP: moveBits("depositBits"),
  PEXT: moveBits("extractBits"),
  RORX: (x, [destination, source, count]) => {
    const result = x.rotateRight(x.read(source!), x.truncate(x.recordConstant(count!), 8));
    x.write(destination!, x.truncate(result, destination!.width));
  },
  SARX: shiftWithoutFlags((x, a, count) => x.shiftRightSigned(a, count)),
  SHRX: shiftWithoutFlags((x, a, count) => x.shiftRight(a, count)),
  SHLX: shiftWithoutFlags((x, a, count) => x.shiftLeft(a, count)),
  ADCX: addWithFlag("CF"),
  ADOX: addWithFlag("OF"),
  MOVBE: binary((x, destination, source) => x.write(destination, swapBytes(x, x.read(source)))),
  CRC32: mixed((x, destination, source) => {
    const value = x.zeroExtend(x.read(source), 64);
    const crc = x.truncate(x.read(destination), 32);
    x.write(destination, x.zeroExtend(x.helper("crc32", crc, value, source.width / 8), destination.width));
  }),
} satisfies Record<string, Semantics>;
