/**
 * Later additions to the integer instructions (Intel SDM vol. 2): BMI1 and BMI2 (with VEX), ADX, MOVBE, CRC32, and cache hints. POPCNT, LZCNT and
 * TZCNT are in `isa/twoByteMap.ts`. VEX.W is the operand size in 64-bit code and means nothing elsewhere.
 */
import type { OperationName } from "../semantics/OperationName.ts";
import { buildRows, type RowText } from "./buildRows.ts";

const bmi = (
  space: string,
  rest: string,
  operation: OperationName,
  operands: string,
  feature: "bmi1" | "bmi2",
): RowText => [`VEX.LZ.${space}.WIG ${rest}`, operation, operands, { unit: "vex", feature }];

const bitFields: RowText[] = [
  bmi("NP.0F38", "F2 /r", "ANDN", "Gy By Ey", "bmi1"),
  bmi("NP.0F38", "F3 /1", "BLSR", "By Ey", "bmi1"),
  bmi("NP.0F38", "F3 /2", "BLSMSK", "By Ey", "bmi1"),
  bmi("NP.0F38", "F3 /3", "BLSI", "By Ey", "bmi1"),
  bmi("NP.0F38", "F5 /r", "BZHI", "Gy Ey By", "bmi2"),
  bmi("F3.0F38", "F5 /r", "PEXT", "Gy By Ey", "bmi2"),
  bmi("F2.0F38", "F5 /r", "PDEP", "Gy By Ey", "bmi2"),
  bmi("F2.0F38", "F6 /r", "MULX", "Gy By Ey", "bmi2"),
  bmi("NP.0F38", "F7 /r", "BEXTR", "Gy Ey By", "bmi1"),
  bmi("66.0F38", "F7 /r", "SHLX", "Gy Ey By", "bmi2"),
  bmi("F3.0F38", "F7 /r", "SARX", "Gy Ey By", "bmi2"),
  bmi("F2.0F38", "F7 /r", "SHRX", "Gy Ey By", "bmi2"),
  bmi("F2.0F3A", "F0 /r", "RORX", "Gy Ey Ib", "bmi2"),
];

const integer: RowText[] = [
  ["66 0F 38 F6 /r", "ADCX", "Gy Ey", { feature: "adx" }],
  ["F3 0F 38 F6 /r", "ADOX", "Gy Ey", { feature: "adx" }],
  ["0F 38 F0 /r mod!=3", "MOVBE", "Gv Mv", { feature: "movbe" }],
  ["0F 38 F1 /r mod!=3", "MOVBE", "Mv Gv", { feature: "movbe" }],
  ["F3 0F 38 F0 /r", "UD", "Gv Ev"],
  ["F3 0F 38 F1 /r", "UD", "Ev Gv"],
  ["F2 0F 38 F0 /r", "CRC32", "Gd Eb", { feature: "sse4_2" }],
  ["F2 0F 38 F1 /r", "CRC32", "Gd Ev", { feature: "sse4_2" }],
];

const cache: RowText[] = [
  ["0F 0D /1 mod!=3", "NOP", "Mb", { feature: "prefetchw" }],
  ["66 0F AE /7 mod!=3", "CLFLUSH", "Mb", { feature: "clflushopt" }],
  ["66 0F AE /6 mod!=3", "CLFLUSH", "Mb", { feature: "clwb" }],
];

export const bitManipulationMap = buildRows([...bitFields, ...integer, ...cache]);
