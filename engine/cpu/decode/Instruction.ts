import type { InstructionRow } from "../isa/InstructionRow.ts";

export type OperandWidth = 8 | 16 | 32 | 64 | 80 | 128 | 256;

/** General register: number 0..15, and for 8-bit operands whether it is AH, CH, DH or BH (then number is 0..3). */
export interface RegisterOperand {
  readonly kind: "register";
  readonly file: "general" | "segment" | "control" | "debug" | "mmx" | "xmm" | "st";
  readonly number: number;
  readonly width: OperandWidth;
  readonly high: boolean;
}

export interface MemoryOperand {
  readonly kind: "memory";
  /** What is moved, in bits; for M without size (LEA, INVLPG) the operand size. */
  readonly width: OperandWidth;
  /** `segmentIndex`, overrides and the SS default for (E)BP/(E)SP bases applied. */
  readonly segment: number;
  readonly addressSize: 16 | 32 | 64;
  /** General register numbers, or -1. */
  readonly base: number;
  readonly index: number;
  /** 0..3 */
  readonly scaleShift: number;
  /** Signed; RIP-relative ones have the next instruction's place added by the executor (`ripRelative`). moffs64 may exceed 32 bits. */
  readonly displacement: bigint;
  readonly ripRelative: boolean;
}

export interface ImmediateOperand {
  readonly kind: "immediate";
  /** Width it is used in; `value` is sign- or zero-extended to it and given as a signed bigint. */
  readonly width: OperandWidth;
  readonly value: bigint;
}

/** A branch target relative to the next instruction. */
export interface RelativeOperand {
  readonly kind: "relative";
  readonly displacement: number;
}

/** ptr16:16 or ptr16:32 */
export interface FarOperand {
  readonly kind: "far";
  readonly selector: number;
  readonly offset: number;
}

export type Operand = RegisterOperand | MemoryOperand | ImmediateOperand | RelativeOperand | FarOperand;

/** A decoded instruction; everything an executor needs besides the processor's state. */
export interface Instruction {
  readonly row: InstructionRow;
  /** Bytes, prefixes included. */
  readonly length: number;
  readonly operandSize: 16 | 32 | 64;
  readonly addressSize: 16 | 32 | 64;
  readonly lock: boolean;
  /** F3 or F2 where it is a repeat prefix. */
  readonly repeat: "none" | "rep" | "repne";
  readonly operands: readonly Operand[];
}

/** Why bytes are no instruction: #UD, #GP (longer than 15 bytes), or more bytes are needed to tell. */
export type DecodeFailure = { readonly failure: "invalid" | "tooLong" | "truncated" };
