/**
 * The one-byte opcode map of x86 (Intel SDM vol. 2, appendix A, table A-2) without x87: integer, control and system instructions, with
 * the undocumented aliases that processors have always decoded (82, D0../6, F6/1, D6, F1). A few letters are ours: `Xb`/`Xv`
 * and `Yb`/`Yv` are the memory operands of string instructions, `BBb` is [rBX], `DIb` [rDI], `Rn`/`Cn`/`Dn` have the mode's native width.
 */
import type { OperationName } from "../semantics/OperationName.ts";
import { buildRows, hex, perCondition, type RowText } from "./buildRows.ts";
import { conditionOperations } from "./operationTraits.ts";

const legacy = { mode: "legacy" } as const;
const long = { mode: "long" } as const;

const arithmeticGroup = ["ADD", "OR", "ADC", "SBB", "AND", "SUB", "XOR", "CMP"] as const satisfies OperationName[];
const shiftGroup = ["ROL", "ROR", "RCL", "RCR", "SHL", "SHR", "SHL", "SAR"] as const satisfies OperationName[];

const arithmeticRows: RowText[] = arithmeticGroup.flatMap((operation, digit): RowText[] => [
  [`${hex(digit * 8)} /r`, operation, "Eb Gb"],
  [`${hex(digit * 8 + 1)} /r`, operation, "Ev Gv"],
  [`${hex(digit * 8 + 2)} /r`, operation, "Gb Eb"],
  [`${hex(digit * 8 + 3)} /r`, operation, "Gv Ev"],
  [`${hex(digit * 8 + 4)}`, operation, "AL Ib"],
  [`${hex(digit * 8 + 5)}`, operation, "rAX Iz"],
  [`80 /${digit}`, operation, "Eb Ib"],
  [`81 /${digit}`, operation, "Ev Iz"],
  [`82 /${digit}`, operation, "Eb Ib", legacy],
  [`83 /${digit}`, operation, "Ev sIb"],
]);

const shiftRows: RowText[] = shiftGroup.flatMap((operation, digit): RowText[] => [
  [`C0 /${digit}`, operation, "Eb Ib"],
  [`C1 /${digit}`, operation, "Ev Ib"],
  [`D0 /${digit}`, operation, "Eb 1"],
  [`D1 /${digit}`, operation, "Ev 1"],
  [`D2 /${digit}`, operation, "Eb CL"],
  [`D3 /${digit}`, operation, "Ev CL"],
]);

const moves: RowText[] = [
  ["86 /r", "XCHG", "Eb Gb"],
  ["87 /r", "XCHG", "Ev Gv"],
  ["88 /r", "MOV", "Eb Gb"],
  ["89 /r", "MOV", "Ev Gv"],
  ["8A /r", "MOV", "Gb Eb"],
  ["8B /r", "MOV", "Gv Ev"],
  ["8C /r mod!=3", "MOV_FROM_SEGMENT", "Mw Sw"],
  ["8C /r mod=3", "MOV_FROM_SEGMENT", "Rv Sw"],
  ["8D /r mod!=3", "LEA", "Gv M"],
  ["8E /0", "MOV_TO_SEGMENT", "Sw Ew"],
  ["8E /2", "MOV_TO_SS", "Sw Ew"],
  ["8E /3", "MOV_TO_SEGMENT", "Sw Ew"],
  ["8E /4", "MOV_TO_SEGMENT", "Sw Ew"],
  ["8E /5", "MOV_TO_SEGMENT", "Sw Ew"],
  ["90+r", "XCHG", "Zv rAX"],
  ["90", "NOP"],
  ["REX.B 90", "XCHG", "Zv rAX"],
  ["F3 90", "PAUSE"],
  ["98", "CBW"],
  ["99", "CWD"],
  ["9E", "SAHF"],
  ["9F", "LAHF"],
  ["A0", "MOV", "AL Ob"],
  ["A1", "MOV", "rAX Ov"],
  ["A2", "MOV", "Ob AL"],
  ["A3", "MOV", "Ov rAX"],
  ["B0+r", "MOV", "Zb Ib"],
  ["B8+r", "MOV", "Zv Iv"],
  ["C4 /r mod!=3", "LES", "Gv Mp", legacy],
  ["C5 /r mod!=3", "LDS", "Gv Mp", legacy],
  ["C6 /0", "MOV", "Eb Ib"],
  ["C7 /0", "MOV", "Ev Iz"],
  ["D6", "SALC", "", legacy],
  ["D7", "XLAT", "BBb"],
  ["63 /r", "MOVSXD", "Gv Ed", long],
  ["63 /r", "ARPL", "Ew Gw", legacy],
];

const stack: RowText[] = [
  ["06", "PUSH_SEGMENT", "ES", legacy],
  ["07", "POP_SEGMENT", "ES", legacy],
  ["0E", "PUSH_SEGMENT", "CS", legacy],
  ["16", "PUSH_SEGMENT", "SS", legacy],
  ["17", "POP_SS", "SS", legacy],
  ["1E", "PUSH_SEGMENT", "DS", legacy],
  ["1F", "POP_SEGMENT", "DS", legacy],
  ["50+r", "PUSH", "Zv"],
  ["58+r", "POP", "Zv"],
  ["60", "PUSHA", "", legacy],
  ["61", "POPA", "", legacy],
  ["68", "PUSH", "Iz"],
  ["6A", "PUSH", "sIb"],
  ["8F /0", "POP", "Ev", { popsBeforeAddressing: true }],
  ["9C", "PUSHF"],
  ["9D", "POPF"],
  ["C8", "ENTER", "Iw Ib"],
  ["C9", "LEAVE"],
  ["FF /6", "PUSH", "Ev"],
];

