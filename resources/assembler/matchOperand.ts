import type { InstructionForm } from "./instructionTable.ts";
import type { Operand } from "./parseOperand.ts";

/**
 * Tells whether an operand of the source fits an operand pattern of `instructionTable`, for one operand size `v`.
 * A memory operand without a size word fits when a register of the same form fixes the size.
 */
const SIZED = /^(rm|r|g)(8|16|32|64|v)$/;

function fitsGeneral(form: InstructionForm, pattern: string, operand: Operand, v: number): boolean {
  const [, kind, size] = SIZED.exec(pattern)!;
  const bits = size === "v" ? v : Number(size);
  if (operand.kind === "register") return operand.register.kind === "general" && operand.register.bits === bits;
  if (kind !== "rm" || operand.kind !== "memory") return false;
  if (operand.bits !== 0) return operand.bits === bits;
  if (form.encoding.includes("dv")) return bits === v;
  return form.operands.some((other) => other === `r${size}` || other === `a${size === "8" ? "l" : size}`);
}

function fitsImmediate(pattern: string, operand: Operand, v: number): boolean {
  if (operand.kind !== "immediate") return false;
  const { value, relocatable } = operand.value;
  switch (pattern) {
    case "one":
      return !relocatable && value === 1n;
    case "imm8":
      return operand.bits <= 8 && value >= -128n && value <= 255n;
    case "imm8s": {
      const signed = BigInt.asIntN(v, value);
      return (
        (operand.bits === 0 || operand.bits === 8 || operand.bits === v) &&
        !relocatable &&
        signed >= -128n &&
        signed <= 127n
      );
    }
    case "imm32s":
      return !relocatable && BigInt.asIntN(32, value) === value;
    default:
      // A size word before the immediate fixes the operand size of the instruction (push dword 1).
      return pattern !== "immv" || operand.bits === 0 || operand.bits === v;
  }
}

function fitsVector(pattern: string, operand: Operand): boolean {
  const isRegister = (kind: string) => operand.kind === "register" && operand.register.kind === kind;
  if (pattern === "xmm" || pattern === "gxmm") return isRegister("xmm");
  if (pattern === "mm") return isRegister("mmx");
  if (pattern === "mmxm") return isRegister("mmx") || operand.kind === "memory";
  return isRegister("xmm") || operand.kind === "memory";
}

function fitsRegister(pattern: string, operand: Operand, v: number, mode: number): boolean {
  if (operand.kind !== "register") return false;
  const { name, kind, number, bits } = operand.register;
  switch (pattern) {
    case "sreg":
      return kind === "segment";
    case "cr":
      return kind === "control";
    case "dr":
      return kind === "debug";
    case "gn":
      return kind === "general" && bits === (mode === 64 ? 64 : 32);
    case "sti":
      return kind === "x87";
    case "av":
      return kind === "general" && number === 0 && bits === v;
    default:
      return name === pattern;
  }
}

export function matchOperand(
  form: InstructionForm,
  pattern: string,
  operand: Operand,
  v: number,
  mode: number,
): boolean {
  if (SIZED.test(pattern)) return fitsGeneral(form, pattern, operand, v);
  if (pattern === "one" || pattern.startsWith("imm")) return fitsImmediate(pattern, operand, v);
  if (/^(xmm|gxmm|xm\d+|mm|mmxm)$/.test(pattern)) return fitsVector(pattern, operand);
  if (pattern === "m") return operand.kind === "memory";
  if (/^m\d+$/.test(pattern)) return operand.kind === "memory" && operand.bits === Number(pattern.slice(1));
  if (pattern === "mfar") return operand.kind === "memory" && operand.distance === "far";
  if (pattern === "far") return operand.kind === "far";
  if (pattern === "moffs") {
    return operand.kind === "memory" && !operand.base && !operand.index && !operand.relative && mode !== 64;
  }
  if (pattern === "relshort") return operand.kind === "immediate" && operand.distance !== "near";
  if (pattern === "rel") return operand.kind === "immediate" && operand.distance !== "short";
  return fitsRegister(pattern, operand, v, mode);
}
