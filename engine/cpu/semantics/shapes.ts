/**
 * Gives an operation's operands their types. An operation is a function generic over widths: where two operands must be equally wide they
 * share a type parameter, so that mixing widths inside does not compile; that the instruction's rows keep that promise is
 * checked when the operation is emitted.
 */
import type { Algebra, OperandRef, Semantics, Value, Width } from "./Algebra.ts";

function operandAt(operands: readonly OperandRef<Width>[], index: number): OperandRef<Width> {
  const operand = operands[index];
  if (!operand) throw new Error(`The row has no operand ${index}, which its operation needs`);
  return operand;
}

export function unary(operation: <W extends Width>(x: Algebra, a: OperandRef<W>) => void): Semantics {
  return (x, operands) => operation(x, operandAt(operands, 0));
}

/** Two operands of one width. */
export function binary(
  operation: <W extends Width>(x: Algebra, a: OperandRef<W>, b: OperandRef<W>) => void,
): Semantics {
  return (x, operands) => {
    const a = operandAt(operands, 0);
    const b = operandAt(operands, 1);
    if (a.width !== b.width) throw new Error(`Operands of ${a.width} and ${b.width} bits where both must be equal`);
    operation(x, a, b);
  };
}

/** Two operands whose widths have nothing to do with each other. */
export function mixed(
  operation: <A extends Width, B extends Width>(x: Algebra, a: OperandRef<A>, b: OperandRef<B>) => void,
): Semantics {
  return (x, operands) => operation(x, operandAt(operands, 0), operandAt(operands, 1));
}

/** Two operands of one width and a count of 8 bits. */
export function binaryWithCount(
  operation: <W extends Width>(x: Algebra, a: OperandRef<W>, b: OperandRef<W>, count: OperandRef<8>) => void,
): Semantics {
  return (x, operands) => {
    const a = operandAt(operands, 0);
    const b = operandAt(operands, 1);
    if (a.width !== b.width) throw new Error(`Operands of ${a.width} and ${b.width} bits where both must be equal`);
    operation(x, a, b, countOperand(operandAt(operands, 2)));
  };
}

export function unaryWithCount(
  operation: <W extends Width>(x: Algebra, a: OperandRef<W>, count: OperandRef<8>) => void,
): Semantics {
  return (x, operands) => operation(x, operandAt(operands, 0), countOperand(operandAt(operands, 1)));
}

export const nullary =
  (operation: (x: Algebra) => void): Semantics =>
  (x) =>
    operation(x);

function countOperand(operand: OperandRef<Width>): OperandRef<8> {
  if (operand.width !== 8) throw new Error(`A shift count of ${operand.width} bits`);
  return operand as OperandRef<8>;
}

/** Zero-extends or cuts. */
export function resize<V extends Width, W extends Width>(x: Algebra, value: Value<V>, width: W): Value<W> {
  return width > value.width ? x.zeroExtend(value, width) : x.truncate(value, width);
}

/** Bytes of an operand size, as helpers take it. */
export const bytesOf = (width: 16 | 32 | 64): 2 | 4 | 8 => (width === 16 ? 2 : width === 32 ? 4 : 8);