const branches: RowText[] = [
  ...perCondition((opcode) => opcode, 0x70, conditionOperations("J"), "Jb"),
  ["9A", "CALLF", "Ap", legacy],
  ["C2", "RET", "Iw"],
  ["C3", "RET"],
  ["CA", "RETF", "Iw"],
  ["CB", "RETF"],
  ["CC", "INT3"],
  ["CD", "INT", "Ib"],
  ["CE", "INTO", "", legacy],
  ["CF", "IRET"],
  ["E0", "LOOPNE", "Jb"],
  ["E1", "LOOPE", "Jb"],
  ["E2", "LOOP", "Jb"],
  ["E3", "JCXZ", "Jb"],
  ["E8", "CALL", "Jz"],
  ["E9", "JMP", "Jz"],
  ["EA", "JMPF", "Ap", legacy],
  ["EB", "JMP", "Jb"],
  ["F1", "INT1"],
  ["FF /2", "CALL", "Ev"],
  ["FF /3 mod!=3", "CALLF", "Mp"],
  ["FF /4", "JMP", "Ev"],
  ["FF /5 mod!=3", "JMPF", "Mp"],
  ["62 /r mod!=3", "BOUND", "Gv Ma", legacy],
];

const arithmetic: RowText[] = [
  ["27", "DAA", "", legacy],
  ["2F", "DAS", "", legacy],
  ["37", "AAA", "", legacy],
  ["3F", "AAS", "", legacy],
  ["D4", "AAM", "Ib", legacy],
  ["D5", "AAD", "Ib", legacy],
  ["40+r", "INC", "Zv", legacy],
  ["48+r", "DEC", "Zv", legacy],
  ["69 /r", "IMUL", "Gv Ev Iz"],
  ["6B /r", "IMUL", "Gv Ev sIb"],
  ["84 /r", "TEST", "Eb Gb"],
  ["85 /r", "TEST", "Ev Gv"],
  ["A8", "TEST", "AL Ib"],
  ["A9", "TEST", "rAX Iz"],
  ["F6 /0", "TEST", "Eb Ib"],
  ["F6 /1", "TEST", "Eb Ib"],
  ["F6 /2", "NOT", "Eb"],
  ["F6 /3", "NEG", "Eb"],
  ["F6 /4", "MUL", "Eb"],
  ["F6 /5", "IMUL", "Eb"],
  ["F6 /6", "DIV", "Eb"],
  ["F6 /7", "IDIV", "Eb"],
  ["F7 /0", "TEST", "Ev Iz"],
  ["F7 /1", "TEST", "Ev Iz"],
  ["F7 /2", "NOT", "Ev"],
  ["F7 /3", "NEG", "Ev"],
  ["F7 /4", "MUL", "Ev"],
  ["F7 /5", "IMUL", "Ev"],
  ["F7 /6", "DIV", "Ev"],
  ["F7 /7", "IDIV", "Ev"],
  ["FE /0", "INC", "Eb"],
  ["FE /1", "DEC", "Eb"],
  ["FF /0", "INC", "Ev"],
  ["FF /1", "DEC", "Ev"],
];

const stringsAndPorts: RowText[] = [
  ["6C", "INS", "Yb DX"],
  ["6D", "INS", "Yz DX"],
  ["6E", "OUTS", "DX Xb"],
  ["6F", "OUTS", "DX Xz"],
  ["A4", "MOVS", "Yb Xb"],
  ["A5", "MOVS", "Yv Xv"],
  ["A6", "CMPS", "Xb Yb"],
  ["A7", "CMPS", "Xv Yv"],
  ["AA", "STOS", "Yb AL"],
  ["AB", "STOS", "Yv rAX"],
  ["AC", "LODS", "AL Xb"],
  ["AD", "LODS", "rAX Xv"],
  ["AE", "SCAS", "AL Yb"],
  ["AF", "SCAS", "rAX Yv"],
  ["E4", "IN", "AL Ib"],
  ["E5", "IN", "eAX Ib"],
  ["E6", "OUT", "Ib AL"],
  ["E7", "OUT", "Ib eAX"],
  ["EC", "IN", "AL DX"],
  ["ED", "IN", "eAX DX"],
  ["EE", "OUT", "DX AL"],
  ["EF", "OUT", "DX eAX"],
];

const flagsAndSystem: RowText[] = [
  ["F4", "HLT"],
  ["F5", "CMC"],
  ["F8", "CLC"],
  ["F9", "STC"],
  ["FA", "CLI"],
  ["FB", "STI"],
  ["FC", "CLD"],
  ["FD", "STD"],
];

export const oneByteMap = buildRows([
  ...arithmeticRows,
  ...shiftRows,
  ...moves,
  ...stack,
  ...branches,
  ...arithmetic,
  ...stringsAndPorts,
  ...flagsAndSystem,
]);
