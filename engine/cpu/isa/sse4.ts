/**
 * SSE3 (moves), SSSE3, SSE4.1 and SSE4.2 with integers and whole lanes (Intel SDM vol. 2, appendix A, tables ), without and with VEX: the
 * VEX forms of what has two sources get a destination of their own. Their floating-point arithmetic is in `isa/sse.ts` and `isa/avxFloat.ts`.
 */
import type { OperationName } from "../semantics/OperationName.ts";
import { buildRows, type RowText } from "./buildRows.ts";
import { avx, avx2Long, avx128, avxInteger, type VexLengths, vex } from "./vexRows.ts";

type Ssse3 = readonly [opcode: string, operation: OperationName];

/** SSSE3 has MMX forms, too. */
const ssse3: readonly Ssse3[] = [
  ["00", "PSHUFB"],
  ["01", "PHADDW"],
  ["02", "PHADDD"],
  ["03", "PHADDSW"],
  ["04", "PMADDUBSW"],
  ["05", "PHSUBW"],
  ["06", "PHSUBD"],
  ["07", "PHSUBSW"],
  ["08", "PSIGNB"],
  ["09", "PSIGNW"],
  ["0A", "PSIGND"],
  ["0B", "PMULHRSW"],
];
const absolutes: readonly Ssse3[] = [
  ["1C", "PABSB"],
  ["1D", "PABSW"],
  ["1E", "PABSD"],
];

const ssse3Row = ([opcode, operation]: Ssse3, vexOperands: string): RowText[] => [
  [`NP 0F 38 ${opcode} /r`, operation, "Pq Qq", { unit: "mmx", feature: "ssse3" }],
  [`66 0F 38 ${opcode} /r`, operation, "Vx Wx", { unit: "sse", feature: "ssse3" }],
  ...vex("66.0F38.WIG", `${opcode} /r`, operation, vexOperands, avxInteger),
];

/** SSE4 in map 0F 38 with prefix 66 and two sources. */
const pairs: readonly (readonly [opcode: string, operation: OperationName, feature: "sse4_1" | "sse4_2"])[] = [
  ["28", "PMULDQ", "sse4_1"],
  ["29", "PCMPEQQ", "sse4_1"],
  ["2B", "PACKUSDW", "sse4_1"],
  ["37", "PCMPGTQ", "sse4_2"],
  ["38", "PMINSB", "sse4_1"],
  ["39", "PMINSD", "sse4_1"],
  ["3A", "PMINUW", "sse4_1"],
  ["3B", "PMINUD", "sse4_1"],
  ["3C", "PMAXSB", "sse4_1"],
  ["3D", "PMAXSD", "sse4_1"],
  ["3E", "PMAXUW", "sse4_1"],
  ["3F", "PMAXUD", "sse4_1"],
  ["40", "PMULLD", "sse4_1"],
];

/** How much of the source is read: for 128 bits, for 256. */
const extensions: readonly (readonly [
  low: number,
  name: "BW" | "BD" | "BQ" | "WD" | "WQ" | "DQ",
  short: string,
  long: string,
])[] = [
  [0, "BW", "Wq", "Wdq"],
  [1, "BD", "Wd", "Wq"],
  [2, "BQ", "Ww", "Wd"],
  [3, "WD", "Wq", "Wdq"],
  [4, "WQ", "Wd", "Wq"],
  [5, "DQ", "Wq", "Wdq"],
];

const extensionRows: RowText[] = extensions.flatMap(([low, name, short, long]) =>
  ([2, 3] as const).flatMap((high): RowText[] => {
    const operation: OperationName = high === 2 ? `PMOVSX${name}` : `PMOVZX${name}`;
    const rest = `${high}${low} /r`;
    return [
      [`66 0F 38 ${rest}`, operation, `Vx ${short}`, { unit: "sse", feature: "sse4_1" }],
      ...vex("66.0F38.WIG", rest, operation, `Vx ${short}`, avx128),
      ...vex("66.0F38.WIG", rest, operation, `Vx ${long}`, avx2Long),
    ];
  }),
);

/** One row without VEX, and those with it. */
const each = (
  prefix: "66" | "F3" | "F2",
  rest: string,
  operation: OperationName,
  operands: string,
  feature: string,
  vexOperands: string,
  lengths: VexLengths,
): RowText[] => {
  const [map, ...tail] = rest.split(" ");
  const bytes = { "0F": "0F", "0F38": "0F 38", "0F3A": "0F 3A" }[map!];
  return [
    [`${prefix} ${bytes} ${tail.join(" ")}`, operation, operands, { unit: "sse", feature }],
    ...vex(`${prefix}.${map}.WIG`, tail.join(" "), operation, vexOperands, lengths),
  ];
};

