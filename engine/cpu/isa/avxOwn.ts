/**
 * What AVX and AVX2 have without a counterpart in SSE (Intel SDM vol. 2, chapter 5): broadcasts, permutations across and within 128-bit lanes, inserted
 * and extracted halves, shifts by a count a lane, masked moves, gathers, and the clearing of upper halves. Gathers read elements of which the
 * lanes of a vector are the indices; the shorter of destination and indices decides how many.
 */
import type { OperationName } from "../semantics/OperationName.ts";
import { buildRows, type RowText } from "./buildRows.ts";
import { avx, avx2, avx2Long, avxLong, vex } from "./vexRows.ts";

const broadcasts: RowText[] = [
  ...vex("66.0F38.W0", "18 /r mod!=3", "VBROADCASTD", "Vx Md", avx),
  ...vex("66.0F38.W0", "19 /r mod!=3", "VBROADCASTQ", "Vx Mq", avxLong),
  ...vex("66.0F38.W0", "1A /r mod!=3", "VBROADCAST128", "Vx Mdq", avxLong),
  ...vex("66.0F38.W0", "18 /r mod=3", "VBROADCASTD", "Vx Udq", avx2),
  ...vex("66.0F38.W0", "19 /r mod=3", "VBROADCASTQ", "Vx Udq", avx2Long),
  ...vex("66.0F38.W0", "5A /r mod!=3", "VBROADCAST128", "Vx Mdq", avx2Long),
  ...vex("66.0F38.W0", "58 /r", "VBROADCASTD", "Vx Wd", avx2),
  ...vex("66.0F38.W0", "59 /r", "VBROADCASTQ", "Vx Wq", avx2),
  ...vex("66.0F38.W0", "78 /r", "VBROADCASTB", "Vx Wb", avx2),
  ...vex("66.0F38.W0", "79 /r", "VBROADCASTW", "Vx Ww", avx2),
];

const permutations: RowText[] = [
  ...vex("66.0F38.W0", "0C /r", "VPERMILPS", "Vx Hx Wx", avx),
  ...vex("66.0F38.W0", "0D /r", "VPERMILPD", "Vx Hx Wx", avx),
  ...vex("66.0F3A.W0", "04 /r", "PSHUFD", "Vx Wx Ib", avx),
  ...vex("66.0F3A.W0", "05 /r", "VPERMILPD_IMMEDIATE", "Vx Wx Ib", avx),
  ...vex("66.0F3A.W0", "06 /r", "VPERM2X128", "Vx Hx Wx Ib", avxLong),
  ...vex("66.0F3A.W0", "46 /r", "VPERM2X128", "Vx Hx Wx Ib", avx2Long),
  ...vex("66.0F38.W0", "16 /r", "VPERMD", "Vx Hx Wx", avx2Long),
  ...vex("66.0F38.W0", "36 /r", "VPERMD", "Vx Hx Wx", avx2Long),
  ...vex("66.0F3A.W1", "00 /r", "VPERMQ", "Vx Wx Ib", avx2Long),
  ...vex("66.0F3A.W1", "01 /r", "VPERMQ", "Vx Wx Ib", avx2Long),
  ...vex("66.0F3A.W0", "02 /r", "BLENDPS", "Vx Hx Wx Ib", avx2),
  ...vex("66.0F38.W0", "0E /r", "VTESTPS", "Vx Wx", avx),
  ...vex("66.0F38.W0", "0F /r", "VTESTPD", "Vx Wx", avx),
];

const halves: RowText[] = [
  ...vex("66.0F3A.W0", "18 /r", "VINSERT128", "Vx Hx Wdq Ib", avxLong),
  ...vex("66.0F3A.W0", "38 /r", "VINSERT128", "Vx Hx Wdq Ib", avx2Long),
  ...vex("66.0F3A.W0", "19 /r", "VEXTRACT128", "Wdq Vx Ib", avxLong),
  ...vex("66.0F3A.W0", "39 /r", "VEXTRACT128", "Wdq Vx Ib", avx2Long),
  ...vex("NP.0F.WIG", "77", "VZEROUPPER", "", { "128": "avx" }),
  ...vex("NP.0F.WIG", "77", "VZEROALL", "", { "256": "avx" }),
];

const variableShifts: RowText[] = [
  ...vex("66.0F38.W0", "45 /r", "VPSRLVD", "Vx Hx Wx", avx2),
  ...vex("66.0F38.W1", "45 /r", "VPSRLVQ", "Vx Hx Wx", avx2),
  ...vex("66.0F38.W0", "46 /r", "VPSRAVD", "Vx Hx Wx", avx2),
  ...vex("66.0F38.W0", "47 /r", "VPSLLVD", "Vx Hx Wx", avx2),
  ...vex("66.0F38.W1", "47 /r", "VPSLLVQ", "Vx Hx Wx", avx2),
];

const maskedMoves: RowText[] = [
  ...vex("66.0F38.W0", "2C /r mod!=3", "VMASKLOADD", "Vx Hx Mx", avx),
  ...vex("66.0F38.W0", "2D /r mod!=3", "VMASKLOADQ", "Vx Hx Mx", avx),
  ...vex("66.0F38.W0", "2E /r mod!=3", "VMASKSTORED", "Mx Hx Vx", avx),
  ...vex("66.0F38.W0", "2F /r mod!=3", "VMASKSTOREQ", "Mx Hx Vx", avx),
  ...vex("66.0F38.W0", "8C /r mod!=3", "VMASKLOADD", "Vx Hx Mx", avx2),
  ...vex("66.0F38.W1", "8C /r mod!=3", "VMASKLOADQ", "Vx Hx Mx", avx2),
  ...vex("66.0F38.W0", "8E /r mod!=3", "VMASKSTORED", "Mx Hx Vx", avx2),
  ...vex("66.0F38.W1", "8E /r mod!=3", "VMASKSTOREQ", "Mx Hx Vx", avx2),
];

/** Index width and element width: D or Q each. Integers and floats gather alike. */
const gather = (opcode: string, w: "W0" | "W1", operation: OperationName, operands: string): RowText[] =>
  vex(`66.0F38.${w}`, `${opcode} /r mod!=3`, operation, operands, avx2);

const gathers: RowText[] = ["90", "92"].flatMap((opcode) => [
  ...gather(opcode, "W0", "VGATHERDD", "Vx VMd Hx VIx VS"),
  ...gather(opcode, "W1", "VGATHERDQ", "Vx VMq Hx VIdq VS"),
]);
const gathersByQuad: RowText[] = ["91", "93"].flatMap((opcode) => [
  ...gather(opcode, "W0", "VGATHERQD", "Vdq VMd Hx VIx VS"),
  ...gather(opcode, "W1", "VGATHERQQ", "Vx VMq Hx VIx VS"),
]);

export const avxOwnMap = buildRows([
  ...broadcasts,
  ...permutations,
  ...halves,
  ...variableShifts,
  ...maskedMoves,
  ...gathers,
  ...gathersByQuad,
]);
