/** AES-NI, PCLMULQDQ (both also with VEX, on 128 bits) and SHA-NI (Intel SDM vol. 2). */
import type { OperationName } from "../semantics/OperationName.ts";
import { buildRows, type RowText } from "./buildRows.ts";

/** The VEX form needs AVX as well: its unit check says so, and CPUID shows AES only with it. */
const both = (
  map: "38" | "3A",
  opcode: string,
  operation: OperationName,
  operands: string,
  vexOperands: string,
  feature: "aes" | "pclmulqdq",
): RowText[] => [
  [`66 0F ${map} ${opcode} /r`, operation, operands, { unit: "sse", feature }],
  [`VEX.128.66.0F${map}.WIG ${opcode} /r`, operation, vexOperands, { unit: "avx", feature }],
];

const sha = (map: "38" | "3A", opcode: string, operation: OperationName, operands: string): RowText => [
  `NP 0F ${map} ${opcode} /r`,
  operation,
  operands,
  { unit: "sse", feature: "sha" },
];

export const cryptoMap = buildRows([
  ...both("38", "DB", "AESIMC", "Vx Wx", "Vx Wx", "aes"),
  ...both("38", "DC", "AESENC", "Vx Wx", "Vx Hx Wx", "aes"),
  ...both("38", "DD", "AESENCLAST", "Vx Wx", "Vx Hx Wx", "aes"),
  ...both("38", "DE", "AESDEC", "Vx Wx", "Vx Hx Wx", "aes"),
  ...both("38", "DF", "AESDECLAST", "Vx Wx", "Vx Hx Wx", "aes"),
  ...both("3A", "DF", "AESKEYGENASSIST", "Vx Wx Ib", "Vx Wx Ib", "aes"),
  ...both("3A", "44", "PCLMULQDQ", "Vx Wx Ib", "Vx Hx Wx Ib", "pclmulqdq"),
  sha("38", "C8", "SHA1NEXTE", "Vx Wx"),
  sha("38", "C9", "SHA1MSG1", "Vx Wx"),
  sha("38", "CA", "SHA1MSG2", "Vx Wx"),
  sha("38", "CB", "SHA256RNDS2", "Vx Wx XMM0"),
  sha("38", "CC", "SHA256MSG1", "Vx Wx"),
  sha("38", "CD", "SHA256MSG2", "Vx Wx"),
  sha("3A", "CC", "SHA1RNDS4", "Vx Wx Ib"),
]);
