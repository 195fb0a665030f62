/**
 * The vector half of the algebra as WebAssembly SIMD. Where operands live is the host's business (record, locals); results go into new v128
 * locals at once, as the other values do. A 128-bit memory operand that is not aligned raises #GP(0) before it is accessed.
 */

import { cpuLayout } from "../layout/cpuLayout.ts";
import type { Condition, OperandRef, Value, Width } from "../semantics/Algebra.ts";
import type { FloatOperation } from "../semantics/floatOperations.ts";
import type { HelperName } from "../semantics/helperSignatures.ts";
import type {
  FloatLanes,
  Vector,
  VectorAlgebra,
  VectorBinary,
  VectorBytes,
  VectorPair,
  VectorShift,
  VectorUnary,
} from "../semantics/VectorAlgebra.ts";
import type { FunctionBuilder } from "../wasm/FunctionBuilder.ts";
import type { ValueType } from "../wasm/opcodes.ts";
import { FloatEmitter, type FloatRequest } from "./FloatEmitter.ts";
import { stateOffset } from "./MemoryEmitter.ts";

/** What the executor gives: its values, its memory, and the places of vector registers. */
export interface VectorHost {
  readonly f: FunctionBuilder;
  readonly long: boolean;
  /** The instruction has a VEX prefix. */
  readonly vex: boolean;
  newLocal(type: ValueType): number;
  put(value: Value<Width>): void;
  putCondition(condition: Condition): void;
  take<W extends Width>(width: W, clean: boolean): Value<W>;
  takeCondition(): Condition;
  when(condition: Condition, then: () => void): void;
  prepareFault(): void;
  callHelper(name: HelperName): void;
  pushArguments(name: HelperName, values: readonly (Value<Width> | number)[], from: number): void;
  raise(vector: number, errorCode?: number): void;
  /** Local with the linear address of a memory operand, checked against its segment. */
  operandAddress(operand: OperandRef<Width>, bytes: number, access: "read" | "write"): number;
  loadLinear<W extends Width>(width: W, linear: number): Value<W>;
  storeLinear(width: Width, linear: number, value: Value<Width>): void;
  /** Leaves a v128 on the stack. */
  loadLinear128(linear: number): void;
  storeLinear128(linear: number, vectorLocal: number): void;
  /** Locals of both halves. */
  loadLinear256(linear: number): readonly [number, number];
  storeLinear256(linear: number, low: number, high: number): void;
  /** Pushes an i32 and returns the offset that, added to it, is a vector register's place in memory. */
  pushVectorRegister(operand: OperandRef<Width>): number;
}

const local = (value: Vector): number => (value as unknown as { local: number }).local;
const asVector = (vector: number): Vector => ({ local: vector }) as unknown as Vector;

const splatName = { 8: "i8x16Splat", 16: "i16x8Splat", 32: "i32x4Splat", 64: "i64x2Splat" } as const;
const extractName = {
  8: "i8x16ExtractLaneU",
  16: "i16x8ExtractLaneU",
  32: "i32x4ExtractLane",
  64: "i64x2ExtractLane",
} as const;
const replaceName = {
  8: "i8x16ReplaceLane",
  16: "i16x8ReplaceLane",
  32: "i32x4ReplaceLane",
  64: "i64x2ReplaceLane",
} as const;
const bitmaskName = { 8: "i8x16Bitmask", 16: "i16x8Bitmask", 32: "i32x4Bitmask", 64: "i64x2Bitmask" } as const;
const storeName = { 2: "i32Store16", 4: "i32Store", 8: "i64Store", 16: "v128Store" } as const;
const laneStoreName = { 8: "i32Store8", 16: "i32Store16", 32: "i32Store", 64: "i64Store" } as const;
const halfBytes = 16;

export class VectorEmitter implements VectorAlgebra {
  readonly #host: VectorHost;
  readonly #floats: FloatEmitter;

  constructor(host: VectorHost) {
    this.#host = host;
    this.#floats = new FloatEmitter(host);
  }

