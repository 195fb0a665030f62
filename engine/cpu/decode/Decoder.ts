/**
 * Turns instruction bytes into an `Instruction` (Intel SDM vol. 2, chapter 2): prefixes in any order up to 15 bytes, REX, ModRM and SIB in
 * 16-, 32- and 64-bit addressing, immediates. Everything else is data: the dispatch tables are made from the rows once, so
 * the mandatory-prefix column, the ModRM byte and REX.W/REX.B pick a row. Where features are withheld their rows are left out, and a less
 * precise row (BSR for LZCNT) or nothing (#UD) takes their place. Absent: VEX and EVEX, whose bytes decode as LES, LDS, BOUND or #UD.
 */
import type { InstructionRow } from "../isa/InstructionRow.ts";
import { DispatchTable, type Plan } from "./DispatchTable.ts";
import { opcodeMaps } from "./Encoding.ts";
import type {
  DecodeFailure,
  ImmediateOperand,
  Instruction,
  MemoryOperand,
  Operand,
  OperandWidth,
  RegisterOperand,
} from "./Instruction.ts";
import { operandMethod as method, type OperandCode } from "./operandCodes.ts";
import { generalRegister, plainRegister, registerFile } from "./registers.ts";

export interface DecodeMode {
  readonly codeSize: 16 | 32 | 64;
}

const maximumLength = 15;
const invalid: DecodeFailure = { failure: "invalid" };
const tooLong: DecodeFailure = { failure: "tooLong" };
const truncated: DecodeFailure = { failure: "truncated" };

const segmentDs = 3;
const segmentSs = 2;
const segmentEs = 0;

/** Prefix bytes by kind; 0 is no prefix. */
const prefixKind = { operandSize: 1, addressSize: 2, lock: 3, rep: 4, repne: 5, segment: 6, rex: 7 } as const;
const segmentPrefixes: Readonly<Record<number, number>> = { 38: 0, 46: 1, 54: 2, 62: 3, 100: 4, 101: 5 };

function prefixTable(long: boolean): Uint8Array {
  const table = new Uint8Array(256);
  table[0x66] = prefixKind.operandSize;
  table[0x67] = prefixKind.addressSize;
  table[0xf0] = prefixKind.lock;
  table[0xf3] = prefixKind.rep;
  table[0xf2] = prefixKind.repne;
  for (const byte of Object.keys(segmentPrefixes)) table[Number(byte)] = prefixKind.segment;
  if (long) table.fill(prefixKind.rex, 0x40, 0x50);
  return table;
}

/** Base and index of 16-bit addresses by ModRM.rm; 6 without displacement is a plain disp16. */
const base16 = [3, 3, 5, 5, 6, 7, 5, 3];
const index16 = [6, 7, 6, 7, -1, -1, -1, -1];

const smallBigInts = Array.from({ length: 512 }, (_, i) => BigInt(i - 256));
const big = (value: number): bigint =>
  value >= -256 && value < 256 && Number.isInteger(value) ? smallBigInts[value + 256]! : BigInt(value);

/** Width in bits 16, 32, 64 -> 0, 1, 2. */
const sizeIndex = (size: 16 | 32 | 64): 0 | 1 | 2 => (size === 16 ? 0 : size === 32 ? 1 : 2);

export class Decoder {
  readonly #rows: readonly InstructionRow[];
  #legacyTable: DispatchTable | undefined;
  #longTable: DispatchTable | undefined;
  readonly #legacyPrefixes = prefixTable(false);
  readonly #longPrefixes = prefixTable(true);

  // The instruction at hand.
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #codeIs64 = false;
  #operandSize: 16 | 32 | 64 = 32;
  #addressSize: 16 | 32 | 64 = 32;
  #segment = -1;
  #rex = 0;
  #opcode = 0;
  #modrm = 0;
  #base = -1;
  #index = -1;
  #scaleShift = 0;
  #displacement = 0;
  #ripRelative = false;

  /** `features` are CPUID feature names as in the rows; absent means all of them. */
  constructor(rows: readonly InstructionRow[], features?: ReadonlySet<string>) {
    this.#rows = rows.filter((row) => !row.feature || !features || features.has(row.feature));
  }

