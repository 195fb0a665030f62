/**
 * Later additions to the system instructions (Intel SDM vol. 2): extended state, random numbers, bases of FS and GS, identifiers of processor and
 * address space, the gates of SMAP, and calls of the virtual machine's host.
 */
import { buildRows, type RowText } from "./buildRows.ts";

const extendedState: RowText[] = [
  ["NP 0F 01 D0", "XGETBV", "", { feature: "xsave" }],
  ["NP 0F 01 D1", "XSETBV", "", { feature: "xsave" }],
  ["NP 0F AE /4 mod!=3", "XSAVE", "M", { feature: "xsave" }],
  ["NP 0F AE /5 mod!=3", "XRSTOR", "M", { feature: "xsave" }],
  ["NP 0F AE /6 mod!=3", "XSAVEOPT", "M", { feature: "xsaveopt" }],
  ["NP 0F C7 /4 mod!=3", "XSAVEC", "M", { feature: "xsavec" }],
  ["NP 0F C7 /5 mod!=3", "XSAVES", "M", { feature: "xsaves" }],
  ["NP 0F C7 /3 mod!=3", "XRSTORS", "M", { feature: "xsaves" }],
];

const access: RowText[] = [
  ["NP 0F 01 CA", "CLAC", "", { feature: "smap" }],
  ["NP 0F 01 CB", "STAC", "", { feature: "smap" }],
  ["66 0F 38 82 /r mod!=3", "INVPCID", "Gn Mdq", { feature: "invpcid" }],
];

/** Of Intel's and of AMD's virtual machines: what a guest of KVM takes, whichever processor it thinks it has. */
const hypercalls: RowText[] = [
  ["NP 0F 01 C1", "VMCALL"],
  ["NP 0F 01 D9", "VMCALL"],
];

const numbers: RowText[] = [
  ["0F C7 /6 mod=3", "RDRAND", "Rv", { feature: "rdrand" }],
  ["0F C7 /7 mod=3", "RDRAND", "Rv", { feature: "rdseed" }],
  ["F3 0F C7 /7 mod=3", "RDPID", "Rn", { feature: "rdpid" }],
];

const long = { feature: "fsgsbase", mode: "long" } as const;

const bases: RowText[] = [
  ["F3 0F AE /0 mod=3", "RDFSBASE", "Ry", long],
  ["F3 0F AE /1 mod=3", "RDGSBASE", "Ry", long],
  ["F3 0F AE /2 mod=3", "WRFSBASE", "Ry", long],
  ["F3 0F AE /3 mod=3", "WRGSBASE", "Ry", long],
];

export const systemExtensionsMap = buildRows([...extendedState, ...access, ...hypercalls, ...numbers, ...bases]);
