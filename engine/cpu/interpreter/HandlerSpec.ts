import type { Instruction, MemoryOperand, Operand, OperandWidth, RegisterOperand } from "../decode/Instruction.ts";
import { codeModeBits, segmentIndex } from "../layout/cpuLayout.ts";
import type { OperationName } from "../semantics/OperationName.ts";
import { recordLayout, spareSlots } from "./recordLayout.ts";

/** Where an operand is found when a handler runs. */
export type OperandForm =
  | {
      readonly kind: "register";
      readonly file: RegisterOperand["file"];
      readonly width: OperandWidth;
      readonly slot: number;
    }
  | {
      readonly kind: "memory";
      readonly width: OperandWidth;
      readonly addressSize: 16 | 32 | 64;
      /** Base 0 and no limit: nothing to add or check. */
      readonly flat: boolean;
      readonly indexed: boolean;
      readonly ripRelative: boolean;
      /** A 64-bit absolute address in place of displacement and immediate. */
      readonly wide: boolean;
      /** The other memory operand of a string instruction: a register without index and displacement, in slots of its own. */
      readonly second: boolean;
    }
  | { readonly kind: "immediate"; readonly width: OperandWidth; readonly slot: 8 | 12 | "wide" }
  | { readonly kind: "relative"; readonly inPage: boolean }
  | { readonly kind: "far" };

/**
 * Everything that distinguishes one handler from another: the operation, the sizes that its semantics may ask for, and the form of
 * each operand. Instructions that differ only in registers, displacements and immediates share a handler.
 */
export interface HandlerSpec {
  readonly operation: OperationName;
  readonly operandSize: 16 | 32 | 64;
  readonly addressSize: 16 | 32 | 64;
  readonly stackSize: 16 | 32 | 64;
  readonly long: boolean;
  /** Code and stack segments are flat. */
  readonly flat: boolean;
  readonly repeat: "none" | "rep" | "repne";
  readonly unit: "" | "x87" | "mmx" | "sse" | "avx" | "vex";
  readonly operands: readonly OperandForm[];
}

export const isLong = (codeMode: number): boolean => (codeMode & codeModeBits.codeSizeMask) === 2;

export const codeSizeOf = (codeMode: number): 16 | 32 | 64 =>
  isLong(codeMode) ? 64 : (codeMode & codeModeBits.codeSizeMask) === 1 ? 32 : 16;

/** Segments whose base counts in 64-bit code, and those that `flat` does not speak of. */
const alwaysBased = (segment: number): boolean => segment >= 4;
/** A flat CS may be read at most, never written: accesses by way of it are checked. */
const isChecked = (segment: number, codeMode: number): boolean => segment === segmentIndex.cs && !isLong(codeMode);

function memoryForm(operand: MemoryOperand, codeMode: number, second: boolean): OperandForm {
  const flat =
    !alwaysBased(operand.segment) &&
    !isChecked(operand.segment, codeMode) &&
    (isLong(codeMode) || (codeMode & codeModeBits.flat) !== 0);
  const wide = BigInt.asIntN(32, operand.displacement) !== operand.displacement && operand.addressSize === 64;
  return {
    kind: "memory",
    width: operand.width,
    addressSize: operand.addressSize,
    flat,
    indexed: operand.index >= 0,
    ripRelative: operand.ripRelative,
    wide,
    second,
  };
}

/** Whether a branch of this instruction stays within its page. */
export type StaysInPage = (displacement: number) => boolean;

