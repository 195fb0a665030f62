/**
 * Conditions of the fast paths of floating point, on values in wasm locals: that MXCSR is as usual, that operands are no denormals or NaNs, that
 * results can have raised nothing. Each branches away where it does not hold. One lane is looked at as an integer, several by what is
 * left of their exponents when the rest is shifted out.
 */
import type { FloatLanes } from "../semantics/VectorAlgebra.ts";
import type { FunctionBuilder, Label } from "../wasm/FunctionBuilder.ts";
import type { SimdOpcodeName } from "../wasm/simdOpcodes.ts";
import { stateOffset } from "./SegmentEmitter.ts";

export interface LaneCount {
  readonly lanes: FloatLanes;
  readonly count: 1 | 2 | 4;
}

export interface OperandsOfLanes extends LaneCount {
  /** Locals of vectors. */
  readonly operands: readonly number[];
}

/** MXCSR without the flags but the inexact one: nearest, all masked, no DAZ, no FTZ, inexact. */
export const usualMask = 0xffe0;
export const usual = 0x1fa0;
/** The inexact flag and its mask. */
export const inexactFlag = 0x20;
export const inexactAndMasked = 0x1020;

/** Of one lane: its integer type, and where the exponent lies once the sign is shifted out. */
export const format = {
  f32x4: { int: "i32", float: "f32", lane: "i32x4", exponentPlace: 24, infinity: 0xff00_0000n },
  f64x2: { int: "i64", float: "f64", lane: "i64x2", exponentPlace: 53, infinity: 0x7ffn << 53n },
} as const;

export class FloatConditions {
  readonly #f: FunctionBuilder;

  constructor(f: FunctionBuilder) {
    this.#f = f;
  }

  /** Leaves on the stack whether these bits of MXCSR are as wanted. */
  pushMxcsr(mask: number, wanted: number): void {
    this.#f.i32(0).memory("i32Load", stateOffset("mxcsr")).i32(mask).op("i32And").i32(wanted).op("i32Eq");
  }

  requireUsual(slow: Label): void {
    this.pushMxcsr(usualMask, usual);
    this.#f.op("i32Eqz").brIf(slow);
  }

  /** No operand is a denormal, and the result is finite, or away from underflow if that can happen. */
  requireOrdinary(request: OperandsOfLanes, result: number, canUnderflow: boolean, slow: Label): void {
    const operands = [...new Set(request.operands)];
    if (request.count > 1) {
      this.requireOrdinaryLanes(request.lanes, operands, result, canUnderflow, slow);
      return;
    }
    if (canUnderflow) this.requireNormal(request, result, slow);
    else this.requireFinite(request.lanes, result, slow);
    for (const operand of operands) this.refuseDenormal(request.lanes, operand, slow);
  }

  /** The same for all lanes: the smallest of what is left of exponents decides. Zero less one has the largest; the result needs one above 1. */
  requireOrdinaryLanes(
    lanes: FloatLanes,
    operands: readonly number[],
    result: number,
    canUnderflow: boolean,
    slow: Label,
  ): void {
    const f = this.#f;
    const { lane, exponentPlace } = format[lanes];
    operands.forEach((operand, i) => {
      this.pushExponentLessOne(lanes, operand);
      if (i > 0) f.simd("i32x4MinU");
    });
    if (canUnderflow) {
      this.pushDoubledLanes(lanes, result);
      f.i32(exponentPlace + 1)
        .simd(`${lane}ShrU`)
        .simd("i32x4MinU");
    }
    this.pushRepeated([0]);
    f.simd(`${lane}Ne`);
    this.pushFiniteLanes(lanes, result);
    f.simd("v128And").simd(`${lane}AllTrue`).op("i32Eqz").brIf(slow);
  }

  /** No operand is a NaN or a denormal. */
  requireComparable({ lanes, count, operands }: OperandsOfLanes, slow: Label): boolean {
    const f = this.#f;
    for (const operand of new Set(operands)) {
      if (count === 1) {
        this.pushLowFloat(lanes, operand);
        this.pushLowFloat(lanes, operand);
        f.op(`${format[lanes].float}Eq`).op("i32Eqz").brIf(slow);
        this.refuseDenormal(lanes, operand, slow);
        continue;
      }
      this.pushExponentLessOne(lanes, operand);
      this.pushRepeated([0]);
      f.simd(`${format[lanes].lane}Ne`).get(operand).get(operand).simd(`${lanes}Eq`).simd("v128And");
      this.requireAll(lanes, count, slow);
    }
    return true;
  }

