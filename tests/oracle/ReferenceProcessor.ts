/**
 * The reference executor as an executor of cases, for those instructions whose helpers it has: general registers, flags, memory and the
 * exceptions of both. Everything that it does not know is left as the case has it, and `knownFields` says what to compare.
 */
import type { Instruction } from "../../engine/cpu/decode/Instruction.ts";
import type { FlagName } from "../../engine/cpu/semantics/Algebra.ts";
import { executeReference } from "../../engine/cpu/semantics/ReferenceAlgebra.ts";
import { GuestFault, type ReferenceState } from "../../engine/cpu/semantics/ReferenceState.ts";
import { registerName } from "./compareOutcomes.ts";
import {
  breakpoint,
  type CodeSize,
  caseLayout,
  codeAt,
  codeBytes,
  codePage,
  memoryChanges,
  outcomeLayout,
  pageBytes,
  selectors,
  windowAt,
  windowBytes,
} from "./oracleLayout.ts";

const flagBits: Readonly<Record<FlagName, number>> = { CF: 0, PF: 2, AF: 4, ZF: 6, SF: 7, IF: 9, DF: 10, OF: 11 };
const pageFault = 14;

export const referenceFields: ReadonlySet<string> = new Set([
  "vector",
  "rip",
  "flags",
  ...Array.from({ length: 16 }, (_, n) => registerName(n)),
]);

/** What comes out; undefined when an instruction needs what the reference has not, or goes where it cannot see. */
export function runReference(
  instructions: readonly Instruction[],
  bytes: Uint8Array,
  image: Uint8Array,
): { readonly outcome: Uint8Array; readonly changes: Uint16Array } | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const codeSize = view.getUint32(caseLayout.codeSize, true) as CodeSize;
  const memory = image.slice();
  const state = stateOf(view, codeSize, memory, bytes.subarray(caseLayout.code, caseLayout.code + codeBytes));
  let at = BigInt(codeAt);
  let vector = breakpoint;
  for (const instruction of instructions) {
    if (instruction.row.unit || state.rip !== at) return undefined;
    try {
      executeReference(state, instruction);
    } catch (error) {
      if (error instanceof GuestFault) vector = error.vector;
      else return undefined;
      break;
    }
    at += BigInt(instruction.length);
  }
  if (vector === breakpoint) {
    if (state.rip !== at) return undefined;
    state.rip++;
  }
  return {
    outcome: outcomeOf(state, vector, view.getUint32(caseLayout.flags, true)),
    changes: memoryChanges(image, memory),
  };
}

function stateOf(view: DataView, codeSize: CodeSize, memory: Uint8Array, code: Uint8Array): ReferenceState {
  const flags = view.getUint32(caseLayout.flags, true);
  const selector = (segment: number): bigint => {
    if (segment === 1) return BigInt(codeSize === 64 ? selectors.code64 : selectors.code32);
    return segment === 2 || codeSize === 32 ? BigInt(selectors.data) : 0n;
  };
  const base = (segment: number): bigint => {
    if (codeSize === 32 || segment < 4) return 0n;
    return view.getBigUint64(segment === 4 ? caseLayout.fsBase : caseLayout.gsBase, true);
  };
  const place = (linear: bigint): number => {
    const offset = Number(linear) - windowAt;
    if (offset < 0 || offset >= windowBytes) throw new GuestFault(pageFault, 0);
    return offset;
  };
  return {
    gpr: Array.from({ length: 16 }, (_, n) => view.getBigUint64(caseLayout.gpr + n * 8, true)),
    rip: BigInt(codeAt),
    flags: Object.fromEntries(
      Object.entries(flagBits).map(([name, bit]) => [name, ((flags >>> bit) & 1) === 1]),
    ) as Record<FlagName, boolean>,
    segments: Array.from({ length: 8 }, (_, n) => ({ selector: selector(n), base: base(n) })),
    stackSize: codeSize,
    readByte: (linear) => {
      const inCode = Number(linear) - codePage;
      if (inCode >= 0 && inCode < pageBytes) return code[Number(linear) - codeAt] ?? 0xcc;
      return memory[place(linear)]!;
    },
    writeByte: (linear, value) => {
      memory[place(linear)] = value;
    },
  };
}

function outcomeOf(state: ReferenceState, vector: number, before: number): Uint8Array {
  const outcome = new Uint8Array(outcomeLayout.sizeBytes);
  const view = new DataView(outcome.buffer);
  const mask = state.stackSize === 64 ? 0xffff_ffff_ffff_ffffn : 0xffff_ffffn;
  state.gpr.forEach((value, n) => {
    if (n < 8 || state.stackSize === 64) view.setBigUint64(outcomeLayout.gpr + n * 8, value & mask, true);
  });
  view.setBigUint64(outcomeLayout.rip, state.rip, true);
  view.setUint32(outcomeLayout.vector, vector, true);
  let flags = before & ~2;
  for (const [name, bit] of Object.entries(flagBits)) {
    flags = state.flags[name as FlagName] ? flags | (1 << bit) : flags & ~(1 << bit);
  }
  view.setUint32(outcomeLayout.flags, flags, true);
  return outcome;
}