/** Classifies an instruction. */
export function handlerSpecOf(instruction: Instruction, codeMode: number, staysInPage: StaysInPage): HandlerSpec {
  const hasMemory = instruction.operands.some((operand) => operand.kind === "memory");
  const registerSlots: number[] = hasMemory
    ? [recordLayout.slots[0], ...spareSlots]
    : [...recordLayout.slots, ...spareSlots];
  const immediateSlots: (8 | 12)[] = hasMemory ? [12] : [12, 8];
  let memoryOperands = 0;
  const form = (operand: Operand): OperandForm => {
    switch (operand.kind) {
      case "register":
        return { kind: "register", file: operand.file, width: operand.width, slot: registerSlots.shift()! };
      case "memory":
        return memoryForm(operand, codeMode, memoryOperands++ > 0);
      case "immediate": {
        const wide = BigInt.asIntN(32, operand.value) !== operand.value && operand.width === 64;
        return { kind: "immediate", width: operand.width, slot: wide ? "wide" : immediateSlots.shift()! };
      }
      case "relative":
        return { kind: "relative", inPage: staysInPage(operand.displacement) };
      case "far":
        return { kind: "far" };
    }
  };
  const long = isLong(codeMode);
  return {
    operation: instruction.row.operation,
    operandSize: instruction.operandSize,
    addressSize: instruction.addressSize,
    stackSize: long ? 64 : codeMode & codeModeBits.bigStack ? 32 : 16,
    long,
    flat: long || (codeMode & codeModeBits.flat) !== 0,
    repeat: instruction.repeat,
    unit: instruction.row.unit ?? "",
    operands: instruction.operands.map(form),
  };
}

function formKey(form: OperandForm): string {
  switch (form.kind) {
    case "register":
      return `r${form.file === "general" ? "" : form.file}${form.width}@${form.slot}`;
    case "memory":
      return `m${form.width}a${form.addressSize}${form.flat ? "f" : "s"}${form.indexed ? "x" : ""}${form.ripRelative ? "r" : ""}${form.wide ? "w" : ""}${form.second ? "2" : ""}`;
    case "immediate":
      return `i${form.width}@${form.slot}`;
    case "relative":
      return form.inPage ? "j" : "J";
    case "far":
      return "p";
  }
}

/** Equal for equal specs; `parseHandlerKey` is its inverse. */
export function handlerKey(spec: HandlerSpec): string {
  const mode = `${spec.long ? "l" : ""}${spec.flat ? "f" : ""}${spec.unit}`;
  const repeat = spec.repeat === "none" ? "" : ` ${spec.repeat}`;
  return `${spec.operation} ${spec.operandSize}/${spec.addressSize}/${spec.stackSize}${mode}${repeat} ${spec.operands.map(formKey).join(",")}`.trimEnd();
}

function parseForm(text: string): OperandForm {
  const register = /^r([a-z]*)(\d+)@(\d+)$/.exec(text);
  if (register) {
    const file = (register[1] || "general") as RegisterOperand["file"];
    return { kind: "register", file, width: Number(register[2]) as OperandWidth, slot: Number(register[3]) };
  }
  const memory = /^m(\d+)a(\d+)([fs])(x?)(r?)(w?)(2?)$/.exec(text);
  if (memory) {
    return {
      kind: "memory",
      width: Number(memory[1]) as OperandWidth,
      addressSize: Number(memory[2]) as 16 | 32 | 64,
      flat: memory[3] === "f",
      indexed: memory[4] === "x",
      ripRelative: memory[5] === "r",
      wide: memory[6] === "w",
      second: memory[7] === "2",
    };
  }
  const immediate = /^i(\d+)@(\d+|wide)$/.exec(text);
  if (immediate) {
    const slot = immediate[2] === "wide" ? "wide" : (Number(immediate[2]) as 8 | 12);
    return { kind: "immediate", width: Number(immediate[1]) as OperandWidth, slot };
  }
  if (text === "j" || text === "J") return { kind: "relative", inPage: text === "j" };
  if (text === "p") return { kind: "far" };
  throw new Error(`not an operand form: ${text}`);
}

export function parseHandlerKey(key: string): HandlerSpec {
  const match = /^(\w+) (\d+)\/(\d+)\/(\d+)(l?)(f?)(x87|mmx|sse|avx|vex|)(?: (rep|repne))?(?: (\S+))?$/.exec(key);
  if (!match) throw new Error(`not a handler key: ${key}`);
  const [, operation, operandSize, addressSize, stackSize, long, flat, unit, repeat, operands] = match;
  return {
    operation: operation as OperationName,
    operandSize: Number(operandSize) as 16 | 32 | 64,
    addressSize: Number(addressSize) as 16 | 32 | 64,
    stackSize: Number(stackSize) as 16 | 32 | 64,
    long: long === "l",
    flat: flat === "f",
    unit: unit as HandlerSpec["unit"],
    repeat: (repeat as "rep" | "repne" | undefined) ?? "none",
    operands: operands ? operands.split(",").map(parseForm) : [],
  };
}
