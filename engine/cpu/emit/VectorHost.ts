import type { Condition, OperandRef, Value, Width } from "../semantics/Algebra.ts";
import type { HelperName } from "../semantics/helperSignatures.ts";
import type { FunctionBuilder } from "../wasm/FunctionBuilder.ts";
import type { ValueType } from "../wasm/opcodes.ts";

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
