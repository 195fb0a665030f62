import type { Algebra, Condition, ConditionCode, Value, Width } from "../semantics/Algebra.ts";

/** What arithmetic flags come from: r = a - b without borrow ("sub"), a logical result, or a result whose carries are another matter. */
export interface FlagOrigin {
  readonly kind: "sub" | "logic" | "other";
  readonly a?: Value<Width>;
  readonly b?: Value<Width>;
  readonly r: Value<Width>;
}

/** Operations whose flagsSub is of a plain difference. */
export const comparisons: ReadonlySet<string> = new Set(["CMP", "SUB", "NEG"]);

type Arithmetic = Pick<Algebra, "isZero" | "isNegative" | "lessU" | "lessS" | "not2" | "constantCondition">;

/** A condition straight from where the flags come from, or undefined where the flags themselves are simpler. */
export function conditionOfOrigin(x: Arithmetic, origin: FlagOrigin, code: ConditionCode): Condition | undefined {
  const even = evenCondition(x, origin, code & ~1);
  return even && code & 1 ? x.not2(even) : even;
}

function evenCondition(x: Arithmetic, { kind, a, b, r }: FlagOrigin, code: number): Condition | undefined {
  if (code === 4) return x.isZero(r);
  if (code === 8) return x.isNegative(r);
  if (kind === "sub") {
    if (code === 2) return x.lessU(a!, b!);
    if (code === 6) return x.not2(x.lessU(b!, a!));
    if (code === 12) return x.lessS(a!, b!);
    if (code === 14) return x.not2(x.lessS(b!, a!));
  }
  if (kind === "logic") {
    if (code === 2) return x.constantCondition(false);
    if (code === 6) return x.isZero(r);
    if (code === 12) return x.isNegative(r);
  }
  return undefined;
}
