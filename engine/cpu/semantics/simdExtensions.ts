/**
 * Integer arithmetic that SSE4.1 and SSE4.2 added (Intel SDM vol. 2): wider minima, maxima, products and comparisons, sign and zero extension, and
 * the two searches that a helper does.
 */
import type { Semantics } from "./Algebra.ts";
import type { Vector, VectorAlgebra, VectorBytes, VectorUnary } from "./VectorAlgebra.ts";
import { isPair, packed, packedBinary, packedHalves } from "./vectorShapes.ts";

const evenDoubles = [0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11];

/** Signed products of the even double words. */
const multiplyEvenSigned: Semantics = packed((v, a, b) =>
  v.binary("i64x2ExtmulLowI32x4S", v.shuffle(a, a, evenDoubles), v.shuffle(b, b, evenDoubles)),
);

type Step = 1 | 2 | 4;
const steps = { 1: "i16x8ExtendLowI8x16", 2: "i32x4ExtendLowI16x8", 4: "i64x2ExtendLowI32x4" } as const;

/** Lanes of `from` bytes at the bottom become lanes of `to` bytes. */
function extended(v: VectorAlgebra, value: Vector, from: Step, to: number, kind: "S" | "U"): Vector {
  const name: VectorUnary = `${steps[from]}${kind}`;
  const wider = v.unary(name, value);
  return from * 2 === to ? wider : extended(v, wider, (from * 2) as Step, to, kind);
}

/** The source is as much narrower than the destination as its lanes are. */
const extend =
  (from: Step, to: 2 | 4 | 8, kind: "S" | "U"): Semantics =>
  (x, [destination, source]) => {
    const v = x.vector;
    const perHalf = (16 * from) / to;
    const wide = isPair(destination!);
    const value = v.read(source!, ((wide ? 2 : 1) * perHalf) as VectorBytes, true);
    const low = extended(v, value, from, to, kind);
    if (!wide) {
      v.write(destination!, low, 16);
      return;
    }
    const upper = v.shuffle(
      value,
      value,
      Array.from({ length: 16 }, (_, i) => (i + perHalf) % 16),
    );
    v.writePair(destination!, [low, extended(v, upper, from, to, kind)]);
  };

export const simdExtensions = {
  PMULLD: packedBinary("i32x4Mul"),
  PMULDQ: multiplyEvenSigned,
  PCMPEQQ: packedBinary("i64x2Eq"),
  PCMPGTQ: packedBinary("i64x2GtS"),
  PACKUSDW: packedBinary("i16x8NarrowI32x4U"),
  PMINSB: packedBinary("i8x16MinS"),
  PMINSD: packedBinary("i32x4MinS"),
  PMINUW: packedBinary("i16x8MinU"),
  PMINUD: packedBinary("i32x4MinU"),
  PMAXSB: packedBinary("i8x16MaxS"),
  PMAXSD: packedBinary("i32x4MaxS"),
  PMAXUW: packedBinary("i16x8MaxU"),
  PMAXUD: packedBinary("i32x4MaxU"),
  PHMINPOSUW: packed((v, _a, b) => v.helper("smallestWord", b)),
  /** Bits 0 to 2 of the immediate are for the lower half, 3 to 5 for the upper one. */
  MPSADBW: packedHalves((v, a, b, x, control, half) =>
    v.helper("slidingDifferences", a, b, x.shiftRight(control, x.constant(8, 3 * half))),
  ),
  PMOVSXBW: extend(1, 2, "S"),
  PMOVSXBD: extend(1, 4, "S"),
  PMOVSXBQ: extend(1, 8, "S"),
  PMOVSXWD: extend(2, 4, "S"),
  PMOVSXWQ: extend(2, 8, "S"),
  PMOVSXDQ: extend(4, 8, "S"),
  PMOVZXBW: extend(1, 2, "U"),
  PMOVZXBD: extend(1, 4, "U"),
  PMOVZXBQ: extend(1, 8, "U"),
  PMOVZXWD: extend(2, 4, "U"),
  PMOVZXWQ: extend(2, 8, "U"),
  PMOVZXDQ: extend(4, 8, "U"),
} satisfies Record<string, Semantics>;
