/**
 * The recurring shapes of floating-point instructions of SSE and AVX: all lanes or the low one, one source or two, with or without an immediate.
 * Without VEX the destination is the first source too; with it, the lanes that a scalar instruction does not compute come from the
 * first source. Both halves of a 256-bit operand are one operation, so that their exceptions count together.
 */
import type { Algebra, OperandRef, Semantics, Value, Width } from "./Algebra.ts";
import type { FloatOperation } from "./floatOperations.ts";
import type { FloatLanes, Vector } from "./VectorAlgebra.ts";
import { isPair, mergeLow, type Operands, sourcesOf } from "./vectorShapes.ts";

export const single = "f32x4";
export const double = "f64x2";
export const laneBytes = (lanes: FloatLanes): 4 | 8 => (lanes === single ? 4 : 8);
export const laneCount = (lanes: FloatLanes): 2 | 4 => (lanes === single ? 4 : 2);

type Pick = (a: Vector, b: Vector) => readonly Vector[];
export const ofBoth: Pick = (a, b) => [a, b];
export const ofSource: Pick = (_a, b) => [b];

/** The immediate as the unit wants it. */
export type Control = (x: Algebra, immediate: Value<32>, isVex: boolean) => Value<32>;
const asItIs: Control = (_x, immediate) => immediate;

export const isVex = (operands: Operands): boolean => operands.filter(({ kind }) => kind !== "immediate").length === 3;

/** All lanes. */
export const packedFloat =
  (name: FloatOperation, lanes: FloatLanes, pick: Pick = ofBoth, control: Control = asItIs): Semantics =>
  (x, operands) => {
    const { destination, first, second, immediate } = sourcesOf(operands);
    const v = x.vector;
    const count = laneCount(lanes);
    const told = immediate ? control(x, x.recordConstant(immediate), isVex(operands)) : 0;
    if (isPair(destination)) {
      const b = v.readPair(second);
      const a = v.readPair(first);
      v.writePair(destination, v.floatPair(name, lanes, count, pick(a[0], b[0]), pick(a[1], b[1]), told));
      return;
    }
    const b = v.read(second, 16);
    const a = v.read(first, 16);
    v.write(destination, v.float(name, lanes, count, pick(a, b), told), 16);
  };

/** Writes a low float: into the destination, or with VEX into a copy of the first source. */
export function writeScalar(x: Algebra, operands: Operands, value: Vector, bytes: 4 | 8): void {
  const { destination, first } = sourcesOf(operands);
  const v = x.vector;
  if (!isVex(operands)) v.writeLow(destination, value, bytes);
  else v.write(destination, mergeLow(v, v.read(first, 16), value, bytes), 16);
}

/** The low lane; `to` is the format of the result where it differs. */
export const scalarFloat =
  (name: FloatOperation, lanes: FloatLanes, pick: Pick = ofBoth, control: Control = asItIs, to = lanes): Semantics =>
  (x, operands) => {
    const { first, second, immediate } = sourcesOf(operands);
    const v = x.vector;
    const told = immediate ? control(x, x.recordConstant(immediate), isVex(operands)) : 0;
    const b = v.read(second, laneBytes(lanes));
    const a = v.read(first, 16);
    writeScalar(x, operands, v.float(name, lanes, 1, pick(a, b), told), laneBytes(to));
  };

/** The two operands of an instruction that has no more. */
export const binaryOperands = (operands: Operands): readonly [OperandRef<Width>, OperandRef<Width>] => {
  const [left, right] = operands;
  if (!left || !right) throw new Error("The row has not the two operands that its operation needs");
  return [left, right];
};
