/**
 * Turns instruction bytes into an `Instruction` (Intel SDM vol. 2, chapter 2): prefixes in any order up to 15 bytes, REX, ModRM and SIB in
 * 16-, 32- and 64-bit addressing, immediates. Everything else is data: the dispatch tables are made from the rows once, so
 * the mandatory-prefix column, the ModRM byte and REX.W/REX.B pick a row. Where features are withheld their rows are left out, and a less
 * precise row (BSR for LZCNT) or nothing (#UD) takes their place. Absent: EVEX, whose bytes decode as BOUND or #UD.
 */
import type { InstructionRow } from "../isa/InstructionRow.ts";
import { DispatchTable, type Plan } from "./DispatchTable.ts";
import { opcodeMaps, prefixColumns, vexMap } from "./Encoding.ts";
import type { DecodeFailure, Instruction, Operand } from "./Instruction.ts";
import { InstructionBytes } from "./InstructionBytes.ts";
import { type InstructionSizes, OperandReader, type OperandSize, sizeIndex } from "./OperandReader.ts";
import { Prefixes } from "./Prefixes.ts";
import { VexPrefix } from "./VexPrefix.ts";

export interface DecodeMode {
  readonly codeSize: OperandSize;
}

const maximumLength = 15;
const stackPointer = 4;
const failures = {
  invalid: { failure: "invalid" },
  tooLong: { failure: "tooLong" },
  truncated: { failure: "truncated" },
} as const satisfies Record<string, DecodeFailure>;
type FailureName = keyof typeof failures;

export class Decoder {
  readonly #allRows: readonly InstructionRow[];
  #rows: readonly InstructionRow[] = [];
  #legacyTable: DispatchTable | undefined;
  #longTable: DispatchTable | undefined;

  // The instruction at hand.
  readonly #bytes = new InstructionBytes();
  readonly #prefixes = new Prefixes();
  readonly #vex = new VexPrefix();
  readonly #reader = new OperandReader(this.#bytes);
  readonly #sizes: InstructionSizes = { code: 32, operand: 32, address: 32 };
  #opcode = 0;
  #modrm = 0;

  /** `features` are CPUID feature names as in the rows; absent means all of them. */
  constructor(rows: readonly InstructionRow[], features?: ReadonlySet<string>) {
    this.#allRows = rows;
    this.setFeatures(features);
  }

  /** Which features the processor has from now on. What was decoded before is its owner's to forget. */
  setFeatures(features?: ReadonlySet<string>): void {
    this.#rows = this.#allRows.filter((row) => !row.feature || !features || features.has(row.feature));
    this.#legacyTable = undefined;
    this.#longTable = undefined;
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
    this.#bytes.open(bytes, start, start + Math.min(available, maximumLength));
    const plan = this.#readPlan(mode.codeSize === 64);
    const result = typeof plan === "string" ? plan : this.#readInstruction(plan, start, mode.codeSize);
    if (typeof result !== "string") return result;
    return failures[result === "truncated" && available >= maximumLength ? "tooLong" : result];
  }

