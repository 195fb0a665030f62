/**
 * Integer arithmetic of MMX and SSE2 (Intel SDM vol. 2): one semantics for both, since an MMX operand is the low half of a vector. Only what
 * mixes lanes across the middle (packing, unpacking the upper half, sums) has to know how wide the operand is.
 */
import type { Algebra, OperandRef, Semantics, Value, Width } from "./Algebra.ts";
import type { Vector, VectorAlgebra, VectorShift } from "./VectorAlgebra.ts";
import {
  interleaved,
  isMmx,
  isPair,
  packed,
  packedBinary,
  packedHalves,
  repeated,
  sourcesOf,
  wholeBytes,
  writeWhole,
  zeroVector,
} from "./vectorShapes.ts";

type Narrow = "i8x16NarrowI16x8S" | "i8x16NarrowI16x8U" | "i16x8NarrowI32x4S";

/** MMX packs the two low halves; both halves of the result are the same then and the lower one counts. */
const pack =
  (name: Narrow): Semantics =>
  (x, operands) => {
    const lowHalves = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];
    const mmx = isMmx(operands[0]!);
    packed((v, a, b) => {
      if (!mmx) return v.binary(name, a, b);
      const both = v.shuffle(a, b, lowHalves);
      return v.binary(name, both, both);
    })(x, operands);
  };

const unpackLow = (laneBytes: number): Semantics => packed((v, a, b) => v.shuffle(a, b, interleaved(laneBytes, 0)));

const unpackHigh =
  (laneBytes: number): Semantics =>
  (x, operands) => {
    const first = wholeBytes(operands[0]!) / 2 / laneBytes;
    packed((v, a, b) => v.shuffle(a, b, interleaved(laneBytes, first)))(x, operands);
  };

/** Upper 16 bits of all products. */
const multiplyHigh = (sign: "S" | "U"): Semantics =>
  packed((v, a, b) => {
    const low = v.binary(`i32x4ExtmulLowI16x8${sign}`, a, b);
    const high = v.binary(`i32x4ExtmulHighI16x8${sign}`, a, b);
    return v.shuffle(low, high, [2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31]);
  });

/** Products of the even double words. */
const multiplyEven: Semantics = packed((v, a, b) => {
  const even = [0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11];
  return v.binary("i64x2ExtmulLowI32x4U", v.shuffle(a, a, even), v.shuffle(b, b, even));
});

/** Sums of absolute byte differences, one for each eight bytes. */
const sumOfDifferences: Semantics = packed((v, a, b, x) => {
  const difference = v.binary("v128Or", v.binary("i8x16SubSatU", a, b), v.binary("i8x16SubSatU", b, a));
  const words = v.unary("i16x8ExtaddPairwiseI8x16U", difference);
  const doubles = v.unary("i32x4ExtaddPairwiseI16x8U", words);
  const upper = v.shift("i64x2ShrU", doubles, x.constant(32, 32));
  return v.binary("i64x2Add", upper, v.binary("v128And", doubles, repeated(v, 8, 0xffff_ffffn)));
});

/** A count beyond the lane's width shifts everything out; arithmetic right shifts leave the sign. */
function shifted(x: Algebra, name: VectorShift, laneWidth: number, a: Vector, count: Value<64>): Vector {
  const last = x.constant(64, laneWidth - 1);
  const tooFar = x.lessU(last, count);
  if (name.endsWith("ShrS")) return x.vector.shift(name, a, x.truncate(x.select(tooFar, last, count), 32));
  return x.vector.select(tooFar, zeroVector(x.vector), x.vector.shift(name, a, x.truncate(count, 32)));
}

/** The count is an immediate byte, or the low 64 bits of the source: 128 bits of it are read whatever the destination. */
const shiftLanes =
  (name: VectorShift, laneWidth: number): Semantics =>
  (x, operands) => {
    const { destination, first, second, immediate } = sourcesOf(operands);
    const v = x.vector;
    if (isMmx(destination)) x.helper("mmxEnter");
    const count = immediate
      ? x.zeroExtend(x.recordConstant(immediate), 64)
      : v.extract(64, v.read(second, wholeBytes(destination)), 0);
    const source = immediate ? second : first;
    if (isPair(destination)) {
      const [low, high] = v.readPair(source);
      v.writePair(destination, [shifted(x, name, laneWidth, low, count), shifted(x, name, laneWidth, high, count)]);
    } else writeWhole(x, destination, shifted(x, name, laneWidth, v.read(source, wholeBytes(destination)), count));
  };

