/**
 * Blends, and single lanes that are put in or taken out (Intel SDM vol. 2, SSE4.1). Lanes are chosen by an immediate, which is no constant to an
 * executor whose code serves many instructions, or by sign bits of a vector.
 */
import type { Algebra, Semantics, Value, Width } from "./Algebra.ts";
import type { Vector, VectorAlgebra, VectorShift } from "./VectorAlgebra.ts";
import { isPair, packedHalves, repeated, sourcesOf } from "./vectorShapes.ts";

const bytes16 = (byte: (index: number) => number): number[] => Array.from({ length: 16 }, (_, i) => byte(i));

/** Ones in the lanes whose bit is set in the low byte of `selection`. */
export function lanesWhere(x: Algebra, selection: Value<32>, laneBytes: number): Vector {
  const v = x.vector;
  const bits = v.constant(bytes16((i) => 1 << Math.floor(i / laneBytes)));
  return v.binary("i8x16Eq", v.binary("v128And", v.splat(x.truncate(selection, 8)), bits), bits);
}

/** Ones in the lane of that number. */
function laneAt(x: Algebra, number: Value<32>, laneBytes: number): Vector {
  const v = x.vector;
  const numbers = v.constant(bytes16((i) => Math.floor(i / laneBytes)));
  return v.binary("i8x16Eq", numbers, v.splat(x.truncate(number, 8)));
}

/** The second source where a bit of the immediate is set; each half has bits of its own unless they are shared. */
const blendByImmediate = (laneBytes: 2 | 4 | 8, shared = false): Semantics =>
  packedHalves((v, a, b, x, selection, half) => {
    const lanes = 16 / laneBytes;
    const own = half === 1 && !shared ? x.shiftRight(selection, x.constant(8, lanes)) : selection;
    return v.bitSelect(lanesWhere(x, own, laneBytes), b, a);
  });

const signShift = { 1: "i8x16ShrS", 4: "i32x4ShrS", 8: "i64x2ShrS" } as const satisfies Record<number, VectorShift>;

/** The last operand is the mask; with VEX another source stands before. */
const blendBySigns =
  (laneBytes: 1 | 4 | 8): Semantics =>
  (x, operands) => {
    const v = x.vector;
    const mask = operands.at(-1)!;
    const { destination, first, second } = sourcesOf(operands.slice(0, -1));
    const choose = (a: Vector, b: Vector, signs: Vector): Vector =>
      v.bitSelect(v.shift(signShift[laneBytes], signs, x.constant(32, laneBytes * 8 - 1)), b, a);
    if (isPair(destination)) {
      const b = v.readPair(second);
      const a = v.readPair(first);
      const m = v.readPair(mask);
      v.writePair(destination, [choose(a[0], b[0], m[0]), choose(a[1], b[1], m[1])]);
      return;
    }
    const b = v.read(second, 16);
    v.write(destination, choose(v.read(first, 16), b, v.read(mask, 16)), 16);
  };

/** Lane `number` moved to the bottom. */
function laneToBottom(x: Algebra, a: Vector, number: Value<32>, laneBytes: number): Vector {
  const v = x.vector;
  const start = v.splat(x.truncate(x.mul(number, x.constant(32, laneBytes)), 8));
  return v.binary("i8x16Swizzle", a, v.binary("i8x16Add", v.constant(bytes16((i) => i % laneBytes)), start));
}

const lowBits = (x: Algebra, value: Value<32>, lanes: number): Value<32> => x.and(value, x.constant(32, lanes - 1));

const extractLane =
  (width: Width): Semantics =>
  (x, [destination, source, number]) => {
    const place = lowBits(x, x.recordConstant(number!), 128 / width);
    const found = laneToBottom(x, x.vector.read(source!, 16), place, width / 8);
    const value = x.vector.extract(width, found, 0);
    x.write(destination!, destination!.width > width ? x.zeroExtend(value, destination!.width) : value);
  };

/** Double or quad word by the width of the destination. */
const extractWide: Semantics = (x, operands) => extractLane(operands[0]!.width)(x, operands);

const insertLane =
  (width: Width): Semantics =>
  (x, operands) => {
    const { destination, first, second, immediate } = sourcesOf(operands);
    const v = x.vector;
    const value = x.read(second);
    const place = lowBits(x, x.recordConstant(immediate!), 128 / width);
    const lane = v.splat(second.width > width ? x.truncate(value, width) : value);
    v.write(destination, v.bitSelect(laneAt(x, place, width / 8), lane, v.read(first, 16)), 16);
  };

const insertWide: Semantics = (x, operands) => insertLane(sourcesOf(operands).second.width)(x, operands);

/** INSERTPS: from which lane (a register only), to which, and which become zero. */
const insertSingle: Semantics = (x, operands) => {
  const { destination, first, second, immediate } = sourcesOf(operands);
  const v = x.vector;
  const control = x.recordConstant(immediate!);
  const field = (place: number) => x.and(x.shiftRight(control, x.constant(8, place)), x.constant(32, 3));
  const source = v.read(second, 4);
  const found =
    second.kind === "register" ? laneToBottom(x, source, field(6), 4) : laneToBottom(x, source, x.constant(32, 0), 4);
  const inserted = v.bitSelect(laneAt(x, field(4), 4), found, v.read(first, 16));
  v.write(destination, v.binary("v128AndNot", inserted, lanesWhere(x, control, 4)), 16);
};

/** ZF: no common ones; CF: the first has all ones of the second. With a mask only those bits count. */
const testBits =
  (laneBytes: 1 | 4 | 8): Semantics =>
  (x, [left, right]) => {
    const v = x.vector;
    const counted = (a: Vector): Vector => (laneBytes === 1 ? a : v.binary("v128And", a, topBits(v, laneBytes)));
    const [b, a] = isPair(left!)
      ? [v.readPair(right!), v.readPair(left!)]
      : [[v.read(right!, 16)] as const, [v.read(left!, 16)] as const];
    const joined = (name: "v128And" | "v128AndNot"): Vector => {
      const parts = a.map((part, i) => counted(v.binary(name, b[i]!, part)));
      return parts.reduce((all, part) => v.binary("v128Or", all, part));
    };
    const common = v.isAllZero(joined("v128And"));
    const missing = v.isAllZero(joined("v128AndNot"));
    for (const flag of ["OF", "SF", "AF", "PF"] as const) x.setFlag(flag, x.constantCondition(false));
    x.setFlag("ZF", common);
    x.setFlag("CF", missing);
  };

const topBits = (v: VectorAlgebra, laneBytes: 4 | 8): Vector => repeated(v, laneBytes, 1n << BigInt(8 * laneBytes - 1));

export const simdBlends = {
  BLENDPS: blendByImmediate(4),
  BLENDPD: blendByImmediate(8),
  PBLENDW: blendByImmediate(2, true),
  BLENDVPS: blendBySigns(4),
  BLENDVPD: blendBySigns(8),
  PBLENDVB: blendBySigns(1),
  PEXTRB: extractLane(8),
  PEXTRD: extractWide,
  EXTRACTPS: extractLane(32),
  PINSRB: insertLane(8),
  PINSRD: insertWide,
  INSERTPS: insertSingle,
  PTEST: testBits(1),
  VTESTPS: testBits(4),
  VTESTPD: testBits(8),
} satisfies Record<string, Semantics>;
