/**
 * Floating point with VEX (Intel SDM vol. 2): the forms of SSE to SSE4.1 with a destination of their own and 256-bit vectors, the conversions
 * of F16C, and FMA3. `Wh` is half as long as the destination's vector.
 */
import type { OperationName } from "../semantics/OperationName.ts";
import type { PackedFusedName, ScalarFusedName } from "../semantics/simdFused.ts";
import { buildRows, type RowText } from "./buildRows.ts";
import { avx, avx128, avxScalar, type VexLengths, vex } from "./vexRows.ts";

type Suffixed = "ADD" | "MUL" | "SUB" | "MIN" | "DIV" | "MAX" | "SQRT" | "CMP";

/** PS, PD, SS, SD in the columns NP, 66, F3, F2. */
const columns = (opcode: string, name: Suffixed, sources = 2, immediate = ""): RowText[] => {
  const packed = `Vx ${sources === 2 ? "Hx " : ""}Wx${immediate}`;
  return [
    ...vex("NP.0F.WIG", `${opcode} /r`, `${name}PS`, packed, avx),
    ...vex("66.0F.WIG", `${opcode} /r`, `${name}PD`, packed, avx),
    ...vex("F3.0F.WIG", `${opcode} /r`, `${name}SS`, `Vx Hx Wss${immediate}`, avxScalar),
    ...vex("F2.0F.WIG", `${opcode} /r`, `${name}SD`, `Vx Hx Wsd${immediate}`, avxScalar),
  ];
};

const writesFlags = { writes: "OSZAPC" } as const;

const arithmetic: RowText[] = [
  ...columns("51", "SQRT", 1),
  ...columns("58", "ADD"),
  ...columns("59", "MUL"),
  ...columns("5C", "SUB"),
  ...columns("5D", "MIN"),
  ...columns("5E", "DIV"),
  ...columns("5F", "MAX"),
  ...columns("C2", "CMP", 2, " Ib"),
  ...vex("NP.0F.WIG", "52 /r", "RSQRTPS", "Vx Wx", avx),
  ...vex("F3.0F.WIG", "52 /r", "RSQRTSS", "Vx Hx Wss", avxScalar),
  ...vex("NP.0F.WIG", "53 /r", "RCPPS", "Vx Wx", avx),
  ...vex("F3.0F.WIG", "53 /r", "RCPSS", "Vx Hx Wss", avxScalar),
  ...vex("NP.0F.WIG", "2E /r", "UCOMISS", "Vx Wss", avxScalar, writesFlags),
  ...vex("66.0F.WIG", "2E /r", "UCOMISD", "Vx Wsd", avxScalar, writesFlags),
  ...vex("NP.0F.WIG", "2F /r", "COMISS", "Vx Wss", avxScalar, writesFlags),
  ...vex("66.0F.WIG", "2F /r", "COMISD", "Vx Wsd", avxScalar, writesFlags),
  ...vex("66.0F.WIG", "7C /r", "HADDPD", "Vx Hx Wx", avx),
  ...vex("F2.0F.WIG", "7C /r", "HADDPS", "Vx Hx Wx", avx),
  ...vex("66.0F.WIG", "7D /r", "HSUBPD", "Vx Hx Wx", avx),
  ...vex("F2.0F.WIG", "7D /r", "HSUBPS", "Vx Hx Wx", avx),
  ...vex("66.0F.WIG", "D0 /r", "ADDSUBPD", "Vx Hx Wx", avx),
  ...vex("F2.0F.WIG", "D0 /r", "ADDSUBPS", "Vx Hx Wx", avx),
  ...vex("66.0F3A.WIG", "08 /r", "ROUNDPS", "Vx Wx Ib", avx),
  ...vex("66.0F3A.WIG", "09 /r", "ROUNDPD", "Vx Wx Ib", avx),
  ...vex("66.0F3A.WIG", "0A /r", "ROUNDSS", "Vx Hx Wss Ib", avxScalar),
  ...vex("66.0F3A.WIG", "0B /r", "ROUNDSD", "Vx Hx Wsd Ib", avxScalar),
  ...vex("66.0F3A.WIG", "40 /r", "DPPS", "Vx Hx Wx Ib", avx),
  ...vex("66.0F3A.WIG", "41 /r", "DPPD", "Vx Hx Wx Ib", avx128),
];

