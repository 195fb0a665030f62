/**
 * The x87 escape opcodes D8..DF (Intel SDM vol. 2, appendix A, tables ), FWAIT, FXSAVE and FXRSTOR, with the aliases that
 * processors decode without the manual listing them (DC D0/D8, DD C8, DE D0, DF C0..D8).
 */
import type { OperationName } from "../semantics/OperationName.ts";
import { x87Arithmetic } from "../semantics/x87.ts";
import { buildRows, type RowText } from "./buildRows.ts";

const x87 = { unit: "x87" } as const;
const names = Object.keys(x87Arithmetic) as (keyof typeof x87Arithmetic)[];
/** With ST(i) as the target the encodings of a subtraction and of its reverse change places. */
const reversed = { FADD: "FADD", FMUL: "FMUL", FSUB: "FSUBR", FSUBR: "FSUB", FDIV: "FDIVR", FDIVR: "FDIV" } as const;

const arithmetic: RowText[] = names.flatMap((name): RowText[] => {
  const digit = x87Arithmetic[name];
  return [
    [`D8 /${digit} mod!=3`, `${name}_F32`, "Mf32", x87],
    [`DC /${digit} mod!=3`, `${name}_F64`, "Mf64", x87],
    [`DA /${digit} mod!=3`, `${name}_I32`, "Mi32", x87],
    [`DE /${digit} mod!=3`, `${name}_I16`, "Mi16", x87],
    [`D8 /${digit} mod=3`, `${name}_ST0`, "ST0 STi", x87],
    [`DC /${digit} mod=3`, `${reversed[name]}_STI`, "STi ST0", x87],
    [`DE /${digit} mod=3`, `${reversed[name]}_STI_POP`, "STi ST0", x87],
  ];
});

const compares: RowText[] = [
  ["D8 /2 mod!=3", "FCOM_F32", "Mf32"],
  ["D8 /3 mod!=3", "FCOMP_F32", "Mf32"],
  ["DC /2 mod!=3", "FCOM_F64", "Mf64"],
  ["DC /3 mod!=3", "FCOMP_F64", "Mf64"],
  ["DA /2 mod!=3", "FICOM", "Mi32"],
  ["DA /3 mod!=3", "FICOMP", "Mi32"],
  ["DE /2 mod!=3", "FICOM", "Mi16"],
  ["DE /3 mod!=3", "FICOMP", "Mi16"],
  ["D8 /2 mod=3", "FCOM_STI", "STi"],
  ["D8 /3 mod=3", "FCOMP_STI", "STi"],
  ["DC /2 mod=3", "FCOM_STI", "STi"],
  ["DC /3 mod=3", "FCOMP_STI", "STi"],
  ["DE /2 mod=3", "FCOMP_STI", "STi"],
  ["DE D9", "FCOMPP"],
  ["DA E9", "FUCOMPP"],
  ["DD /4 mod=3", "FUCOM_STI", "STi"],
  ["DD /5 mod=3", "FUCOMP_STI", "STi"],
  ["DB /6 mod=3", "FCOMI", "ST0 STi"],
  ["DB /5 mod=3", "FUCOMI", "ST0 STi"],
  ["DF /6 mod=3", "FCOMIP", "ST0 STi"],
  ["DF /5 mod=3", "FUCOMIP", "ST0 STi"],
];

