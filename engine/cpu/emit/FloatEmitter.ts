/**
 * SSE floating point as WebAssembly. What MXCSR asks for is what plain arithmetic gives when rounding is to nearest, everything is masked, nothing
 * is flushed and the inexact flag is already up; then only results that could raise another flag matter, and those are told by
 * their exponents. Everything else is the unit's slow path (`assembly/simd`). Operations without a fast path always go there.
 */
import type { Value, Width } from "../semantics/Algebra.ts";
import { type FloatOperation, floatCode, floatOperation } from "../semantics/floatOperations.ts";
import type { HelperName } from "../semantics/helperSignatures.ts";
import type { FloatLanes } from "../semantics/VectorAlgebra.ts";
import type { FunctionBuilder, Label } from "../wasm/FunctionBuilder.ts";
import type { OpcodeName, ValueType } from "../wasm/opcodes.ts";
import {
  FloatConditions,
  format,
  inexactAndMasked,
  inexactFlag,
  type OperandsOfLanes,
  usual,
  usualMask,
} from "./FloatConditions.ts";

export interface FloatHost {
  readonly f: FunctionBuilder;
  newLocal(type: ValueType): number;
  put(value: Value<Width>): void;
  take<W extends Width>(width: W, clean: boolean): Value<W>;
  prepareFault(): void;
  callHelper(name: HelperName): void;
}

/** One to three operands. */
export interface FloatRequest extends OperandsOfLanes {
  readonly name: FloatOperation;
  readonly control?: Value<32> | number;
}

const two31 = { f32x4: [0, 0, 0, 0x4f], f64x2: [0, 0, 0, 0, 0, 0, 0xe0, 0x41] } as const;
const indefinite32 = [0, 0, 0, 0x80] as const;
const lowHalves = [0, 1, 2, 3, 8, 9, 10, 11];
/** Flags of COMISS in their places. */
const zeroFlag = 6;

export class FloatEmitter {
  readonly #host: FloatHost;
  readonly #conditions: FloatConditions;

  constructor(host: FloatHost) {
    this.#host = host;
    this.#conditions = new FloatConditions(host.f);
  }

