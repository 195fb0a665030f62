import type { MemoryOperand } from "./parseOperand.ts";
import type { Register } from "./registers.ts";

/**
 * ModRM, SIB and displacement of one operand, in 16, 32 or 64-bit addressing (Intel SDM volume 2, section 2.1.5). A
 * displacement that is a plain constant takes its shortest form, one that depends on labels the full one.
 */
export interface ModrmBytes {
  readonly bytes: number[];
  readonly rexX: boolean;
  readonly rexB: boolean;
  readonly addressBits: number;
  /** Where in `bytes` a RIP-relative displacement stands, to be completed when the instruction's end is known. */
  readonly relativeAt: number | undefined;
}

const PAIRS_16 = ["bx+si", "bx+di", "bp+si", "bp+di", "si", "di", "bp", "bx"];

export function littleEndian(value: bigint, count: number): number[] {
  return Array.from({ length: count }, (_, index) => Number((value >> BigInt(8 * index)) & 0xffn));
}

export function encodeRegisterModrm(register: Register, reg: number): ModrmBytes {
  const bytes = [0xc0 | ((reg & 7) << 3) | (register.number & 7)];
  return { bytes, rexX: false, rexB: register.number > 7, addressBits: 0, relativeAt: undefined };
}

/** The mod field: 0 none, 1 byte, 2 full. */
function displacementMode(memory: MemoryOperand, baseNeedsDisplacement: boolean, bits: number): 0 | 1 | 2 {
  const { value, relocatable } = memory.displacement;
  if (relocatable) return 2;
  const signed = BigInt.asIntN(bits, value);
  if (signed === 0n && !baseNeedsDisplacement) return 0;
  return signed >= -128n && signed <= 127n ? 1 : 2;
}

function encode16(memory: MemoryOperand, reg: number): ModrmBytes {
  const names = [memory.base?.name, memory.index?.name].filter((name) => name !== undefined);
  const result = { rexX: false, rexB: false, addressBits: 16, relativeAt: undefined };
  if (names.length === 0) {
    return { ...result, bytes: [((reg & 7) << 3) | 6, ...littleEndian(memory.displacement.value, 2)] };
  }
  const code = PAIRS_16.findIndex((pair) => pair === names.join("+") || pair === [...names].reverse().join("+"));
  if (code < 0 || memory.scale !== 1) throw new Error(`[${names.join("+")}] is not a 16-bit address`);
  const mode = displacementMode(memory, code === 6, 16);
  const bytes = [(mode << 6) | ((reg & 7) << 3) | code, ...littleEndian(memory.displacement.value, mode)];
  return { ...result, bytes };
}

function encodeWide(memory: MemoryOperand, reg: number, mode: number, addressBits: number): ModrmBytes {
  const { base, index, displacement } = memory;
  const field = (reg & 7) << 3;
  const rexX = (index?.number ?? 0) > 7;
  const rexB = (base?.number ?? 0) > 7;
  const result = { rexX, rexB, addressBits };
  const full = littleEndian(displacement.value, 4);
  if (!base && !index) {
    if (memory.relative) return { ...result, bytes: [field | 5, ...full], relativeAt: 1 };
    const bytes = mode === 64 ? [field | 4, 0x25, ...full] : [field | 5, ...full];
    return { ...result, bytes, relativeAt: undefined };
  }
  if (index?.number === 4) throw new Error("ESP and RSP cannot be an index");
  const scaleBits = [1, 2, 4, 8].indexOf(memory.scale);
  if (scaleBits < 0) throw new Error("the scale of an index is 1, 2, 4 or 8");
  const sibIndex = index ? index.number & 7 : 4;
  if (!base) {
    return { ...result, bytes: [field | 4, (scaleBits << 6) | (sibIndex << 3) | 5, ...full], relativeAt: undefined };
  }
  const mod = displacementMode(memory, (base.number & 7) === 5, addressBits);
  const needsSib = index !== undefined || (base.number & 7) === 4;
  const bytes = [(mod << 6) | field | (needsSib ? 4 : base.number & 7)];
  if (needsSib) bytes.push((scaleBits << 6) | (sibIndex << 3) | (base.number & 7));
  bytes.push(...full.slice(0, mod === 2 ? 4 : mod));
  return { ...result, bytes, relativeAt: undefined };
}

export function encodeMemoryModrm(memory: MemoryOperand, reg: number, mode: number): ModrmBytes {
  const register = memory.base ?? memory.index;
  const addressBits = register?.bits ?? mode;
  if (memory.base && memory.index && memory.base.bits !== memory.index.bits) {
    throw new Error("base and index differ in size");
  }
  if (addressBits === 16) return encode16(memory, reg);
  return encodeWide(memory, reg, mode, addressBits);
}
