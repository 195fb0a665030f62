/**
 * Vectors as WebAssembly SIMD: the lane-wise half of the vector algebra. Results go into new v128 locals at once, as other values do, so that a
 * handle may be used any number of times. Where operands live is `VectorEmitter`'s.
 */
import type { Condition, Value, Width } from "../semantics/Algebra.ts";
import type { HelperName } from "../semantics/helperSignatures.ts";
import type { Vector, VectorBinary, VectorShift, VectorUnary } from "../semantics/VectorAlgebra.ts";
import type { FunctionBuilder } from "../wasm/FunctionBuilder.ts";
import type { VectorHost } from "./VectorHost.ts";

export const local = (value: Vector): number => (value as unknown as { local: number }).local;
export const asVector = (vector: number): Vector => ({ local: vector }) as unknown as Vector;

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

export class VectorValueEmitter {
  protected readonly host: VectorHost;

  constructor(host: VectorHost) {
    this.host = host;
  }

  protected get f(): FunctionBuilder {
    return this.host.f;
  }

  protected take(): Vector {
    const result = this.host.newLocal("v128");
    this.f.set(result);
    return asVector(result);
  }

  protected push(value: Vector): FunctionBuilder {
    return this.f.get(local(value));
  }

  protected pushRepeated(lane: readonly number[]): void {
    this.f.v128(Uint8Array.from({ length: 16 }, (_, i) => lane[i % lane.length]!));
  }

  constant(bytes: readonly number[]): Vector {
    this.f.v128(Uint8Array.from(bytes));
    return this.take();
  }

  unary(name: VectorUnary, a: Vector): Vector {
    this.push(a).simd(name);
    return this.take();
  }

  binary(name: VectorBinary, a: Vector, b: Vector): Vector {
    this.push(a);
    this.push(b).simd(name);
    return this.take();
  }

  shift(name: VectorShift, a: Vector, count: Value<32>): Vector {
    this.push(a);
    this.host.put(count);
    this.f.simd(name);
    return this.take();
  }

  shuffle(a: Vector, b: Vector, lanes: readonly number[]): Vector {
    this.push(a);
    this.push(b).shuffle(lanes);
    return this.take();
  }

  bitSelect(mask: Vector, a: Vector, b: Vector): Vector {
    this.push(a);
    this.push(b);
    this.push(mask).simd("v128Bitselect");
    return this.take();
  }

  select(condition: Condition, ifTrue: Vector, ifFalse: Vector): Vector {
    this.push(ifTrue);
    this.push(ifFalse);
    this.host.putCondition(condition);
    this.f.op("select");
    return this.take();
  }

  splat<W extends Width>(value: Value<W>): Vector {
    this.host.put(value);
    this.f.simd(splatName[value.width]);
    return this.take();
  }

  extract<W extends Width>(width: W, a: Vector, lane: number): Value<W> {
    this.push(a).simdLane(extractName[width], lane);
    return this.host.take(width, true);
  }

  replace<W extends Width>(a: Vector, lane: number, value: Value<W>): Vector {
    this.push(a);
    this.host.put(value);
    this.f.simdLane(replaceName[value.width], lane);
    return this.take();
  }

  replaceWhen<W extends Width>(a: Vector, lane: number, condition: Condition, value: () => Value<W>): Vector {
    const result = this.host.newLocal("v128");
    this.push(a).set(result);
    this.host.when(condition, () => {
      const replacement = value();
      this.f.get(result);
      this.host.put(replacement);
      this.f.simdLane(replaceName[replacement.width], lane).set(result);
    });
    return asVector(result);
  }

  isAllZero(a: Vector): Condition {
    this.push(a).simd("v128AnyTrue").op("i32Eqz");
    return this.host.takeCondition();
  }

  helper(name: HelperName, ...args: readonly (Vector | Value<Width> | number)[]): Vector {
    this.#callHelper(name, args);
    return this.take();
  }

  helperValue(name: HelperName, ...args: readonly (Vector | Value<Width> | number)[]): Value<32> {
    this.#callHelper(name, args);
    return this.host.take(32, true);
  }

  #callHelper(name: HelperName, args: readonly (Vector | Value<Width> | number)[]): void {
    this.host.prepareFault();
    args.forEach((arg, i) => {
      if (typeof arg === "number" || "width" in arg) this.host.pushArguments(name, [arg], i);
      else this.push(arg);
    });
    this.host.callHelper(name);
  }

  signBits(laneWidth: Width, a: Vector): Value<32> {
    this.push(a).simd(bitmaskName[laneWidth]);
    return this.host.take(32, true);
  }
}
