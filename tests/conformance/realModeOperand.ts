import type { MooTest, RegisterName } from "./mooFile.ts";

/** The parts of a recorded 16-bit instruction that tell which tests touch the end of a segment. */
export interface RealModeInstruction {
  readonly prefixes: readonly number[];
  readonly opcode: number;
  /** Bytes without the HLT that follows each recorded instruction. */
  readonly length: number;
  /** The memory operand by ModRM, when there is one. */
  readonly memory?: { readonly segment: RegisterName; readonly offset: number };
}

const prefixBytes = new Set([0x26, 0x2e, 0x36, 0x3e, 0xf0, 0xf2, 0xf3]);
const overrides: Readonly<Record<number, RegisterName>> = { 38: "es", 46: "cs", 54: "ss", 62: "ds" };
const bases: readonly (readonly RegisterName[])[] = [
  ["bx", "si"],
  ["bx", "di"],
  ["bp", "si"],
  ["bp", "di"],
  ["si"],
  ["di"],
  ["bp"],
  ["bx"],
];
const withoutModrm = new Set([0x9a, 0xa5, 0xaf, 0x27, 0x2f, 0x37, 0x3f, 0x98, 0xca, 0xcf, 0xd4, 0xe8, 0x1c]);

/** Reads one recorded instruction; only opcodes of the recorded set are known. */
export function parseRealMode({ bytes, initial }: MooTest): RealModeInstruction {
  let at = 0;
  while (prefixBytes.has(bytes[at]!)) at++;
  const prefixes = [...bytes.subarray(0, at)];
  const opcode = bytes[at]!;
  const length = bytes.length - 1;
  const modrm = bytes[at + 1]!;
  if (withoutModrm.has(opcode) || modrm >= 0xc0) return { prefixes, opcode, length };
  const mod = modrm >> 6;
  const direct = mod === 0 && (modrm & 7) === 6;
  const used = direct ? [] : bases[modrm & 7]!;
  const low = bytes[at + 2]!;
  const word = low | (bytes[at + 3]! << 8);
  const displacement = mod === 2 || direct ? word : mod === 1 ? (low << 24) >> 24 : 0;
  const sum = used.reduce((total, name) => total + (initial.registers[name] ?? 0), displacement);
  const override = prefixes.findLast((prefix) => prefix in overrides);
  const segment = override !== undefined ? overrides[override]! : used.includes("bp") ? "ss" : "ds";
  return { prefixes, opcode, length, memory: { segment, offset: sum & 0xffff } };
}
