import type { SimdOpcodeName } from "../wasm/simdOpcodes.ts";
import type { Condition, OperandRef, Value, Width } from "./Algebra.ts";

/**
 * The part of the algebra for MMX and SSE: 128-bit values and the lane-wise operations that WebAssembly has, by their names there. An MMX
 * operand is the low half of such a value with zeros above. As everywhere in the algebra, values are handles that may be used any
 * number of times, and semantics read everything that can fault before they write.
 */
declare const vectorOf: unique symbol;
export interface Vector {
  readonly [vectorOf]: true;
}

type Named<Pattern extends string> = Extract<SimdOpcodeName, Pattern>;
type Lanes = "i8x16" | "i16x8" | "i32x4" | "i64x2" | "f32x4" | "f64x2";

/** Operations of one vector. */
export type VectorUnary =
  | "v128Not"
  | Named<`${Lanes}${"Abs" | "Neg" | "Sqrt" | "Nearest"}`>
  | Named<`${string}ExtaddPairwise${string}`>
  | Named<`${string}Extend${string}`>
  | Named<`${string}Convert${string}`>
  | Named<`${string}TruncSat${string}`>
  | Named<`${string}${"Demote" | "Promote"}${string}`>;
/** Operations of two vectors. */
export type VectorBinary =
  | Named<`v128${"And" | "AndNot" | "Or" | "Xor"}`>
  | Named<`${Lanes}${"Add" | "Sub" | "Mul" | "Div" | "Eq" | "Ne" | "Lt" | "Gt" | "Le" | "Ge" | "Pmin" | "Pmax"}`>
  | Named<`${Lanes}${"Add" | "Sub"}Sat${"S" | "U"}`>
  | Named<`${Lanes}${"Min" | "Max" | "Gt" | "Lt"}${"S" | "U"}`>
  | Named<`${Lanes}AvgrU`>
  | Named<`${string}Narrow${string}`>
  | Named<`${string}Extmul${string}`>
  | "i32x4DotI16x8S"
  | "i8x16Swizzle";
/** Shifts of all lanes by one count, which is taken modulo the lane's width. */
export type VectorShift = Named<`${Lanes}${"Shl" | "ShrS" | "ShrU"}`>;

/** Which bytes of an operand are meant. */
export type VectorBytes = 4 | 8 | 16;
export type FloatLanes = "f32x4" | "f64x2";

export interface VectorAlgebra {
  /**
   * A register as it is, or `bytes` bytes of memory with zeros above. Sixteen bytes of memory must be aligned (#GP) unless `unaligned`.
   */
  read(operand: OperandRef<Width>, bytes: VectorBytes, unaligned?: boolean): Vector;
  /** A whole register, or the low `bytes` bytes to memory under the same rule. */
  write(operand: OperandRef<Width>, value: Vector, bytes: VectorBytes, unaligned?: boolean): void;
  /** The low bytes of a register; the others stay. */
  writeLow(operand: OperandRef<Width>, value: Vector, bytes: 4 | 8): void;

  /** Sixteen bytes. */
  constant(bytes: readonly number[]): Vector;
  unary(name: VectorUnary, a: Vector): Vector;
  binary(name: VectorBinary, a: Vector, b: Vector): Vector;
  shift(name: VectorShift, a: Vector, count: Value<32>): Vector;
  /** Byte i of the result is byte lanes[i] of a (0..15) or b (16..31). */
  shuffle(a: Vector, b: Vector, lanes: readonly number[]): Vector;
  /** Bits of a where the mask has ones, of b elsewhere. */
  bitSelect(mask: Vector, a: Vector, b: Vector): Vector;
  select(condition: Condition, ifTrue: Vector, ifFalse: Vector): Vector;
  /** The value in every lane of its width. */
  splat<W extends Width>(value: Value<W>): Vector;
  /** Unsigned lane. */
  extract<W extends Width>(width: W, a: Vector, lane: number): Value<W>;
  replace<W extends Width>(a: Vector, lane: number, value: Value<W>): Vector;
  /** The sign bits of all lanes of this width. */
  signBits(laneWidth: Width, a: Vector): Value<32>;

  /**
   * Makes the NaNs among the results of a float operation those of x86: the first operand that is a NaN, quieted, or the default NaN with
   * its sign set where neither is.
   */
  fixNaN(lanes: FloatLanes, a: Vector, b: Vector, result: Vector): Vector;
  /** To integral values as MXCSR.RC says. */
  roundByControl(lanes: FloatLanes, a: Vector): Vector;
  /** Truncates the low float; the indefinite integer when it does not fit. */
  truncateLow(lanes: FloatLanes, a: Vector): Value<64>;
  /** A signed 64-bit integer as a float in the low lane, zeros above. */
  convertLow(lanes: FloatLanes, value: Value<64>): Vector;
  readMxcsr(): Value<32>;
  writeMxcsr(value: Value<32>): void;
}
