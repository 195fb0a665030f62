/**
 * The vector half of the algebra for emitted code: operands, floating point and MXCSR on top of `VectorValueEmitter`. Where operands live is the host's
 * business (record, locals). A 128-bit memory operand of an instruction without VEX that is not aligned raises #GP(0) before it is accessed.
 */

import { cpuLayout } from "../layout/cpuLayout.ts";
import type { OperandRef, Value, Width } from "../semantics/Algebra.ts";
import type { FloatOperation } from "../semantics/floatOperations.ts";
import type { FloatLanes, Vector, VectorAlgebra, VectorBytes, VectorPair } from "../semantics/VectorAlgebra.ts";
import { FloatEmitter, type FloatRequest } from "./FloatEmitter.ts";
import { stateOffset } from "./SegmentEmitter.ts";
import type { VectorHost } from "./VectorHost.ts";
import { asVector, local, VectorValueEmitter } from "./VectorValueEmitter.ts";

const storeName = { 2: "i32Store16", 4: "i32Store", 8: "i64Store", 16: "v128Store" } as const;
const laneStoreName = { 8: "i32Store8", 16: "i32Store16", 32: "i32Store", 64: "i64Store" } as const;
const halfBytes = 16;

export class VectorEmitter extends VectorValueEmitter implements VectorAlgebra {
  readonly #floats: FloatEmitter;

  constructor(host: VectorHost) {
    super(host);
    this.#floats = new FloatEmitter(host);
  }

  // --- operands ---
  read(operand: OperandRef<Width>, bytes: VectorBytes, unaligned = false): Vector {
    if (operand.kind === "register") {
      const offset = this.host.pushVectorRegister(operand);
      this.f.memory(this.#isMmx(operand) ? "v128Load64Zero" : "v128Load", offset);
      return this.take();
    }
    const linear = this.#address(operand, bytes, "read", unaligned);
    if (bytes === 16) {
      this.host.loadLinear128(linear);
      return this.take();
    }
    const value = this.host.loadLinear((bytes * 8) as 16 | 32 | 64, linear);
    return this.replace(this.constant(new Array<number>(16).fill(0)), 0, value);
  }

  write(operand: OperandRef<Width>, value: Vector, bytes: VectorBytes, unaligned = false): void {
    if (operand.kind === "register") {
      this.#store(operand, value, this.#isMmx(operand) ? 8 : 16);
      if (this.host.vex) this.#clearHigh(operand);
      return;
    }
    const linear = this.#address(operand, bytes, "write", unaligned);
    if (bytes === 16) this.host.storeLinear128(linear, local(value));
    else if (bytes === 8) this.host.storeLinear(64, linear, this.extract(64, value, 0));
    else this.host.storeLinear((bytes * 8) as 16 | 32, linear, this.extract((bytes * 8) as 16 | 32, value, 0));
  }

  #clearHigh(operand: OperandRef<Width>): void {
    const offset = this.host.pushVectorRegister(operand) + halfBytes;
    this.pushRepeated([0]);
    this.f.memory("v128Store", offset);
  }

  readPair(operand: OperandRef<Width>): VectorPair {
    if (operand.kind === "register") {
      const half = (byteOffset: number): Vector => {
        const offset = this.host.pushVectorRegister(operand) + byteOffset;
        this.f.memory("v128Load", offset);
        return this.take();
      };
      return [half(0), half(halfBytes)];
    }
    const [low, high] = this.host.loadLinear256(this.host.operandAddress(operand, 2 * halfBytes, "read"));
    return [asVector(low), asVector(high)];
  }

  writePair(operand: OperandRef<Width>, value: VectorPair): void {
    if (operand.kind === "register") {
      for (const half of [0, 1] as const) {
        const offset = this.host.pushVectorRegister(operand) + half * halfBytes;
        this.push(value[half]).memory("v128Store", offset);
      }
      return;
    }
    const linear = this.host.operandAddress(operand, 2 * halfBytes, "write");
    this.host.storeLinear256(linear, local(value[0]), local(value[1]));
  }

  writeLane<W extends Width>(operand: OperandRef<Width>, lane: number, value: Value<W>): void {
    const offset = this.host.pushVectorRegister(operand) + (lane * value.width) / 8;
    this.host.put(value);
    this.f.memory(laneStoreName[value.width], offset);
  }

  clearAbove(operand: OperandRef<Width>, fromByte: number): void {
    for (let byte = fromByte; byte < 2 * halfBytes; byte += 8) {
      const offset = this.host.pushVectorRegister(operand) + byte;
      this.f.i64(0).memory("i64Store", offset);
    }
  }

  requireAligned(operand: OperandRef<Width>, bytes: 16 | 32): void {
    if (operand.kind !== "register") this.#checkAlignment(this.host.operandAddress(operand, bytes, "read"), bytes);
  }

  clearRegisters(count: 8 | 16, wholly: boolean): void {
    for (let register = 0; register < count; register++) {
      const offset = stateOffset("xmm") + register * cpuLayout.xmm.strideBytes;
      for (const place of wholly ? [offset, offset + halfBytes] : [offset + halfBytes]) {
        this.f.i32(0);
        this.pushRepeated([0]);
        this.f.memory("v128Store", place);
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
    const offset = this.host.pushVectorRegister(operand);
    this.push(value);
    if (bytes === 4) this.f.simdLane("i32x4ExtractLane", 0);
    else if (bytes === 8) this.f.simdLane("i64x2ExtractLane", 0);
    this.f.memory(storeName[bytes], offset);
  }

  #address(operand: OperandRef<Width>, bytes: VectorBytes, access: "read" | "write", unaligned: boolean): number {
    const linear = this.host.operandAddress(operand, bytes, access);
    if (bytes === 16 && !unaligned && !this.host.vex) this.#checkAlignment(linear, bytes);
    return linear;
  }

  #checkAlignment(linear: number, bytes: 16 | 32): void {
    this.f.get(linear);
    if (this.host.long) this.f.op("i32WrapI64");
    this.f
      .i32(bytes - 1)
      .op("i32And")
      .if();
    this.host.raise(13, 0);
    this.f.end();
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
    this.f.i32(0).memory("i32Load", stateOffset("mxcsr"));
  }

  readMxcsr(): Value<32> {
    this.#pushMxcsr();
    return this.host.take(32, true);
  }

  writeMxcsr(value: Value<32>): void {
    this.f.i32(0);
    this.host.put(value);
    this.f.memory("i32Store", stateOffset("mxcsr"));
  }
}
