/**
 * MMX in the two-byte map (Intel SDM vol. 2, appendix A, table A-3), with the MMX forms that SSE and SSE2 added. Most have an XMM form
 * behind prefix 66 with the same operation: `packedInteger` below says which, and `isa/sse.ts` makes those rows.
 */
import type { OperationName } from "../semantics/OperationName.ts";
import { buildRows, type RowText } from "./buildRows.ts";

/** Opcode, operation, and the feature that the MMX form needs. The XMM form always needs SSE2. */
export const packedInteger: readonly (readonly [
  opcode: string,
  operation: OperationName,
  feature: "mmx" | "sse" | "sse2",
])[] = [
  ["63", "PACKSSWB", "mmx"],
  ["64", "PCMPGTB", "mmx"],
  ["65", "PCMPGTW", "mmx"],
  ["66", "PCMPGTD", "mmx"],
  ["67", "PACKUSWB", "mmx"],
  ["68", "PUNPCKHBW", "mmx"],
  ["69", "PUNPCKHWD", "mmx"],
  ["6A", "PUNPCKHDQ", "mmx"],
  ["6B", "PACKSSDW", "mmx"],
  ["74", "PCMPEQB", "mmx"],
  ["75", "PCMPEQW", "mmx"],
  ["76", "PCMPEQD", "mmx"],
  ["D1", "PSRLW", "mmx"],
  ["D2", "PSRLD", "mmx"],
  ["D3", "PSRLQ", "mmx"],
  ["D4", "PADDQ", "sse2"],
  ["D5", "PMULLW", "mmx"],
  ["D8", "PSUBUSB", "mmx"],
  ["D9", "PSUBUSW", "mmx"],
  ["DA", "PMINUB", "sse"],
  ["DB", "PAND", "mmx"],
  ["DC", "PADDUSB", "mmx"],
  ["DD", "PADDUSW", "mmx"],
  ["DE", "PMAXUB", "sse"],
  ["DF", "PANDN", "mmx"],
  ["E0", "PAVGB", "sse"],
  ["E1", "PSRAW", "mmx"],
  ["E2", "PSRAD", "mmx"],
  ["E3", "PAVGW", "sse"],
  ["E4", "PMULHUW", "sse"],
  ["E5", "PMULHW", "mmx"],
  ["E8", "PSUBSB", "mmx"],
  ["E9", "PSUBSW", "mmx"],
  ["EA", "PMINSW", "sse"],
  ["EB", "POR", "mmx"],
  ["EC", "PADDSB", "mmx"],
  ["ED", "PADDSW", "mmx"],
  ["EE", "PMAXSW", "sse"],
  ["EF", "PXOR", "mmx"],
  ["F1", "PSLLW", "mmx"],
  ["F2", "PSLLD", "mmx"],
  ["F3", "PSLLQ", "mmx"],
  ["F4", "PMULUDQ", "sse2"],
  ["F5", "PMADDWD", "mmx"],
  ["F6", "PSADBW", "sse"],
  ["F8", "PSUBB", "mmx"],
  ["F9", "PSUBW", "mmx"],
  ["FA", "PSUBD", "mmx"],
  ["FB", "PSUBQ", "sse2"],
  ["FC", "PADDB", "mmx"],
  ["FD", "PADDW", "mmx"],
  ["FE", "PADDD", "mmx"],
];

/** Shifts by an immediate: opcode and /digit. */
export const packedShifts: readonly (readonly [encoding: string, operation: OperationName])[] = [
  ["71 /2", "PSRLW"],
  ["71 /4", "PSRAW"],
  ["71 /6", "PSLLW"],
  ["72 /2", "PSRLD"],
  ["72 /4", "PSRAD"],
  ["72 /6", "PSLLD"],
  ["73 /2", "PSRLQ"],
  ["73 /6", "PSLLQ"],
];

const mmx = { feature: "mmx" } as const;
const sse = { feature: "sse" } as const;

const texts: RowText[] = [
  ...packedInteger.map(
    ([opcode, operation, feature]): RowText => [`NP 0F ${opcode} /r`, operation, "Pq Qq", { feature }],
  ),
  ...packedShifts.map(([encoding, operation]): RowText => [`NP 0F ${encoding} mod=3`, operation, "Nq Ib", mmx]),
  ["NP 0F 60 /r", "PUNPCKLBW", "Pq Qd", mmx],
  ["NP 0F 61 /r", "PUNPCKLWD", "Pq Qd", mmx],
  ["NP 0F 62 /r", "PUNPCKLDQ", "Pq Qd", mmx],
  ["NP 0F 6E /r", "MOVD_TO_MMX", "Pq Ey", mmx],
  ["NP 0F 7E /r", "MOVD_FROM_MMX", "Ey Pq", mmx],
  ["NP 0F 6F /r", "MOVQ_MMX", "Pq Qq", mmx],
  ["NP 0F 7F /r", "MOVQ_MMX", "Qq Pq", mmx],
  ["NP 0F 77", "EMMS", "", mmx],
  ["NP 0F E7 /r mod!=3", "MOVQ_MMX", "Mq Pq", sse],
  ["NP 0F F7 /r mod=3", "MASKMOV", "DIb Pq Nq", sse],
  ["NP 0F 70 /r", "PSHUFW", "Pq Qq Ib", sse],
  ["NP 0F C4 /r mod=3", "PINSRW", "Pq Rd Ib", sse],
  ["NP 0F C4 /r mod!=3", "PINSRW", "Pq Mw Ib", sse],
  ["NP 0F C5 /r mod=3", "PEXTRW", "Gd Nq Ib", sse],
  ["NP 0F D7 /r mod=3", "PMOVMSKB", "Gd Nq", sse],
];

export const mmxMap = buildRows(
  texts.map(
    ([encoding, operation, operands, only]): RowText => [encoding, operation, operands ?? "", { unit: "mmx", ...only }],
  ),
);
