/**
 * SSE and SSE2 in the two-byte map (Intel SDM vol. 2, appendix A, table A-3). `Vx` is a whole XMM register; `W` letters say how much of memory
 * is read. Instructions that do the same bits under several names (MOVAPS, MOVAPD, MOVDQA; ANDPS, ANDPD) share an
 * operation. Prefetches are hints of `isa/twoByteMap.ts`, fences and CLFLUSH are there as well.
 */
import type { OperationName } from "../semantics/OperationName.ts";
import { buildRows, type RowText } from "./buildRows.ts";
import { packedInteger, packedShifts } from "./mmx.ts";

const sse = { feature: "sse" } as const;
const sse2 = { feature: "sse2" } as const;

type ArithmeticName = "ADD" | "MUL" | "SUB" | "MIN" | "DIV" | "MAX" | "SQRT";

/** PS, PD, SS, SD in the columns NP, 66, F3, F2. */
const arithmetic = (opcode: string, name: ArithmeticName): RowText[] => [
  [`NP 0F ${opcode} /r`, `${name}PS`, "Vx Wps", sse],
  [`66 0F ${opcode} /r`, `${name}PD`, "Vx Wpd", sse2],
  [`F3 0F ${opcode} /r`, `${name}SS`, "Vx Wss", sse],
  [`F2 0F ${opcode} /r`, `${name}SD`, "Vx Wsd", sse2],
];

/** The same bits for singles and doubles. */
const both = (encoding: string, operation: OperationName, operands: string): RowText[] => [
  [`NP 0F ${encoding}`, operation, operands, sse],
  [`66 0F ${encoding}`, operation, operands, sse2],
];

const moves: RowText[] = [
  ...both("10 /r", "MOVUPS", "Vx Wx"),
  ...both("11 /r", "MOVUPS", "Wx Vx"),
  ["F3 0F 10 /r", "MOVSS", "Vx Wss", sse],
  ["F3 0F 11 /r", "MOVSS", "Wss Vx", sse],
  ["F2 0F 10 /r", "MOVSD", "Vx Wsd", sse2],
  ["F2 0F 11 /r", "MOVSD", "Wsd Vx", sse2],
  ...both("12 /r mod!=3", "MOVLPS_LOAD", "Vx Mq"),
  ["NP 0F 12 /r mod=3", "MOVHLPS", "Vx Ux", sse],
  ...both("13 /r mod!=3", "MOVLPS_STORE", "Mq Vx"),
  ...both("16 /r mod!=3", "MOVHPS_LOAD", "Vx Mq"),
  ["NP 0F 16 /r mod=3", "MOVLHPS", "Vx Ux", sse],
  ...both("17 /r mod!=3", "MOVHPS_STORE", "Mq Vx"),
  ...both("28 /r", "MOVAPS", "Vx Wx"),
  ...both("29 /r", "MOVAPS", "Wx Vx"),
  ...both("2B /r mod!=3", "MOVAPS", "Mdq Vx"),
  ["66 0F 6E /r", "MOVD_TO_XMM", "Vx Ey", sse2],
  ["66 0F 7E /r", "MOVD_FROM_XMM", "Ey Vx", sse2],
  ["66 0F 6F /r", "MOVAPS", "Vx Wx", sse2],
  ["66 0F 7F /r", "MOVAPS", "Wx Vx", sse2],
  ["F3 0F 6F /r", "MOVUPS", "Vx Wx", sse2],
  ["F3 0F 7F /r", "MOVUPS", "Wx Vx", sse2],
  ["F3 0F 7E /r", "MOVQ_XMM", "Vx Wq", sse2],
  ["66 0F D6 /r", "MOVQ_XMM", "Wq Vx", sse2],
  ["F3 0F D6 /r mod=3", "MOVQ2DQ", "Vx Nq", sse2],
  ["F2 0F D6 /r mod=3", "MOVDQ2Q", "Pq Ux", sse2],
  ["66 0F E7 /r mod!=3", "MOVAPS", "Mdq Vx", sse2],
  ["66 0F F7 /r mod=3", "MASKMOV", "DIb Vx Ux", sse2],
  ["NP 0F AE /2 mod!=3", "LDMXCSR", "Md", sse],
  ["NP 0F AE /3 mod!=3", "STMXCSR", "Md", sse],
  ["NP 0F 14 /r", "UNPCKLPS", "Vx Wx", sse],
  ["66 0F 14 /r", "UNPCKLPD", "Vx Wx", sse2],
  ["NP 0F 15 /r", "UNPCKHPS", "Vx Wx", sse],
  ["66 0F 15 /r", "UNPCKHPD", "Vx Wx", sse2],
  ["NP 0F 50 /r mod=3", "MOVMSKPS", "Gy Ux", sse],
  ["66 0F 50 /r mod=3", "MOVMSKPD", "Gy Ux", sse2],
];

