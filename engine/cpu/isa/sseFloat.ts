/**
 * What SSE3 and SSE4.1 added to floating point (Intel SDM vol. 2): horizontal and alternating sums, rounding to integral values, dot
 * products. Their moves and blends are with the integer rows; the VEX forms are in `isa/avxFloat.ts`.
 */
import { buildRows, type RowText } from "./buildRows.ts";

const sse3 = { feature: "sse3", unit: "sse" } as const;
const sse41 = { feature: "sse4_1", unit: "sse" } as const;

const texts: RowText[] = [
  ["66 0F 7C /r", "HADDPD", "Vx Wpd", sse3],
  ["F2 0F 7C /r", "HADDPS", "Vx Wps", sse3],
  ["66 0F 7D /r", "HSUBPD", "Vx Wpd", sse3],
  ["F2 0F 7D /r", "HSUBPS", "Vx Wps", sse3],
  ["66 0F D0 /r", "ADDSUBPD", "Vx Wpd", sse3],
  ["F2 0F D0 /r", "ADDSUBPS", "Vx Wps", sse3],
  ["66 0F 3A 08 /r", "ROUNDPS", "Vx Wps Ib", sse41],
  ["66 0F 3A 09 /r", "ROUNDPD", "Vx Wpd Ib", sse41],
  ["66 0F 3A 0A /r", "ROUNDSS", "Vx Wss Ib", sse41],
  ["66 0F 3A 0B /r", "ROUNDSD", "Vx Wsd Ib", sse41],
  ["66 0F 3A 40 /r", "DPPS", "Vx Wps Ib", sse41],
  ["66 0F 3A 41 /r", "DPPD", "Vx Wpd Ib", sse41],
];

export const sseFloatMap = buildRows(texts);
