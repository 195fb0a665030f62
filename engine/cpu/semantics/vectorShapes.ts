/**
 * The recurring shapes of MMX and SSE instructions: destination and source, whole or scalar. An MMX instruction (64-bit destination register)
 * first asks the x87 unit, whose registers it shares, and marks what it wrote.
 */
import type { Algebra, OperandRef, Semantics, Width } from "./Algebra.ts";
import type { Vector, VectorAlgebra, VectorBinary, VectorBytes } from "./VectorAlgebra.ts";

export type Compute = (v: VectorAlgebra, a: Vector, b: Vector, x: Algebra) => Vector;

export const isMmx = (operand: OperandRef<Width>): boolean => operand.width === 64;
export const wholeBytes = (operand: OperandRef<Width>): VectorBytes => (isMmx(operand) ? 8 : 16);
const bytesOf = (operand: OperandRef<Width>): VectorBytes => (operand.width === 32 ? 4 : operand.width === 64 ? 8 : 16);

/** Writes an MMX register; the exponent part of the x87 register that it is becomes all ones. */
export function writeMmx(x: Algebra, destination: OperandRef<Width>, value: Vector): void {
  x.vector.write(destination, value, 8);
  x.helper("mmxWritten", x.recordConstant(destination));
}

export function writeWhole(x: Algebra, destination: OperandRef<Width>, value: Vector): void {
  if (isMmx(destination)) writeMmx(x, destination, value);
  else x.vector.write(destination, value, 16);
}

/** destination = compute(destination, source), all lanes, MMX or SSE by the destination. */
export const packed =
  (compute: Compute): Semantics =>
  (x, [destination, source]) => {
    if (isMmx(destination!)) x.helper("mmxEnter");
    const b = x.vector.read(source!, bytesOf(source!));
    const a = x.vector.read(destination!, wholeBytes(destination!));
    writeWhole(x, destination!, compute(x.vector, a, b, x));
  };

export const packedBinary = (name: VectorBinary): Semantics => packed((v, a, b) => v.binary(name, a, b));

/** Only the low float of the destination changes. */
export const scalar =
  (bytes: 4 | 8, compute: Compute): Semantics =>
  (x, [destination, source]) => {
    const b = x.vector.read(source!, bytes);
    const a = x.vector.read(destination!, 16);
    x.vector.writeLow(destination!, compute(x.vector, a, b, x), bytes);
  };

const all = (count: number, lane: (index: number) => number): number[] =>
  Array.from({ length: count }, (_, i) => lane(i));

export const zeroVector = (v: VectorAlgebra): Vector => v.constant(all(16, () => 0));

/** A constant whose lanes of `laneBytes` bytes all are `value`. */
export function repeated(v: VectorAlgebra, laneBytes: number, value: bigint): Vector {
  return v.constant(all(16, (i) => Number((value >> BigInt(8 * (i % laneBytes))) & 0xffn)));
}

/** Bytes of lanes `first`, `first` + 1, ... of a and b in turn. */
export const interleaved = (laneBytes: number, first: number): number[] =>
  all(16, (i) => {
    const lane = Math.floor(i / laneBytes);
    const byte = (first + (lane >> 1)) * laneBytes + (i % laneBytes);
    return ((lane & 1) * 16 + byte) & 31;
  });
