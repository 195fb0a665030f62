/**
 * What holds for an operation in every encoding: the flags it reads, writes and leaves undefined (Intel SDM vol. 1, appendix A; letters
 * O D I S Z A P C), whether it ends a run of straight-line records (it transfers control, or what follows may decode or execute
 * differently), its privilege, and its operand size in 64-bit code. Operations that are not listed touch no flags and do none of this.
 * A flag that is written only sometimes (shifts by zero, REP with a zero count) counts as written and read.
 */
import type { OperationName } from "../semantics/OperationName.ts";
import type { InstructionRow } from "./InstructionRow.ts";

export type OperationTraits = Pick<
  InstructionRow,
  "reads" | "writes" | "undefinedFlags" | "endsBlock" | "privilege" | "default64" | "repeatable" | "lockable"
>;

const arithmetic: OperationTraits = { writes: "OSZAPC" };
const logic: OperationTraits = { writes: "OSZPC", undefinedFlags: "A" };
const rotate: OperationTraits = { reads: "OC", writes: "OC" };
const rotateCarry: OperationTraits = { reads: "OC", writes: "OC" };
const shift: OperationTraits = { reads: "OSZAPC", writes: "OSZPC", undefinedFlags: "A" };
const multiply: OperationTraits = { writes: "OC", undefinedFlags: "SZAP" };
const divide: OperationTraits = { undefinedFlags: "OSZAPC" };
const bitTest: OperationTraits = { writes: "C", undefinedFlags: "OSAP" };
const scan: OperationTraits = { writes: "Z", undefinedFlags: "OSAPC" };
const transfer: OperationTraits = { endsBlock: true };
const nearTransfer: OperationTraits = { endsBlock: true, default64: "always" };
const stackAccess: OperationTraits = { default64: true };
const supervisor: OperationTraits = { privilege: 0 };
const supervisorEnds: OperationTraits = { privilege: 0, endsBlock: true };
const string: OperationTraits = { reads: "D", repeatable: true };
const stringPort: OperationTraits = { reads: "DI", repeatable: true, privilege: "io" };
const stringCompare: OperationTraits = { reads: "DOSZAPC", writes: "OSZAPC", repeatable: true };
const segmentLoad: OperationTraits = { endsBlock: true };
const port: OperationTraits = { privilege: "io" };
const allFlags = "ODISZAPC";

const jumpReads = ["O", "O", "C", "C", "Z", "Z", "CZ", "CZ", "S", "S", "P", "P", "OS", "OS", "OSZ", "OSZ"] as const;
const conditionNames = [
  "O",
  "NO",
  "B",
  "AE",
  "E",
  "NE",
  "BE",
  "A",
  "S",
  "NS",
  "P",
  "NP",
  "L",
  "GE",
  "LE",
  "G",
] as const;
type ConditionName = (typeof conditionNames)[number];

function conditional<P extends "J" | "SET" | "CMOV">(
  prefix: P,
  traits: OperationTraits,
): Record<`${P}${ConditionName}`, OperationTraits> {
  return Object.fromEntries(
    conditionNames.map((name, code) => [`${prefix}${name}`, { ...traits, reads: jumpReads[code] }]),
  ) as Record<`${P}${ConditionName}`, OperationTraits>;
}

/** The operations of one kind in encoding order. */
export function conditionOperations<P extends "J" | "SET" | "CMOV">(prefix: P): `${P}${ConditionName}`[] {
  return conditionNames.map((name) => `${prefix}${name}` as const);
}

