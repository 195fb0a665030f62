import { encodeMemoryModrm, encodeRegisterModrm, littleEndian, type ModrmBytes } from "./encodeModrm.ts";
import { type InstructionForm, instructionTable } from "./instructionTable.ts";
import { matchOperand } from "./matchOperand.ts";
import type { MemoryOperand, Operand } from "./parseOperand.ts";
import type { Register } from "./registers.ts";

/**
 * Encodes one instruction: picks the first fitting form and operand size, then writes prefixes, REX, opcode, ModRM,
 * displacement and immediates in the order of the Intel SDM, volume 2, section 2.1.
 */
export type Mode = 16 | 32 | 64;

export interface EncodeContext {
  readonly mode: Mode;
  /** Address of the instruction's first byte. */
  readonly here: bigint;
  /** False once a short jump turned out not to reach: the near form is taken from then on. */
  readonly shortAllowed: boolean;
}

const SEGMENT_PREFIX = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];
const SIZE_PREFERENCE: Record<Mode, readonly number[]> = { 16: [16, 32], 32: [32, 16], 64: [32, 64, 16] };

interface Choice {
  readonly form: InstructionForm;
  readonly v: number;
}

function candidateSizes(form: InstructionForm, mode: Mode): readonly number[] {
  if (form.encoding.includes("d64") && mode === 64) return [64, 16];
  return form.sized ? SIZE_PREFERENCE[mode] : [mode === 64 ? 32 : mode];
}

function choose(mnemonic: string, operands: readonly Operand[], context: EncodeContext): Choice {
  const forms = instructionTable.get(mnemonic);
  if (!forms) throw new Error(`unknown instruction "${mnemonic}"`);
  for (const form of forms) {
    if (form.operands.length !== operands.length) continue;
    if (form.encoding.includes(context.mode === 64 ? "n64" : "x64")) continue;
    const isShort = form.operands.includes("relshort");
    if (isShort && !context.shortAllowed && forms.some((other) => other.operands.includes("rel"))) {
      const first = operands[0];
      if (first?.kind === "immediate" && first.distance !== "short") continue;
    }
    for (const v of candidateSizes(form, context.mode)) {
      if (form.operands.every((pattern, index) => matchOperand(form, pattern, operands[index]!, v, context.mode))) {
        return { form, v };
      }
    }
  }
  throw new Error(`"${mnemonic}" has no form with these operands (is a size word missing?)`);
}

/** The operands by their place in the encoding. */
interface Places {
  reg: Register | undefined;
  rm: Register | undefined;
  memory: MemoryOperand | undefined;
  immediates: bigint[];
  target: bigint | undefined;
  far: { segment: bigint; offset: bigint } | undefined;
}

function placeOperands(form: InstructionForm, operands: readonly Operand[]): Places {
  const places: Places = {
    reg: undefined,
    rm: undefined,
    memory: undefined,
    immediates: [],
    target: undefined,
    far: undefined,
  };
  form.operands.forEach((pattern, index) => {
    const operand = operands[index]!;
    if (operand.kind === "memory") places.memory = operand;
    else if (operand.kind === "far") {
      places.far = { segment: operand.segment.value, offset: operand.offset.value };
    } else if (operand.kind === "immediate") {
      if (pattern.startsWith("rel")) places.target = operand.value.value;
      else if (pattern !== "one") places.immediates.push(operand.value.value);
    } else if (/^(rm|g|xm\d|mmxm)/.test(pattern)) places.rm = operand.register;
    else if (/^(r8|r16|r32|r64|rv|sreg|cr|dr|sti|mm|xmm)$/.test(pattern)) places.reg = operand.register;
  });
  return places;
}

/** The operand size that prefixes must express; undefined when the instruction has none. */
function prefixSize({ form, v }: Choice, operands: readonly Operand[], mode: Mode): number | undefined {
  const fixed = form.encoding.find((token) => /^o(16|32|64)$/.test(token));
  if (fixed) return Number(fixed.slice(1));
  const far = operands.find(
    (operand) => operand.kind === "far" || (operand.kind === "memory" && operand.distance === "far"),
  );
  if (far) return (far.kind === "far" || far.kind === "memory" ? far.bits : 0) || (mode === 64 ? 32 : mode);
  return form.sized ? v : undefined;
}

function opcodeAndModrm(
  choice: Choice,
  places: Places,
  mode: Mode,
): { opcode: number[]; modrm: ModrmBytes | undefined } {
  const opcode: number[] = [];
  let modrm: ModrmBytes | undefined;
  for (const token of choice.form.encoding) {
    if (/^[0-9A-F]{2}(\+r)?$/.test(token)) {
      const plus = token.length > 2 ? (places.reg ?? places.rm)!.number & 7 : 0;
      opcode.push(Number.parseInt(token.slice(0, 2), 16) + plus);
    } else if (token.startsWith("/")) {
      const digit = /^\/(r?)([0-7])$/.exec(token);
      const reg = digit ? Number(digit[2]) : places.reg!.number;
      const rm = token === "/rr" ? places.reg : places.rm;
      modrm = places.memory ? encodeMemoryModrm(places.memory, reg, mode) : encodeRegisterModrm(rm!, reg);
    }
  }
  return { opcode, modrm };
}

