/**
 * Floating-point instructions as they are recorded: registers only, sources in XMM0, XMM1 and XMM2, and what of `floatOperations.ts` each lane of
 * them does, so that the reference can say the same in its own words.
 */
import { type FloatOperation, fusedControl } from "../../../engine/cpu/semantics/floatOperations.ts";

export interface FloatInstruction {
  readonly name: string;
  readonly code: readonly number[];
  readonly operation: FloatOperation;
  readonly lanes: "f32x4" | "f64x2";
  readonly count: number;
  /** Operands of the operation as numbers of XMM registers. */
  readonly order: readonly number[];
  readonly control: number;
  /** Where the result is: the low bytes of XMM0, EAX, RAX, or ZF PF CF. */
  readonly result: "xmm" | "eax" | "rax" | "flags";
  readonly resultBytes: number;
}

const single = "f32x4";
const double = "f64x2";

/** PS, PD, SS, SD by their prefixes. */
const columns = [
  ["PS", [], single, 4, 16],
  ["PD", [0x66], double, 2, 16],
  ["SS", [0xf3], single, 1, 4],
  ["SD", [0xf2], double, 1, 8],
] as const;

function arithmetic(name: string, operation: FloatOperation, opcode: number, isUnary = false): FloatInstruction[] {
  return columns.map(([suffix, prefix, lanes, count, resultBytes]) => ({
    name: `${name}${suffix}`,
    code: [...prefix, 0x0f, opcode, 0xc1],
    operation,
    lanes,
    count,
    order: isUnary ? [1] : [0, 1],
    control: 0,
    result: "xmm",
    resultBytes,
  }));
}

function comparisons(): FloatInstruction[] {
  const all: FloatInstruction[] = [];
  for (let predicate = 0; predicate < 32; predicate++) {
    for (const instruction of arithmetic(predicate < 8 ? "CMP" : "VCMP", "Compare", 0xc2)) {
      const pp = ["PS", "PD", "SS", "SD"].indexOf(instruction.name.slice(-2));
      const prefix = predicate < 8 ? [] : [0xc5, 0xf8 | [0, 1, 2, 3][pp]!];
      const code = predicate < 8 ? instruction.code : [...prefix, 0xc2, 0xc1];
      all.push({
        ...instruction,
        name: `${instruction.name} ${predicate}`,
        code: [...code, predicate],
        control: predicate,
      });
    }
  }
  return all;
}

function roundings(): FloatInstruction[] {
  return columns.flatMap(([suffix, , lanes, count, resultBytes], column) =>
    Array.from({ length: 16 }, (_, control) => ({
      name: `ROUND${suffix} ${control}`,
      code: [0x66, 0x0f, 0x3a, 8 + column, 0xc1, control],
      operation: "Round" as const,
      lanes,
      count,
      order: [1],
      control,
      result: "xmm" as const,
      resultBytes,
    })),
  );
}

const { negateProduct, negateAddend, flipEvenAddends } = fusedControl;

function fused(): FloatInstruction[] {
  const kinds = [
    ["MADDSUB", 6, flipEvenAddends, false],
    ["MSUBADD", 7, flipEvenAddends | negateAddend, false],
    ["MADD", 8, 0, false],
    ["MADD", 9, 0, true],
    ["MSUB", 10, negateAddend, false],
    ["MSUB", 11, negateAddend, true],
    ["NMADD", 12, negateProduct, false],
    ["NMADD", 13, negateProduct, true],
    ["NMSUB", 14, negateProduct | negateAddend, false],
    ["NMSUB", 15, negateProduct | negateAddend, true],
  ] as const;
  const orders = { 132: [0, 2, 1], 213: [1, 0, 2], 231: [1, 2, 0] } as const;
  return kinds.flatMap(([kind, digit, control, isScalar]) =>
    Object.entries(orders).flatMap(([order, operands], row) =>
      ([single, double] as const).map((lanes): FloatInstruction => {
        const bytes = lanes === single ? 4 : 8;
        return {
          name: `VF${kind}${order}${isScalar ? "S" : "P"}${lanes === single ? "S" : "D"}`,
          code: [0xc4, 0xe2, lanes === single ? 0x71 : 0xf1, 0x90 + row * 16 + digit, 0xc2],
          operation: "MulAdd",
          lanes,
          count: isScalar ? 1 : 16 / bytes,
          order: operands,
          control,
          result: "xmm",
          resultBytes: isScalar ? bytes : 16,
        };
      }),
    ),
  );
}

function comparesToFlags(): FloatInstruction[] {
  const flags = (name: string, opcode: number, control: number) =>
    ([single, double] as const).map(
      (lanes): FloatInstruction => ({
        name: `${name}${lanes === single ? "SS" : "SD"}`,
        code: [...(lanes === single ? [] : [0x66]), 0x0f, opcode, 0xc1],
        operation: "CompareFlags",
        lanes,
        count: 1,
        order: [0, 1],
        control,
        result: "flags",
        resultBytes: 4,
      }),
    );
  return [...flags("UCOMI", 0x2e, 1), ...flags("COMI", 0x2f, 0)];
}

