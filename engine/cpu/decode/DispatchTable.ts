/**
 * From opcode map, opcode, mandatory-prefix column and ModRM byte to the row that they encode. Rows are entered in order of rank, so that a
 * more precise row replaces a general one; two rows of the same rank for the same bytes are a mistake in the tables and throw.
 */
import type { InstructionRow } from "../isa/InstructionRow.ts";
import { type Encoding, mapCount, parseEncoding, prefixColumns } from "./Encoding.ts";
import { needsModrm, type OperandCode, operandMethod, parseOperandCode } from "./operandCodes.ts";

/** A row made ready for decoding. */
export interface Plan {
  readonly row: InstructionRow;
  readonly rank: number;
  readonly operands: readonly OperandCode[];
  readonly hasModrm: boolean;
  /** A ModRM byte below C0 is followed by an address. */
  readonly hasMemory: boolean;
  /** 66 picks the row and says nothing about the operand size. */
  readonly prefixIsMandatory: boolean;
  /** Bytes behind the address for operand size 16, 32, 64; moffs excepted. */
  readonly immediateBytes: readonly number[];
  readonly hasOffset: boolean;
  /** VEX.vvvv names an operand; elsewhere it must be all ones. */
  readonly usesVvvv: boolean;
  /** SIB's index is a vector register. */
  readonly hasVectorIndex: boolean;
}

export interface Entry {
  hasModrm: boolean;
  /** The row, where ModRM does not matter. */
  plan: Plan | undefined;
  /** Else by ModRM byte; empty otherwise. */
  byModrm: (Plan | undefined)[];
}

/** MOV to and from control and debug registers ignores ModRM.mod. */
const registerWhateverMod = new Set<number>([operandMethod.control, operandMethod.debug]);

function makePlan(row: InstructionRow, encoding: Encoding): Plan {
  const operands = row.operands.map((text) => parseOperandCode(text, encoding.vexBits));
  const hasModrm = encoding.hasModrm || operands.some(needsModrm);
  return {
    row,
    rank: encoding.rank,
    operands,
    hasModrm,
    hasMemory: hasModrm && !operands.some((operand) => registerWhateverMod.has(operand.method)),
    prefixIsMandatory: encoding.prefix === "66",
    immediateBytes: [0, 1, 2].map((size) => operands.reduce((sum, operand) => sum + operand.immediateBytes[size]!, 0)),
    hasOffset: operands.some((operand) => operand.method === operandMethod.offset),
    usesVvvv: operands.some((operand) => vvvvMethods.has(operand.method)),
    hasVectorIndex: operands.some((operand) => operand.method === operandMethod.vectorIndex),
  };
}

const vvvvMethods = new Set<number>([operandMethod.H, operandMethod.B]);

const cell = (map: number, opcode: number, column: number): number => (map * 256 + opcode) * 4 + column;

export class DispatchTable {
  readonly #entries: (Entry | undefined)[] = new Array(mapCount * 256 * 4).fill(undefined);
  readonly #rexW = new Map<number, Entry>();
  readonly #rexB = new Map<number, Entry>();

  constructor(rows: readonly InstructionRow[]) {
    const parsed = rows.map((row) => ({ row, encoding: parseEncoding(row.encoding) }));
    parsed.sort((a, b) => a.encoding.rank - b.encoding.rank);
    for (const { row, encoding } of parsed) this.#enter(makePlan(row, encoding), encoding);
  }

  entry(map: number, opcode: number, column: number): Entry | undefined {
    return this.#entries[cell(map, opcode, column)];
  }

  /** A row that needs REX.W or REX.B, if there is one for these bytes. */
  withRex(rex: number, map: number, opcode: number, column: number, modrm: number): Plan | undefined {
    const at = cell(map, opcode, column);
    const entry = (rex & 8 && this.#rexW.get(at)) || (rex & 1 && this.#rexB.get(at)) || undefined;
    return entry && (entry.plan ?? entry.byModrm[modrm]);
  }

  #enter(plan: Plan, encoding: Encoding): void {
    for (const map of encoding.maps) {
      for (let i = 0; i < encoding.opcodeCount; i++) {
        place(this.#entryFor(map, encoding.firstOpcode + i, encoding), plan, encoding.modrms);
      }
    }
  }

  /** Rows for any prefix come first, by rank: their entry fills four columns until a row for one of them comes along. */
  #entryFor(map: number, opcode: number, { prefix, rex }: Encoding): Entry {
    const column = prefix === "any" ? 0 : prefixColumns[prefix];
    const at = cell(map, opcode, column);
    if (rex) return this.#rexEntry(rex === "W" ? this.#rexW : this.#rexB, at, prefix === "any");
    const present = this.#entries[at];
    if (prefix === "any") {
      if (present) return present;
      const shared = emptyEntry();
      for (let i = 0; i < 4; i++) this.#entries[at + i] = shared;
      return shared;
    }
    const isShared =
      present !== undefined && [0, 1, 2, 3].some((i) => i !== column && this.#entries[at - column + i] === present);
    const own = present && !isShared ? present : copyOf(present);
    this.#entries[at] = own;
    return own;
  }

  #rexEntry(entries: Map<number, Entry>, at: number, allColumns: boolean): Entry {
    // A row for one prefix parts from those for any.
    const present = entries.get(at);
    const entry = allColumns ? (present ?? emptyEntry()) : copyOf(present);
    for (let i = 0; i < (allColumns ? 4 : 1); i++) entries.set(at + i, entry);
    return entry;
  }
}

const emptyEntry = (): Entry => ({ hasModrm: false, plan: undefined, byModrm: [] });
const copyOf = (entry: Entry | undefined): Entry => (entry ? { ...entry, byModrm: [...entry.byModrm] } : emptyEntry());

function refuseEqualRank(present: Plan | undefined, plan: Plan): void {
  if (present?.rank === plan.rank) {
    throw new Error(`Rows ${present.row.encoding} and ${plan.row.encoding} encode the same bytes`);
  }
}

function place(entry: Entry, plan: Plan, modrms: readonly number[] | undefined): void {
  entry.hasModrm ||= plan.hasModrm;
  if (!modrms) {
    for (const present of [entry.plan, ...entry.byModrm]) refuseEqualRank(present, plan);
    entry.plan = plan;
    entry.byModrm = [];
    return;
  }
  if (entry.byModrm.length === 0) entry.byModrm = new Array<Plan | undefined>(256).fill(entry.plan);
  entry.plan = undefined;
  for (const modrm of modrms) {
    refuseEqualRank(entry.byModrm[modrm], plan);
    entry.byModrm[modrm] = plan;
  }
}
