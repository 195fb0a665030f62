/**
 * The VEX forms of what SSE to SSE4.2 do with integers and whole registers (Intel SDM vol. 2, chapters 4 and 5): the same operations with a
 * destination of their own and, with AVX2, vectors of 256 bits. Floating point is in `isa/avxFloat.ts`, what only AVX has in `isa/avxOwn.ts`.
 */
import type { OperationName } from "../semantics/OperationName.ts";
import { buildRows, type RowText } from "./buildRows.ts";
import { packedInteger, packedShifts } from "./mmx.ts";
import { avx, avx128, avxInteger, avxScalar, type VexLengths, vex } from "./vexRows.ts";

/** Singles and doubles: the same bits. */
const both = (rest: string, operation: OperationName, operands: string, lengths: VexLengths): RowText[] => [
  ...vex("NP.0F.WIG", rest, operation, operands, lengths),
  ...vex("66.0F.WIG", rest, operation, operands, lengths),
];

const shiftOpcodes = new Set(["D1", "D2", "D3", "E1", "E2", "F1", "F2", "F3"]);

const integers: RowText[] = [
  ...packedInteger.flatMap(([opcode, operation]) =>
    vex("66.0F.WIG", `${opcode} /r`, operation, shiftOpcodes.has(opcode) ? "Vx Hx Wdq" : "Vx Hx Wx", avxInteger),
  ),
  ...packedShifts.flatMap(([encoding, operation]) =>
    vex("66.0F.WIG", `${encoding} mod=3`, operation, "Hx Ux Ib", avxInteger),
  ),
  ...vex("66.0F.WIG", "73 /3 mod=3", "PSRLDQ", "Hx Ux Ib", avxInteger),
  ...vex("66.0F.WIG", "73 /7 mod=3", "PSLLDQ", "Hx Ux Ib", avxInteger),
  ...vex("66.0F.WIG", "60 /r", "PUNPCKLBW", "Vx Hx Wx", avxInteger),
  ...vex("66.0F.WIG", "61 /r", "PUNPCKLWD", "Vx Hx Wx", avxInteger),
  ...vex("66.0F.WIG", "62 /r", "PUNPCKLDQ", "Vx Hx Wx", avxInteger),
  ...vex("66.0F.WIG", "6C /r", "PUNPCKLQDQ", "Vx Hx Wx", avxInteger),
  ...vex("66.0F.WIG", "6D /r", "PUNPCKHQDQ", "Vx Hx Wx", avxInteger),
  ...vex("66.0F.WIG", "70 /r", "PSHUFD", "Vx Wx Ib", avxInteger),
  ...vex("F3.0F.WIG", "70 /r", "PSHUFHW", "Vx Wx Ib", avxInteger),
  ...vex("F2.0F.WIG", "70 /r", "PSHUFLW", "Vx Wx Ib", avxInteger),
  ...vex("66.0F.W0", "C4 /r mod=3", "PINSRW", "Vx Hx Rd Ib", avx128),
  ...vex("66.0F.W0", "C4 /r mod!=3", "PINSRW", "Vx Hx Mw Ib", avx128),
  ...vex("66.0F.W0", "C5 /r mod=3", "PEXTRW", "Gd Ux Ib", avx128),
  ...vex("66.0F.WIG", "D7 /r mod=3", "PMOVMSKB", "Gd Ux", avxInteger),
];