const conversions: RowText[] = [
  ...vex("F3.0F.WIG", "2A /r", "CVTSI2SS", "Vx Hx Ey", avxScalar),
  ...vex("F2.0F.WIG", "2A /r", "CVTSI2SD", "Vx Hx Ey", avxScalar),
  ...vex("F3.0F.WIG", "2C /r", "CVTTSS2SI", "Gy Wss", avxScalar),
  ...vex("F2.0F.WIG", "2C /r", "CVTTSD2SI", "Gy Wsd", avxScalar),
  ...vex("F3.0F.WIG", "2D /r", "CVTSS2SI", "Gy Wss", avxScalar),
  ...vex("F2.0F.WIG", "2D /r", "CVTSD2SI", "Gy Wsd", avxScalar),
  ...vex("NP.0F.WIG", "5A /r", "CVTPS2PD", "Vx Wh", avx),
  ...vex("66.0F.WIG", "5A /r", "CVTPD2PS", "Vdq Wx", avx),
  ...vex("F3.0F.WIG", "5A /r", "CVTSS2SD", "Vx Hx Wss", avxScalar),
  ...vex("F2.0F.WIG", "5A /r", "CVTSD2SS", "Vx Hx Wsd", avxScalar),
  ...vex("NP.0F.WIG", "5B /r", "CVTDQ2PS", "Vx Wx", avx),
  ...vex("66.0F.WIG", "5B /r", "CVTPS2DQ", "Vx Wx", avx),
  ...vex("F3.0F.WIG", "5B /r", "CVTTPS2DQ", "Vx Wx", avx),
  ...vex("66.0F.WIG", "E6 /r", "CVTTPD2DQ", "Vdq Wx", avx),
  ...vex("F3.0F.WIG", "E6 /r", "CVTDQ2PD", "Vx Wh", avx),
  ...vex("F2.0F.WIG", "E6 /r", "CVTPD2DQ", "Vdq Wx", avx),
];

const halves: VexLengths = { "128": "f16c", "256": "f16c" };
const half: RowText[] = [
  ...vex("66.0F38.W0", "13 /r", "VCVTPH2PS", "Vx Wh", halves),
  ...vex("66.0F3A.W0", "1D /r", "VCVTPS2PH", "Wh Vx Ib", halves),
];

const fma: VexLengths = { "128": "fma", "256": "fma" };
const fmaScalar: VexLengths = { LIG: "fma" };
/** Low digit of the opcode for packed operations; scalar ones follow each of the last four. */
const fusedKinds = [
  ["MADDSUB", "6"],
  ["MSUBADD", "7"],
  ["MADD", "8", "9"],
  ["MSUB", "A", "B"],
  ["NMADD", "C", "D"],
  ["NMSUB", "E", "F"],
] as const;
const fusedOrders = [
  ["132", "9"],
  ["213", "A"],
  ["231", "B"],
] as const;

const fused: RowText[] = fusedOrders.flatMap(([order, high]) =>
  fusedKinds.flatMap(([kind, packed, scalar]): RowText[] => {
    const name = (suffix: string): OperationName => `VF${kind}${order}${suffix}` as PackedFusedName | ScalarFusedName;
    const rows = [
      ...vex("66.0F38.W0", `${high}${packed} /r`, name("PS"), "Vx Hx Wx", fma),
      ...vex("66.0F38.W1", `${high}${packed} /r`, name("PD"), "Vx Hx Wx", fma),
    ];
    if (!scalar) return rows;
    return [
      ...rows,
      ...vex("66.0F38.W0", `${high}${scalar} /r`, name("SS"), "Vx Hx Wss", fmaScalar),
      ...vex("66.0F38.W1", `${high}${scalar} /r`, name("SD"), "Vx Hx Wsd", fmaScalar),
    ];
  }),
);

export const avxFloatMap = buildRows([...arithmetic, ...conversions, ...half, ...fused]);
