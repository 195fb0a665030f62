/**
 * The recurring shapes of MMX, SSE and AVX instructions: destination and sources, whole or scalar. A semantics computes on 128 bits and runs once for
 * each half of a 256-bit operand; everything is read before anything is written. An MMX instruction (64-bit destination register)
 * first asks the x87 unit, whose registers it shares, and marks what it wrote.
 */
import type { Algebra, OperandRef, Semantics, Value, Width } from "./Algebra.ts";
import type { Vector, VectorAlgebra, VectorBinary, VectorBytes } from "./VectorAlgebra.ts";

export type Compute = (v: VectorAlgebra, a: Vector, b: Vector, x: Algebra) => Vector;
/** Also told the immediate byte, and which half of a 256-bit operand it works on. */
export type ComputeHalf = (
  v: VectorAlgebra,
  a: Vector,
  b: Vector,
  x: Algebra,
  immediate: Value<32>,
  half: 0 | 1,
) => Vector;
export type Operands = readonly OperandRef<Width>[];

export const isMmx = (operand: OperandRef<Width>): boolean => operand.width === 64;
/** A 256-bit operand: a pair of vectors. */
export const isPair = (operand: OperandRef<Width>): boolean => (operand.width as number) === 256;
export const wholeBytes = (operand: OperandRef<Width>): VectorBytes => (isMmx(operand) ? 8 : 16);
const bytesOf = (operand: OperandRef<Width>): VectorBytes =>
  operand.width < 128 ? ((operand.width / 8) as VectorBytes) : 16;

/**
 * Destination, both sources, and the immediate if there is one. VEX names the first source apart from the destination; without it, and in
 * instructions of one source, the destination stands for it.
 */
export function sourcesOf(operands: Operands): {
  readonly destination: OperandRef<Width>;
  readonly first: OperandRef<Width>;
  readonly second: OperandRef<Width>;
  readonly immediate: OperandRef<Width> | undefined;
} {
  const immediate = operands.find(({ kind }) => kind === "immediate");
  const [destination, first, second] = operands.filter(({ kind }) => kind !== "immediate");
  if (!destination) throw new Error("The row has no operands, which its operation needs");
  if (second) return { destination, first: first!, second, immediate };
  return { destination, first: destination, second: first ?? destination, immediate };
}

/** Writes an MMX register; the exponent part of the x87 register that it is becomes all ones. */
export function writeMmx(x: Algebra, destination: OperandRef<Width>, value: Vector): void {
  x.vector.write(destination, value, 8);
  x.helper("mmxWritten", x.recordConstant(destination));
}

export function writeWhole(x: Algebra, destination: OperandRef<Width>, value: Vector): void {
  if (isMmx(destination)) writeMmx(x, destination, value);
  else x.vector.write(destination, value, 16);
}

/** destination = compute(first, second) in every 128-bit part, MMX, SSE or AVX by the destination. */
export const packedHalves =
  (compute: ComputeHalf): Semantics =>
  (x, operands) => {
    const { destination, first, second, immediate } = sourcesOf(operands);
    const v = x.vector;
    if (isMmx(destination)) x.helper("mmxEnter");
    const constant = immediate ? x.recordConstant(immediate) : x.constant(32, 0);
    if (isPair(destination)) {
      const b = v.readPair(second);
      const a = v.readPair(first);
      const low = compute(v, a[0], b[0], x, constant, 0);
      v.writePair(destination, [low, compute(v, a[1], b[1], x, constant, 1)]);
      return;
    }
    const b = v.read(second, bytesOf(second));
    const a = v.read(first, wholeBytes(destination));
    writeWhole(x, destination, compute(v, a, b, x, constant, 0));
  };

export const packed = (compute: Compute): Semantics => packedHalves((v, a, b, x) => compute(v, a, b, x));

export const packedBinary = (name: VectorBinary): Semantics => packed((v, a, b) => v.binary(name, a, b));

const lowLanes = { 4: [16, 17, 18, 19, 4, 5, 6, 7], 8: [16, 17, 18, 19, 20, 21, 22, 23] } as const;

/** The low 4 or 8 bytes of `value`, all else from `rest`. */
export const mergeLow = (v: VectorAlgebra, rest: Vector, value: Vector, bytes: 4 | 8): Vector =>
  v.shuffle(rest, value, [...lowLanes[bytes], 8, 9, 10, 11, 12, 13, 14, 15]);

/** Only the low float of the destination changes; with VEX the others come from the first source. */
export const scalar =
  (bytes: 4 | 8, compute: Compute): Semantics =>
  (x, [destination, first, second]) => {
    const v = x.vector;
    const b = v.read(second ?? first!, bytes);
    const a = v.read(second ? first! : destination!, 16);
    const result = compute(v, a, b, x);
    if (second) v.write(destination!, mergeLow(v, a, result, bytes), 16);
    else v.writeLow(destination!, result, bytes);
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