  /** Of the low lane. Without its sign and less one, zero is as large as can be. */
  refuseDenormal(lanes: FloatLanes, operand: number, slow: Label): void {
    const { int, exponentPlace } = format[lanes];
    this.pushLowDoubled(lanes, operand);
    this.pushInteger(int, 1n);
    this.#f.op(`${int}Sub`);
    this.pushInteger(int, (1n << BigInt(exponentPlace)) - 1n);
    this.#f.op(`${int}LtU`).brIf(slow);
  }

  /** Of the low lane. */
  requireFinite(lanes: FloatLanes, result: number, slow: Label): void {
    const { int, infinity } = format[lanes];
    this.pushLowDoubled(lanes, result);
    this.pushInteger(int, infinity);
    this.#f.op(`${int}GeU`).brIf(slow);
  }

  /** Finite, and at least twice the smallest normal number: what rounds to that one may have been tiny. */
  requireNormal({ lanes, count }: LaneCount, result: number, slow: Label): void {
    const f = this.#f;
    const { int, lane, exponentPlace, infinity } = format[lanes];
    if (count === 1) {
      const least = 2n << BigInt(exponentPlace);
      this.pushLowDoubled(lanes, result);
      this.pushInteger(int, least);
      f.op(`${int}Sub`);
      this.pushInteger(int, infinity - least);
      f.op(`${int}GeU`).brIf(slow);
      return;
    }
    this.pushFiniteLanes(lanes, result);
    this.pushDoubledLanes(lanes, result);
    f.i32(exponentPlace + 1).simd(`${lane}ShrU`);
    this.pushRepeated([0]);
    f.simd(`${lane}Ne`).simd("v128And");
    this.requireAll(lanes, count, slow);
  }

  pushRepeated(lane: readonly number[]): void {
    this.#f.v128(Uint8Array.from({ length: 16 }, (_, i) => lane[i % lane.length]!));
  }

  pushLowFloat(lanes: FloatLanes, vector: number): void {
    this.#f.get(vector).simdLane(`${lanes}ExtractLane`, 0);
  }

  pushInteger(int: "i32" | "i64", value: bigint): void {
    if (int === "i64") this.#f.i64(BigInt.asIntN(64, value));
    else this.#f.i32(Number(BigInt.asIntN(32, value)));
  }

  /** The low lane as an integer without its sign, shifted left by one. */
  pushLowDoubled(lanes: FloatLanes, vector: number): void {
    const { int, lane } = format[lanes];
    this.#f.get(vector).simdLane(`${lane}ExtractLane` as SimdOpcodeName, 0);
    this.pushInteger(int, 1n);
    this.#f.op(`${int}Shl`);
  }

  pushDoubledLanes(lanes: FloatLanes, vector: number): void {
    this.#f.get(vector).i32(1).simd(`${format[lanes].lane}Shl`);
  }

  /** Exponents of all lanes, those of zeros as large as can be, those of denormals zero. */
  pushExponentLessOne(lanes: FloatLanes, vector: number): void {
    const { lane, exponentPlace } = format[lanes];
    this.pushDoubledLanes(lanes, vector);
    this.pushRepeated([0xff]);
    this.#f.simd(`${lane}Add`).i32(exponentPlace).simd(`${lane}ShrU`);
  }

  /** Infinities and NaNs less themselves are not zero. */
  pushFiniteLanes(lanes: FloatLanes, vector: number): void {
    this.#f.get(vector).get(vector).simd(`${lanes}Sub`);
    this.pushRepeated([0]);
    this.#f.simd(`${lanes}Eq`);
  }

  /** All lanes of the mask on the stack that take part are ones. */
  requireAll(lanes: FloatLanes, count: number, slow: Label): void {
    const f = this.#f;
    if (lanes === "f32x4" && count === 2) f.simdLane("i64x2ExtractLane", 0).i64(-1n).op("i64Ne").brIf(slow);
    else f.simd(`${format[lanes].lane}AllTrue`).op("i32Eqz").brIf(slow);
  }
}