const floats: RowText[] = [
  ...arithmetic("51", "SQRT"),
  ...arithmetic("58", "ADD"),
  ...arithmetic("59", "MUL"),
  ...arithmetic("5C", "SUB"),
  ...arithmetic("5D", "MIN"),
  ...arithmetic("5E", "DIV"),
  ...arithmetic("5F", "MAX"),
  ["NP 0F 52 /r", "RSQRTPS", "Vx Wps", sse],
  ["F3 0F 52 /r", "RSQRTSS", "Vx Wss", sse],
  ["NP 0F 53 /r", "RCPPS", "Vx Wps", sse],
  ["F3 0F 53 /r", "RCPSS", "Vx Wss", sse],
  ...both("54 /r", "ANDPS", "Vx Wx"),
  ...both("55 /r", "ANDNPS", "Vx Wx"),
  ...both("56 /r", "ORPS", "Vx Wx"),
  ...both("57 /r", "XORPS", "Vx Wx"),
  ["NP 0F 2E /r", "UCOMISS", "Vx Wss", { ...sse, writes: "OSZAPC" }],
  ["66 0F 2E /r", "UCOMISD", "Vx Wsd", { ...sse2, writes: "OSZAPC" }],
  ["NP 0F 2F /r", "COMISS", "Vx Wss", { ...sse, writes: "OSZAPC" }],
  ["66 0F 2F /r", "COMISD", "Vx Wsd", { ...sse2, writes: "OSZAPC" }],
  ["NP 0F C2 /r", "CMPPS", "Vx Wps Ib", sse],
  ["66 0F C2 /r", "CMPPD", "Vx Wpd Ib", sse2],
  ["F3 0F C2 /r", "CMPSS", "Vx Wss Ib", sse],
  ["F2 0F C2 /r", "CMPSD", "Vx Wsd Ib", sse2],
  ["NP 0F C6 /r", "SHUFPS", "Vx Wps Ib", sse],
  ["66 0F C6 /r", "SHUFPD", "Vx Wpd Ib", sse2],
];

const conversions: RowText[] = [
  ["NP 0F 2A /r", "CVTPI2PS", "Vx Qq", sse],
  ["66 0F 2A /r", "CVTPI2PD", "Vx Qq", sse2],
  ["F3 0F 2A /r", "CVTSI2SS", "Vx Ey", sse],
  ["F2 0F 2A /r", "CVTSI2SD", "Vx Ey", sse2],
  ["NP 0F 2C /r", "CVTTPS2PI", "Pq Wq", sse],
  ["66 0F 2C /r", "CVTTPD2PI", "Pq Wpd", sse2],
  ["F3 0F 2C /r", "CVTTSS2SI", "Gy Wss", sse],
  ["F2 0F 2C /r", "CVTTSD2SI", "Gy Wsd", sse2],
  ["NP 0F 2D /r", "CVTPS2PI", "Pq Wq", sse],
  ["66 0F 2D /r", "CVTPD2PI", "Pq Wpd", sse2],
  ["F3 0F 2D /r", "CVTSS2SI", "Gy Wss", sse],
  ["F2 0F 2D /r", "CVTSD2SI", "Gy Wsd", sse2],
  ["NP 0F 5A /r", "CVTPS2PD", "Vx Wq", sse2],
  ["66 0F 5A /r", "CVTPD2PS", "Vx Wpd", sse2],
  ["F3 0F 5A /r", "CVTSS2SD", "Vx Wss", sse2],
  ["F2 0F 5A /r", "CVTSD2SS", "Vx Wsd", sse2],
  ["NP 0F 5B /r", "CVTDQ2PS", "Vx Wx", sse2],
  ["66 0F 5B /r", "CVTPS2DQ", "Vx Wps", sse2],
  ["F3 0F 5B /r", "CVTTPS2DQ", "Vx Wps", sse2],
  ["66 0F E6 /r", "CVTTPD2DQ", "Vx Wpd", sse2],
  ["F3 0F E6 /r", "CVTDQ2PD", "Vx Wq", sse2],
  ["F2 0F E6 /r", "CVTPD2DQ", "Vx Wpd", sse2],
];

const integers: RowText[] = [
  ...packedInteger.map(([opcode, operation]): RowText => [`66 0F ${opcode} /r`, operation, "Vx Wx", sse2]),
  ...packedShifts.map(([encoding, operation]): RowText => [`66 0F ${encoding} mod=3`, operation, "Ux Ib", sse2]),
  ["66 0F 73 /3 mod=3", "PSRLDQ", "Ux Ib", sse2],
  ["66 0F 73 /7 mod=3", "PSLLDQ", "Ux Ib", sse2],
  ["66 0F 60 /r", "PUNPCKLBW", "Vx Wx", sse2],
  ["66 0F 61 /r", "PUNPCKLWD", "Vx Wx", sse2],
  ["66 0F 62 /r", "PUNPCKLDQ", "Vx Wx", sse2],
  ["66 0F 6C /r", "PUNPCKLQDQ", "Vx Wx", sse2],
  ["66 0F 6D /r", "PUNPCKHQDQ", "Vx Wx", sse2],
  ["66 0F 70 /r", "PSHUFD", "Vx Wx Ib", sse2],
  ["F3 0F 70 /r", "PSHUFHW", "Vx Wx Ib", sse2],
  ["F2 0F 70 /r", "PSHUFLW", "Vx Wx Ib", sse2],
  ["66 0F C4 /r mod=3", "PINSRW", "Vx Rd Ib", sse2],
  ["66 0F C4 /r mod!=3", "PINSRW", "Vx Mw Ib", sse2],
  ["66 0F C5 /r mod=3", "PEXTRW", "Gd Ux Ib", sse2],
  ["66 0F D7 /r mod=3", "PMOVMSKB", "Gd Ux", sse2],
];

export const sseMap = buildRows(
  [...moves, ...floats, ...conversions, ...integers].map(
    ([encoding, operation, operands, only]): RowText => [encoding, operation, operands ?? "", { unit: "sse", ...only }],
  ),
);