function immediateBytes(choice: Choice, places: Places, size: number, mode: Mode): number[] {
  const bytes: number[] = [];
  const immediates = [...places.immediates];
  for (const token of choice.form.encoding) {
    if (token === "ib") bytes.push(...littleEndian(immediates.shift()!, 1));
    else if (token === "iw") bytes.push(...littleEndian(immediates.shift()!, 2));
    else if (token === "id") bytes.push(...littleEndian(immediates.shift()!, 4));
    else if (token === "iq") bytes.push(...littleEndian(immediates.shift()!, 8));
    else if (token === "iv") bytes.push(...littleEndian(immediates.shift()!, choice.v === 16 ? 2 : 4));
    else if (token === "mo") bytes.push(...littleEndian(places.memory!.displacement.value, mode === 16 ? 2 : 4));
    else if (token === "fa") {
      bytes.push(...littleEndian(places.far!.offset, size === 16 ? 2 : 4), ...littleEndian(places.far!.segment, 2));
    }
  }
  return bytes;
}

function relativeLength(encoding: readonly string[], mode: Mode): number {
  if (encoding.includes("rb")) return 1;
  return encoding.includes("rv") ? (mode === 16 ? 2 : 4) : 0;
}

function rexByte(
  choice: Choice,
  places: Places,
  modrm: ModrmBytes | undefined,
  size: number | undefined,
  operands: readonly Operand[],
): number {
  const wide = size === 64 && !choice.form.encoding.includes("d64");
  const plusR = choice.form.encoding.some((token) => token.endsWith("+r"));
  const highReg = (places.reg?.number ?? 0) > 7;
  const bits =
    (wide ? 8 : 0) | (highReg && !plusR ? 4 : 0) | (modrm?.rexX ? 2 : 0) | (modrm?.rexB || (highReg && plusR) ? 1 : 0);
  const low = operands.some((operand) => operand.kind === "register" && operand.register.rex === "required");
  const rex = bits !== 0 || low ? 0x40 | bits : 0;
  if (rex && operands.some((operand) => operand.kind === "register" && operand.register.rex === "forbidden")) {
    throw new Error("AH, CH, DH and BH cannot be used with a REX prefix");
  }
  return rex;
}

export function encodeInstruction(mnemonic: string, operands: readonly Operand[], context: EncodeContext): number[] {
  const { mode } = context;
  const choice = choose(mnemonic, operands, context);
  const { encoding } = choice.form;
  const places = placeOperands(choice.form, operands);
  const size = prefixSize(choice, operands, mode);
  const { opcode, modrm } = opcodeAndModrm(choice, places, mode);

  const bytes: number[] = [];
  if (places.memory?.segment) bytes.push(SEGMENT_PREFIX[places.memory.segment.number]!);
  const addressBits = modrm?.addressBits || (encoding.includes("a16") ? 16 : encoding.includes("a32") ? 32 : mode);
  if (addressBits !== mode) bytes.push(0x67);
  if (size !== undefined && size !== 64 && (size === 16) !== (mode === 16)) bytes.push(0x66);
  for (const token of encoding) if (/^p(66|F2|F3)$/.test(token)) bytes.push(Number.parseInt(token.slice(1), 16));
  const rex = rexByte(choice, places, modrm, size, operands);
  if (rex) {
    if (mode !== 64) throw new Error("this needs 64-bit mode");
    bytes.push(rex);
  }
  bytes.push(...opcode);
  const modrmAt = bytes.length;
  if (modrm) bytes.push(...modrm.bytes);
  bytes.push(...immediateBytes(choice, places, size ?? mode, mode));
  const relative = relativeLength(encoding, mode);
  const end = context.here + BigInt(bytes.length + relative);
  if (modrm?.relativeAt !== undefined) {
    const distance = littleEndian(places.memory!.displacement.value - end, 4);
    bytes.splice(modrmAt + modrm.relativeAt, 4, ...distance);
  }
  if (relative === 1) {
    const distance = places.target! - end;
    if (distance < -128n || distance > 127n) throw new ShortJumpTooFar();
    bytes.push(...littleEndian(distance, 1));
  } else if (relative > 0) bytes.push(...littleEndian(places.target! - end, relative));
  return bytes;
}

/** The short form does not reach; the assembler decides whether a near form may take its place. */
export class ShortJumpTooFar extends Error {
  constructor() {
    super("the target is out of reach of a short jump");
  }
}
