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
import type { SimdOpcodeName } from "../wasm/simdOpcodes.ts";
import { stateOffset } from "./MemoryEmitter.ts";

export interface FloatHost {
  readonly f: FunctionBuilder;
  newLocal(type: ValueType): number;
  put(value: Value<Width>): void;
  take<W extends Width>(width: W, clean: boolean): Value<W>;
  prepareFault(): void;
  callHelper(name: HelperName): void;
}

export interface FloatRequest {
  readonly name: FloatOperation;
  readonly lanes: FloatLanes;
  readonly count: 1 | 2 | 4;
  /** Locals of one to three vectors. */
  readonly operands: readonly number[];
  readonly control?: Value<32> | number;
}

/** MXCSR without the flags but the inexact one: nearest, all masked, no DAZ, no FTZ, inexact. */
const usualMask = 0xffe0;
const usual = 0x1fa0;
/** The inexact flag and its mask. */
const inexactFlag = 0x20;
const inexactAndMasked = 0x1020;

/** Of one lane: its integer type, and where the exponent lies once the sign is shifted out. */
const format = {
  f32x4: { int: "i32", float: "f32", lane: "i32x4", exponentPlace: 24, infinity: 0xff00_0000n },
  f64x2: { int: "i64", float: "f64", lane: "i64x2", exponentPlace: 53, infinity: 0x7ffn << 53n },
} as const;
const two31 = { f32x4: [0, 0, 0, 0x4f], f64x2: [0, 0, 0, 0, 0, 0, 0xe0, 0x41] } as const;
const indefinite32 = [0, 0, 0, 0x80] as const;
const lowHalves = [0, 1, 2, 3, 8, 9, 10, 11];
/** Flags of COMISS in their places. */
const zeroFlag = 6;

export class FloatEmitter {
  readonly #host: FloatHost;

  constructor(host: FloatHost) {
    this.#host = host;
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
    this.#pushLowFloat(lanes, a);
    this.#pushLowFloat(lanes, b);
    f.op(`${float}Eq`).i32(zeroFlag).op("i32Shl");
    this.#pushLowFloat(lanes, a);
    this.#pushLowFloat(lanes, b);
    f.op(`${float}Lt`).op("i32Or").set(flags);
    const request: FloatRequest = { name: "CompareFlags", lanes, count: 1, operands: [a, b], control: quiet ? 1 : 0 };
    this.#either(
      (slow) => this.#requireComparable(request, slow),
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
    this.#pushLowFloat(lanes, a);
    if (lanes === "f32x4") f.op("f64PromoteF32");
    if (!truncates) f.op("f64Nearest");
    f.tee(value)
      .op(width === 64 ? "i64TruncSatF64S" : "i32TruncSatF64S")
      .set(result);
    this.#pushMxcsr(truncates ? inexactAndMasked : usualMask, truncates ? inexactAndMasked : usual);
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
    this.#pushMxcsr(usualMask, usual);
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
        return this.#requireComparable(request, slow);
      case "Compare":
        this.#compare(request, result);
        return this.#requireComparable(request, slow);
      case "Promote":
        f.get(a).simd("f64x2PromoteLowF32x4").set(result);
        return this.#requireComparable(request, slow);
      case "Demote":
        f.get(a).simd("f32x4DemoteF64x2Zero").set(result);
        this.#requireUsual(slow);
        this.#requireNormal({ lanes: "f32x4", count: request.count }, result, slow);
        return true;
      case "FromInt32":
        f.get(a)
          .simd(lanes === "f32x4" ? "f32x4ConvertI32x4S" : "f64x2ConvertLowI32x4S")
          .set(result);
        if (lanes === "f32x4") this.#requireUsual(slow);
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
    this.#requireUsual(slow);
    this.#requireOrdinary(request, result, operation === "Mul" || operation === "Div", slow);
    return true;
  }

