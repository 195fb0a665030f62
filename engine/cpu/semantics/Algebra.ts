import type { Operand } from "../decode/Instruction.ts";
import type { HelperName, helperSignatures } from "./helperSignatures.ts";
import type { VectorAlgebra } from "./VectorAlgebra.ts";

/**
 * The small width-typed language in which every operation is written once. An executor implements it: the interpreter emits
 * code whose operands come from a decoded record, the translator emits code for known operands with registers in locals. Values
 * are handles to something the executor has computed; they may be used any number of times.
 *
 * Rules for semantics: read (and probe) everything that can fault before writing anything; memory operands that are read and
 * then written use `readForWrite`, which faults as a write; addresses are computed once per operand by the executor, when they are first
 * asked for, so that must not be inside of a `when`.
 */
export type Width = 8 | 16 | 32 | 64;

declare const widthOf: unique symbol;
declare const conditionOf: unique symbol;

export interface Value<W extends Width> {
  readonly [widthOf]: W;
  readonly width: W;
}
/** A truth value. */
export interface Condition {
  readonly [conditionOf]: true;
}

/** An operand of the instruction at hand, typed by its width. */
export interface OperandRef<W extends Width> {
  readonly width: W;
  readonly kind: Operand["kind"];
}

export type FlagName = "CF" | "PF" | "AF" | "ZF" | "SF" | "OF" | "DF" | "IF";

/** Condition codes in encoding order: O NO B AE E NE BE A S NS P NP L GE LE G. */
export type ConditionCode = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15;

/** What a helper gives back, by its signature. */
export type HelperResult<N extends HelperName> = N extends HelperName
  ? (typeof helperSignatures)[N] extends { readonly result: infer R }
    ? R extends "i32"
      ? Value<32>
      : R extends "i64"
        ? Value<64>
        : undefined
    : undefined
  : never;

export interface Algebra {
  /** Operand size of the instruction, and the width of addresses and of the stack pointer where semantics need to know. */
  readonly operandSize: 16 | 32 | 64;
  readonly addressSize: 16 | 32 | 64;
  /** Width of the stack pointer. */
  readonly stackSize: 16 | 32 | 64;
  readonly repeat: "none" | "rep" | "repne";
  /** 128-bit values, for MMX and SSE. */
  readonly vector: VectorAlgebra;

  // --- operands ---
  constant<W extends Width>(width: W, value: bigint | number): Value<W>;
  /** A segment register reads as its selector. */
  read<W extends Width>(operand: OperandRef<W>): Value<W>;
  readForWrite<W extends Width>(operand: OperandRef<W>): Value<W>;
  write<W extends Width>(operand: OperandRef<W>, value: Value<NoInfer<W>>): void;
  /** Faults now if `write` would. Registers: nothing. */
  probeWrite<W extends Width>(operand: OperandRef<W>): void;
  /** Effective address of a memory operand (offset in its segment), zero-extended to 64 bits. */
  effectiveAddress(operand: OperandRef<Width>): Value<64>;
  /** Linear address of a memory operand's first byte after the segment check for `bytes` bytes. */
  linearAddress(operand: OperandRef<Width>, bytes: number): Value<64>;
  /**
   * `byteOffset` bytes on from a memory operand, as a width of its own (far pointers, descriptors, bit strings, XLAT). The sum
   * wraps at the address size.
   */
  readAt<W extends Width>(operand: OperandRef<Width>, byteOffset: number | Value<64>, width: W): Value<W>;
  readForWriteAt<W extends Width>(operand: OperandRef<Width>, byteOffset: number | Value<64>, width: W): Value<W>;
  writeAt<W extends Width>(operand: OperandRef<Width>, byteOffset: number | Value<64>, value: Value<W>): void;
  /** Implied registers by number: rax 0, rcx 1, rdx 2, rbx 3, rsp 4, rbp 5, rsi 6, rdi 7; AH is (8, 4). */
  readRegister<W extends Width>(width: W, number: number): Value<W>;
  writeRegister<W extends Width>(width: W, number: number, value: Value<NoInfer<W>>): void;
  readSegmentSelector(segment: number): Value<16>;
  /** Memory behind a segment register (`segmentIndex`) at an offset computed by the semantics (stack frames). */
  load<W extends Width>(width: W, segment: number, offset: Value<64>): Value<W>;
  store<W extends Width>(segment: number, offset: Value<64>, value: Value<W>): void;