  get #f(): FunctionBuilder {
    return this.#host.f;
  }

  #take(): Vector {
    const result = this.#host.newLocal("v128");
    this.#f.set(result);
    return { local: result } as unknown as Vector;
  }

  #push(value: Vector): FunctionBuilder {
    return this.#f.get(local(value));
  }

  #pushRepeated(lane: readonly number[]): void {
    this.#f.v128(Uint8Array.from({ length: 16 }, (_, i) => lane[i % lane.length]!));
  }

  // --- operands ---
  read(operand: OperandRef<Width>, bytes: VectorBytes, unaligned = false): Vector {
    if (operand.kind === "register") {
      const offset = this.#host.pushVectorRegister(operand);
      this.#f.memory(this.#isMmx(operand) ? "v128Load64Zero" : "v128Load", offset);
      return this.#take();
    }
    const linear = this.#address(operand, bytes, "read", unaligned);
    if (bytes === 16) {
      this.#host.loadLinear128(linear);
      return this.#take();
    }
    const value = this.#host.loadLinear((bytes * 8) as 16 | 32 | 64, linear);
    return this.replace(this.constant(new Array<number>(16).fill(0)), 0, value);
  }

  write(operand: OperandRef<Width>, value: Vector, bytes: VectorBytes, unaligned = false): void {
    if (operand.kind === "register") {
      this.#store(operand, value, this.#isMmx(operand) ? 8 : 16);
      if (this.#host.vex) this.#clearHigh(operand);
      return;
    }
    const linear = this.#address(operand, bytes, "write", unaligned);
    if (bytes === 16) this.#host.storeLinear128(linear, local(value));
    else if (bytes === 8) this.#host.storeLinear(64, linear, this.extract(64, value, 0));
    else this.#host.storeLinear((bytes * 8) as 16 | 32, linear, this.extract((bytes * 8) as 16 | 32, value, 0));
  }

  #clearHigh(operand: OperandRef<Width>): void {
    const offset = this.#host.pushVectorRegister(operand) + halfBytes;
    this.#pushRepeated([0]);
    this.#f.memory("v128Store", offset);
  }

  readPair(operand: OperandRef<Width>): VectorPair {
    if (operand.kind === "register") {
      const half = (byteOffset: number): Vector => {
        const offset = this.#host.pushVectorRegister(operand) + byteOffset;
        this.#f.memory("v128Load", offset);
        return this.#take();
      };
      return [half(0), half(halfBytes)];
    }
    const [low, high] = this.#host.loadLinear256(this.#host.operandAddress(operand, 2 * halfBytes, "read"));
    return [{ local: low }, { local: high }] as unknown as VectorPair;
  }

  writePair(operand: OperandRef<Width>, value: VectorPair): void {
    if (operand.kind === "register") {
      for (const half of [0, 1] as const) {
        const offset = this.#host.pushVectorRegister(operand) + half * halfBytes;
        this.#push(value[half]).memory("v128Store", offset);
      }
      return;
    }
    const linear = this.#host.operandAddress(operand, 2 * halfBytes, "write");
    this.#host.storeLinear256(linear, local(value[0]), local(value[1]));
  }

  writeLane<W extends Width>(operand: OperandRef<Width>, lane: number, value: Value<W>): void {
    const offset = this.#host.pushVectorRegister(operand) + (lane * value.width) / 8;
    this.#host.put(value);
    this.#f.memory(laneStoreName[value.width], offset);
  }

  clearAbove(operand: OperandRef<Width>, fromByte: number): void {
    for (let byte = fromByte; byte < 2 * halfBytes; byte += 8) {
      const offset = this.#host.pushVectorRegister(operand) + byte;
      this.#f.i64(0).memory("i64Store", offset);
    }
  }

  requireAligned(operand: OperandRef<Width>, bytes: 16 | 32): void {
    if (operand.kind !== "register") this.#checkAlignment(this.#host.operandAddress(operand, bytes, "read"), bytes);
  }

  clearRegisters(count: 8 | 16, wholly: boolean): void {
    for (let register = 0; register < count; register++) {
      const offset = stateOffset("xmm") + register * cpuLayout.xmm.strideBytes;
      for (const place of wholly ? [offset, offset + halfBytes] : [offset + halfBytes]) {
        this.#f.i32(0);
        this.#pushRepeated([0]);
        this.#f.memory("v128Store", place);
      }
    }
  }

  writeLow(operand: OperandRef<Width>, value: Vector, bytes: 4 | 8): void {
    this.#store(operand, value, bytes);
  }

  /** MMX registers are 64 bits wide in every row; XMM register operands may be narrower than the register. */
  #isMmx(operand: OperandRef<Width>): boolean {
    return (operand as unknown as { form: { file?: string } }).form.file === "mmx";
  }

  #store(operand: OperandRef<Width>, value: Vector, bytes: VectorBytes): void {
    const offset = this.#host.pushVectorRegister(operand);
    this.#push(value);
    if (bytes === 4) this.#f.simdLane("i32x4ExtractLane", 0);
    else if (bytes === 8) this.#f.simdLane("i64x2ExtractLane", 0);
    this.#f.memory(storeName[bytes], offset);
  }

  #address(operand: OperandRef<Width>, bytes: VectorBytes, access: "read" | "write", unaligned: boolean): number {
    const linear = this.#host.operandAddress(operand, bytes, access);
    if (bytes === 16 && !unaligned && !this.#host.vex) this.#checkAlignment(linear, bytes);
    return linear;
  }

  #checkAlignment(linear: number, bytes: 16 | 32): void {
    this.#f.get(linear);
    if (this.#host.long) this.#f.op("i32WrapI64");
    this.#f
      .i32(bytes - 1)
      .op("i32And")
      .if();
    this.#host.raise(13, 0);
    this.#f.end();
  }

  // --- operations ---
  constant(bytes: readonly number[]): Vector {
    this.#f.v128(Uint8Array.from(bytes));
    return this.#take();
  }

  unary(name: VectorUnary, a: Vector): Vector {
    this.#push(a).simd(name);
    return this.#take();
  }

  binary(name: VectorBinary, a: Vector, b: Vector): Vector {
    this.#push(a);
    this.#push(b).simd(name);
    return this.#take();
  }

  shift(name: VectorShift, a: Vector, count: Value<32>): Vector {
    this.#push(a);
    this.#host.put(count);
    this.#f.simd(name);
    return this.#take();
  }

  shuffle(a: Vector, b: Vector, lanes: readonly number[]): Vector {
    this.#push(a);
    this.#push(b).shuffle(lanes);
    return this.#take();
  }

  bitSelect(mask: Vector, a: Vector, b: Vector): Vector {
    this.#push(a);
    this.#push(b);
    this.#push(mask).simd("v128Bitselect");
    return this.#take();
  }

  select(condition: Condition, ifTrue: Vector, ifFalse: Vector): Vector {
    this.#push(ifTrue);
    this.#push(ifFalse);
    this.#host.putCondition(condition);
    this.#f.op("select");
    return this.#take();
  }

  splat<W extends Width>(value: Value<W>): Vector {
    this.#host.put(value);
    this.#f.simd(splatName[value.width]);
    return this.#take();
  }

  extract<W extends Width>(width: W, a: Vector, lane: number): Value<W> {
    this.#push(a).simdLane(extractName[width], lane);
    return this.#host.take(width, true);
  }

  replace<W extends Width>(a: Vector, lane: number, value: Value<W>): Vector {
    this.#push(a);
    this.#host.put(value);
    this.#f.simdLane(replaceName[value.width], lane);
    return this.#take();
  }

  replaceWhen<W extends Width>(a: Vector, lane: number, condition: Condition, value: () => Value<W>): Vector {
    const result = this.#host.newLocal("v128");
    this.#push(a).set(result);
    this.#host.when(condition, () => {
      const replacement = value();
      this.#f.get(result);
      this.#host.put(replacement);
      this.#f.simdLane(replaceName[replacement.width], lane).set(result);
    });
    return { local: result } as unknown as Vector;
  }

  isAllZero(a: Vector): Condition {
    this.#push(a).simd("v128AnyTrue").op("i32Eqz");
    return this.#host.takeCondition();
  }

  helper(name: HelperName, ...args: readonly (Vector | Value<Width> | number)[]): Vector {
    this.#callHelper(name, args);
    return this.#take();
  }

  helperValue(name: HelperName, ...args: readonly (Vector | Value<Width> | number)[]): Value<32> {
    this.#callHelper(name, args);
    return this.#host.take(32, true);
  }

  #callHelper(name: HelperName, args: readonly (Vector | Value<Width> | number)[]): void {
    this.#host.prepareFault();
    args.forEach((arg, i) => {
      if (typeof arg === "number" || "width" in arg) this.#host.pushArguments(name, [arg], i);
      else this.#push(arg);
    });
    this.#host.callHelper(name);
  }

  signBits(laneWidth: Width, a: Vector): Value<32> {
    this.#push(a).simd(bitmaskName[laneWidth]);
    return this.#host.take(32, true);
  }

  // --- floating point ---
  #request(
    name: FloatOperation,
    lanes: FloatLanes,
    count: 1 | 2 | 4,
    operands: readonly Vector[],
    control: Value<32> | number,
  ): FloatRequest {
    return { name, lanes, count, operands: operands.map(local), control };
  }

  float(
    name: FloatOperation,
    lanes: FloatLanes,
    count: 1 | 2 | 4,
    operands: readonly Vector[],
    control: Value<32> | number = 0,
  ): Vector {
    return asVector(this.#floats.float(this.#request(name, lanes, count, operands, control)));
  }

  floatPair(
    name: FloatOperation,
    lanes: FloatLanes,
    count: 2 | 4,
    low: readonly Vector[],
    high: readonly Vector[],
    control: Value<32> | number = 0,
  ): VectorPair {
    const request = (operands: readonly Vector[]): FloatRequest => this.#request(name, lanes, count, operands, control);
    const [first, second] = this.#floats.floatPair(request(low), request(high));
    return [asVector(first), asVector(second)];
  }

  compareFlags(lanes: FloatLanes, quiet: boolean, a: Vector, b: Vector): Value<32> {
    return this.#floats.compareFlags(lanes, quiet, local(a), local(b));
  }

  floatToInteger<W extends 32 | 64>(lanes: FloatLanes, width: W, truncates: boolean, a: Vector): Value<W> {
    return this.#floats.toInteger(lanes, width, truncates, local(a));
  }

  integerToFloat(lanes: FloatLanes, value: Value<32> | Value<64>): Vector {
    return asVector(this.#floats.fromInteger(lanes, value));
  }

  #pushMxcsr(): void {
    this.#f.i32(0).memory("i32Load", stateOffset("mxcsr"));
  }

  readMxcsr(): Value<32> {
    this.#pushMxcsr();
    return this.#host.take(32, true);
  }

  writeMxcsr(value: Value<32>): void {
    this.#f.i32(0);
    this.#host.put(value);
    this.#f.memory("i32Store", stateOffset("mxcsr"));
  }
}