  /** On the low lanes alone: whatever lies above must not cost time. */
  #scalar(lanes: FloatLanes, operation: string, operands: readonly number[], result: number): void {
    for (const operand of operands) this.#pushLowFloat(lanes, operand);
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
    this.#pushRepeated(sign);
    this.#f.simd("v128Xor").simd(`${lanes}Add`).set(result);
    this.#requireUsual(slow);
    this.#requireOrdinary(request, result, false, slow);
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
    this.#pushRepeated([0]);
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
    this.#pushRepeated(indefinite32);
    f.get(source);
    this.#pushRepeated(two31[lanes]);
    f.simd(`${lanes}Lt`);
    if (lanes === "f64x2") {
      this.#pushRepeated([0xff]);
      f.shuffle([...lowHalves, 16, 17, 18, 19, 20, 21, 22, 23]);
    }
    f.simd("v128Bitselect").tee(result);
    this.#pushRepeated(indefinite32);
    f.simd("i32x4Eq").simd("v128AnyTrue").brIf(slow);
    this.#pushMxcsr(control ? inexactAndMasked : usualMask, control ? inexactAndMasked : usual);
    f.op("i32Eqz").brIf(slow);
    return true;
  }

  // --- conditions ---
  /** Leaves on the stack whether these bits of MXCSR are as wanted. */
  #pushMxcsr(mask: number, wanted: number): void {
    this.#f.i32(0).memory("i32Load", stateOffset("mxcsr")).i32(mask).op("i32And").i32(wanted).op("i32Eq");
  }

  #requireUsual(slow: Label): void {
    this.#pushMxcsr(usualMask, usual);
    this.#f.op("i32Eqz").brIf(slow);
  }

  /** No operand is a denormal, and the result is finite, or away from underflow if that can happen. */
  #requireOrdinary(request: FloatRequest, result: number, canUnderflow: boolean, slow: Label): void {
    const operands = [...new Set(request.operands)];
    if (request.count > 1) {
      this.#requireOrdinaryLanes(request.lanes, operands, result, canUnderflow, slow);
      return;
    }
    if (canUnderflow) this.#requireNormal(request, result, slow);
    else this.#requireFinite(request.lanes, result, slow);
    for (const operand of operands) this.#refuseDenormal(request.lanes, operand, slow);
  }

  /** The same for all lanes: the smallest of what is left of exponents decides. Zero less one has the largest; the result needs one above 1. */
  #requireOrdinaryLanes(
    lanes: FloatLanes,
    operands: readonly number[],
    result: number,
    canUnderflow: boolean,
    slow: Label,
  ): void {
    const f = this.#f;
    const { lane, exponentPlace } = format[lanes];
    operands.forEach((operand, i) => {
      this.#pushExponentLessOne(lanes, operand);
      if (i > 0) f.simd("i32x4MinU");
    });
    if (canUnderflow) {
      this.#pushDoubledLanes(lanes, result);
      f.i32(exponentPlace + 1)
        .simd(`${lane}ShrU`)
        .simd("i32x4MinU");
    }
    this.#pushRepeated([0]);
    f.simd(`${lane}Ne`);
    this.#pushFiniteLanes(lanes, result);
    f.simd("v128And").simd(`${lane}AllTrue`).op("i32Eqz").brIf(slow);
  }

  /** No operand is a NaN or a denormal. */
  #requireComparable({ lanes, count, operands }: FloatRequest, slow: Label): boolean {
    const f = this.#f;
    for (const operand of new Set(operands)) {
      if (count === 1) {
        this.#pushLowFloat(lanes, operand);
        this.#pushLowFloat(lanes, operand);
        f.op(`${format[lanes].float}Eq`).op("i32Eqz").brIf(slow);
        this.#refuseDenormal(lanes, operand, slow);
        continue;
      }
      this.#pushExponentLessOne(lanes, operand);
      this.#pushRepeated([0]);
      f.simd(`${format[lanes].lane}Ne`).get(operand).get(operand).simd(`${lanes}Eq`).simd("v128And");
      this.#requireAll(lanes, count, slow);
    }
    return true;
  }

  /** Of the low lane. Without its sign and less one, zero is as large as can be. */
  #refuseDenormal(lanes: FloatLanes, operand: number, slow: Label): void {
    const { int, exponentPlace } = format[lanes];
    this.#pushLowDoubled(lanes, operand);
    this.#pushInteger(int, 1n);
    this.#f.op(`${int}Sub`);
    this.#pushInteger(int, (1n << BigInt(exponentPlace)) - 1n);
    this.#f.op(`${int}LtU`).brIf(slow);
  }

  /** Of the low lane. */
  #requireFinite(lanes: FloatLanes, result: number, slow: Label): void {
    const { int, infinity } = format[lanes];
    this.#pushLowDoubled(lanes, result);
    this.#pushInteger(int, infinity);
    this.#f.op(`${int}GeU`).brIf(slow);
  }

  /** Finite, and at least twice the smallest normal number: what rounds to that one may have been tiny. */
  #requireNormal({ lanes, count }: Pick<FloatRequest, "lanes" | "count">, result: number, slow: Label): void {
    const f = this.#f;
    const { int, lane, exponentPlace, infinity } = format[lanes];
    if (count === 1) {
      const least = 2n << BigInt(exponentPlace);
      this.#pushLowDoubled(lanes, result);
      this.#pushInteger(int, least);
      f.op(`${int}Sub`);
      this.#pushInteger(int, infinity - least);
      f.op(`${int}GeU`).brIf(slow);
      return;
    }
    this.#pushFiniteLanes(lanes, result);
    this.#pushDoubledLanes(lanes, result);
    f.i32(exponentPlace + 1).simd(`${lane}ShrU`);
    this.#pushRepeated([0]);
    f.simd(`${lane}Ne`).simd("v128And");
    this.#requireAll(lanes, count, slow);
  }

  /** A product, quotient or narrowed number that is zero because an operand is stands, unless another operand is a denormal. */
  #zeroOperand({ name, lanes, count, operands }: FloatRequest, result: number, done: Label): void {
    if (count !== 1 || (name !== "Mul" && name !== "Div" && name !== "Demote")) return;
    const f = this.#f;
    const pushIsZero = (of: FloatLanes, vector: number): void => {
      this.#pushLowDoubled(of, vector);
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
    this.#pushMxcsr(usualMask & ~inexactFlag, usual & ~inexactFlag);
    f.op("i32And").op("i32Eqz").brIf(slow);
    for (const operand of name === "Demote" ? [] : operands) this.#refuseDenormal(lanes, operand, slow);
    f.br(done).end();
  }

  // --- pieces ---
  #pushRepeated(lane: readonly number[]): void {
    this.#f.v128(Uint8Array.from({ length: 16 }, (_, i) => lane[i % lane.length]!));
  }

  #pushLowFloat(lanes: FloatLanes, vector: number): void {
    this.#f.get(vector).simdLane(`${lanes}ExtractLane`, 0);
  }

  #pushInteger(int: "i32" | "i64", value: bigint): void {
    if (int === "i64") this.#f.i64(BigInt.asIntN(64, value));
    else this.#f.i32(Number(BigInt.asIntN(32, value)));
  }

  /** The low lane as an integer without its sign, shifted left by one. */
  #pushLowDoubled(lanes: FloatLanes, vector: number): void {
    const { int, lane } = format[lanes];
    this.#f.get(vector).simdLane(`${lane}ExtractLane` as SimdOpcodeName, 0);
    this.#pushInteger(int, 1n);
    this.#f.op(`${int}Shl`);
  }

  #pushDoubledLanes(lanes: FloatLanes, vector: number): void {
    this.#f.get(vector).i32(1).simd(`${format[lanes].lane}Shl`);
  }

  /** Exponents of all lanes, those of zeros as large as can be, those of denormals zero. */
  #pushExponentLessOne(lanes: FloatLanes, vector: number): void {
    const { lane, exponentPlace } = format[lanes];
    this.#pushDoubledLanes(lanes, vector);
    this.#pushRepeated([0xff]);
    this.#f.simd(`${lane}Add`).i32(exponentPlace).simd(`${lane}ShrU`);
  }

  /** Infinities and NaNs less themselves are not zero. */
  #pushFiniteLanes(lanes: FloatLanes, vector: number): void {
    this.#f.get(vector).get(vector).simd(`${lanes}Sub`);
    this.#pushRepeated([0]);
    this.#f.simd(`${lanes}Eq`);
  }

  /** All lanes of the mask on the stack that take part are ones. */
  #requireAll(lanes: FloatLanes, count: number, slow: Label): void {
    const f = this.#f;
    if (lanes === "f32x4" && count === 2) f.simdLane("i64x2ExtractLane", 0).i64(-1n).op("i64Ne").brIf(slow);
    else f.simd(`${format[lanes].lane}AllTrue`).op("i32Eqz").brIf(slow);
  }
}
