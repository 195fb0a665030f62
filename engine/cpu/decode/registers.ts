/** Register operands are immutable and few, so the decoder hands out the same objects again and again. */
import type { OperandWidth, RegisterOperand } from "./Instruction.ts";

export const registerFile = { general: 0, segment: 1, control: 2, debug: 3, mmx: 4, xmm: 5, st: 6 } as const;
const fileNames = ["general", "segment", "control", "debug", "mmx", "xmm", "st"] as const;
const widths: readonly OperandWidth[] = [8, 16, 32, 64, 80, 128, 256];

const plain: RegisterOperand[] = [];
const high: RegisterOperand[] = [];

const key = (file: number, number: number, width: OperandWidth): number =>
  (file * 16 + number) * widths.length + widths.indexOf(width);

for (const [file, name] of fileNames.entries()) {
  for (let number = 0; number < 16; number++) {
    for (const width of widths) {
      plain[key(file, number, width)] = Object.freeze({ kind: "register", file: name, number, width, high: false });
    }
  }
}
for (let number = 0; number < 4; number++) {
  high.push(Object.freeze({ kind: "register", file: "general", number, width: 8, high: true }));
}

export function plainRegister(file: number, number: number, width: OperandWidth): RegisterOperand {
  return plain[key(file, number, width)]!;
}

/** Without REX, 8-bit registers 4..7 are AH CH DH BH. */
export function generalRegister(number: number, width: OperandWidth, hasRex: boolean): RegisterOperand {
  if (width === 8 && !hasRex && number >= 4) return high[number - 4]!;
  return plain[key(registerFile.general, number, width)]!;
}
