/**
 * The manual's operand letters (Intel SDM vol. 2, appendix A.2) compiled to numbers: where an operand comes from (`method`) and how
 * wide it is in each operand size. Letters beyond the manual's are explained in `isa/oneByteMap.ts`, `isa/x87.ts` and `isa/sse.ts`.
 */
import type { OperandWidth } from "./Instruction.ts";

/** Where an operand comes from; values are dense for a switch. */
export const operandMethod = {
  /** General register or memory, by ModRM.rm. */
  E: 0,
  /** General register, by ModRM.reg. */
  G: 1,
  /** Memory only. */
  M: 2,
  /** General register by ModRM.rm, whatever ModRM.mod says. */
  R: 3,
  immediate: 4,
  signedByte: 5,
  relative: 6,
  offset: 7,
  far: 8,
  segment: 9,
  control: 10,
  debug: 11,
  /** General register in the opcode's low three bits. */
  Z: 12,
  /** MMX register by reg; MMX or memory by rm; MMX register by rm. */
  P: 13,
  Q: 14,
  N: 15,
  /** XMM register by reg; XMM or memory by rm; XMM register by rm. */
  V: 16,
  W: 17,
  U: 18,
  /** String source, string destination, table base of XLAT. */
  X: 19,
  Y: 20,
  BB: 21,
  /** A register that the opcode implies. */
  fixedGeneral: 22,
  fixedSegment: 23,
  one: 24,
  st: 25,
  st0: 26,
  /** Memory at [rDI] that an override may move: MASKMOVQ. */
  DI: 27,
  /** XMM and general register in VEX.vvvv; XMM register in the upper half of an immediate byte. */
  H: 28,
  B: 29,
  L: 30,
  /** Gathers: memory without its vector of indices, that vector's register, its scale. */
  vectorMemory: 31,
  vectorIndex: 32,
  vectorScale: 33,
  /** XMM0, which the opcode implies. */
  xmm0: 34,
} as const;

export interface OperandCode {
  readonly method: number;
  /** Width for operand size 16, 32, 64. */
  readonly widths: readonly [OperandWidth, OperandWidth, OperandWidth];
  /** Width follows the mode, not the operand size: 32, or 64 in 64-bit code. */
  readonly native: boolean;
  /** Bytes behind ModRM for operand size 16, 32, 64 (moffs: see `offset`). */
  readonly immediateBytes: readonly [number, number, number];
  /** Register number of fixed operands. */
  readonly fixed: number;
}

const all = (width: OperandWidth): OperandCode["widths"] => [width, width, width];

const sizes: Record<string, OperandCode["widths"]> = {
  b: all(8),
  w: all(16),
  d: all(32),
  q: all(64),
  dq: all(128),
  x: all(128),
  v: [16, 32, 64],
  z: [16, 32, 32],
  y: [32, 32, 64],
  p: [16, 32, 64],
  a: [16, 32, 64],
  s: [16, 32, 64],
  n: all(32),
  ss: all(32),
  sd: all(64),
  ps: all(128),
  pd: all(128),
  h: all(128),
  f32: all(32),
  f64: all(64),
  f80: all(80),
  bcd: all(80),
  i16: all(16),
  i32: all(32),
  i64: all(64),
  "": [16, 32, 64],
};

const fixedGeneral: Record<string, readonly [number, OperandCode["widths"]]> = {
  AL: [0, all(8)],
  CL: [1, all(8)],
  AX: [0, all(16)],
  DX: [2, all(16)],
  eAX: [0, [16, 32, 32]],
  rAX: [0, [16, 32, 64]],
};
const fixedSegments = ["ES", "CS", "SS", "DS", "FS", "GS"];

const letters: Record<string, number> = {
  E: operandMethod.E,
  G: operandMethod.G,
  M: operandMethod.M,
  R: operandMethod.R,
  I: operandMethod.immediate,
  J: operandMethod.relative,
  O: operandMethod.offset,
  A: operandMethod.far,
  S: operandMethod.segment,
  C: operandMethod.control,
  D: operandMethod.debug,
  Z: operandMethod.Z,
  P: operandMethod.P,
  Q: operandMethod.Q,
  N: operandMethod.N,
  V: operandMethod.V,
  W: operandMethod.W,
  U: operandMethod.U,
  H: operandMethod.H,
  B: operandMethod.B,
  L: operandMethod.L,
  X: operandMethod.X,
  Y: operandMethod.Y,
};