const arrangements: RowText[] = [
  ...each("F3", "0F 12 /r", "MOVSLDUP", "Vx Wx", "sse3", "Vx Wx", avx),
  ...each("F3", "0F 16 /r", "MOVSHDUP", "Vx Wx", "sse3", "Vx Wx", avx),
  ["F2 0F 12 /r", "MOVDDUP", "Vx Wq", { unit: "sse", feature: "sse3" }],
  ...vex("F2.0F.WIG", "12 /r", "MOVDDUP", "Vx Wq", avx128),
  ...vex("F2.0F.WIG", "12 /r", "MOVDDUP", "Vx Wx", { "256": "avx" }),
  ...each("F2", "0F F0 /r mod!=3", "MOVUPS", "Vx Mdq", "sse3", "Vx Mx", avx),
  ...each("66", "0F38 2A /r mod!=3", "MOVAPS", "Vx Mdq", "sse4_1", "Vx Mx", avxInteger),
  ["NP 0F 3A 0F /r", "PALIGNR", "Pq Qq Ib", { unit: "mmx", feature: "ssse3" }],
  ...each("66", "0F3A 0F /r", "PALIGNR", "Vx Wx Ib", "ssse3", "Vx Hx Wx Ib", avxInteger),
  ...each("66", "0F38 41 /r", "PHMINPOSUW", "Vx Wx", "sse4_1", "Vx Wx", avx128),
  ...each("66", "0F3A 42 /r", "MPSADBW", "Vx Wx Ib", "sse4_1", "Vx Hx Wx Ib", avxInteger),
  ...each("66", "0F38 17 /r", "PTEST", "Vx Wx", "sse4_1", "Vx Wx", avx),
];

const blends: RowText[] = [
  ...each("66", "0F3A 0C /r", "BLENDPS", "Vx Wx Ib", "sse4_1", "Vx Hx Wx Ib", avx),
  ...each("66", "0F3A 0D /r", "BLENDPD", "Vx Wx Ib", "sse4_1", "Vx Hx Wx Ib", avx),
  ...each("66", "0F3A 0E /r", "PBLENDW", "Vx Wx Ib", "sse4_1", "Vx Hx Wx Ib", avxInteger),
  ["66 0F 38 10 /r", "PBLENDVB", "Vx Wx XMM0", { unit: "sse", feature: "sse4_1" }],
  ["66 0F 38 14 /r", "BLENDVPS", "Vx Wx XMM0", { unit: "sse", feature: "sse4_1" }],
  ["66 0F 38 15 /r", "BLENDVPD", "Vx Wx XMM0", { unit: "sse", feature: "sse4_1" }],
  ...vex("66.0F3A.W0", "4A /r", "BLENDVPS", "Vx Hx Wx Lx", avx),
  ...vex("66.0F3A.W0", "4B /r", "BLENDVPD", "Vx Hx Wx Lx", avx),
  ...vex("66.0F3A.W0", "4C /r", "PBLENDVB", "Vx Hx Wx Lx", avxInteger),
];

const lanes: RowText[] = [
  ...each("66", "0F3A 14 /r mod=3", "PEXTRB", "Rd Vx Ib", "sse4_1", "Rd Vx Ib", avx128),
  ...each("66", "0F3A 14 /r mod!=3", "PEXTRB", "Mb Vx Ib", "sse4_1", "Mb Vx Ib", avx128),
  ...each("66", "0F3A 15 /r mod=3", "PEXTRW", "Rd Vx Ib", "sse4_1", "Rd Vx Ib", avx128),
  ...each("66", "0F3A 15 /r mod!=3", "PEXTRW", "Mw Vx Ib", "sse4_1", "Mw Vx Ib", avx128),
  ...each("66", "0F3A 16 /r", "PEXTRD", "Ey Vx Ib", "sse4_1", "Ey Vx Ib", avx128),
  ...each("66", "0F3A 17 /r", "EXTRACTPS", "Ed Vx Ib", "sse4_1", "Ed Vx Ib", avx128),
  ...each("66", "0F3A 20 /r mod=3", "PINSRB", "Vx Rd Ib", "sse4_1", "Vx Hx Rd Ib", avx128),
  ...each("66", "0F3A 20 /r mod!=3", "PINSRB", "Vx Mb Ib", "sse4_1", "Vx Hx Mb Ib", avx128),
  ...each("66", "0F3A 21 /r", "INSERTPS", "Vx Wd Ib", "sse4_1", "Vx Hx Wd Ib", avx128),
  ...each("66", "0F3A 22 /r", "PINSRD", "Vx Ey Ib", "sse4_1", "Vx Hx Ey Ib", avx128),
];

const strings: RowText[] = [
  ...each("66", "0F3A 60 /r", "PCMPESTRM", "XMM0 Vx Wx Ib", "sse4_2", "XMM0 Vx Wx Ib", avx128),
  ...each("66", "0F3A 61 /r", "PCMPESTRI", "Vx Wx Ib", "sse4_2", "Vx Wx Ib", avx128),
  ...each("66", "0F3A 62 /r", "PCMPISTRM", "XMM0 Vx Wx Ib", "sse4_2", "XMM0 Vx Wx Ib", avx128),
  ...each("66", "0F3A 63 /r", "PCMPISTRI", "Vx Wx Ib", "sse4_2", "Vx Wx Ib", avx128),
];

const texts: RowText[] = [
  ...ssse3.flatMap((entry) => ssse3Row(entry, "Vx Hx Wx")),
  ...absolutes.flatMap((entry) => ssse3Row(entry, "Vx Wx")),
  ...pairs.flatMap(([opcode, operation, feature]) =>
    each("66", `0F38 ${opcode} /r`, operation, "Vx Wx", feature, "Vx Hx Wx", avxInteger),
  ),
  ...extensionRows,
  ...arrangements,
  ...blends,
  ...lanes,
  ...strings,
];

export const sse4Map = buildRows(texts);