/** Byte shifts of each 128 bits: an index out of range picks a zero. */
const shiftBytes = (direction: 1 | -1): Semantics =>
  packedHalves((v, _a, b, x, wanted) => {
    const limit = x.constant(32, 16);
    const places = x.truncate(x.select(x.lessU(limit, wanted), limit, wanted), 8);
    const identity = v.constant(Array.from({ length: 16 }, (_, i) => i));
    const control = v.binary(direction > 0 ? "i8x16Add" : "i8x16Sub", identity, v.splat(places));
    return v.binary("i8x16Swizzle", b, control);
  });

/** Bits 2n and 2n + 1 of an immediate: which of four lanes goes to place n. */
const selector = (x: Algebra, order: Value<32>, place: number): Value<32> =>
  x.and(x.shiftRight(order, x.constant(8, 2 * place)), x.constant(32, 3));

/** Swizzle control that permutes four lanes of 2 or 4 bytes beginning at `firstByte`; the other bytes stay. */
function permutation(x: Algebra, order: Value<32>, laneBytes: 2 | 4, firstByte: number): Vector {
  let control = x.vector.constant(Array.from({ length: 16 }, (_, i) => i));
  const step = laneBytes === 2 ? 0x0202 : 0x0404_0404;
  const start = (laneBytes === 2 ? 0x0100 : 0x0302_0100) + (step / laneBytes) * firstByte;
  for (let place = 0; place < 4; place++) {
    const bytes = x.add(x.mul(selector(x, order, place), x.constant(32, step)), x.constant(32, start));
    const lane = firstByte / laneBytes + place;
    control =
      laneBytes === 2 ? x.vector.replace(control, lane, x.truncate(bytes, 16)) : x.vector.replace(control, lane, bytes);
  }
  return control;
}

const permute = (laneBytes: 2 | 4, firstByte: number): Semantics =>
  packedHalves((v, _a, b, x, order) => v.binary("i8x16Swizzle", b, permutation(x, order, laneBytes, firstByte)));

/** SHUFPS: two lanes of the first source, then two of the second. */
const shuffleSingles: Semantics = packedHalves((v, a, b, x, order) => {
  const control = permutation(x, order, 4, 0);
  const low = v.binary("i8x16Swizzle", a, control);
  const high = v.binary("i8x16Swizzle", b, control);
  return v.shuffle(low, high, [0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, 31]);
});

/** SHUFPD: two bits of the immediate for each half. */
const shuffleDoubles: Semantics = packedHalves((v, a, b, x, order, half) => {
  const low = x.select(x.bit(order, 2 * half), v.extract(64, a, 1), v.extract(64, a, 0));
  const high = x.select(x.bit(order, 2 * half + 1), v.extract(64, b, 1), v.extract(64, b, 0));
  return v.replace(v.splat(low), 1, high);
});

function lanesOf(operand: OperandRef<Width>): number {
  return wholeBytes(operand) / 2;
}

/** A word from the lane that the immediate names. */
const extractWord: Semantics = (x, [destination, source, lane]) => {
  if (isMmx(source!)) x.helper("mmxEnter");
  const v = x.vector;
  const place = x.and(x.recordConstant(lane!), x.constant(32, lanesOf(source!) - 1));
  const bytes = x.add(x.mul(place, x.constant(32, 0x0202)), x.constant(32, 0x0100));
  const found = v.binary("i8x16Swizzle", v.read(source!, wholeBytes(source!)), v.splat(x.truncate(bytes, 16)));
  const word = v.extract(16, found, 0);
  x.write(destination!, destination!.width > 16 ? x.zeroExtend(word, destination!.width) : word);
  if (isMmx(source!)) x.helper("mmxUsed");
};

/** The last two operands are the word and the lane; with VEX another vector stands before them. */
const insertWord: Semantics = (x, operands) => {
  const { destination, first, second, immediate } = sourcesOf(operands);
  if (isMmx(destination)) x.helper("mmxEnter");
  const v = x.vector;
  const word = x.truncate(x.read(second), 16);
  const place = x.and(x.recordConstant(immediate!), x.constant(32, lanesOf(destination) - 1));
  const numbers = v.constant(Array.from({ length: 16 }, (_, i) => (i & 1 ? 0 : i >> 1)));
  const mask = v.binary("i16x8Eq", numbers, v.splat(x.truncate(place, 16)));
  const a = v.read(first, wholeBytes(destination));
  writeWhole(x, destination, v.bitSelect(mask, v.splat(word), a));
};

const lanesOfWidth = { 8: 16, 32: 4, 64: 2 } as const;

