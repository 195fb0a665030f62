/**
 * Makes cases: one to four instructions that end in INT3, and states in which they do something: registers that address hold pointers
 * into the case's memory (or across its edges), counts are small, the rest are values that matter.
 */
import { Decoder } from "../../engine/cpu/decode/Decoder.ts";
import type { Instruction } from "../../engine/cpu/decode/Instruction.ts";
import type { InstructionRow } from "../../engine/cpu/isa/InstructionRow.ts";
import { rows } from "../../engine/cpu/isa/rows.ts";
import { endsSequence } from "./compareOutcomes.ts";
import { transcendental } from "./excludedOperations.ts";
import { InstructionGenerator } from "./InstructionGenerator.ts";
import {
  type CodeSize,
  caseLayout,
  codeAt,
  codeBytes,
  pageBytes,
  windowAt,
  windowBytes,
  xsaveLayout,
} from "./oracleLayout.ts";
import { fill, fillStyles, RandomSource, writeExtended, writeInteger } from "./randomSource.ts";

export interface Sequence {
  readonly codeSize: CodeSize;
  /** `codeBytes` long, INT3 behind the instructions. */
  readonly code: Uint8Array;
  readonly instructions: readonly Instruction[];
  readonly roles: Roles;
}

/** General registers that cannot be just anything. */
interface Roles {
  readonly pointers: ReadonlySet<number>;
  readonly small: ReadonlySet<number>;
  readonly codePointers: ReadonlySet<number>;
  /** XMM registers that index. */
  readonly vectorIndices: ReadonlySet<number>;
  readonly returns: boolean;
  readonly divides: boolean;
  /** FYL2XP1 is defined near zero only. */
  readonly nearZero: boolean;
}

const [rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi] = [0, 1, 2, 3, 4, 5, 6, 7] as const;
/** Where the image holds addresses of code: what RET and indirect jumps find. */
const codeAddresses = { start: 0xc00, end: 0xd00 } as const;

function rolesOf(instructions: readonly Instruction[]): Roles {
  const pointers = new Set<number>([rsp]);
  const small = new Set<number>();
  const codePointers = new Set<number>();
  const vectorIndices = new Set<number>();
  for (const { row, operands, repeat } of instructions) {
    for (const operand of operands) {
      if (operand.kind !== "memory") continue;
      if (operand.base >= 0) pointers.add(operand.base);
      if (operand.index >= 0) small.add(operand.index);
    }
    if (row.operands.some((text) => /^[XY][a-z]$|^DIb$/.test(text))) for (const n of [rsi, rdi]) pointers.add(n);
    if (row.operands.includes("BBb")) pointers.add(rbx);
    if (row.operation === "LEAVE" || row.operation === "ENTER") pointers.add(rbp);
    if (repeat !== "none" || /^(LOOP|SH[LR]|SAR|RO[LR]|RC[LR])/.test(row.operation)) small.add(rcx);
    const first = operands[0];
    if (/^(BT|BT[CRS])$/.test(row.operation) && operands[1]?.kind === "register") small.add(operands[1].number);
    if ((row.operation === "JMP" || row.operation === "CALL") && first?.kind === "register")
      codePointers.add(first.number);
    for (const operand of operands) {
      const index = operand as { kind: string; vectorIndex?: number; number?: number };
      if (index.vectorIndex !== undefined) vectorIndices.add(index.vectorIndex);
    }
    const at = row.operands.findIndex((text) => text.startsWith("VI"));
    const vector = operands[at];
    if (vector?.kind === "register") vectorIndices.add(vector.number);
  }
  const has = (pattern: RegExp): boolean => instructions.some(({ row }) => pattern.test(row.operation));
  for (const n of pointers) small.delete(n);
  return {
    pointers,
    small,
    codePointers,
    vectorIndices,
    returns: has(/^(RET|JMP|CALL)$/),
    divides: has(/^I?DIV$/),
    nearZero: has(/^FYL2XP1$/),
  };
}

/** Whether all branches within the sequence lead to the start of an instruction: what the middle of one means nobody has looked at. */
function staysWhole(instructions: readonly Instruction[]): boolean {
  const starts = new Set<number>();
  const targets: number[] = [];
  let at = 0;
  for (const { length, operands } of instructions) {
    starts.add(at);
    at += length;
    for (const operand of operands) if (operand.kind === "relative") targets.push(at + operand.displacement);
  }
  return targets.every((target) => target < 0 || target >= at || starts.has(target));
}

