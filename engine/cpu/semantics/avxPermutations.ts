/**
 * Broadcasts, permutations and halves of 256-bit vectors (Intel SDM vol. 2, AVX and AVX2), shifts with a count in each lane, and the clearing of
 * registers. Nothing here rounds or traps: singles and double words are the same.
 */
import type { Algebra, Condition, OperandRef, Semantics, Value, Width } from "./Algebra.ts";
import type { Vector, VectorAlgebra, VectorPair } from "./VectorAlgebra.ts";
import { isPair, packed, packedHalves, repeated, sourcesOf, zeroVector } from "./vectorShapes.ts";

const all = (byte: (index: number) => number): number[] => Array.from({ length: 16 }, (_, i) => byte(i));

/** The whole destination from one vector: both halves of it the same. */
function writeRepeated(x: Algebra, destination: OperandRef<Width>, value: Vector): void {
  if (isPair(destination)) x.vector.writePair(destination, [value, value]);
  else x.vector.write(destination, value, 16);
}

const broadcast =
  (width: 8 | 16 | 32 | 64): Semantics =>
  (x, [destination, source]) => {
    const v = x.vector;
    const lane = source!.kind === "register" ? v.extract(width, v.read(source!, 16), 0) : x.readAt(source!, 0, width);
    writeRepeated(x, destination!, v.splat(lane));
  };

/** Lanes of each 128 bits by the low bits of a control vector: bits 0-1 of singles, bit 1 of doubles. */
const permuteLanes = (laneBytes: 4 | 8): Semantics =>
  packed((v, a, control, x) => {
    const numbers = v.binary("v128And", control, repeated(v, laneBytes, laneBytes === 4 ? 3n : 2n));
    return v.binary("i8x16Swizzle", a, laneStarts(x, numbers, laneBytes));
  });

/** Swizzle control from lane numbers (of singles, or twice those of doubles): the bytes of lane n begin at four times the number. */
function laneStarts(x: Algebra, numbers: Vector, laneBytes: 4 | 8): Vector {
  const v = x.vector;
  const spread = v.shuffle(
    numbers,
    numbers,
    all((i) => i - (i % laneBytes)),
  );
  return v.binary("i8x16Add", v.shift("i16x8Shl", spread, x.constant(32, 2)), v.constant(all((i) => i % laneBytes)));
}

/** VPERMILPD with an immediate: one bit a lane, those of the upper half behind those of the lower one. */
const permuteDoubles: Semantics = packedHalves((v, _a, b, x, order, half) => {
  const pick = (bit: number): Value<64> => x.select(x.bit(order, bit), v.extract(64, b, 1), v.extract(64, b, 0));
  return v.replace(v.splat(pick(2 * half)), 1, pick(2 * half + 1));
});

/** Each half of the destination is one of four halves, or zero. */
const permuteHalves: Semantics = (x, operands) => {
  const { destination, first, second, immediate } = sourcesOf(operands);
  const v = x.vector;
  const order = x.recordConstant(immediate!);
  const b = v.readPair(second);
  const a = v.readPair(first);
  const pick = (place: number): Vector => {
    const high = (pair: VectorPair): Vector => v.select(x.bit(order, place), pair[1], pair[0]);
    const found = v.select(x.bit(order, place + 1), high(b), high(a));
    return v.select(x.bit(order, place + 3), zeroVector(v), found);
  };
  v.writePair(destination, [pick(0), pick(4)]);
};

/** Any of eight double words to each of eight places: those beyond the lower half come from the upper one. */
const permuteDoubleWords: Semantics = (x, operands) => {
  const { destination, first, second } = sourcesOf(operands);
  const v = x.vector;
  const [low, high] = v.readPair(second);
  const order = v.readPair(first);
  const permuted = (control: Vector): Vector => {
    const numbers = v.binary("v128And", control, repeated(v, 4, 7n));
    const starts = laneStarts(x, numbers, 4);
    const above = v.binary("i8x16Sub", starts, repeated(v, 1, 16n));
    return v.binary("v128Or", v.binary("i8x16Swizzle", low, starts), v.binary("i8x16Swizzle", high, above));
  };
  v.writePair(destination, [permuted(order[0]), permuted(order[1])]);
};

