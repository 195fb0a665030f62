import type { Condition, Value, Width } from "../semantics/Algebra.ts";
import type { OpcodeName } from "../wasm/opcodes.ts";
import { asValue, emitted, emittedCondition, ValueEmitter } from "./ValueEmitter.ts";

type Binary = "Add" | "Sub" | "Mul" | "And" | "Or" | "Xor";
const fold: Record<Binary, (a: bigint, b: bigint) => bigint> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  And: (a, b) => a & b,
  Or: (a, b) => a | b,
  Xor: (a, b) => a ^ b,
};

/** The arithmetic and the conditions of the algebra. Constants fold, so that what is known early costs nothing later. */
export abstract class ArithmeticEmitter extends ValueEmitter {
  #wide(width: Width, name: string): OpcodeName {
    return `${width === 64 ? "i64" : "i32"}${name}` as OpcodeName;
  }

  #binary<W extends Width>(name: Binary, a: Value<W>, b: Value<W>, clean = false): Value<W> {
    const x = emitted(a).constant;
    const y = emitted(b).constant;
    if (x !== undefined && y !== undefined) return this.constant(a.width, fold[name](x, y));
    this.put(a);
    this.put(b);
    this.f.op(this.#wide(a.width, name));
    return this.take(a.width, clean);
  }

  add<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>): Value<W> {
    return this.#binary("Add", a, b);
  }
  sub<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>): Value<W> {
    return this.#binary("Sub", a, b);
  }
  mul<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>): Value<W> {
    return this.#binary("Mul", a, b);
  }
  and<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>): Value<W> {
    return this.#binary("And", a, b, emitted(a).clean || emitted(b).clean);
  }
  or<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>): Value<W> {
    return this.#binary("Or", a, b, emitted(a).clean && emitted(b).clean);
  }
  xor<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>): Value<W> {
    return this.#binary("Xor", a, b, emitted(a).clean && emitted(b).clean);
  }
  not<W extends Width>(a: Value<W>): Value<W> {
    return this.xor(a, this.constant(a.width, -1));
  }
  neg<W extends Width>(a: Value<W>): Value<W> {
    return this.sub(this.constant(a.width, 0), a);
  }

  #pushCount(a: Value<Width>, count: Value<8>): void {
    if (a.width === 64) this.put64(count);
    else this.putZeroExtended(count);
  }

  shiftLeft<W extends Width>(a: Value<W>, count: Value<8>): Value<W> {
    this.put(a);
    this.#pushCount(a, count);
    this.f.op(this.#wide(a.width, "Shl"));
    return this.take(a.width, false);
  }
  shiftRight<W extends Width>(a: Value<W>, count: Value<8>): Value<W> {
    this.putZeroExtended(a);
    this.#pushCount(a, count);
    this.f.op(this.#wide(a.width, "ShrU"));
    return this.take(a.width, true);
  }
  shiftRightSigned<W extends Width>(a: Value<W>, count: Value<8>): Value<W> {
    this.putSignExtended(a);
    this.#pushCount(a, count);
    this.f.op(this.#wide(a.width, "ShrS"));
    return this.take(a.width, false);
  }
  rotateLeft<W extends Width>(a: Value<W>, count: Value<8>): Value<W> {
    return this.#rotate(a, count, "Rotl", "Shl", "ShrU");
  }
  rotateRight<W extends Width>(a: Value<W>, count: Value<8>): Value<W> {
    return this.#rotate(a, count, "Rotr", "ShrU", "Shl");
  }
  #rotate<W extends Width>(a: Value<W>, count: Value<8>, whole: string, there: string, back: string): Value<W> {
    if (a.width >= 32) {
      this.put(a);
      this.#pushCount(a, count);
      this.f.op(this.#wide(a.width, whole));
      return this.take(a.width, true);
    }
    const turns = this.and(count, this.constant(8, a.width - 1));
    this.putZeroExtended(a);
    this.putZeroExtended(turns);
    this.f.op(this.#wide(32, there));
    this.putZeroExtended(a);
    this.f.i32(a.width);
    this.putZeroExtended(turns);
    this.f.op("i32Sub").op(this.#wide(32, back)).op("i32Or");
    return this.take(a.width, false);
  }

  #divide<W extends 32 | 64>(name: string, a: Value<W>, b: Value<W>): Value<W> {
    this.put(a);
    this.put(b);
    this.f.op(this.#wide(a.width, name));
    return this.take(a.width, true);
  }
  divU<W extends 32 | 64>(a: Value<W>, b: Value<NoInfer<W>>): Value<W> {
    return this.#divide("DivU", a, b);
  }
  remU<W extends 32 | 64>(a: Value<W>, b: Value<NoInfer<W>>): Value<W> {
    return this.#divide("RemU", a, b);
  }
  divS<W extends 32 | 64>(a: Value<W>, b: Value<NoInfer<W>>): Value<W> {
    return this.#divide("DivS", a, b);
  }
  remS<W extends 32 | 64>(a: Value<W>, b: Value<NoInfer<W>>): Value<W> {
    return this.#divide("RemS", a, b);
  }

  countLeadingZeros<W extends Width>(a: Value<W>): Value<W> {
    this.putZeroExtended(a);
    this.f.op(this.#wide(a.width, "Clz"));
    if (a.width < 32) this.f.i32(32 - a.width).op("i32Sub");
    return this.take(a.width, true);
  }
  countTrailingZeros<W extends Width>(a: Value<W>): Value<W> {
    this.put(a);
    if (a.width < 32) this.f.i32(1 << a.width).op("i32Or");
    this.f.op(this.#wide(a.width, "Ctz"));
    return this.take(a.width, true);
  }
  popCount<W extends Width>(a: Value<W>): Value<W> {
    this.putZeroExtended(a);
    this.f.op(this.#wide(a.width, "Popcnt"));
    return this.take(a.width, true);
  }

  zeroExtend<W extends Width>(a: Value<Width>, width: W): Value<W> {
    const { constant } = emitted(a);
    if (constant !== undefined) return this.constant(width, constant);
    if (width === 64) this.put64(a);
    else this.putZeroExtended(a);
    return this.take(width, true);
  }
  signExtend<W extends Width>(a: Value<Width>, width: W): Value<W> {
    const { constant } = emitted(a);
    if (constant !== undefined) return this.constant(width, BigInt.asIntN(a.width, constant));
    if (width === 64) this.putSigned64(a);
    else this.putSignExtended(a);
    return this.take(width, a.width === width && emitted(a).clean);
  }
  truncate<W extends Width>(a: Value<Width>, width: W): Value<W> {
    const { constant, local } = emitted(a);
    if (constant !== undefined) return this.constant(width, constant);
    if (a.width === width) return asValue(emitted(a));
    if (a.width !== 64) return asValue({ width, local, clean: false });
    this.put(a);
    this.f.op("i32WrapI64");
    return this.take(width, false);
  }

  // --- conditions ---
  #compare(name: string, a: Value<Width>, b: Value<Width>, signed = false): Condition {
    for (const value of [a, b]) {
      if (signed) this.putSignExtended(value);
      else this.putZeroExtended(value);
    }
    this.f.op(this.#wide(a.width, name));
    return this.takeCondition();
  }
  equal<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>): Condition {
    return this.#compare("Eq", a, b);
  }
  notEqual<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>): Condition {
    return this.#compare("Ne", a, b);
  }
  lessU<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>): Condition {
    return this.#compare("LtU", a, b);
  }
  lessS<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>): Condition {
    return this.#compare("LtS", a, b, true);
  }
  isZero<W extends Width>(a: Value<W>): Condition {
    const { constant } = emitted(a);
    if (constant !== undefined) return this.constantCondition(constant === 0n);
    this.putZeroExtended(a);
    this.f.op(this.#wide(a.width, "Eqz"));
    return this.takeCondition();
  }
  isNegative<W extends Width>(a: Value<W>): Condition {
    return this.bit(a, a.width - 1);
  }
  bit<W extends Width>(a: Value<W>, index: number | Value<8>): Condition {
    this.put(a);
    if (typeof index === "number") this.put(this.constant(a.width, index));
    else this.#pushCount(a, index);
    this.f.op(this.#wide(a.width, "ShrU"));
    if (a.width === 64) this.f.op("i32WrapI64");
    this.f.i32(1).op("i32And");
    return this.takeCondition();
  }
  #combine(name: OpcodeName, a: Condition, b: Condition): Condition {
    this.putCondition(a);
    this.putCondition(b);
    this.f.op(name);
    return this.takeCondition();
  }
  and2(a: Condition, b: Condition): Condition {
    return this.#combine("i32And", a, b);
  }
  or2(a: Condition, b: Condition): Condition {
    return this.#combine("i32Or", a, b);
  }
  xor2(a: Condition, b: Condition): Condition {
    return this.#combine("i32Xor", a, b);
  }
  not2(a: Condition): Condition {
    const { constant } = emittedCondition(a);
    if (constant !== undefined) return this.constantCondition(!constant);
    this.putCondition(a);
    this.f.op("i32Eqz");
    return this.takeCondition();
  }
  fromCondition<W extends Width>(a: Condition, width: W): Value<W> {
    this.putCondition(a);
    if (width === 64) this.f.op("i64ExtendI32U");
    return this.take(width, true);
  }
  select<W extends Width>(condition: Condition, ifTrue: Value<W>, ifFalse: Value<NoInfer<W>>): Value<W> {
    this.put(ifTrue);
    this.put(ifFalse);
    this.putCondition(condition);
    this.f.op("select");
    return this.take(ifTrue.width, emitted(ifTrue).clean && emitted(ifFalse).clean);
  }
}
