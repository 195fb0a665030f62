import type { Condition, OperandRef, Value, Width } from "../semantics/Algebra.ts";
import type { FunctionBuilder } from "../wasm/FunctionBuilder.ts";
import type { ValueType } from "../wasm/opcodes.ts";

/** What a `Value` of the algebra is here: a constant or a wasm local. Bits above the width are garbage unless `clean`. */
export interface Emitted {
  readonly width: Width;
  readonly constant?: bigint;
  readonly local: number;
  /** Zero-extended to the local's type. */
  readonly clean: boolean;
  /** The same, zero-extended, computed at nesting depth `cleanedAt` or outside of it. */
  cleaned?: { readonly local: number; readonly branch: number };
}

export interface EmittedCondition {
  readonly constant?: boolean;
  /** An i32 that is 0 or 1. */
  readonly local: number;
}

export const emitted = (value: Value<Width>): Emitted => value as unknown as Emitted;
export const asValue = <W extends Width>(value: Emitted): Value<W> => value as unknown as Value<W>;
export const emittedCondition = (value: Condition): EmittedCondition => value as unknown as EmittedCondition;
export const asCondition = (value: EmittedCondition): Condition => value as unknown as Condition;

/**
 * Values of the algebra as WebAssembly: those of 8, 16 and 32 bits are i32 locals, of 64 bits i64 locals. Every
 * operation computes at once into a new local, so that a handle may be used any number of times; the engine's own
 * compiler removes what this costs. Nothing here knows where operands live.
 */
export abstract class ValueEmitter {
  readonly f: FunctionBuilder;
  readonly #used: { type: ValueType; local: number }[] = [];
  /** Which arm of which `when` code is being written in; values cleaned in another arm are not known to be clean here. */
  #branches: number[] = [0];
  #nextBranch = 1;

  constructor(f: FunctionBuilder) {
    this.f = f;
  }

  // --- locals ---
  newLocal(type: ValueType): number {
    const local = this.f.local(type);
    this.#used.push({ type, local });
    return local;
  }

  /** Gives back all locals; no handle may be used afterwards. */
  releaseLocals(): void {
    for (const { type, local } of this.#used) this.f.release(type, local);
    this.#used.length = 0;
  }

  protected wasmType(width: Width): "i32" | "i64" {
    return width === 64 ? "i64" : "i32";
  }

  // --- to and from the wasm stack ---
  /** Takes what lies on the stack into a value. */
  take<W extends Width>(width: W, clean: boolean): Value<W> {
    const local = this.newLocal(this.wasmType(width));
    this.f.set(local);
    return asValue({ width, local, clean: clean || width >= 32 });
  }

  takeCondition(): Condition {
    const local = this.newLocal("i32");
    this.f.set(local);
    return asCondition({ local });
  }

  #pushConstant(value: Emitted, signed: boolean): void {
    const bits = value.constant!;
    if (value.width === 64) this.f.i64(bits);
    else this.f.i32(Number(signed ? BigInt.asIntN(value.width, bits) : BigInt.asIntN(32, bits)));
  }

  /** The value with whatever lies above its width. */
  put(value: Value<Width>): void {
    const v = emitted(value);
    if (v.constant !== undefined) this.#pushConstant(v, false);
    else this.f.get(v.cleaned && this.#branches.includes(v.cleaned.branch) ? v.cleaned.local : v.local);
  }

  putZeroExtended(value: Value<Width>): void {
    const v = emitted(value);
    this.put(value);
    if (v.constant !== undefined || v.clean) return;
    if (v.cleaned && this.#branches.includes(v.cleaned.branch)) return;
    const local = this.newLocal("i32");
    this.f
      .i32(v.width === 8 ? 0xff : 0xffff)
      .op("i32And")
      .tee(local);
    v.cleaned = { local, branch: this.#branches.at(-1)! };
  }

  putSignExtended(value: Value<Width>): void {
    const v = emitted(value);
    if (v.constant !== undefined) {
      this.#pushConstant(v, true);
      return;
    }
    this.f.get(v.local);
    if (v.width === 8) this.f.op("i32Extend8S");
    else if (v.width === 16) this.f.op("i32Extend16S");
  }

  /** Zero-extended to i64, whatever the width. */
  put64(value: Value<Width>): void {
    const v = emitted(value);
    if (v.constant !== undefined) this.f.i64(v.constant);
    else {
      this.putZeroExtended(value);
      if (v.width !== 64) this.f.op("i64ExtendI32U");
    }
  }

  putSigned64(value: Value<Width>): void {
    const v = emitted(value);
    if (v.constant !== undefined) this.f.i64(BigInt.asIntN(v.width, v.constant));
    else {
      this.putSignExtended(value);
      if (v.width !== 64) this.f.op("i64ExtendI32S");
    }
  }

  putCondition(condition: Condition): void {
    const c = emittedCondition(condition);
    if (c.constant !== undefined) this.f.i32(c.constant ? 1 : 0);
    else this.f.get(c.local);
  }

  // --- constants and structure ---
  constant<W extends Width>(width: W, value: bigint | number): Value<W> {
    return asValue({ width, constant: BigInt.asUintN(width, BigInt(value)), local: -1, clean: true });
  }

  when(condition: Condition, then: () => void, otherwise?: () => void): void {
    const { constant } = emittedCondition(condition);
    if (constant !== undefined) {
      if (constant) then();
      else otherwise?.();
      return;
    }
    this.putCondition(condition);
    this.f.if();
    this.arm(then);
    if (otherwise) {
      this.f.else();
      this.arm(otherwise);
    }
    this.f.end();
  }

  protected isConstant(condition: Condition): boolean {
    return emittedCondition(condition).constant !== undefined;
  }
  constantCondition(value: boolean): Condition {
    return asCondition({ constant: value, local: -1 });
  }

  /** Writes one arm of a conditional; subclasses wrap it to keep their own knowledge per arm. */
  protected writeArm(body: () => void): void {
    body();
  }

  /** Writes code that is reached only sometimes, between `f.if()` and `f.end()`. */
  protected arm(body: () => void): void {
    this.#branches.push(this.#nextBranch++);
    this.writeArm(body);
    this.#branches.pop();
  }

  abstract read<W extends Width>(operand: OperandRef<W>): Value<W>;
}