const permuteQuads: Semantics = (x, operands) => {
  const { destination, second, immediate } = sourcesOf(operands);
  const v = x.vector;
  const order = x.recordConstant(immediate!);
  const [low, high] = v.readPair(second);
  const pick = (place: number): Value<64> => {
    const bit = (index: number): Condition => x.bit(order, index);
    const of = (a: Vector): Value<64> => x.select(bit(place), v.extract(64, a, 1), v.extract(64, a, 0));
    return x.select(bit(place + 1), of(high), of(low));
  };
  const half = (place: number): Vector => v.replace(v.splat(pick(place)), 1, pick(place + 2));
  v.writePair(destination, [half(0), half(4)]);
};

/** A lane's count beyond its width shifts everything out. */
const shiftEach = (
  width: 32 | 64,
  shift: (x: Algebra, a: Value<32 | 64>, count: Value<8>) => Value<32 | 64>,
  keepsSign = false,
) =>
  packed((v, a, b, x) => {
    let result = zeroVector(v);
    for (let lane = 0; lane < 128 / width; lane++) {
      result = v.replace(result, lane, shiftedLane(x, v, width, a, b, lane, shift, keepsSign));
    }
    return result;
  });

function shiftedLane(
  x: Algebra,
  v: VectorAlgebra,
  width: 32 | 64,
  a: Vector,
  b: Vector,
  lane: number,
  shift: (x: Algebra, a: Value<32 | 64>, count: Value<8>) => Value<32 | 64>,
  keepsSign: boolean,
): Value<32 | 64> {
  const count = v.extract(width, b, lane);
  const last = x.constant(width, width - 1);
  const tooFar = x.lessU(last, count);
  const used = x.truncate(x.select(tooFar, last, count), 8);
  const result = shift(x, v.extract(width, a, lane), used);
  return keepsSign ? result : x.select(tooFar, x.constant(width, 0), result);
}

export const avxPermutations = {
  VBROADCASTB: broadcast(8),
  VBROADCASTW: broadcast(16),
  VBROADCASTD: broadcast(32),
  VBROADCASTQ: broadcast(64),
  VBROADCAST128: (x, [destination, source]) => writeRepeated(x, destination!, x.vector.read(source!, 16)),
  VPERMILPS: permuteLanes(4),
  VPERMILPD: permuteLanes(8),
  VPERMILPD_IMMEDIATE: permuteDoubles,
  VPERM2X128: permuteHalves,
  VPERMD: permuteDoubleWords,
  VPERMQ: permuteQuads,
  VINSERT128: (x, operands) => {
    const { destination, first, second, immediate } = sourcesOf(operands);
    const v = x.vector;
    const upper = x.bit(x.recordConstant(immediate!), 0);
    const value = v.read(second, 16);
    const [low, high] = v.readPair(first);
    v.writePair(destination, [v.select(upper, low, value), v.select(upper, value, high)]);
  },
  VEXTRACT128: (x, [destination, source, half]) => {
    const v = x.vector;
    const [low, high] = v.readPair(source!);
    v.write(destination!, v.select(x.bit(x.recordConstant(half!), 0), high, low), 16);
  },
  VZEROUPPER: (x) => x.vector.clearRegisters(x.stackSize === 64 ? 16 : 8, false),
  VZEROALL: (x) => x.vector.clearRegisters(x.stackSize === 64 ? 16 : 8, true),
  VPSRLVD: shiftEach(32, (x, a, count) => x.shiftRight(a, count)),
  VPSRLVQ: shiftEach(64, (x, a, count) => x.shiftRight(a, count)),
  VPSRAVD: shiftEach(32, (x, a, count) => x.shiftRightSigned(a, count), true),
  VPSLLVD: shiftEach(32, (x, a, count) => x.shiftLeft(a, count)),
  VPSLLVQ: shiftEach(64, (x, a, count) => x.shiftLeft(a, count)),
} satisfies Record<string, Semantics>;
