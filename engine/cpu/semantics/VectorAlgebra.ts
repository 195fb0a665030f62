import type { SimdOpcodeName } from "../wasm/simdOpcodes.ts";
import type { Condition, OperandRef, Value, Width } from "./Algebra.ts";
import type { FloatOperation } from "./floatOperations.ts";
import type { HelperName } from "./helperSignatures.ts";

/**
 * The part of the algebra for MMX, SSE and AVX: 128-bit values and the lane-wise operations that WebAssembly has, by their names there. An MMX
 * operand is the low half of such a value with zeros above; a 256-bit operand is a pair of such values, and `vectorShapes.ts` runs one semantics
 * for both. With VEX, writing a whole register clears what lies above it. As everywhere in the algebra, values are handles that may be used any
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
  | "i16x8Q15mulrSatS"
  | "i8x16Swizzle";
/** Shifts of all lanes by one count, which is taken modulo the lane's width. */
export type VectorShift = Named<`${Lanes}${"Shl" | "ShrS" | "ShrU"}`>;

/** Which bytes of an operand are meant. */
export type VectorBytes = 2 | 4 | 8 | 16;
/** The lower and the upper half of a 256-bit operand. */
export type VectorPair = readonly [low: Vector, high: Vector];
export type FloatLanes = "f32x4" | "f64x2";

export interface VectorAlgebra {
  /**
   * A register as it is, or `bytes` bytes of memory with zeros above. Sixteen bytes of memory must be aligned (#GP) unless `unaligned` or with VEX.
   */
  read(operand: OperandRef<Width>, bytes: VectorBytes, unaligned?: boolean): Vector;
  /** A whole register, or the low `bytes` bytes to memory under the same rule. */
  write(operand: OperandRef<Width>, value: Vector, bytes: VectorBytes, unaligned?: boolean): void;
  /** The low bytes of a register; the others stay. */
  writeLow(operand: OperandRef<Width>, value: Vector, bytes: 4 | 8): void;
  /** All of a 256-bit register, or 32 bytes of memory at any address. */
  readPair(operand: OperandRef<Width>): VectorPair;
  writePair(operand: OperandRef<Width>, value: VectorPair): void;
  /** One lane of a register of 128 or 256 bits, now: for what keeps its progress when it faults. */
  writeLane<W extends Width>(operand: OperandRef<Width>, lane: number, value: Value<W>): void;
  /** Clears a register from a byte (a multiple of 8) up to bit 255. */
  clearAbove(operand: OperandRef<Width>, fromByte: number): void;
  /** #GP unless a memory operand is a multiple of its size: for the moves that say so with VEX, too. */
  requireAligned(operand: OperandRef<Width>, bytes: 16 | 32): void;
  /** Clears registers 0 to `count` - 1, or only their upper halves. */
  clearRegisters(count: 8 | 16, wholly: boolean): void;

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
  /** The same where the condition holds; the value is only computed then. */
  replaceWhen<W extends Width>(a: Vector, lane: number, condition: Condition, value: () => Value<W>): Vector;
  isAllZero(a: Vector): Condition;
  /** A helper whose result is a vector. */
  helper(name: HelperName, ...args: readonly (Vector | Value<Width> | number)[]): Vector;
  /** A helper that takes vectors and gives a value of 32 bits. */
  helperValue(name: HelperName, ...args: readonly (Vector | Value<Width> | number)[]): Value<32>;
  /** The sign bits of all lanes of this width. */
  signBits(laneWidth: Width, a: Vector): Value<32>;

  /**
   * A floating-point operation on the lowest `count` lanes as MXCSR wants it, whose flags it sets; it may raise #XM. What lies above a result of
   * narrower lanes is zero; otherwise lanes that took no part have no meaning. `control` is explained with the operations.
   */
  float(
    name: FloatOperation,
    lanes: FloatLanes,
    count: 1 | 2 | 4,
    operands: readonly Vector[],
    control?: Value<32> | number,
  ): Vector;
  /** The same on both halves of 256 bits, as one operation. */
  floatPair(
    name: FloatOperation,
    lanes: FloatLanes,
    count: 2 | 4,
    low: readonly Vector[],
    high: readonly Vector[],
    control?: Value<32> | number,
  ): VectorPair;
  /** ZF PF CF of a comparison of the low floats, in their places in EFLAGS. */
  compareFlags(lanes: FloatLanes, quiet: boolean, a: Vector, b: Vector): Value<32>;
  /** The low float as a signed integer. */
  floatToInteger<W extends 32 | 64>(lanes: FloatLanes, width: W, truncates: boolean, a: Vector): Value<W>;
  /** A signed integer as the low float. */
  integerToFloat(lanes: FloatLanes, value: Value<32> | Value<64>): Vector;
  readMxcsr(): Value<32>;
  writeMxcsr(value: Value<32>): void;
}