  get #f(): FunctionBuilder {
    return this.#host.f;
  }

  /** One operation on one vector; a local with the result. */
  float(request: FloatRequest): number {
    const result = this.#host.newLocal("v128");
    this.#either(
      (slow) => this.#fast(request, result, slow),
      (done) => {
        this.#zeroOperand(request, result, done);
        this.#slow(request, 0, result);
      },
    );
    return result;
  }

  /** Both halves of a 256-bit operand: exceptions of all lanes count together. */
  floatPair(low: FloatRequest, high: FloatRequest): readonly [number, number] {
    const results = [this.#host.newLocal("v128"), this.#host.newLocal("v128")] as const;
    this.#either(
      (slow) => this.#fast(low, results[0], slow) && this.#fast(high, results[1], slow),
      () => {
        this.#slow(low, floatCode.moreFollows, results[0]);
        this.#slow(high, 0, results[1]);
      },
    );
    return results;
  }

  /** A fast path that branches to the slow one where it does not hold, and answers whether there is one at all. */
  #either(fast: (slow: Label) => boolean, writeSlow: (done: Label) => void): void {
    const f = this.#f;
    const done = f.block();
    const slow = f.block();
    if (fast(slow)) f.br(done);
    f.end();
    writeSlow(done);
    f.end();
  }

  /** ZF PF CF of COMISS (quiet: UCOMISS), in their places. */
  compareFlags(lanes: FloatLanes, quiet: boolean, a: number, b: number): Value<32> {
    const f = this.#f;
    const { float } = format[lanes];
    const flags = this.#host.newLocal("i32");
    this.#conditions.pushLowFloat(lanes, a);
    this.#conditions.pushLowFloat(lanes, b);
    f.op(`${float}Eq`).i32(zeroFlag).op("i32Shl");
    this.#conditions.pushLowFloat(lanes, a);
    this.#conditions.pushLowFloat(lanes, b);
    f.op(`${float}Lt`).op("i32Or").set(flags);
    const request: FloatRequest = { name: "CompareFlags", lanes, count: 1, operands: [a, b], control: quiet ? 1 : 0 };
    this.#either(
      (slow) => this.#conditions.requireComparable(request, slow),
      () => {
        this.#pushSlow(request, 0);
        f.simdLane("i32x4ExtractLane", 0).set(flags);
      },
    );
    f.get(flags);
    return this.#host.take(32, true);
  }

  /** The low float as a signed integer, rounded or truncated; the indefinite integer when it does not fit. */
  toInteger<W extends 32 | 64>(lanes: FloatLanes, width: W, truncates: boolean, a: number): Value<W> {
    const f = this.#f;
    const type = width === 64 ? "i64" : "i32";
    const result = this.#host.newLocal(type);
    const value = this.#host.newLocal("f64");
    this.#conditions.pushLowFloat(lanes, a);
    if (lanes === "f32x4") f.op("f64PromoteF32");
    if (!truncates) f.op("f64Nearest");
    f.tee(value)
      .op(width === 64 ? "i64TruncSatF64S" : "i32TruncSatF64S")
      .set(result);
    this.#conditions.pushMxcsr(truncates ? inexactAndMasked : usualMask, truncates ? inexactAndMasked : usual);
    if (truncates) {
      f.get(result)
        .op(width === 64 ? "f64ConvertI64S" : "f64ConvertI32S")
        .get(value)
        .op("f64Eq")
        .op("i32Or");
    }
    // Saturation ends at the same numbers as what does not fit; a NaN would be zero.
    const minimum = width === 64 ? -(1n << 63n) : -(1n << 31n);
    const maximum = -minimum - 1n;
    for (const limit of [minimum, maximum]) {
      f.get(result);
      if (width === 64) f.i64(limit).op("i64Ne");
      else f.i32(Number(limit)).op("i32Ne");
      f.op("i32And");
    }
    f.get(value).get(value).op("f64Eq").op("i32And").op("i32Eqz").if();
    const name = width === 64 ? "ToInt64" : "ToInt32";
    this.#pushSlow({ name, lanes, count: 1, operands: [a], control: truncates ? 1 : 0 }, 0);
    f.simdLane(width === 64 ? "i64x2ExtractLane" : "i32x4ExtractLane", 0)
      .set(result)
      .end();
    f.get(result);
    return this.#host.take(width, true);
  }

  /** A signed integer as a float in the low lane. */
  fromInteger(lanes: FloatLanes, value: Value<32> | Value<64>): number {
    const f = this.#f;
    const { int, float } = { int: value.width === 64 ? "I64" : "I32", float: format[lanes].float } as const;
    const result = this.#host.newLocal("v128");
    this.#host.put(value);
    f.op(`${float}Convert${int}S`).simd(`${lanes}Splat`).set(result);
    if (lanes === "f64x2" && value.width === 32) return result;
    const source = this.#host.newLocal("v128");
    this.#conditions.pushMxcsr(usualMask, usual);
    f.op("i32Eqz").if();
    this.#host.put(value);
    f.simd(value.width === 64 ? "i64x2Splat" : "i32x4Splat").set(source);
    const name = value.width === 64 ? "FromInt64" : "FromInt32";
    this.#slow({ name, lanes, count: 1, operands: [source] }, 0, result);
    f.end();
    return result;
  }

  // --- the slow path ---
  #slow(request: FloatRequest, flags: number, result: number): void {
    this.#pushSlow(request, flags);
    this.#f.set(result);
  }

  #pushSlow({ name, lanes, count, operands, control = 0 }: FloatRequest, flags: number): void {
    const f = this.#f;
    const code =
      floatOperation[name] | (lanes === "f64x2" ? floatCode.double : 0) | (count << floatCode.countShift) | flags;
    this.#host.prepareFault();
    if (typeof control === "number") f.i32(code | (control << floatCode.controlShift));
    else {
      this.#host.put(control);
      f.i32(floatCode.controlShift).op("i32Shl").i32(code).op("i32Or");
    }
    for (const i of [0, 1, 2]) f.get(operands[Math.min(i, operands.length - 1)]!);
    this.#host.callHelper("simdFloat");
  }

  // --- fast paths: each sets the result, and branches to `slow` where it does not hold ---
  #fast(request: FloatRequest, result: number, slow: Label): boolean {
    const f = this.#f;
    const { name, lanes, operands } = request;
    const [a, b] = operands as [number, number];
    switch (name) {
      case "Add":
      case "Sub":
      case "Mul":
      case "Div":
      case "Sqrt":
        return this.#arithmetic(request, result, slow);
      case "AddSub":
        return this.#addSubtract(request, result, slow);
      case "Min":
      case "Max":
        f.get(b)
          .get(a)
          .simd(`${lanes}P${name === "Min" ? "min" : "max"}`)
          .set(result);
        return this.#conditions.requireComparable(request, slow);
      case "Compare":
        this.#compare(request, result);
        return this.#conditions.requireComparable(request, slow);
      case "Promote":
        f.get(a).simd("f64x2PromoteLowF32x4").set(result);
        return this.#conditions.requireComparable(request, slow);
      case "Demote":
        f.get(a).simd("f32x4DemoteF64x2Zero").set(result);
        this.#conditions.requireUsual(slow);
        this.#conditions.requireNormal({ lanes: "f32x4", count: request.count }, result, slow);
        return true;
      case "FromInt32":
        f.get(a)
          .simd(lanes === "f32x4" ? "f32x4ConvertI32x4S" : "f64x2ConvertLowI32x4S")
          .set(result);
        if (lanes === "f32x4") this.#conditions.requireUsual(slow);
        return true;
      case "ToInt32":
        return this.#toIntegers(request, result, slow);
      default:
        return false;
    }
  }

  #arithmetic(request: FloatRequest, result: number, slow: Label): boolean {
    const { name, lanes, count, operands } = request;
    const operation = name as "Add" | "Sub" | "Mul" | "Div" | "Sqrt";
    if (count === 1) this.#scalar(lanes, operation, operands, result);
    else {
      for (const operand of operands) this.#f.get(operand);
      this.#f.simd(`${lanes}${operation}`).set(result);
    }
    this.#conditions.requireUsual(slow);
    this.#conditions.requireOrdinary(request, result, operation === "Mul" || operation === "Div", slow);
    return true;
  }

  /** On the low lanes alone: whatever lies above must not cost time. */
  #scalar(lanes: FloatLanes, operation: string, operands: readonly number[], result: number): void {
    for (const operand of operands) this.#conditions.pushLowFloat(lanes, operand);
    this.#f
      .op(`${format[lanes].float}${operation}` as OpcodeName)
      .simd(`${lanes}Splat`)
      .set(result);
  }

  /** Even lanes are subtracted: adding with their sign turned is the same, NaNs apart. */
  #addSubtract(request: FloatRequest, result: number, slow: Label): boolean {
    const { lanes, operands } = request;
    const sign = lanes === "f32x4" ? [0, 0, 0, 0x80, 0, 0, 0, 0] : [0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0];
    this.#f.get(operands[0]!).get(operands[1]!);
    this.#conditions.pushRepeated(sign);
    this.#f.simd("v128Xor").simd(`${lanes}Add`).set(result);
    this.#conditions.requireUsual(slow);
    this.#conditions.requireOrdinary(request, result, false, slow);
    return true;
  }

  /** Eight predicates: equal, less, less or equal, unordered, and their negations; with NaNs excluded the other 24 are these again. */
  #compare({ lanes, operands, control = 0 }: FloatRequest, result: number): void {
    const f = this.#f;
    const [a, b] = operands as [number, number];
    const pushControl = (): FunctionBuilder => {
      if (typeof control === "number") f.i32(control);
      else this.#host.put(control);
      return f;
    };
    const relation = (name: "Eq" | "Lt" | "Le"): FunctionBuilder => f.get(a).get(b).simd(`${lanes}${name}`);
    relation("Le");
    this.#conditions.pushRepeated([0]);
    relation("Lt");
    relation("Eq");
    pushControl().i32(1).op("i32And").op("select").set(result);
    // On the stack: Le, zero; for predicates 2 and 3.
    pushControl().i32(1).op("i32And").op("i32Eqz").op("select");
    f.get(result);
    pushControl().i32(2).op("i32And").op("select");
    pushControl().i32(29).op("i32Shl").i32(31).op("i32ShrS").simd("i32x4Splat").simd("v128Xor").set(result);
  }

  #toIntegers({ lanes, operands, control = 0 }: FloatRequest, result: number, slow: Label): boolean {
    if (typeof control !== "number") return false;
    const f = this.#f;
    const source = this.#host.newLocal("v128");
    f.get(operands[0]!);
    if (control === 0) f.simd(`${lanes}Nearest`);
    f.tee(source).simd(lanes === "f32x4" ? "i32x4TruncSatF32x4S" : "i32x4TruncSatF64x2SZero");
    this.#conditions.pushRepeated(indefinite32);
    f.get(source);
    this.#conditions.pushRepeated(two31[lanes]);
    f.simd(`${lanes}Lt`);
    if (lanes === "f64x2") {
      this.#conditions.pushRepeated([0xff]);
      f.shuffle([...lowHalves, 16, 17, 18, 19, 20, 21, 22, 23]);
    }
    f.simd("v128Bitselect").tee(result);
    this.#conditions.pushRepeated(indefinite32);
    f.simd("i32x4Eq").simd("v128AnyTrue").brIf(slow);
    this.#conditions.pushMxcsr(control ? inexactAndMasked : usualMask, control ? inexactAndMasked : usual);
    f.op("i32Eqz").brIf(slow);
    return true;
  }

  /** A product, quotient or narrowed number that is zero because an operand is stands, unless another operand is a denormal. */
  #zeroOperand({ name, lanes, count, operands }: FloatRequest, result: number, done: Label): void {
    if (count !== 1 || (name !== "Mul" && name !== "Div" && name !== "Demote")) return;
    const f = this.#f;
    const pushIsZero = (of: FloatLanes, vector: number): void => {
      this.#conditions.pushLowDoubled(of, vector);
      f.op(`${format[of].int}Eqz`);
    };
    const slow = f.block();
    pushIsZero(name === "Demote" ? "f32x4" : lanes, result);
    pushIsZero(lanes, operands[0]!);
    if (name === "Mul") {
      pushIsZero(lanes, operands[1]!);
      f.op("i32Or");
    }
    f.op("i32And");
    this.#conditions.pushMxcsr(usualMask & ~inexactFlag, usual & ~inexactFlag);
    f.op("i32And").op("i32Eqz").brIf(slow);
    for (const operand of name === "Demote" ? [] : operands) this.#conditions.refuseDenormal(lanes, operand, slow);
    f.br(done).end();
  }
}