  /** Prefixes, opcode and ModRM: which row it is. */
  #readPlan(long: boolean): Plan | FailureName {
    const bytes = this.#bytes;
    const prefixes = this.#prefixes;
    let opcode = prefixes.read(bytes, long);
    let map: number = opcodeMaps.oneByte;
    this.#vex.present = false;
    if (opcode === 0xc4 || opcode === 0xc5) {
      const kind = this.#vex.read(opcode, bytes, prefixes, long);
      if (kind === "truncated" || kind === "invalid") return kind;
      if (kind === "vex") {
        map = vexMap(this.#vex.map, this.#vex.length, this.#vex.w);
        opcode = bytes.next();
      }
    } else if (opcode === 0x0f) {
      opcode = bytes.next();
      map = opcodeMaps.twoByte;
      if (opcode === 0x38 || opcode === 0x3a) {
        map = opcode === 0x38 ? opcodeMaps.map38 : opcodeMaps.map3A;
        opcode = bytes.next();
      }
    }
    if (opcode < 0) return "truncated";
    const table = long ? this.#long : this.#legacy;
    const column = this.#vex.present ? this.#vex.column : columnOf(prefixes);
    const entry = table.entry(map, opcode, column);
    if (entry === undefined) return "invalid";
    const modrm = entry.hasModrm ? bytes.next() : 0;
    if (modrm < 0) return "truncated";
    this.#opcode = opcode;
    this.#modrm = modrm;
    const { rex } = prefixes;
    const special = (rex & 9) !== 0 ? table.withRex(rex, map, opcode, column, modrm) : undefined;
    const plan = special ?? entry.plan ?? entry.byModrm[modrm] ?? "invalid";
    if (plan !== "invalid" && this.#vex.present && this.#vex.vvvv !== 0 && !plan.usesVvvv) return "invalid";
    return plan;
  }

  #readInstruction(plan: Plan, start: number, codeSize: OperandSize): Instruction | FailureName {
    const bytes = this.#bytes;
    const prefixes = this.#prefixes;
    const sizes = this.#sizes;
    sizes.code = codeSize;
    sizes.operand = operandSizeOf(plan, codeSize, prefixes);
    sizes.address = addressSizeOf(codeSize, prefixes.addressSize);
    const reader = this.#reader;
    reader.open(prefixes, this.#opcode, this.#modrm, sizes, this.#vex.vvvv);
    if (plan.hasVectorIndex && !namesVectorIndex(this.#modrm, sizes.address)) return "invalid";
    if (plan.hasMemory && this.#modrm < 0xc0 && !reader.readAddress(plan.hasVectorIndex)) return "truncated";
    const size = sizeIndex(sizes.operand);
    if (!bytes.has(plan.hasOffset ? sizes.address >> 3 : plan.immediateBytes[size]!)) return "truncated";
    const operands: Operand[] = [];
    for (const code of plan.operands) {
      const width = code.native ? (codeSize === 64 ? 64 : 32) : code.widths[size]!;
      const operand = reader.operand(code, width);
      if (operand === undefined) return "invalid";
      operands.push(operand);
    }
    const { row } = plan;
    if (prefixes.lock && !(row.lockable && operands[0]?.kind === "memory")) return "invalid";
    if (plan.hasVectorIndex && !areDistinct(operands)) return "invalid";
    if (row.popsBeforeAddressing) popBeforeAddressing(operands, sizes.operand);
    return {
      row,
      length: bytes.at - start,
      operandSize: sizes.operand,
      addressSize: sizes.address,
      lock: prefixes.lock,
      repeat: row.repeatable ? prefixes.repeat : "none",
      operands,
    };
  }
}

function columnOf(prefixes: Prefixes): number {
  if (prefixes.repeat === "rep") return prefixColumns.F3;
  if (prefixes.repeat === "repne") return prefixColumns.F2;
  return prefixes.operandSize ? prefixColumns["66"] : prefixColumns.NP;
}

function addressSizeOf(codeSize: OperandSize, prefix: boolean): OperandSize {
  if (codeSize === 64) return prefix ? 32 : 64;
  return (codeSize === 16) === prefix ? 32 : 16;
}

function operandSizeOf(plan: Plan, codeSize: OperandSize, prefixes: Prefixes): OperandSize {
  const prefix = prefixes.operandSize && !plan.prefixIsMandatory;
  if (codeSize !== 64) return (codeSize === 16) === prefix ? 32 : 16;
  if (plan.row.default64 === "always" || (prefixes.rex & 8) !== 0) return 64;
  if (prefix) return 16;
  return plan.row.default64 ? 64 : 32;
}

/** Gathers need a SIB byte, which 16-bit addressing does not have. */
const namesVectorIndex = (modrm: number, addressSize: OperandSize): boolean =>
  modrm < 0xc0 && (modrm & 7) === 4 && addressSize !== 16;

/** Destination, mask and indices of a gather must be three registers. */
function areDistinct(operands: readonly Operand[]): boolean {
  const numbers = operands.flatMap((operand) => (operand.kind === "register" ? [operand.number] : []));
  return new Set(numbers).size === numbers.length;
}

/** POP [rSP + n] addresses with the stack pointer already moved. */
function popBeforeAddressing(operands: Operand[], operandSize: OperandSize): void {
  const operand = operands[0];
  if (operand?.kind !== "memory" || operand.base !== stackPointer) return;
  operands[0] = { ...operand, displacement: operand.displacement + BigInt(operandSize >> 3) };
}
