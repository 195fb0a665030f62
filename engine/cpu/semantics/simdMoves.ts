/**
 * Moves between vector registers, general registers and memory (Intel SDM vol. 2), EMMS, and the MXCSR instructions. Non-temporal stores are
 * plain ones: there is no cache to spare.
 */
import type { Algebra, OperandRef, Semantics, Width } from "./Algebra.ts";
import type { Vector, VectorBytes } from "./VectorAlgebra.ts";
import { isMmx, isPair, mergeLow, packed, sourcesOf, writeMmx, zeroVector } from "./vectorShapes.ts";

/** A whole register; aligned memory where the instruction wants it. */
const move =
  (aligned: boolean): Semantics =>
  (x, [destination, source]) => {
    const v = x.vector;
    const bytes = isPair(destination!) ? 32 : 16;
    if (aligned) for (const operand of [destination!, source!]) v.requireAligned(operand, bytes);
    if (bytes === 32) v.writePair(destination!, v.readPair(source!));
    else v.write(destination!, v.read(source!, 16, true), 16, true);
  };

/** MOVSS, MOVSD: between registers only the low float moves; a load clears the rest. With VEX the rest comes from a third register. */
const moveScalar =
  (bytes: 4 | 8): Semantics =>
  (x, [destination, source, third]) => {
    const value = x.vector.read(third ?? source!, bytes);
    if (third) {
      x.vector.write(destination!, mergeLow(x.vector, x.vector.read(source!, 16), value, bytes), 16);
      return;
    }
    const merges = destination!.kind === "register" && source!.kind === "register";
    if (merges) x.vector.writeLow(destination!, value, bytes);
    else x.vector.write(destination!, value, bytes);
  };

/** A general register or memory into a vector register, zeros above. */
function fromGeneral(x: Algebra, source: OperandRef<Width>): Vector {
  return x.vector.replace(zeroVector(x.vector), 0, x.read(source));
}

const low = [0, 1, 2, 3, 4, 5, 6, 7];
const high = [8, 9, 10, 11, 12, 13, 14, 15];
const ofSecond = (bytes: readonly number[]): number[] => bytes.map((byte) => byte + 16);

/** One half of the destination from eight bytes of memory or one half of another register. */
const mergeHalf =
  (lanes: readonly number[], sourceBytes: VectorBytes): Semantics =>
  (x, operands) => {
    const { destination, first, second } = sourcesOf(operands);
    const b = x.vector.read(second, sourceBytes);
    const a = x.vector.read(first, 16);
    x.vector.write(destination, x.vector.shuffle(a, b, lanes), 16);
  };

const storeHalf =
  (half: 0 | 1): Semantics =>
  (x, [destination, source]) =>
    x.vector.write(destination!, x.vector.splat(x.vector.extract(64, x.vector.read(source!, 16), half)), 8);

/** Bytes whose mask byte has its top bit set go to memory; the first fault decides. */
const maskedStore: Semantics = (x, [memory, value, mask]) => {
  if (isMmx(value!)) x.helper("mmxEnter");
  const bytes = isMmx(value!) ? 8 : 16;
  const data = x.vector.read(value!, bytes);
  const signs = x.vector.signBits(8, x.vector.read(mask!, bytes));
  x.effectiveAddress(memory!); // computed where it is always reached
  for (let byte = 0; byte < bytes; byte++) {
    x.when(x.bit(signs, byte), () => x.writeAt(memory!, byte, x.vector.extract(8, data, byte)));
  }
  if (isMmx(value!)) x.helper("mmxUsed");
};

const reservedMxcsr = 0xffff_0000;

export const simdMoves = {
  MOVAPS: move(true),
  MOVUPS: move(false),
  MOVSS: moveScalar(4),
  MOVSD: moveScalar(8),
  /** MMX register to and from MMX register or memory. */
  MOVQ_MMX: (x, [destination, source]) => {
    x.helper("mmxEnter");
    const value = x.vector.read(source!, 8);
    if (destination!.kind === "register") writeMmx(x, destination!, value);
    else {
      x.helper("mmxStore");
      x.vector.write(destination!, value, 8);
      x.helper("mmxUsed");
    }
  },
  /** Low half of an XMM register to and from XMM register or memory; a register's upper half is cleared. */
  MOVQ_XMM: (x, [destination, source]) => {
    const value = x.vector.extract(64, x.vector.read(source!, 8), 0);
    if (destination!.kind === "memory") x.vector.write(destination!, x.vector.splat(value), 8);
    else x.vector.write(destination!, x.vector.replace(zeroVector(x.vector), 0, value), 16);
  },
  MOVD_TO_MMX: (x, [destination, source]) => {
    x.helper("mmxEnter");
    writeMmx(x, destination!, fromGeneral(x, source!));
  },
  MOVD_FROM_MMX: (x, [destination, source]) => {
    x.helper("mmxEnter");
    const value = x.vector.extract(destination!.width, x.vector.read(source!, 8), 0);
    x.helper("mmxStore");
    x.write(destination!, value);
    x.helper("mmxUsed");
  },
  MOVD_TO_XMM: (x, [destination, source]) => x.vector.write(destination!, fromGeneral(x, source!), 16),
  MOVD_FROM_XMM: (x, [destination, source]) =>
    x.write(destination!, x.vector.extract(destination!.width, x.vector.read(source!, 16), 0)),
  MOVQ2DQ: (x, [destination, source]) => {
    x.helper("mmxEnter");
    x.vector.write(destination!, x.vector.read(source!, 8), 16);
    x.helper("mmxUsed");
  },
  MOVDQ2Q: (x, [destination, source]) => {
    x.helper("mmxEnter");
    writeMmx(x, destination!, x.vector.read(source!, 16));
  },
  MOVLPS_LOAD: mergeHalf([...ofSecond(low), ...high], 8),
  MOVHPS_LOAD: mergeHalf([...low, ...ofSecond(low)], 8),
  MOVHLPS: mergeHalf([...ofSecond(high), ...high], 16),
  MOVLHPS: mergeHalf([...low, ...ofSecond(low)], 16),
  MOVLPS_STORE: storeHalf(0),
  MOVHPS_STORE: storeHalf(1),
  UNPCKLPS: packed((v, a, b) => v.shuffle(a, b, [0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23])),
  UNPCKHPS: packed((v, a, b) => v.shuffle(a, b, [8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31])),
  UNPCKLPD: packed((v, a, b) => v.shuffle(a, b, [...low, ...ofSecond(low)])),
  UNPCKHPD: packed((v, a, b) => v.shuffle(a, b, [...high, ...ofSecond(high)])),
  MASKMOV: maskedStore,
  EMMS: (x) => {
    x.helper("mmxEnter");
    x.helper("fpuEmms");
  },
  LDMXCSR: (x, [source]) => {
    const value = x.truncate(x.read(source!), 32);
    x.when(x.not2(x.isZero(x.and(value, x.constant(32, reservedMxcsr)))), () => x.raise(13, 0));
    x.vector.writeMxcsr(value);
  },
  STMXCSR: (x, [destination]) => x.write(destination!, x.zeroExtend(x.vector.readMxcsr(), destination!.width)),
} satisfies Record<string, Semantics>;
