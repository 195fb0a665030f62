import { comparisons, conditionOfOrigin, type FlagOrigin } from "../emit/flagOrigin.ts";
import type { Condition, ConditionCode, Value, Width } from "../semantics/Algebra.ts";
import { InterpreterAlgebra } from "./InterpreterAlgebra.ts";

/** Condition codes of the conditional jumps by operation. */
export const jumpCodes: ReadonlyMap<string, ConditionCode> = new Map(
  ["JO", "JNO", "JB", "JAE", "JE", "JNE", "JBE", "JA", "JS", "JNS", "JP", "JNP", "JL", "JGE", "JLE", "JG"].map(
    (name, code) => [name, code as ConditionCode],
  ),
);

/**
 * For handlers that are two instructions: one that sets flags and a conditional jump. The first remembers what its flags come from, so
 * that the second's condition is one comparison; the flags are stored all the same.
 */
export class PairAlgebra extends InterpreterAlgebra {
  #origin: FlagOrigin | undefined;
  /** The condition of the jump, as the first instruction's algebra worked it out. */
  given: Condition | undefined;

  /** Right behind the first instruction. */
  conditionNow(code: ConditionCode): Condition {
    const direct = this.#origin && conditionOfOrigin(this, this.#origin, code);
    return direct ?? super.condition(code);
  }

  override condition(code: ConditionCode): Condition {
    return this.given ?? super.condition(code);
  }
  override flagsSub<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>, r: Value<NoInfer<W>>): void {
    super.flagsSub(a, b, r);
    this.#origin = { kind: comparisons.has(this.spec.operation) ? "sub" : "other", a, b, r };
  }
  override flagsLogic<W extends Width>(r: Value<W>): void {
    super.flagsLogic(r);
    this.#origin = { kind: "logic", r };
  }
  override flagsSubKeepCarry<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>, r: Value<NoInfer<W>>): void {
    super.flagsSubKeepCarry(a, b, r);
    this.#origin = { kind: "other", r };
  }
}
