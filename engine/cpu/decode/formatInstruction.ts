/** A decoded instruction as one line of text, for tests and the debugger's disassembly: operation, sizes, operands. */
import type { Instruction, MemoryOperand, Operand, RegisterOperand } from "./Instruction.ts";

const names64 = ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"];
const names8 = ["al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil"];
const highNames = ["ah", "ch", "dh", "bh"];
const segmentNames = ["es", "cs", "ss", "ds", "fs", "gs"];
const filePrefixes = { control: "cr", debug: "dr", mmx: "mm", xmm: "xmm", st: "st" } as const;
const suffixes: Readonly<Record<number, string>> = { 8: "b", 16: "w", 32: "d", 64: "" };

function generalName(number: number, width: number, high: boolean): string {
  if (high) return highNames[number]!;
  if (number >= 8) return `r${number}${suffixes[width]}`;
  if (width === 8) return names8[number]!;
  const name = names64[number]!;
  return width === 64 ? name : width === 32 ? `e${name.slice(1)}` : name.slice(1);
}

function registerName(register: RegisterOperand): string {
  if (register.file === "general") return generalName(register.number, register.width, register.high);
  if (register.file === "segment") return segmentNames[register.number]!;
  const prefix = register.width === 256 ? "ymm" : filePrefixes[register.file];
  return `${prefix}${register.number}`;
}

const signedHex = (value: bigint): string => (value < 0n ? `-${(-value).toString(16)}` : value.toString(16));

function memoryText(memory: MemoryOperand): string {
  const parts: string[] = [];
  if (memory.ripRelative) parts.push("rip");
  if (memory.base >= 0) parts.push(generalName(memory.base, memory.addressSize, false));
  if (memory.index >= 0) {
    parts.push(`${generalName(memory.index, memory.addressSize, false)}*${1 << memory.scaleShift}`);
  }
  if (memory.displacement !== 0n || parts.length === 0) parts.push(signedHex(memory.displacement));
  return `m${memory.width}[${segmentNames[memory.segment]}:${parts.join("+")}]`;
}

function operandText(operand: Operand): string {
  switch (operand.kind) {
    case "register":
      return registerName(operand);
    case "memory":
      return memoryText(operand);
    case "immediate":
      return `${signedHex(operand.value)}:${operand.width}`;
    case "relative":
      return `+(${signedHex(BigInt(operand.displacement))})`;
    case "far":
      return `${operand.selector.toString(16)}:${operand.offset.toString(16)}`;
  }
}

/** For example `lock ADD m32[ds:eax+4], ecx`. Numbers are hexadecimal, immediates carry the width they are used in. */
export function formatInstruction(instruction: Instruction): string {
  const prefix = `${instruction.lock ? "lock " : ""}${instruction.repeat === "none" ? "" : `${instruction.repeat} `}`;
  const operands = instruction.operands.map(operandText).join(", ");
  return `${prefix}${instruction.row.operation} ${operands}`.trimEnd();
}