const moves: RowText[] = [
  ["D9 /0 mod!=3", "FLD_F32", "Mf32"],
  ["D9 /2 mod!=3", "FST_F32", "Mf32"],
  ["D9 /3 mod!=3", "FSTP_F32", "Mf32"],
  ["DD /0 mod!=3", "FLD_F64", "Mf64"],
  ["DD /2 mod!=3", "FST_F64", "Mf64"],
  ["DD /3 mod!=3", "FSTP_F64", "Mf64"],
  ["DB /5 mod!=3", "FLD_F80", "M"],
  ["DB /7 mod!=3", "FSTP_F80", "M"],
  ["DB /0 mod!=3", "FILD", "Mi32"],
  ["DB /1 mod!=3", "FISTTP", "Mi32"],
  ["DB /2 mod!=3", "FIST", "Mi32"],
  ["DB /3 mod!=3", "FISTP", "Mi32"],
  ["DD /1 mod!=3", "FISTTP", "Mi64"],
  ["DF /0 mod!=3", "FILD", "Mi16"],
  ["DF /1 mod!=3", "FISTTP", "Mi16"],
  ["DF /2 mod!=3", "FIST", "Mi16"],
  ["DF /3 mod!=3", "FISTP", "Mi16"],
  ["DF /4 mod!=3", "FBLD", "M"],
  ["DF /5 mod!=3", "FILD", "Mi64"],
  ["DF /6 mod!=3", "FBSTP", "M"],
  ["DF /7 mod!=3", "FISTP", "Mi64"],
  ["D9 /0 mod=3", "FLD_STI", "STi"],
  ["D9 /1 mod=3", "FXCH", "STi"],
  ["DD /1 mod=3", "FXCH", "STi"],
  ["DF /1 mod=3", "FXCH", "STi"],
  ["DD /0 mod=3", "FFREE", "STi"],
  ["DF /0 mod=3", "FFREEP", "STi"],
  ["DD /2 mod=3", "FST_STI", "STi"],
  ["DD /3 mod=3", "FSTP_STI", "STi"],
  ["D9 /3 mod=3", "FSTPNCE", "STi"],
  ["DF /2 mod=3", "FSTP_STI", "STi"],
  ["DF /3 mod=3", "FSTP_STI", "STi"],
  ["DA /0 mod=3", "FCMOVB", "ST0 STi"],
  ["DA /1 mod=3", "FCMOVE", "ST0 STi"],
  ["DA /2 mod=3", "FCMOVBE", "ST0 STi"],
  ["DA /3 mod=3", "FCMOVU", "ST0 STi"],
  ["DB /0 mod=3", "FCMOVNB", "ST0 STi"],
  ["DB /1 mod=3", "FCMOVNE", "ST0 STi"],
  ["DB /2 mod=3", "FCMOVNBE", "ST0 STi"],
  ["DB /3 mod=3", "FCMOVNU", "ST0 STi"],
];

/** D9 E0..FF without holes in encoding order; undefined is reserved. */
const d9Operations: readonly (OperationName | undefined)[] = [
  "FCHS", "FABS", undefined, undefined, "FTST", "FXAM", undefined, undefined,
  "FLD1", "FLDL2T", "FLDL2E", "FLDPI", "FLDLG2", "FLDLN2", "FLDZ", undefined,
  "F2XM1", "FYL2X", "FPTAN", "FPATAN", "FXTRACT", "FPREM1", "FDECSTP", "FINCSTP",
  "FPREM", "FYL2XP1", "FSQRT", "FSINCOS", "FRNDINT", "FSCALE", "FSIN", "FCOS",
]; // biome-ignore format: eight to a row, as in the manual's table

const unary: RowText[] = d9Operations.flatMap((operation, index): RowText[] =>
  operation ? [[`D9 ${(0xe0 + index).toString(16).toUpperCase()}`, operation]] : [],
);

const control: RowText[] = [
  ["9B", "FWAIT"],
  ["D9 D0", "FNOP"],
  ["DB E0", "FNIGNORED"],
  ["DB E1", "FNIGNORED"],
  ["DB E2", "FNCLEX"],
  ["DB E3", "FNINIT"],
  ["DB E4", "FNIGNORED"],
  ["D9 /4 mod!=3", "FLDENV", "M"],
  ["D9 /5 mod!=3", "FLDCW", "Mw"],
  ["D9 /6 mod!=3", "FNSTENV", "M"],
  ["D9 /7 mod!=3", "FNSTCW", "Mw"],
  ["DD /4 mod!=3", "FRSTOR", "M"],
  ["DD /6 mod!=3", "FNSAVE", "M"],
  ["DD /7 mod!=3", "FNSTSW", "Mw"],
  ["DF E0", "FNSTSW", "AX"],
  ["NP 0F AE /0 mod!=3", "FXSAVE", "M"],
  ["NP 0F AE /1 mod!=3", "FXRSTOR", "M"],
];

export const x87Map = buildRows(
  [...arithmetic, ...compares, ...moves, ...unary, ...control].map(
    ([encoding, operation, operands, only]): RowText => [encoding, operation, operands ?? "", { ...x87, ...only }],
  ),
);
