/**
 * What two outcomes of one case differ in, bits that nobody defines left out. `undefinedBits` names for an operation the flags (or the place in the
 * last digit) that the manual leaves open and in which processors differ; everything that is not listed is compared, also what the manual
 * calls undefined but all Intel processors do alike.
 */
import type { Instruction } from "../../engine/cpu/decode/Instruction.ts";
import { transcendental } from "./excludedOperations.ts";
import { outcomeLayout } from "./oracleLayout.ts";

export interface UndefinedBits {
  readonly operations: RegExp;
  /** Bits of RFLAGS. */
  readonly flags: number;
  readonly reference: string;
}

const overflow = 0x800;

export const undefinedBits: readonly UndefinedBits[] = [
  {
    operations: /^(ROL|ROR|RCL|RCR)$/,
    flags: overflow,
    reference: "SDM vol. 2, RCL/RCR/ROL/ROR: OF is defined for counts of one only",
  },
];

export interface Difference {
  /** Field, and what kind of state it is for grouping. */
  readonly field: string;
  readonly expected: string;
  readonly got: string;
}

const registerNames = ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"];
export const registerName = (n: number): string => registerNames[n] ?? `r${n}`;
const pageFault = 14;
/** P of a page fault: Linux sets it for all of the kernel's half, so that nobody learns what is mapped there. */
const present = 1;

interface Field {
  readonly name: string;
  readonly at: number;
  readonly bytes: 2 | 4 | 8 | 10 | 16;
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const fields: readonly Field[] = [
  { name: "vector", at: outcomeLayout.vector, bytes: 4 },
  { name: "errorCode", at: outcomeLayout.errorCode, bytes: 4 },
  { name: "address", at: outcomeLayout.address, bytes: 8 },
  { name: "rip", at: outcomeLayout.rip, bytes: 8 },
  { name: "flags", at: outcomeLayout.flags, bytes: 4 },
  ...range(16).map((n) => ({ name: registerName(n), at: outcomeLayout.gpr + n * 8, bytes: 8 }) as const),
  { name: "mxcsr", at: outcomeLayout.mxcsr, bytes: 4 },
  { name: "fcw", at: outcomeLayout.fcw, bytes: 2 },
  { name: "fsw", at: outcomeLayout.fsw, bytes: 2 },
  { name: "ftw", at: outcomeLayout.ftw, bytes: 2 },
  ...range(8).map((n) => ({ name: `st${n}`, at: outcomeLayout.st + n * 16, bytes: 10 }) as const),
  ...range(16).map((n) => ({ name: `xmm${n}`, at: outcomeLayout.xmm + n * 16, bytes: 16 }) as const),
  ...range(16).map((n) => ({ name: `ymmh${n}`, at: outcomeLayout.ymmHigh + n * 16, bytes: 16 }) as const),
  { name: "fsbase", at: outcomeLayout.fsBase, bytes: 8 },
  { name: "gsbase", at: outcomeLayout.gsBase, bytes: 8 },
];

export { fields as outcomeFields };

/** Little-endian bytes as one number in hexadecimal. */
export function hexadecimal(bytes: Uint8Array, at: number, count: number): string {
  let text = "";
  for (let i = count - 1; i >= 0; i--) text += bytes[at + i]!.toString(16).padStart(2, "0");
  return text.replace(/^0+(?=.)/, "");
}

const toBigInt = (bytes: Uint8Array, at: number, count: number): bigint => BigInt(`0x${hexadecimal(bytes, at, count)}`);

/** Flags that nobody defines after these instructions. */
function undefinedFlags(instructions: readonly Instruction[]): number {
  let flags = 0;
  for (const { row } of instructions) {
    for (const { operations, flags: open } of undefinedBits) if (operations.test(row.operation)) flags |= open;
  }
  return flags;
}

/** Whether the x87's last place may differ: one unit, with the flags that tell how it was rounded. */
function nearlyEqual(name: string, expected: bigint, got: bigint): boolean {
  if (name === "fsw") return ((expected ^ got) & ~0x0232n) === 0n;
  if (!name.startsWith("st") || expected >> 64n !== got >> 64n) return false;
  const distance = expected - got;
  return distance <= 1n && distance >= -1n;
}

export function differences(
  instructions: readonly Instruction[],
  expected: Uint8Array,
  got: Uint8Array,
  expectedChanges: Uint16Array,
  gotChanges: Uint16Array,
  knownFields?: ReadonlySet<string>,
): Difference[] {
  const found: Difference[] = [];
  const fault = new DataView(expected.buffer, expected.byteOffset).getUint32(outcomeLayout.vector, true);
  const near = instructions.some(({ row }) => transcendental.test(row.operation));
  for (const { name, at, bytes } of fields) {
    if (knownFields && !knownFields.has(name)) continue;
    if (Buffer.compare(expected.subarray(at, at + bytes), got.subarray(at, at + bytes)) === 0) continue;
    const [wanted, is] = [toBigInt(expected, at, bytes), toBigInt(got, at, bytes)];
    if (name === "flags" && ((wanted ^ is) & ~BigInt(undefinedFlags(instructions))) === 0n) continue;
    if (name === "errorCode" && fault === pageFault && wanted === (is | BigInt(present))) {
      if (toBigInt(expected, outcomeLayout.address, 8) >> 47n !== 0n) continue;
    }
    if (near && nearlyEqual(name, wanted, is)) continue;
    found.push({ field: name, expected: wanted.toString(16), got: is.toString(16) });
  }
  found.push(...memoryDifferences(expectedChanges, gotChanges));
  return found;
}

function memoryDifferences(expected: Uint16Array, got: Uint16Array): Difference[] {
  const text = (changes: Uint16Array): string => {
    const parts: string[] = [];
    for (let i = 0; i < Math.min(changes.length, 64); i += 2)
      parts.push(`${changes[i]!.toString(16)}:${changes[i + 1]!.toString(16)}`);
    return parts.join(" ");
  };
  if (expected.length === got.length && expected.every((value, i) => value === got[i])) return [];
  return [{ field: "memory", expected: text(expected), got: text(got) }];
}