  // --- arithmetic, all modulo 2^width ---
  add<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>): Value<W>;
  sub<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>): Value<W>;
  mul<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>): Value<W>;
  and<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>): Value<W>;
  or<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>): Value<W>;
  xor<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>): Value<W>;
  not<W extends Width>(a: Value<W>): Value<W>;
  neg<W extends Width>(a: Value<W>): Value<W>;
  /** Shifts by a count of 0..width-1 (semantics mask and test beforehand); rotates by any count, modulo the width. */
  shiftLeft<W extends Width>(a: Value<W>, count: Value<8>): Value<W>;
  shiftRight<W extends Width>(a: Value<W>, count: Value<8>): Value<W>;
  shiftRightSigned<W extends Width>(a: Value<W>, count: Value<8>): Value<W>;
  rotateLeft<W extends Width>(a: Value<W>, count: Value<8>): Value<W>;
  rotateRight<W extends Width>(a: Value<W>, count: Value<8>): Value<W>;
  /** Division of same-width values; the divisor is not zero and the quotient does not overflow (semantics test). */
  divU<W extends 32 | 64>(a: Value<W>, b: Value<NoInfer<W>>): Value<W>;
  remU<W extends 32 | 64>(a: Value<W>, b: Value<NoInfer<W>>): Value<W>;
  divS<W extends 32 | 64>(a: Value<W>, b: Value<NoInfer<W>>): Value<W>;
  remS<W extends 32 | 64>(a: Value<W>, b: Value<NoInfer<W>>): Value<W>;
  countLeadingZeros<W extends Width>(a: Value<W>): Value<W>;
  countTrailingZeros<W extends Width>(a: Value<W>): Value<W>;
  popCount<W extends Width>(a: Value<W>): Value<W>;
  zeroExtend<W extends Width>(a: Value<Width>, width: W): Value<W>;
  signExtend<W extends Width>(a: Value<Width>, width: W): Value<W>;
  truncate<W extends Width>(a: Value<Width>, width: W): Value<W>;

  // --- conditions ---
  equal<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>): Condition;
  notEqual<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>): Condition;
  lessU<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>): Condition;
  lessS<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>): Condition;
  isZero<W extends Width>(a: Value<W>): Condition;
  isNegative<W extends Width>(a: Value<W>): Condition;
  /** Bit `index` (a constant or a value below the width). */
  bit<W extends Width>(a: Value<W>, index: number | Value<8>): Condition;
  and2(a: Condition, b: Condition): Condition;
  or2(a: Condition, b: Condition): Condition;
  xor2(a: Condition, b: Condition): Condition;
  not2(a: Condition): Condition;
  constantCondition(value: boolean): Condition;
  fromCondition<W extends Width>(a: Condition, width: W): Value<W>;
  select<W extends Width>(condition: Condition, ifTrue: Value<W>, ifFalse: Value<NoInfer<W>>): Value<W>;

  // --- flags ---
  /** CF OF AF SF ZF PF of r = a + b (+ carry in); r must be that sum. */
  flagsAdd<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>, r: Value<NoInfer<W>>): void;
  /** ... of r = a - b (- borrow in). */
  flagsSub<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>, r: Value<NoInfer<W>>): void;
  /** INC and DEC: as above, CF untouched. */
  flagsAddKeepCarry<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>, r: Value<NoInfer<W>>): void;
  flagsSubKeepCarry<W extends Width>(a: Value<W>, b: Value<NoInfer<W>>, r: Value<NoInfer<W>>): void;
  /** AND OR XOR TEST: CF = OF = AF = 0. */
  flagsLogic<W extends Width>(r: Value<W>): void;
  /** SF ZF PF from r, the others as given. */
  flagsResult<W extends Width>(r: Value<W>, carry: Condition, overflow: Condition, adjust?: Condition): void;
  getFlag(name: FlagName): Condition;
  setFlag(name: FlagName, value: Condition): void;
  condition(code: ConditionCode): Condition;

  // --- stack: width of the stack pointer from the mode; pop reads and moves the pointer only when nothing faults ---
  push<W extends 16 | 32 | 64>(value: Value<W>): void;
  /** Value at the top; the pointer moves when `releaseStack` is called (POP to memory, RET n). */
  peekStack<W extends 16 | 32 | 64>(width: W, byteOffset?: number): Value<W>;
  /** A negative number of bytes makes room instead. */
  releaseStack(bytes: number | Value<64>): void;

  // --- control ---
  when(condition: Condition, then: () => void, otherwise?: () => void): void;
  raise(vector: number, errorCode?: number): void;
  /** Address of the next instruction, in the operand size's width (wraps in 16-bit operand size). */
  nextInstruction(): Value<64>;
  /** Near transfer to an absolute offset; checks CS limit or canonical form, before the stack pointer moves. Ends the block. */
  jump(target: Value<64>): void;
  /** Near transfer relative to the next instruction, operand of kind "relative". */
  jumpRelative(operand: OperandRef<Width>): void;
  jumpRelativeIf(condition: Condition, operand: OperandRef<Width>): void;
  /** The record's raw far pointer: selector and offset. */
  farPointer(operand: OperandRef<Width>): { selector: Value<16>; offset: Value<64> };
  /**
   * What the decoder knew: an immediate, zero-extended from its width, a register's number (control, debug and segment registers), a memory operand's segment
   * as `segmentIndex`.
   */
  recordConstant(operand: OperandRef<Width>): Value<32>;
  /**
   * Calls a helper; i32 parameters take Value<8|16|32> (zero-extended) or numbers, i64 ones Value<64>. Result width by signature.
   * For helpers that end the block the executor stores `rip` first and refetches when the semantics are through.
   */
  helper<N extends HelperName>(name: N, ...args: readonly (Value<Width> | number)[]): HelperResult<N>;
  /** Interrupts stay off until after the next instruction (STI, MOV SS). */
  interruptShadow(): void;
  /** Runs the same instruction again unless `done` (REP strings leave work): the executor looks for attention in between. */
  repeatUnless(done: Condition): void;
}

export type Semantics = (x: Algebra, operands: readonly OperandRef<Width>[]) => void;