const moves: RowText[] = [
  ...both("10 /r", "MOVUPS", "Vx Wx", avx),
  ...both("11 /r", "MOVUPS", "Wx Vx", avx),
  ...both("28 /r", "MOVAPS", "Vx Wx", avx),
  ...both("29 /r", "MOVAPS", "Wx Vx", avx),
  ...both("2B /r mod!=3", "MOVAPS", "Mx Vx", avx),
  ...vex("66.0F.WIG", "6F /r", "MOVAPS", "Vx Wx", avx),
  ...vex("66.0F.WIG", "7F /r", "MOVAPS", "Wx Vx", avx),
  ...vex("F3.0F.WIG", "6F /r", "MOVUPS", "Vx Wx", avx),
  ...vex("F3.0F.WIG", "7F /r", "MOVUPS", "Wx Vx", avx),
  ...vex("66.0F.WIG", "E7 /r mod!=3", "MOVAPS", "Mx Vx", avx),
  ...vex("F3.0F.WIG", "10 /r mod=3", "MOVSS", "Vx Hx Ux", avxScalar),
  ...vex("F3.0F.WIG", "10 /r mod!=3", "MOVSS", "Vx Md", avxScalar),
  ...vex("F3.0F.WIG", "11 /r mod=3", "MOVSS", "Ux Hx Vx", avxScalar),
  ...vex("F3.0F.WIG", "11 /r mod!=3", "MOVSS", "Md Vx", avxScalar),
  ...vex("F2.0F.WIG", "10 /r mod=3", "MOVSD", "Vx Hx Ux", avxScalar),
  ...vex("F2.0F.WIG", "10 /r mod!=3", "MOVSD", "Vx Mq", avxScalar),
  ...vex("F2.0F.WIG", "11 /r mod=3", "MOVSD", "Ux Hx Vx", avxScalar),
  ...vex("F2.0F.WIG", "11 /r mod!=3", "MOVSD", "Mq Vx", avxScalar),
  ...both("12 /r mod!=3", "MOVLPS_LOAD", "Vx Hx Mq", avx128),
  ...vex("NP.0F.WIG", "12 /r mod=3", "MOVHLPS", "Vx Hx Ux", avx128),
  ...both("13 /r mod!=3", "MOVLPS_STORE", "Mq Vx", avx128),
  ...both("16 /r mod!=3", "MOVHPS_LOAD", "Vx Hx Mq", avx128),
  ...vex("NP.0F.WIG", "16 /r mod=3", "MOVLHPS", "Vx Hx Ux", avx128),
  ...both("17 /r mod!=3", "MOVHPS_STORE", "Mq Vx", avx128),
  ...vex("66.0F.WIG", "6E /r", "MOVD_TO_XMM", "Vx Ey", avx128),
  ...vex("66.0F.WIG", "7E /r", "MOVD_FROM_XMM", "Ey Vx", avx128),
  ...vex("F3.0F.WIG", "7E /r", "MOVQ_XMM", "Vx Wq", avx128),
  ...vex("66.0F.WIG", "D6 /r", "MOVQ_XMM", "Wq Vx", avx128),
  ...vex("66.0F.WIG", "F7 /r mod=3", "MASKMOV", "DIb Vx Ux", avx128),
  ...vex("NP.0F.WIG", "AE /2 mod!=3", "LDMXCSR", "Md", { LZ: "avx" }),
  ...vex("NP.0F.WIG", "AE /3 mod!=3", "STMXCSR", "Md", { LZ: "avx" }),
  ...vex("NP.0F.WIG", "50 /r mod=3", "MOVMSKPS", "Gd Ux", avx),
  ...vex("66.0F.WIG", "50 /r mod=3", "MOVMSKPD", "Gd Ux", avx),
];

const bits: RowText[] = [
  ...both("54 /r", "ANDPS", "Vx Hx Wx", avx),
  ...both("55 /r", "ANDNPS", "Vx Hx Wx", avx),
  ...both("56 /r", "ORPS", "Vx Hx Wx", avx),
  ...both("57 /r", "XORPS", "Vx Hx Wx", avx),
  ...vex("NP.0F.WIG", "14 /r", "UNPCKLPS", "Vx Hx Wx", avx),
  ...vex("66.0F.WIG", "14 /r", "UNPCKLPD", "Vx Hx Wx", avx),
  ...vex("NP.0F.WIG", "15 /r", "UNPCKHPS", "Vx Hx Wx", avx),
  ...vex("66.0F.WIG", "15 /r", "UNPCKHPD", "Vx Hx Wx", avx),
  ...vex("NP.0F.WIG", "C6 /r", "SHUFPS", "Vx Hx Wx Ib", avx),
  ...vex("66.0F.WIG", "C6 /r", "SHUFPD", "Vx Hx Wx Ib", avx),
];

export const avxMap = buildRows([...integers, ...moves, ...bits]);