type Conversion = readonly [
  name: string,
  code: readonly number[],
  operation: FloatOperation,
  lanes: "f32x4" | "f64x2",
  count: number,
  resultBytes: number,
  control?: number,
  result?: FloatInstruction["result"],
];

/** MOVQ RCX, XMM1: sources of conversions from general registers. */
const toRcx = [0x66, 0x48, 0x0f, 0x7e, 0xc9];

const conversions: readonly Conversion[] = [
  ["CVTPS2PD", [0x0f, 0x5a, 0xc1], "Promote", single, 2, 16],
  ["CVTPD2PS", [0x66, 0x0f, 0x5a, 0xc1], "Demote", double, 2, 16],
  ["CVTSS2SD", [0xf3, 0x0f, 0x5a, 0xc1], "Promote", single, 1, 8],
  ["CVTSD2SS", [0xf2, 0x0f, 0x5a, 0xc1], "Demote", double, 1, 4],
  ["CVTDQ2PS", [0x0f, 0x5b, 0xc1], "FromInt32", single, 4, 16],
  ["CVTDQ2PD", [0xf3, 0x0f, 0xe6, 0xc1], "FromInt32", double, 2, 16],
  ["CVTPS2DQ", [0x66, 0x0f, 0x5b, 0xc1], "ToInt32", single, 4, 16],
  ["CVTTPS2DQ", [0xf3, 0x0f, 0x5b, 0xc1], "ToInt32", single, 4, 16, 1],
  ["CVTPD2DQ", [0xf2, 0x0f, 0xe6, 0xc1], "ToInt32", double, 2, 16],
  ["CVTTPD2DQ", [0x66, 0x0f, 0xe6, 0xc1], "ToInt32", double, 2, 16, 1],
  ["CVTSS2SI", [0xf3, 0x0f, 0x2d, 0xc1], "ToInt32", single, 1, 4, 0, "eax"],
  ["CVTTSS2SI", [0xf3, 0x0f, 0x2c, 0xc1], "ToInt32", single, 1, 4, 1, "eax"],
  ["CVTSD2SI", [0xf2, 0x0f, 0x2d, 0xc1], "ToInt32", double, 1, 4, 0, "eax"],
  ["CVTTSD2SI", [0xf2, 0x0f, 0x2c, 0xc1], "ToInt32", double, 1, 4, 1, "eax"],
  ["CVTSS2SI 64", [0xf3, 0x48, 0x0f, 0x2d, 0xc1], "ToInt64", single, 1, 8, 0, "rax"],
  ["CVTTSS2SI 64", [0xf3, 0x48, 0x0f, 0x2c, 0xc1], "ToInt64", single, 1, 8, 1, "rax"],
  ["CVTSD2SI 64", [0xf2, 0x48, 0x0f, 0x2d, 0xc1], "ToInt64", double, 1, 8, 0, "rax"],
  ["CVTTSD2SI 64", [0xf2, 0x48, 0x0f, 0x2c, 0xc1], "ToInt64", double, 1, 8, 1, "rax"],
  ["CVTSI2SS", [...toRcx, 0xf3, 0x0f, 0x2a, 0xc1], "FromInt32", single, 1, 4],
  ["CVTSI2SD", [...toRcx, 0xf2, 0x0f, 0x2a, 0xc1], "FromInt32", double, 1, 8],
  ["CVTSI2SS 64", [...toRcx, 0xf3, 0x48, 0x0f, 0x2a, 0xc1], "FromInt64", single, 1, 4],
  ["CVTSI2SD 64", [...toRcx, 0xf2, 0x48, 0x0f, 0x2a, 0xc1], "FromInt64", double, 1, 8],
  ["VCVTPH2PS", [0xc4, 0xe2, 0x79, 0x13, 0xc1], "FromHalf", single, 4, 16],
  ...Array.from(
    { length: 8 },
    (_, control): Conversion => [
      `VCVTPS2PH ${control}`,
      [0xc4, 0xe3, 0x79, 0x1d, 0xc8, control],
      "ToHalf",
      single,
      4,
      16,
      control,
    ],
  ),
];

export const floatInstructions: readonly FloatInstruction[] = [
  ...arithmetic("ADD", "Add", 0x58),
  ...arithmetic("SUB", "Sub", 0x5c),
  ...arithmetic("MUL", "Mul", 0x59),
  ...arithmetic("DIV", "Div", 0x5e),
  ...arithmetic("MIN", "Min", 0x5d),
  ...arithmetic("MAX", "Max", 0x5f),
  ...arithmetic("SQRT", "Sqrt", 0x51, true),
  { ...arithmetic("ADDSUB", "AddSub", 0xd0)[0]!, code: [0xf2, 0x0f, 0xd0, 0xc1] },
  arithmetic("ADDSUB", "AddSub", 0xd0)[1]!,
  ...comparisons(),
  ...comparesToFlags(),
  ...roundings(),
  ...fused(),
  ...conversions.map(
    ([name, code, operation, lanes, count, resultBytes, control = 0, result = "xmm"]): FloatInstruction => ({
      name,
      code,
      operation,
      lanes,
      count,
      order: [1],
      control,
      result,
      resultBytes,
    }),
  ),
];
