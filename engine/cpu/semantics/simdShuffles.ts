/**
 * SSSE3, and the duplications of SSE3 (Intel SDM vol. 2): shuffles by a vector, horizontal sums, signs, alignment. Horizontal operations and PALIGNR
 * have to know how wide an MMX operand is; everything else is the same in each 128 bits.
 */
import type { Semantics } from "./Algebra.ts";
import type { Vector, VectorAlgebra, VectorBinary, VectorUnary } from "./VectorAlgebra.ts";
import { type Compute, isMmx, packed, packedHalves, repeated, wholeBytes } from "./vectorShapes.ts";

const identity = Array.from({ length: 16 }, (_, i) => i);

/** An index with bit 7 set gives zero; otherwise its low bits count. Swizzle gives zero for everything beyond 15. */
const shuffleBytes: Semantics = (x, operands) => {
  const significant = isMmx(operands[0]!) ? 0x87n : 0x8fn;
  packed((v, a, b) => v.binary("i8x16Swizzle", a, v.binary("v128And", b, repeated(v, 1, significant))))(x, operands);
};

/** Every other lane, those of `a` first, then those of `b` as wide as the operand is. */
function everyOther(laneBytes: 2 | 4, bytes: number, parity: 0 | 1): number[] {
  return identity.map((i) => {
    const place = i % bytes;
    const fromSecond = place >= bytes / 2;
    const lane = Math.floor((place % (bytes / 2)) / laneBytes);
    return (fromSecond ? 16 : 0) + (2 * lane + parity) * laneBytes + (i % laneBytes);
  });
}

const horizontal =
  (name: VectorBinary, laneBytes: 2 | 4): Semantics =>
  (x, operands) => {
    const bytes = wholeBytes(operands[0]!);
    packed((v, a, b) => {
      const even = v.shuffle(a, b, everyOther(laneBytes, bytes, 0));
      return v.binary(name, even, v.shuffle(a, b, everyOther(laneBytes, bytes, 1)));
    })(x, operands);
  };

/** Unsigned bytes of the first times signed bytes of the second, neighbours added with saturation. */
const multiplyAddBytes: Compute = (v, a, b, x) => {
  const eight = x.constant(32, 8);
  const even = v.binary(
    "i16x8Mul",
    v.binary("v128And", a, repeated(v, 2, 0xffn)),
    v.shift("i16x8ShrS", v.shift("i16x8Shl", b, eight), eight),
  );
  const odd = v.binary("i16x8Mul", v.shift("i16x8ShrU", a, eight), v.shift("i16x8ShrS", b, eight));
  return v.binary("i16x8AddSatS", even, odd);
};

/** Negated where the second is negative, zero where it is zero. */
const sign = (lanes: "i8x16" | "i16x8" | "i32x4"): Semantics =>
  packed((v, a, b) => {
    const zero = v.constant(identity.map(() => 0));
    const chosen = v.bitSelect(v.binary(`${lanes}LtS`, b, zero), v.unary(`${lanes}Neg`, a), a);
    return v.binary("v128And", chosen, v.binary(`${lanes}Ne`, b, zero));
  });

/** WebAssembly saturates the one product that does not fit; x86 lets it wrap. */
const multiplyHighRounded: Compute = (v, a, b) => {
  const lowest = repeated(v, 2, 0x8000n);
  const both = v.binary("v128And", v.binary("i16x8Eq", a, lowest), v.binary("i16x8Eq", b, lowest));
  return v.binary("v128Xor", v.binary("i16x8Q15mulrSatS", a, b), both);
};

const absolute = (name: VectorUnary): Semantics => packed((v, _a, b) => v.unary(name, b));

/** The first operand above the second, moved right by bytes; nothing but zeros lies above both. */
const align: Semantics = (x, operands) => {
  const mmx = isMmx(operands[0]!);
  packedHalves((v, a, b, algebra, wanted) => {
    const limit = algebra.constant(32, mmx ? 16 : 32);
    const places = algebra.truncate(algebra.select(algebra.lessU(limit, wanted), limit, wanted), 8);
    const control = v.binary("i8x16Add", v.constant(identity), v.splat(places));
    if (mmx) return v.binary("i8x16Swizzle", joinHalves(v, b, a), control);
    const above = v.binary("i8x16Sub", control, repeated(v, 1, 16n));
    return v.binary("v128Or", v.binary("i8x16Swizzle", b, control), v.binary("i8x16Swizzle", a, above));
  })(x, operands);
};

const joinHalves = (v: VectorAlgebra, low: Vector, high: Vector): Vector =>
  v.shuffle(low, high, [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]);

/** Lanes of the source by number. */
const arrange = (lanes: readonly number[]): Semantics => packed((v, _a, b) => v.shuffle(b, b, lanes));

export const simdShuffles = {
  PSHUFB: shuffleBytes,
  PHADDW: horizontal("i16x8Add", 2),
  PHADDD: horizontal("i32x4Add", 4),
  PHADDSW: horizontal("i16x8AddSatS", 2),
  PHSUBW: horizontal("i16x8Sub", 2),
  PHSUBD: horizontal("i32x4Sub", 4),
  PHSUBSW: horizontal("i16x8SubSatS", 2),
  PMADDUBSW: packed(multiplyAddBytes),
  PSIGNB: sign("i8x16"),
  PSIGNW: sign("i16x8"),
  PSIGND: sign("i32x4"),
  PMULHRSW: packed(multiplyHighRounded),
  PABSB: absolute("i8x16Abs"),
  PABSW: absolute("i16x8Abs"),
  PABSD: absolute("i32x4Abs"),
  PALIGNR: align,
  MOVSLDUP: arrange([0, 1, 2, 3, 0, 1, 2, 3, 8, 9, 10, 11, 8, 9, 10, 11]),
  MOVSHDUP: arrange([4, 5, 6, 7, 4, 5, 6, 7, 12, 13, 14, 15, 12, 13, 14, 15]),
  MOVDDUP: arrange([0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7]),
} satisfies Record<string, Semantics>;
