/**
 * Operations that the oracle leaves out, with the reason. They ask the operating system or tell what is the host's own; they have tests of
 * their own beside the system unit.
 */
import type { InstructionRow } from "../../engine/cpu/isa/InstructionRow.ts";

const reasons: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/^(SYSCALL|SYSENTER|SYSRET|SYSEXIT|INT|UIRET|VMCALL)$/, "calls the operating system"],
  [/^(CPUID|RDTSC|RDTSCP|RDPID|RDRAND|RDSEED|XGETBV|RDPMC|RDPKRU|WRPKRU)$/, "tells what is the host's own"],
  [/^(SGDT|SIDT|SLDT|STR|SMSW)$/, "Linux answers for the processor (UMIP)"],
  [/^(LAR|LSL|VERR|VERW|MOV_TO_SEGMENT|MOV_TO_SS|POP_SEGMENT|POP_SS|L[DEFGS]S)$/, "needs the host's descriptor tables"],
  [/^(CALLF|JMPF|RETF|IRET)$/, "needs the host's descriptor tables"],
  [
    /^(F?XSAVE|F?XRSTOR|XSAVE.*|XRSTOR.*|FNSAVE|FNSTENV|FXSAVE|FXRSTOR)$/,
    "stores addresses and parts of state that the case does not fix",
  ],
  [/^(RCPPS|RCPSS|RSQRTPS|RSQRTSS|VRCP.*|VRSQRT.*)$/, "an approximation whose low bits are each processor's own"],
];

/** Why an instruction is not compared; undefined when it is. */
export function whyExcluded(row: InstructionRow): string | undefined {
  return reasons.find(([pattern]) => pattern.test(row.operation))?.[1];
}

/** Results are only good to the last place, so nothing that follows can be compared. */
export const transcendental = /^(F2XM1|FYL2X|FYL2XP1|FPATAN|FPTAN|FSIN|FCOS|FSINCOS)$/;