/** Sizes that follow the length of vectors. */
const wholeVectors = new Set(["x", "ps", "pd"]);
const halfVector = "h";

function vectorWidth(size: string, vectorBits: 128 | 256): OperandCode["widths"] | undefined {
  if (size === halfVector) return all(vectorBits === 256 ? 128 : 64);
  return vectorBits === 256 && wholeVectors.has(size) ? all(256) : undefined;
}

const noBytes: OperandCode["immediateBytes"] = [0, 0, 0];

function immediateBytes(method: number, size: string): OperandCode["immediateBytes"] {
  if (method === operandMethod.far) return [4, 6, 6];
  if (method === operandMethod.L) return [1, 1, 1];
  if (method !== operandMethod.immediate && method !== operandMethod.relative) return noBytes;
  if (size === "b") return [1, 1, 1];
  if (size === "w") return [2, 2, 2];
  return size === "v" ? [2, 4, 8] : [2, 4, 4];
}

function code(
  method: number,
  widths: OperandCode["widths"],
  bytes: OperandCode["immediateBytes"] = noBytes,
  fixed = 0,
): OperandCode {
  return { method, widths, native: false, immediateBytes: bytes, fixed };
}

/** Operands of vectors of indices. */
function gatherCode(text: string, vectorBits: 128 | 256): OperandCode | undefined {
  if (text === "VMd") return code(operandMethod.vectorMemory, all(32));
  if (text === "VMq") return code(operandMethod.vectorMemory, all(64));
  if (text === "VIx") return code(operandMethod.vectorIndex, all(vectorBits));
  if (text === "VIdq") return code(operandMethod.vectorIndex, all(128));
  return text === "VS" ? code(operandMethod.vectorScale, all(8)) : undefined;
}

/** `vectorBits` is what VEX.L says. Throws on letters that nobody knows: a broken row. */
export function parseOperandCode(text: string, vectorBits: 128 | 256 = 128): OperandCode {
  const general = fixedGeneral[text];
  if (general) return code(operandMethod.fixedGeneral, general[1], noBytes, general[0]);
  const segment = fixedSegments.indexOf(text);
  if (segment >= 0) return code(operandMethod.fixedSegment, all(16), noBytes, segment);
  if (text === "1") return code(operandMethod.one, all(8));
  if (text === "sIb") return code(operandMethod.signedByte, [16, 32, 64], [1, 1, 1]);
  if (text === "STi") return code(operandMethod.st, all(80));
  if (text === "ST0") return code(operandMethod.st0, all(80));
  if (text === "DIb") return code(operandMethod.DI, all(8));
  if (text === "BBb") return code(operandMethod.BB, all(8));
  const gather = gatherCode(text, vectorBits);
  if (gather) return gather;
  if (text === "XMM0") return code(operandMethod.xmm0, all(128));
  const method = letters[text.charAt(0)];
  const size = text.slice(1);
  const widths = vectorWidth(size, vectorBits) ?? sizes[size];
  if (method === undefined || !widths) throw new Error(`Unknown operand letters ${text}`);
  // Iz is used in the full operand size, sign-extended.
  const used = method === operandMethod.immediate && size === "z" ? sizes.v! : widths;
  return {
    ...code(method, used, immediateBytes(method, size)),
    native: size === "n",
  };
}

/** Methods whose presence means that the encoding has a ModRM byte. */
const modrmMethods = new Set<number>([
  operandMethod.E,
  operandMethod.G,
  operandMethod.M,
  operandMethod.R,
  operandMethod.segment,
  operandMethod.control,
  operandMethod.debug,
  operandMethod.P,
  operandMethod.Q,
  operandMethod.N,
  operandMethod.V,
  operandMethod.W,
  operandMethod.U,
  operandMethod.st,
  operandMethod.vectorMemory,
]);

export function needsModrm(operand: OperandCode): boolean {
  return modrmMethods.has(operand.method);
}