export const operationTraits: Partial<Record<OperationName, OperationTraits>> = {
  ADD: { ...arithmetic, lockable: true },
  ADC: { ...arithmetic, reads: "C", lockable: true },
  SUB: { ...arithmetic, lockable: true },
  SBB: { ...arithmetic, reads: "C", lockable: true },
  CMP: arithmetic,
  NEG: { ...arithmetic, lockable: true },
  INC: { writes: "OSZAP", lockable: true },
  DEC: { writes: "OSZAP", lockable: true },
  XADD: { ...arithmetic, lockable: true },
  CMPXCHG: { ...arithmetic, lockable: true },
  CMPXCHG8B: { writes: "Z", lockable: true },
  CMPXCHG16B: { writes: "Z", lockable: true },
  AND: { ...logic, lockable: true },
  OR: { ...logic, lockable: true },
  XOR: { ...logic, lockable: true },
  NOT: { lockable: true },
  TEST: logic,
  XCHG: { lockable: true },
  ROL: rotate,
  ROR: rotate,
  RCL: rotateCarry,
  RCR: rotateCarry,
  SHL: shift,
  SHR: shift,
  SAR: shift,
  SHLD: shift,
  SHRD: shift,
  MUL: multiply,
  IMUL: multiply,
  DIV: divide,
  IDIV: divide,
  BT: bitTest,
  BTS: { ...bitTest, lockable: true },
  BTR: { ...bitTest, lockable: true },
  BTC: { ...bitTest, lockable: true },
  BSF: scan,
  BSR: scan,
  POPCNT: { writes: "OSZAPC" },
  LZCNT: { writes: "ZC", undefinedFlags: "OSAP" },
  TZCNT: { writes: "ZC", undefinedFlags: "OSAP" },
  ANDN: { writes: "OSZC", undefinedFlags: "AP" },
  BEXTR: { writes: "OZC", undefinedFlags: "SAP" },
  BLSR: { writes: "OSZC", undefinedFlags: "AP" },
  BLSMSK: { writes: "OSZC", undefinedFlags: "AP" },
  BLSI: { writes: "OSZC", undefinedFlags: "AP" },
  BZHI: { writes: "OSZC", undefinedFlags: "AP" },
  ADCX: { reads: "C", writes: "C" },
  ADOX: { reads: "O", writes: "O" },
  PTEST: arithmetic,
  VTESTPS: arithmetic,
  VTESTPD: arithmetic,
  PCMPESTRI: arithmetic,
  PCMPESTRM: arithmetic,
  PCMPISTRI: arithmetic,
  PCMPISTRM: arithmetic,
  ...conditional("J", nearTransfer),
  ...conditional("SET", {}),
  ...conditional("CMOV", {}),
  JCXZ: nearTransfer,
  LOOP: nearTransfer,
  LOOPE: { ...nearTransfer, reads: "Z" },
  LOOPNE: { ...nearTransfer, reads: "Z" },
  JMP: nearTransfer,
  CALL: nearTransfer,
  RET: nearTransfer,
  JMPF: transfer,
  CALLF: transfer,
  RETF: transfer,
  INT: { endsBlock: true, reads: allFlags, writes: "I" },
  INT3: { endsBlock: true, reads: allFlags, writes: "I" },
  INT1: { endsBlock: true, reads: allFlags, writes: "I" },
  INTO: { endsBlock: true, reads: allFlags, writes: "I" },
  IRET: { endsBlock: true, writes: allFlags },
  SYSENTER: { endsBlock: true, writes: "I" },
  SYSEXIT: { endsBlock: true, privilege: 0 },
  SYSCALL: { endsBlock: true, reads: allFlags, writes: allFlags },
  SYSRET: { endsBlock: true, privilege: 0, writes: allFlags },
  PUSH: stackAccess,
  POP: stackAccess,
  PUSH_SEGMENT: stackAccess,
  POP_SEGMENT: { ...segmentLoad, default64: true },
  POP_SS: segmentLoad,
  ENTER: stackAccess,
  LEAVE: stackAccess,
  PUSHF: { ...stackAccess, reads: allFlags },
  POPF: { default64: true, endsBlock: true, writes: allFlags },
  MOV_TO_SEGMENT: segmentLoad,
  MOV_TO_SS: segmentLoad,
  LES: segmentLoad,
  LDS: segmentLoad,
  LSS: segmentLoad,
  LFS: segmentLoad,
  LGS: segmentLoad,
  LAHF: { reads: "SZAPC" },
  SAHF: { writes: "SZAPC" },
  SALC: { reads: "C" },
  CLC: { writes: "C" },
  STC: { writes: "C" },
  CMC: { reads: "C", writes: "C" },
  CLD: { writes: "D" },
  STD: { writes: "D" },
  CLI: { writes: "I", reads: "I", privilege: "io", endsBlock: true },
  STI: { writes: "I", reads: "I", privilege: "io", endsBlock: true },
  DAA: { reads: "AC", writes: "SZAPC", undefinedFlags: "O" },
  DAS: { reads: "AC", writes: "SZAPC", undefinedFlags: "O" },
  AAA: { reads: "A", writes: "AC", undefinedFlags: "OSZP" },
  AAS: { reads: "A", writes: "AC", undefinedFlags: "OSZP" },
  AAM: { writes: "SZP", undefinedFlags: "OAC" },
  AAD: { writes: "SZP", undefinedFlags: "OAC" },
  MOVS: string,
  STOS: string,
  LODS: string,
  CMPS: stringCompare,
  SCAS: stringCompare,
  INS: stringPort,
  OUTS: stringPort,
  IN: port,
  // What it tells a device may stop or reset the processor: nothing that follows is executed then.
  OUT: { ...port, endsBlock: true },
  HLT: supervisorEnds,
  LGDT: supervisor,
  LIDT: supervisor,
  LLDT: supervisor,
  LTR: supervisor,
  LMSW: supervisorEnds,
  CLTS: supervisorEnds,
  INVLPG: supervisorEnds,
  INVD: supervisor,
  WBINVD: supervisor,
  LAR: { writes: "Z" },
  LSL: { writes: "Z" },
  VERR: { writes: "Z" },
  VERW: { writes: "Z" },
  ARPL: { writes: "Z" },
  MOV_FROM_CONTROL: { privilege: 0, undefinedFlags: "OSZAPC" },
  MOV_TO_CONTROL: { privilege: 0, endsBlock: true, undefinedFlags: "OSZAPC" },
  MOV_FROM_DEBUG: { privilege: 0, undefinedFlags: "OSZAPC" },
  MOV_TO_DEBUG: { privilege: 0, endsBlock: true, undefinedFlags: "OSZAPC" },
  RDMSR: supervisor,
  WRMSR: supervisorEnds,
  SWAPGS: supervisor,
  INVPCID: supervisorEnds,
  RDRAND: { writes: allFlags },
  MONITOR: supervisor,
  MWAIT: supervisorEnds,
  UD: { endsBlock: true },
};