  // Made when first needed: most guests run in one of the two worlds for long.
  get #legacy(): DispatchTable {
    this.#legacyTable ??= new DispatchTable(this.#rows.filter((row) => row.mode !== "long"));
    return this.#legacyTable;
  }

  get #long(): DispatchTable {
    this.#longTable ??= new DispatchTable(this.#rows.filter((row) => row.mode !== "legacy"));
    return this.#longTable;
  }

  /**
   * Decodes at `bytes[start]`, looking at no more than `available` bytes. "truncated" means that more bytes decide; "invalid" is #UD;
   * "tooLong" is #GP(0).
   */
  decode(bytes: Uint8Array, start: number, available: number, mode: DecodeMode): Instruction | DecodeFailure {
    const end = start + Math.min(available, maximumLength);
    const short = available >= maximumLength ? tooLong : truncated;
    const long = mode.codeSize === 64;
    const prefixes = long ? this.#longPrefixes : this.#legacyPrefixes;
    let at = start;
    let operandSizePrefix = false;
    let addressSizePrefix = false;
    let lock = false;
    let repeat = 0;
    let segment = -1;
    let rex = 0;
    let opcode: number;
    for (;;) {
      if (at >= end) return short;
      opcode = bytes[at++]!;
      const kind = prefixes[opcode]!;
      if (kind === 0) break;
      if (kind === prefixKind.rex) {
        rex = opcode;
        continue;
      }
      rex = 0; // REX counts only directly before the opcode
      if (kind === prefixKind.operandSize) operandSizePrefix = true;
      else if (kind === prefixKind.addressSize) addressSizePrefix = true;
      else if (kind === prefixKind.lock) lock = true;
      else if (kind === prefixKind.rep) repeat = 2;
      else if (kind === prefixKind.repne) repeat = 3;
      else {
        const named = segmentPrefixes[opcode]!;
        if (!long || named >= 4) segment = named;
      }
    }
    let map: number = opcodeMaps.oneByte;
    if (opcode === 0x0f) {
      if (at >= end) return short;
      opcode = bytes[at++]!;
      map = opcodeMaps.twoByte;
      if (opcode === 0x38 || opcode === 0x3a) {
        map = opcode === 0x38 ? opcodeMaps.map38 : opcodeMaps.map3A;
        if (at >= end) return short;
        opcode = bytes[at++]!;
      }
    }

    const table = long ? this.#long : this.#legacy;
    const column = repeat !== 0 ? repeat : operandSizePrefix ? 1 : 0;
    const entry = table.entry(map, opcode, column);
    if (entry === undefined) return invalid;
    let modrm = 0;
    if (entry.hasModrm) {
      if (at >= end) return short;
      modrm = bytes[at++]!;
    }
    let plan = entry.plan ?? entry.byModrm[modrm];
    if ((rex & 9) !== 0) plan = table.withRex(rex, map, opcode, column, modrm) ?? plan;
    if (plan === undefined) return invalid;

    this.#bytes = bytes;
    this.#codeIs64 = long;
    this.#rex = rex;
    this.#segment = segment;
    this.#opcode = opcode;
    this.#modrm = modrm;
    this.#addressSize = long ? (addressSizePrefix ? 32 : 64) : (mode.codeSize === 16) === addressSizePrefix ? 32 : 16;
    this.#operandSize = operandSizeOf(plan, mode.codeSize, operandSizePrefix, rex);
    this.#at = at;
    if (plan.hasMemory && modrm < 0xc0 && !this.#readAddress(end)) return short;
    const size = sizeIndex(this.#operandSize);
    const immediates = plan.hasOffset ? this.#addressSize >> 3 : plan.immediateBytes[size]!;
    if (this.#at + immediates > end) return short;

    const operands: Operand[] = [];
    for (const operandCode of plan.operands) {
      const operand = this.#operand(operandCode, operandCode.native ? (long ? 64 : 32) : operandCode.widths[size]!);
      if (operand === undefined) return invalid;
      operands.push(operand);
    }
    if (lock && !(plan.row.lockable && operands[0]?.kind === "memory")) return invalid;
    if (plan.row.popsBeforeAddressing) this.#popBeforeAddressing(operands);
    return {
      row: plan.row,
      length: this.#at - start,
      operandSize: this.#operandSize,
      addressSize: this.#addressSize,
      lock,
      repeat: plan.row.repeatable && repeat !== 0 ? (repeat === 2 ? "rep" : "repne") : "none",
      operands,
    };
  }

  /** ModRM and SIB to base, index, scale, displacement. False when bytes are missing. */
  #readAddress(end: number): boolean {
    const mod = this.#modrm >> 6;
    const rm = this.#modrm & 7;
    this.#ripRelative = false;
    this.#scaleShift = 0;
    this.#index = -1;
    let displacementBytes: number;
    if (this.#addressSize === 16) {
      const direct = mod === 0 && rm === 6;
      this.#base = direct ? -1 : base16[rm]!;
      this.#index = index16[rm]!;
      displacementBytes = direct ? 2 : mod;
    } else {
      displacementBytes = mod === 2 ? 4 : mod;
      let base = rm;
      if (rm === 4) {
        if (this.#at >= end) return false;
        const sib = this.#bytes[this.#at++]!;
        base = sib & 7;
        const index = ((sib >> 3) & 7) | ((this.#rex & 2) << 2);
        if (index !== 4) {
          this.#index = index;
          this.#scaleShift = sib >> 6;
        }
      }
      if (base === 5 && mod === 0) {
        displacementBytes = 4;
        this.#base = -1;
        this.#ripRelative = this.#codeIs64 && rm === 5;
      } else {
        this.#base = base | ((this.#rex & 1) << 3);
      }
    }
    if (this.#at + displacementBytes > end) return false;
    this.#displacement = displacementBytes === 0 ? 0 : this.#signed(displacementBytes);
    return true;
  }

  /** Reads a little-endian signed number of 1, 2 or 4 bytes. */
  #signed(count: number): number {
    const bytes = this.#bytes;
    const at = this.#at;
    this.#at = at + count;
    if (count === 1) return (bytes[at]! << 24) >> 24;
    const low = bytes[at]! | (bytes[at + 1]! << 8);
    if (count === 2) return (low << 16) >> 16;
    return low | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
  }

  #signedBig(count: number): bigint {
    if (count < 8) return big(this.#signed(count));
    const low = this.#signed(4) >>> 0;
    return (BigInt(this.#signed(4)) << 32n) | BigInt(low);
  }

  #memory(width: OperandWidth): MemoryOperand {
    const stack = this.#base === 4 || this.#base === 5;
    return {
      kind: "memory",
      width,
      segment: this.#segment >= 0 ? this.#segment : stack ? segmentSs : segmentDs,
      addressSize: this.#addressSize,
      base: this.#base,
      index: this.#index,
      scaleShift: this.#scaleShift,
      displacement: big(this.#displacement),
      ripRelative: this.#ripRelative,
    };
  }

  /** Memory that the opcode implies: no ModRM. */
  #impliedMemory(width: OperandWidth, base: number, segment: number, displacement = 0n): MemoryOperand {
    return {
      kind: "memory",
      width,
      segment,
      addressSize: this.#addressSize,
      base,
      index: -1,
      scaleShift: 0,
      displacement,
      ripRelative: false,
    };
  }

  #rm(): number {
    return (this.#modrm & 7) | ((this.#rex & 1) << 3);
  }

  #reg(): number {
    return ((this.#modrm >> 3) & 7) | ((this.#rex & 4) << 1);
  }

  #general(number: number, width: OperandWidth): RegisterOperand {
    return generalRegister(number, width, this.#rex !== 0);
  }

  /** Undefined where the encoding names something that is not there. */
  #operand(operand: OperandCode, width: OperandWidth): Operand | undefined {
    const isMemory = this.#modrm < 0xc0;
    switch (operand.method) {
      case method.E:
        return isMemory ? this.#memory(width) : this.#general(this.#rm(), width);
      case method.G:
        return this.#general(this.#reg(), width);
      case method.M:
        return isMemory ? this.#memory(width) : undefined;
      case method.R:
        return this.#general(this.#rm(), width);
      case method.Z:
        return this.#general((this.#opcode & 7) | ((this.#rex & 1) << 3), width);
      case method.immediate:
        return immediate(width, this.#signedBig(operand.immediateBytes[sizeIndex(this.#operandSize)]!));
      case method.signedByte:
        return immediate(width, big(this.#signed(1)));
      case method.one:
        return immediate(8, 1n);
      case method.relative:
        return {
          kind: "relative",
          displacement: this.#signed(operand.immediateBytes[sizeIndex(this.#operandSize)]!),
        };
      case method.fixedGeneral:
        return generalRegister(operand.fixed, width, true);
      case method.fixedSegment:
        return plainRegister(registerFile.segment, operand.fixed, 16);
      default:
        return this.#rareOperand(operand, width, isMemory);
    }
  }

  #rareOperand(operand: OperandCode, width: OperandWidth, isMemory: boolean): Operand | undefined {
    switch (operand.method) {
      case method.X:
        return this.#impliedMemory(width, 6, this.#segment >= 0 ? this.#segment : segmentDs);
      case method.Y:
        return this.#impliedMemory(width, 7, segmentEs);
      case method.BB:
        return this.#impliedMemory(width, 3, this.#segment >= 0 ? this.#segment : segmentDs);
      case method.DI:
        return this.#impliedMemory(width, 7, this.#segment >= 0 ? this.#segment : segmentDs);
      case method.offset: {
        const displacement = this.#signedBig(this.#addressSize >> 3);
        return this.#impliedMemory(width, -1, this.#segment >= 0 ? this.#segment : segmentDs, displacement);
      }
      case method.far: {
        const offset = this.#operandSize === 16 ? this.#signed(2) & 0xffff : this.#signed(4) >>> 0;
        return { kind: "far", offset, selector: this.#signed(2) & 0xffff };
      }
      case method.segment: {
        const number = (this.#modrm >> 3) & 7;
        return number > 5 ? undefined : plainRegister(registerFile.segment, number, 16);
      }
      case method.control:
        return plainRegister(registerFile.control, this.#reg(), width);
      case method.debug:
        return plainRegister(registerFile.debug, this.#reg(), width);
      case method.P:
        return plainRegister(registerFile.mmx, (this.#modrm >> 3) & 7, width);
      case method.Q:
        return isMemory ? this.#memory(width) : plainRegister(registerFile.mmx, this.#modrm & 7, width);
      case method.N:
        return plainRegister(registerFile.mmx, this.#modrm & 7, width);
      case method.V:
        return plainRegister(registerFile.xmm, this.#reg(), width);
      case method.W:
        return isMemory ? this.#memory(width) : plainRegister(registerFile.xmm, this.#rm(), width);
      case method.U:
        return plainRegister(registerFile.xmm, this.#rm(), width);
      case method.st:
        return plainRegister(registerFile.st, this.#modrm & 7, 80);
      case method.st0:
        return plainRegister(registerFile.st, 0, 80);
      default:
        throw new Error(`Operand method ${operand.method} has no decoder`);
    }
  }

  #popBeforeAddressing(operands: Operand[]): void {
    const operand = operands[0];
    if (operand?.kind !== "memory" || operand.base !== 4) return;
    operands[0] = { ...operand, displacement: operand.displacement + BigInt(this.#operandSize >> 3) };
  }
}

function operandSizeOf(plan: Plan, codeSize: 16 | 32 | 64, prefix: boolean, rex: number): 16 | 32 | 64 {
  const effective = prefix && !plan.prefixIsMandatory;
  if (codeSize !== 64) return (codeSize === 16) === effective ? 32 : 16;
  if (plan.row.default64 === "always" || (rex & 8) !== 0) return 64;
  if (effective) return 16;
  return plan.row.default64 ? 64 : 32;
}

const immediate = (width: OperandWidth, value: bigint): ImmediateOperand => ({ kind: "immediate", width, value });
