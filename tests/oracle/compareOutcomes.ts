/**
 * What two outcomes of one case differ in, bits that nobody defines left out. `undefinedBits` names for an operation the flags (or the place in the
 * last digit) that the manual leaves open and in which processors differ; everything that is not listed is compared, also what the manual
 * calls undefined but all Intel processors do alike.
 */
import type { Instruction } from "../../engine/cpu/decode/Instruction.ts";
import { transcendental } from "./excludedOperations.ts";
import { breakpoint, outcomeLayout } from "./oracleLayout.ts";

export interface UndefinedBits {
  readonly operations: RegExp;
  /** Bits of RFLAGS. */
  readonly flags: number;
  readonly reference: string;
}

export const undefinedBits: readonly UndefinedBits[] = [
  {
    operations: /^RO[LR]$/,
    flags: 0x800,
    reference: "SDM vol. 2, RCL/RCR/ROL/ROR: OF is defined for counts of one only",
  },
];

/** Whether what follows this operation could make a visible difference of bits that nobody defines. */
export const endsSequence = (operation: string): boolean =>
  transcendental.test(operation) || undefinedBits.some(({ operations }) => operations.test(operation));

/** Where our processor is known to differ from the host's, or the manual lets each processor do as it likes. */
interface KnownDeviation {
  readonly operations: RegExp;
  /** Fields that may differ, by the exception that the host raised. */
  readonly vectors: readonly number[];
  readonly fields: ReadonlySet<string> | "all";
  readonly applies: (expected: bigint, got: bigint, field: string) => boolean;
  readonly reason: string;
}

const [stackFault, generalProtection, pageFault] = [12, 13, 14];
const [debugTrap, boundRange, invalidOpcode] = [1, 5, 6];
const [mathFault, alignmentCheck, simdFault] = [16, 17, 19];
const atFaults = [stackFault, generalProtection, pageFault];

export const knownDeviations: readonly KnownDeviation[] = [
  {
    operations: /^V?MASKMOV/,
    vectors: [generalProtection, pageFault],
    fields: "all",
    applies: () => true,
    reason: "SDM vol. 2, MASKMOVDQU: whether a mask of zeros faults is the implementation's choice",
  },
  {
    operations: /^(FRSTOR|FLDENV)$/,
    vectors: [pageFault],
    fields: new Set(["address"]),
    applies: () => true,
    reason: "which byte of an image in several pages is looked at first",
  },
  {
    operations: /^(MOVS|CMPS|STOS|LODS|SCAS|INS|OUTS)$/,
    vectors: atFaults,
    fields: new Set(["rcx", "rsi", "rdi"]),
    applies: (expected, got) => expected === (got & 0xffff_ffffn),
    reason:
      "a repeated string instruction with 32-bit addresses clears the upper halves even when its first element faults",
  },
  {
    operations: /./,
    vectors: [pageFault],
    fields: new Set(["vector", "errorCode", "address"]),
    applies: (expected, got, field) =>
      field === "vector"
        ? got === BigInt(generalProtection) || got === BigInt(stackFault)
        : field !== "address" || expected >> 16n === 0xffffn,
    reason:
      "an operand that wraps around 4 GiB in a segment of 4 GiB that is checked: #GP instead of access (docs/quirks.md)",
  },
  {
    operations: /^MOVBE$/,
    vectors: [pageFault],
    fields: new Set(["memory"]),
    applies: () => true,
    reason: "how much of a store by MOVBE that crosses into an unmapped page is done",
  },
  {
    operations: /^MOVBE$/,
    vectors: [stackFault],
    fields: new Set(["vector"]),
    applies: (_, got) => got === BigInt(generalProtection),
    reason:
      "a 64-bit store with the prefixes 36h and 66h to an address that is not canonical: this core takes 36h for SS there and in no other form",
  },
  {
    operations: /^POPF$/,
    vectors: [debugTrap, alignmentCheck, breakpoint, ...atFaults],
    fields: "all",
    applies: () => true,
    reason:
      "EFLAGS.AC: alignment checks are not modelled (docs/quirks.md); single steps go by the instruction that set TF",
  },
  {
    operations: /^VP?MASK(MOV|STORE|LOAD)/,
    vectors: [pageFault],
    fields: new Set(["address"]),
    applies: () => true,
    reason: "which of the bytes behind a page's end is reported",
  },
  {
    operations: /^POPA$/,
    vectors: atFaults,
    fields: "all",
    applies: () => true,
    reason: "how much of POPA is done when it faults (SDM vol. 2: it can be restarted)",
  },
  {
    operations: /^ARPL$/,
    vectors: [pageFault, generalProtection],
    fields: new Set(["flags"]),
    applies: () => true,
    reason: "ZF is set before a store that faults",
  },
  {
    operations: /^F(BSTP|ISTT?P|IST|STP?_F)/,
    vectors: [breakpoint, boundRange, invalidOpcode, mathFault, simdFault, ...atFaults],
    fields: "all",
    applies: (_, got) => atFaults.includes(Number(got)),
    reason: "an x87 store with an unmasked exception does not reach its memory, which ours looks at first",
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

/** Whether the x87's last place may differ: each is within one unit of the truth. With it may C1, which tells which way it was rounded. */
function nearlyEqual(name: string, expected: bigint, got: bigint): boolean {
  if (name === "fsw") return ((expected ^ got) & ~0x0200n) === 0n;
  if (!name.startsWith("st") || expected >> 64n !== got >> 64n) return false;
  const distance = expected - got;
  return distance <= 2n && distance >= -2n;
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
  return found.length > 0 && isKnown(instructions, fault, found) ? [] : found;
}

function isKnown(instructions: readonly Instruction[], fault: number, found: readonly Difference[]): boolean {
  const candidates = knownDeviations.filter(
    ({ operations, vectors }) =>
      vectors.includes(fault) && instructions.some(({ row }) => operations.test(row.operation)),
  );
  return candidates.some(({ fields: known, applies }) =>
    found.every(
      ({ field, expected, got }) =>
        (known === "all" && (field !== "vector" || applies(BigInt(`0x${expected}`), BigInt(`0x${got}`), field))) ||
        (known !== "all" &&
          known.has(field) &&
          (field === "memory" || applies(BigInt(`0x${expected}`), BigInt(`0x${got}`), field))),
    ),
  );
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