const moveMask =
  (laneWidth: 8 | 32 | 64): Semantics =>
  (x, [destination, source]) => {
    if (isMmx(source!)) x.helper("mmxEnter");
    const v = x.vector;
    let signs: Value<32>;
    if (isPair(source!)) {
      const [low, high] = v.readPair(source!);
      const upper = x.shiftLeft(v.signBits(laneWidth, high), x.constant(8, lanesOfWidth[laneWidth]));
      signs = x.or(v.signBits(laneWidth, low), upper);
    } else signs = v.signBits(laneWidth, v.read(source!, wholeBytes(source!)));
    const counted = isMmx(source!) ? x.and(signs, x.constant(32, 0xff)) : signs;
    x.write(destination!, x.zeroExtend(counted, destination!.width));
    if (isMmx(source!)) x.helper("mmxUsed");
  };

const andNot = (v: VectorAlgebra, a: Vector, b: Vector): Vector => v.binary("v128AndNot", b, a);

export const simdInteger = {
  PADDB: packedBinary("i8x16Add"),
  PADDW: packedBinary("i16x8Add"),
  PADDD: packedBinary("i32x4Add"),
  PADDQ: packedBinary("i64x2Add"),
  PADDSB: packedBinary("i8x16AddSatS"),
  PADDSW: packedBinary("i16x8AddSatS"),
  PADDUSB: packedBinary("i8x16AddSatU"),
  PADDUSW: packedBinary("i16x8AddSatU"),
  PSUBB: packedBinary("i8x16Sub"),
  PSUBW: packedBinary("i16x8Sub"),
  PSUBD: packedBinary("i32x4Sub"),
  PSUBQ: packedBinary("i64x2Sub"),
  PSUBSB: packedBinary("i8x16SubSatS"),
  PSUBSW: packedBinary("i16x8SubSatS"),
  PSUBUSB: packedBinary("i8x16SubSatU"),
  PSUBUSW: packedBinary("i16x8SubSatU"),
  PAVGB: packedBinary("i8x16AvgrU"),
  PAVGW: packedBinary("i16x8AvgrU"),
  PMINUB: packedBinary("i8x16MinU"),
  PMAXUB: packedBinary("i8x16MaxU"),
  PMINSW: packedBinary("i16x8MinS"),
  PMAXSW: packedBinary("i16x8MaxS"),
  PCMPEQB: packedBinary("i8x16Eq"),
  PCMPEQW: packedBinary("i16x8Eq"),
  PCMPEQD: packedBinary("i32x4Eq"),
  PCMPGTB: packedBinary("i8x16GtS"),
  PCMPGTW: packedBinary("i16x8GtS"),
  PCMPGTD: packedBinary("i32x4GtS"),
  PAND: packedBinary("v128And"),
  PANDN: packed(andNot),
  POR: packedBinary("v128Or"),
  PXOR: packedBinary("v128Xor"),
  PMULLW: packedBinary("i16x8Mul"),
  PMULHW: multiplyHigh("S"),
  PMULHUW: multiplyHigh("U"),
  PMULUDQ: multiplyEven,
  PMADDWD: packedBinary("i32x4DotI16x8S"),
  PSADBW: sumOfDifferences,
  PACKSSWB: pack("i8x16NarrowI16x8S"),
  PACKUSWB: pack("i8x16NarrowI16x8U"),
  PACKSSDW: pack("i16x8NarrowI32x4S"),
  PUNPCKLBW: unpackLow(1),
  PUNPCKLWD: unpackLow(2),
  PUNPCKLDQ: unpackLow(4),
  PUNPCKLQDQ: unpackLow(8),
  PUNPCKHBW: unpackHigh(1),
  PUNPCKHWD: unpackHigh(2),
  PUNPCKHDQ: unpackHigh(4),
  PUNPCKHQDQ: unpackHigh(8),
  PSLLW: shiftLanes("i16x8Shl", 16),
  PSLLD: shiftLanes("i32x4Shl", 32),
  PSLLQ: shiftLanes("i64x2Shl", 64),
  PSRLW: shiftLanes("i16x8ShrU", 16),
  PSRLD: shiftLanes("i32x4ShrU", 32),
  PSRLQ: shiftLanes("i64x2ShrU", 64),
  PSRAW: shiftLanes("i16x8ShrS", 16),
  PSRAD: shiftLanes("i32x4ShrS", 32),
  PSLLDQ: shiftBytes(-1),
  PSRLDQ: shiftBytes(1),
  PSHUFW: permute(2, 0),
  PSHUFLW: permute(2, 0),
  PSHUFHW: permute(2, 8),
  PSHUFD: permute(4, 0),
  SHUFPS: shuffleSingles,
  SHUFPD: shuffleDoubles,
  PEXTRW: extractWord,
  PINSRW: insertWord,
  PMOVMSKB: moveMask(8),
  MOVMSKPS: moveMask(32),
  MOVMSKPD: moveMask(64),
} satisfies Record<string, Semantics>;
