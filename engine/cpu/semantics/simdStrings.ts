/**
 * The string comparisons of SSE4.2 (Intel SDM vol. 2, 4.1). Lengths are in EAX and EDX (RAX and RDX with REX.W) or end at the first zero; the
 * outcome is an index in ECX or a mask in XMM0, and flags. Memory need not be aligned. Lengths beyond the vector count as its size.
 */
import type { Algebra, Condition, OperandRef, Semantics, Value, Width } from "./Algebra.ts";
import type { Vector } from "./VectorAlgebra.ts";

const [rax, rcx, rdx] = [0, 1, 2];

interface Compared {
  readonly bits: Value<32>;
  readonly control: Value<32>;
}

const wordSized = (x: Algebra, control: Value<32>): Condition => x.bit(control, 0);
const elements = (x: Algebra, control: Value<32>): Value<64> =>
  x.select(wordSized(x, control), x.constant(64, 8), x.constant(64, 16));

function explicitLength(x: Algebra, register: number): Value<64> {
  return x.operandSize === 64 ? x.readRegister(64, register) : x.signExtend(x.readRegister(32, register), 64);
}

function implicitLength(x: Algebra, text: Vector, control: Value<32>): Value<64> {
  return x.zeroExtend(x.vector.helperValue("stringLength", text, control), 64);
}

/** Shorter than the vector, whatever the sign. */
function isShort(x: Algebra, length: Value<64>, control: Value<32>): Condition {
  const size = x.select(x.isNegative(length), x.neg(length), length);
  return x.lessU(size, elements(x, control));
}

function compare(x: Algebra, [left, right, immediate]: readonly OperandRef<Width>[], explicit: boolean): Compared {
  const v = x.vector;
  const control = x.recordConstant(immediate!);
  const b = v.read(right!, 16, true);
  const a = v.read(left!, 16);
  const lengthA = explicit ? explicitLength(x, rax) : implicitLength(x, a, control);
  const lengthB = explicit ? explicitLength(x, rdx) : implicitLength(x, b, control);
  const bits = v.helperValue("compareStrings", a, b, lengthA, lengthB, control);
  x.setFlag("CF", x.not2(x.isZero(bits)));
  x.setFlag("ZF", isShort(x, lengthB, control));
  x.setFlag("SF", isShort(x, lengthA, control));
  x.setFlag("OF", x.bit(bits, 0));
  for (const flag of ["AF", "PF"] as const) x.setFlag(flag, x.constantCondition(false));
  return { bits, control };
}

/** The lowest or highest place, or the number of elements when there is none. */
const index =
  (explicit: boolean): Semantics =>
  (x, operands) => {
    const { bits, control } = compare(x, operands, explicit);
    const lowest = x.countTrailingZeros(bits);
    const highest = x.sub(x.constant(32, 31), x.countLeadingZeros(bits));
    const found = x.select(x.bit(control, 6), highest, lowest);
    x.writeRegister(32, rcx!, x.select(x.isZero(bits), x.truncate(elements(x, control), 32), found));
  };

/** The first operand is XMM0, where the mask goes. */
const mask =
  (explicit: boolean): Semantics =>
  (x, [destination, ...operands]) => {
    const { bits, control } = compare(x, operands, explicit);
    x.vector.write(destination!, x.vector.helper("expandMask", bits, control), 16);
  };

export const simdStrings = {
  PCMPESTRI: index(true),
  PCMPISTRI: index(false),
  PCMPESTRM: mask(true),
  PCMPISTRM: mask(false),
} satisfies Record<string, Semantics>;
