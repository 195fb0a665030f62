/**
 * The two-byte opcode map (0F xx) of x86 (Intel SDM vol. 2, appendix A, table A-3) without MMX and SSE: system, conditional and bit
 * instructions, atomic exchanges, and the NOP spaces 0F 0D and 0F 18..1F that newer hints live in.
 */
import { buildRows, hex, perCondition, type RowText } from "./buildRows.ts";
import { conditionOperations } from "./operationTraits.ts";

const long = { mode: "long" } as const;

const system: RowText[] = [
  ["0F 00 /0 mod!=3", "SLDT", "Mw"],
  ["0F 00 /0 mod=3", "SLDT", "Rv"],
  ["0F 00 /1 mod!=3", "STR", "Mw"],
  ["0F 00 /1 mod=3", "STR", "Rv"],
  ["0F 00 /2", "LLDT", "Ew"],
  ["0F 00 /3", "LTR", "Ew"],
  ["0F 00 /4", "VERR", "Ew"],
  ["0F 00 /5", "VERW", "Ew"],
  ["0F 01 /0 mod!=3", "SGDT", "Ms"],
  ["0F 01 /1 mod!=3", "SIDT", "Ms"],
  ["0F 01 /2 mod!=3", "LGDT", "Ms"],
  ["0F 01 /3 mod!=3", "LIDT", "Ms"],
  ["0F 01 /4 mod!=3", "SMSW", "Mw"],
  ["0F 01 /4 mod=3", "SMSW", "Rv"],
  ["0F 01 /6", "LMSW", "Ew"],
  ["0F 01 /7 mod!=3", "INVLPG", "M"],
  ["0F 01 C8", "MONITOR", "", { feature: "monitor" }],
  ["0F 01 C9", "MWAIT", "", { feature: "monitor" }],
  ["0F 01 F8", "SWAPGS", "", long],
  ["0F 01 F9", "RDTSCP", "", { feature: "rdtscp" }],
  ["0F 02 /r", "LAR", "Gv Ew"],
  ["0F 03 /r", "LSL", "Gv Ew"],
  ["0F 05", "SYSCALL", "", { ...long, feature: "syscall" }],
  ["0F 06", "CLTS"],
  ["0F 07", "SYSRET", "", { ...long, feature: "syscall" }],
  ["0F 08", "INVD"],
  ["0F 09", "WBINVD"],
  ["0F 0B", "UD"],
  ["0F B9 /r", "UD", "Gv Ev"],
  ["0F FF /r", "UD", "Gv Ev"],
  ["0F 20 /r", "MOV_FROM_CONTROL", "Rn Cn"],
  ["0F 21 /r", "MOV_FROM_DEBUG", "Rn Dn"],
  ["0F 22 /r", "MOV_TO_CONTROL", "Cn Rn"],
  ["0F 23 /r", "MOV_TO_DEBUG", "Dn Rn"],
  ["0F 30", "WRMSR", "", { feature: "msr" }],
  ["0F 31", "RDTSC", "", { feature: "tsc" }],
  ["0F 32", "RDMSR", "", { feature: "msr" }],
  ["0F 33", "RDPMC"],
  ["0F 34", "SYSENTER", "", { feature: "sep" }],
  ["0F 35", "SYSEXIT", "", { feature: "sep" }],
  ["0F A2", "CPUID"],
];

/** Hints without effect: prefetches, CET and MPX placeholders, the multi-byte NOP. */
const hints: RowText[] = [0x0d, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f].map(
  (opcode): RowText => [`0F ${hex(opcode)} /r`, "NOP", "Ev"],
);

const cache: RowText[] = [
  ["NP 0F AE /5 mod=3", "LFENCE", "", { feature: "sse2" }],
  ["NP 0F AE /6 mod=3", "MFENCE", "", { feature: "sse2" }],
  ["NP 0F AE /7 mod=3", "SFENCE", "", { feature: "sse" }],
  ["NP 0F AE /7 mod!=3", "CLFLUSH", "Mb", { feature: "clfsh" }],
  ["NP 0F C3 /r mod!=3", "MOVNTI", "My Gy", { feature: "sse2" }],
];

const integer: RowText[] = [
  ...perCondition((opcode) => `0F ${opcode} /r`, 0x40, conditionOperations("CMOV"), "Gv Ev", { feature: "cmov" }),
  ...perCondition((opcode) => `0F ${opcode}`, 0x80, conditionOperations("J"), "Jz"),
  ...perCondition((opcode) => `0F ${opcode} /r`, 0x90, conditionOperations("SET"), "Eb"),
  ["0F A0", "PUSH_SEGMENT", "FS"],
  ["0F A1", "POP_SEGMENT", "FS"],
  ["0F A8", "PUSH_SEGMENT", "GS"],
  ["0F A9", "POP_SEGMENT", "GS"],
  ["0F A3 /r", "BT", "Ev Gv"],
  ["0F AB /r", "BTS", "Ev Gv"],
  ["0F B3 /r", "BTR", "Ev Gv"],
  ["0F BB /r", "BTC", "Ev Gv"],
  ["0F BA /4", "BT", "Ev Ib"],
  ["0F BA /5", "BTS", "Ev Ib"],
  ["0F BA /6", "BTR", "Ev Ib"],
  ["0F BA /7", "BTC", "Ev Ib"],
  ["0F A4 /r", "SHLD", "Ev Gv Ib"],
  ["0F A5 /r", "SHLD", "Ev Gv CL"],
  ["0F AC /r", "SHRD", "Ev Gv Ib"],
  ["0F AD /r", "SHRD", "Ev Gv CL"],
  ["0F AF /r", "IMUL", "Gv Ev"],
  ["0F B0 /r", "CMPXCHG", "Eb Gb"],
  ["0F B1 /r", "CMPXCHG", "Ev Gv"],
  ["0F B2 /r mod!=3", "LSS", "Gv Mp"],
  ["0F B4 /r mod!=3", "LFS", "Gv Mp"],
  ["0F B5 /r mod!=3", "LGS", "Gv Mp"],
  ["0F B6 /r", "MOVZX", "Gv Eb"],
  ["0F B7 /r", "MOVZX", "Gv Ew"],
  ["0F BE /r", "MOVSX", "Gv Eb"],
  ["0F BF /r", "MOVSX", "Gv Ew"],
  ["F3 0F B8 /r", "POPCNT", "Gv Ev", { feature: "popcnt" }],
  ["0F BC /r", "BSF", "Gv Ev"],
  ["F3 0F BC /r", "TZCNT", "Gv Ev", { feature: "bmi1" }],
  ["0F BD /r", "BSR", "Gv Ev"],
  ["F3 0F BD /r", "LZCNT", "Gv Ev", { feature: "lzcnt" }],
  ["0F C0 /r", "XADD", "Eb Gb"],
  ["0F C1 /r", "XADD", "Ev Gv"],
  ["0F C7 /1 mod!=3", "CMPXCHG8B", "Mq", { feature: "cx8" }],
  ["REX.W 0F C7 /1 mod!=3", "CMPXCHG16B", "Mdq", { feature: "cx16" }],
  ["0F C8+r", "BSWAP", "Zv"],
];

export const twoByteMap = buildRows([...system, ...hints, ...cache, ...integer]);