export class CaseGenerator {
  readonly #random: RandomSource;
  readonly #instructions: InstructionGenerator;
  readonly #rows: Readonly<Record<CodeSize, readonly InstructionRow[]>>;
  readonly #longest: number;
  readonly #next: Record<CodeSize, number> = { 32: 0, 64: 0 };

  /** `subjects` are the rows to try, in turn, in sequences of no more than `longest`. */
  constructor(seed: number, subjects: readonly InstructionRow[], longest = 4) {
    this.#longest = longest;
    this.#random = new RandomSource(seed);
    this.#instructions = new InstructionGenerator(this.#random, new Decoder(rows));
    this.#rows = {
      32: subjects.filter((row) => row.mode !== "long"),
      64: subjects.filter((row) => row.mode !== "legacy"),
    };
  }

  /** The next row's turn, alone or among others; undefined when no bytes were found for it. */
  sequence(): Sequence | undefined {
    const random = this.#random;
    const codeSize: CodeSize = this.#rows[32].length > 0 && random.chance(3) ? 32 : 64;
    const all = this.#rows[codeSize];
    const subject = all[this.#next[codeSize]++ % all.length];
    if (!subject) return undefined;
    const count = random.chance(2) ? 1 : 1 + random.below(this.#longest);
    const place = random.below(count);
    const code = new Uint8Array(codeBytes).fill(0xcc);
    const instructions: Instruction[] = [];
    let at = 0;
    for (let i = 0; i < count; i++) {
      const row = i === place ? subject : random.pick(all);
      // What comes before could take the argument out of the defined range.
      if (i > 0 && transcendental.test(row.operation)) continue;
      const made = this.#instructions.make(row, codeSize, codeAt + at);
      if (!made) {
        if (i === place) return undefined;
        continue;
      }
      code.set(made.bytes, at);
      at += made.bytes.length;
      instructions.push(made.decoded);
      if (endsSequence(row.operation)) break;
    }
    if (!staysWhole(instructions)) return undefined;
    return { codeSize, code, instructions, roles: rolesOf(instructions) };
  }

  /** What memory holds in all cases of a batch. */
  image(): Uint8Array {
    const random = this.#random;
    const image = new Uint8Array(windowBytes);
    const view = new DataView(image.buffer);
    for (let at = 0; at < windowBytes; at += 64) fill(random, view, at, 64, random.pick(fillStyles));
    for (let at: number = codeAddresses.start; at < codeAddresses.end; at += 8) {
      view.setUint32(at, this.#behindOrBefore(), true);
      view.setUint32(at + 4, 0, true);
    }
    return image;
  }

  /** Writes a case of the sequence with a state of its own. */
  state(sequence: Sequence, bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const random = this.#random;
    const { codeSize, roles } = sequence;
    bytes.fill(0);
    for (let n = 0; n < (codeSize === 64 ? 16 : 8); n++) this.#register(view, n, roles, codeSize);
    if (roles.divides && !random.chance(4)) this.#dividend(view);
    const flags = 0x202 | (random.next() & 0x8d5) | (random.chance(8) ? 0x400 : 0);
    view.setUint32(caseLayout.flags, flags, true);
    if (codeSize === 64) {
      for (const at of [caseLayout.fsBase, caseLayout.gsBase]) {
        if (random.chance(2)) view.setUint32(at, random.below(32) * 8, true);
      }
    }
    view.setUint32(caseLayout.codeSize, codeSize, true);
    bytes.set(sequence.code, caseLayout.code);
    this.#floatingPoint(view, caseLayout.xsave, codeSize, roles);
  }

  #register(view: DataView, n: number, roles: Roles, codeSize: CodeSize): void {
    const random = this.#random;
    const at = caseLayout.gpr + n * 8;
    const usual = !random.chance(12);
    if (roles.pointers.has(n) && (usual || n === rsp)) {
      view.setUint32(at, this.#pointer(roles), true);
    } else if (roles.codePointers.has(n) && usual) {
      view.setUint32(at, this.#behindOrBefore(), true);
    } else if (roles.small.has(n) && usual) {
      const value = random.below(random.chance(3) ? 300 : 24) * (random.chance(4) && codeSize === 64 ? -1 : 1);
      view.setInt32(at, value, true);
      view.setInt32(at + 4, value >> 31, true);
    } else {
      writeInteger(random, view, at);
      if (random.chance(8)) {
        view.setUint32(at, this.#pointer(roles), true);
        view.setUint32(at + 4, 0, true);
      }
    }
    if (codeSize === 32) view.setUint32(at + 4, 0, true);
  }

  /** A place of INT3 in the page: within the case, an address could be in the middle of an instruction. */
  #behindOrBefore(): number {
    const random = this.#random;
    return random.chance(2) ? codeAt + codeBytes + random.below(64) : codeAt - 1 - random.below(64);
  }

  #pointer(roles: Roles): number {
    const random = this.#random;
    if (roles.returns && random.chance(2)) return windowAt + codeAddresses.start + random.below(28) * 8;
    const kind = random.below(16);
    if (kind < 8) return windowAt + 0x200 + random.below(0xc0) * 16;
    if (kind < 12) return windowAt + 0x200 + random.below(0xc00);
    if (kind === 12) return windowAt + random.below(48) - 16;
    if (kind === 13) return windowAt + windowBytes - random.below(48) + 8;
    return windowAt + pageBytes - random.below(40);
  }

  /** rDX:rAX that a divisor may fit into. */
  #dividend(view: DataView): void {
    const sign = view.getInt32(caseLayout.gpr + rax * 8 + 4, true) >> 31;
    const high = this.#random.chance(2) ? 0 : sign;
    view.setInt32(caseLayout.gpr + rdx * 8, high, true);
    view.setInt32(caseLayout.gpr + rdx * 8 + 4, high, true);
  }

  #floatingPoint(view: DataView, at: number, codeSize: CodeSize, roles: Roles): void {
    const random = this.#random;
    const rounding = random.below(4);
    let fcw = 0x37f;
    if (random.chance(2))
      fcw = 0x40 | (rounding << 10) | (random.pick([0, 2, 3]) << 8) | (random.chance(6) ? random.next() & 0x3f : 0x3f);
    view.setUint16(at + xsaveLayout.fcw, fcw, true);
    let fsw = random.below(8) << 11;
    if (random.chance(4)) fsw |= random.next() & 0x4700;
    if (random.chance(6)) fsw |= random.next() & 0x7f;
    // ES and B follow from what is pending.
    if (fsw & ~fcw & 0x3f) fsw |= 0x8080;
    view.setUint16(at + xsaveLayout.fsw, fsw, true);
    view.setUint8(at + xsaveLayout.ftw, random.chance(4) ? random.next() & 0xff : random.pick([0xff, 0xff, 0xff, 0]));
    let mxcsr = 0x1f80;
    if (random.chance(2))
      mxcsr |= (random.below(4) << 13) | (random.chance(3) ? 0x8000 : 0) | (random.chance(3) ? 0x40 : 0);
    if (random.chance(4)) mxcsr |= random.next() & 0x3f;
    if (random.chance(10)) mxcsr &= ~(random.next() & 0x1f80);
    view.setUint32(at + xsaveLayout.mxcsr, mxcsr, true);
    view.setUint32(at + xsaveLayout.mxcsr + 4, 0xffff, true);
    view.setUint32(at + xsaveLayout.header, 7, true);
    const style = random.pick(fillStyles);
    for (let i = 0; i < 8; i++) {
      const register = at + xsaveLayout.st + i * 16;
      if (random.chance(6)) {
        fill(random, view, register, 8, style);
        view.setUint16(register + 8, 0xffff, true);
      } else writeExtended(random, view, register);
      const exponent = view.getUint16(register + 8, true);
      if (roles.nearZero && (exponent & 0x7fff) > 0x3ffc)
        view.setUint16(register + 8, (exponent & 0x8000) | 0x3ff0, true);
    }
    for (let i = 0; i < (codeSize === 64 ? 16 : 8); i++) {
      const own = random.chance(8) ? random.pick(fillStyles) : style;
      fill(random, view, at + xsaveLayout.xmm + i * 16, 16, own);
      fill(random, view, at + xsaveLayout.ymmHigh + i * 16, 16, own);
    }
    for (const n of roles.vectorIndices) {
      const element = random.pick([4, 8]);
      for (const start of [xsaveLayout.xmm, xsaveLayout.ymmHigh]) {
        for (let i = 0; i < 16; i += 4) {
          const value = element === 8 && i % 8 === 4 ? 0 : random.below(64);
          view.setUint32(at + start + n * 16 + i, value, true);
        }
      }
    }
  }
}
