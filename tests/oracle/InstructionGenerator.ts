/**
 * Makes instruction bytes from a row: every form its encoding allows, with prefixes, registers and addresses at random. What the decoder does not
 * give back as the same row is thrown away, so nothing here has to know which prefixes pick another row. Addresses without a base register
 * point into the case's memory, branches to somewhere near.
 */
import type { Decoder } from "../../engine/cpu/decode/Decoder.ts";
import { parseEncoding } from "../../engine/cpu/decode/Encoding.ts";
import type { Instruction } from "../../engine/cpu/decode/Instruction.ts";
import { needsModrm, parseOperandCode } from "../../engine/cpu/decode/operandCodes.ts";
import type { InstructionRow } from "../../engine/cpu/isa/InstructionRow.ts";
import { type CodeSize, windowAt, windowBytes } from "./oracleLayout.ts";
import type { RandomSource } from "./randomSource.ts";

export interface GeneratedInstruction {
  readonly bytes: number[];
  readonly decoded: Instruction;
}

interface Shape {
  readonly prefix: number | undefined;
  readonly vex:
    | { readonly long: 0 | 1 | undefined; readonly map: number; readonly w: 0 | 1 | undefined; readonly pp: number }
    | undefined;
  readonly rexBits: number;
  readonly opcode: readonly number[];
  readonly plusRegister: boolean;
  readonly modrms: readonly number[] | undefined;
  readonly hasModrm: boolean;
  readonly usesVvvv: boolean;
  readonly usesVectorIndex: boolean;
}

const mandatory: Readonly<Record<string, number>> = { "66": 0x66, F2: 0xf2, F3: 0xf3 };
const vexPrefixes = ["NP", "66", "F3", "F2"];
const segmentPrefixes = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];
const vexToken = /^VEX\.(128|256|LIG|LZ)\.(NP|66|F3|F2)\.0F(|38|3A)\.(W0|W1|WIG)$/;

function readShape(row: InstructionRow): Shape {
  const tokens = row.encoding.split(" ");
  const encoding = parseEncoding(row.encoding);
  const opcode = tokens.filter((token, i) => /^[0-9A-F]{2}(\+r)?$/.test(token) && !(i === 0 && isPrefix(tokens)));
  const vex = vexToken.exec(tokens[0]!);
  const operands = row.operands.map((text) => parseOperandCode(text));
  const fromOpcode =
    opcode.length > (vex ? 1 : opcode[0] !== "0F" ? 1 : opcode[1] === "38" || opcode[1] === "3A" ? 3 : 2);
  return {
    prefix: vex || !isPrefix(tokens) ? undefined : mandatory[tokens[0]!],
    vex: vex
      ? {
          long: vex[1] === "LIG" ? undefined : vex[1] === "256" ? 1 : 0,
          map: vex[3] === "38" ? 2 : vex[3] === "3A" ? 3 : 1,
          w: vex[4] === "WIG" ? undefined : vex[4] === "W1" ? 1 : 0,
          pp: vexPrefixes.indexOf(vex[2]!),
        }
      : undefined,
    rexBits: tokens.includes("REX.W") ? 8 : tokens.includes("REX.B") ? 1 : 0,
    opcode: opcode.map((token) => Number.parseInt(token, 16)),
    plusRegister: opcode.some((token) => token.endsWith("+r")),
    modrms: encoding.modrms,
    hasModrm: !fromOpcode && (encoding.hasModrm || operands.some(needsModrm)),
    usesVvvv: row.operands.some((text) => /^[HB][a-z]+$/.test(text)),
    usesVectorIndex: row.operands.some((text) => text.startsWith("VI")),
  };
}

/** "66 0F 58" has one, "66" alone or "F3 90" are told apart by what follows. */
function isPrefix(tokens: readonly string[]): boolean {
  return tokens.length > 1 && tokens[0]! in mandatory;
}

export class InstructionGenerator {
  readonly #random: RandomSource;
  readonly #decoder: Decoder;
  readonly #shapes = new Map<InstructionRow, Shape>();

  constructor(random: RandomSource, decoder: Decoder) {
    this.#random = random;
    this.#decoder = decoder;
  }

  /** An instruction of this row that will lie at `at`; undefined when these tries gave none. */
  make(row: InstructionRow, codeSize: CodeSize, at: number): GeneratedInstruction | undefined {
    let shape = this.#shapes.get(row);
    if (!shape) {
      shape = readShape(row);
      this.#shapes.set(row, shape);
    }
    for (let tries = 0; tries < 8; tries++) {
      const made = this.#try(row, shape, codeSize, at);
      if (made) return made;
    }
    return undefined;
  }

  #try(row: InstructionRow, shape: Shape, codeSize: CodeSize, at: number): GeneratedInstruction | undefined {
    const random = this.#random;
    const bytes = this.#prefixes(row, shape, codeSize);
    const shortAddresses = codeSize === 32 && bytes.includes(0x67);
    if (shape.vex) this.#vex(bytes, shape, codeSize);
    else if (codeSize === 64 && (shape.rexBits !== 0 || random.chance(2)))
      bytes.push(0x40 | shape.rexBits | (random.next() & 15));
    else if (shape.rexBits !== 0) return undefined;
    bytes.push(...shape.opcode);
    if (shape.plusRegister) bytes[bytes.length - 1]! += random.below(8);
    const relative = shape.hasModrm ? this.#modrm(bytes, shape, codeSize, shortAddresses) : -1;
    const head = bytes.length;
    for (let i = 0; i < 10; i++)
      bytes.push(random.chance(3) ? random.pick([0, 1, 0x7f, 0x80, 0xff, 8, 16, 31, 32]) : random.next() & 0xff);
    const decoded = this.#decode(bytes, codeSize);
    if (decoded?.row !== row) return undefined;
    bytes.length = decoded.length;
    if (relative >= 0) put32(bytes, relative, this.#target() - (at + bytes.length));
    this.#aim(bytes, decoded, head);
    const final = this.#decode(bytes, codeSize);
    return final?.row === row ? { bytes, decoded: final } : undefined;
  }

  #decode(bytes: readonly number[], codeSize: CodeSize): Instruction | undefined {
    const decoded = this.#decoder.decode(Uint8Array.from(bytes), 0, bytes.length, { codeSize });
    return "failure" in decoded ? undefined : decoded;
  }

  #prefixes(row: InstructionRow, shape: Shape, codeSize: CodeSize): number[] {
    const random = this.#random;
    const bytes: number[] = [];
    if (random.chance(12)) bytes.push(random.pick(segmentPrefixes));
    if (random.chance(codeSize === 64 ? 10 : 24)) bytes.push(0x67);
    if (shape.vex) return bytes;
    if (shape.prefix !== 0x66 && random.chance(4)) bytes.push(0x66);
    if (row.lockable && random.chance(6)) bytes.push(0xf0);
    if (row.repeatable ? random.chance(2) : random.chance(60) && !row.encoding.startsWith("REX.B"))
      bytes.push(random.pick([0xf2, 0xf3]));
    if (shape.prefix !== undefined) bytes.push(shape.prefix);
    return bytes;
  }

  /** Two or three bytes, registers at random. */
  #vex(bytes: number[], shape: Shape, codeSize: CodeSize): void {
    const random = this.#random;
    const { long, map, w, pp } = shape.vex!;
    const l = long ?? random.below(2);
    const wide = w ?? random.below(2);
    const vvvv = shape.usesVvvv ? random.next() & (codeSize === 64 ? 15 : 7) : 0;
    const last = ((~vvvv & 15) << 3) | (l << 2) | pp;
    const inverted = codeSize === 64 ? random.next() & 0xe0 : 0xe0;
    if (map === 1 && wide === 0 && random.chance(2)) bytes.push(0xc5, (inverted & 0x80) | last);
    else bytes.push(0xc4, inverted | map, (wide << 7) | last);
  }

  /** ModRM, SIB and displacement. Gives the place of a displacement that is relative to the next instruction, or -1. */
  #modrm(bytes: number[], shape: Shape, codeSize: CodeSize, shortAddresses: boolean): number {
    const random = this.#random;
    let modrm = shape.modrms ? random.pick(shape.modrms) : random.next() & 0xff;
    if (modrm >= 0xc0 && random.chance(2) && (!shape.modrms || shape.modrms.includes(modrm & 0x3f))) modrm &= 0x3f;
    if (shape.usesVectorIndex) modrm = (modrm & 0xb8) | 4;
    bytes.push(modrm);
    const mod = modrm >> 6;
    if (mod === 3) return -1;
    if (shortAddresses) {
      if (mod === 2 || (mod === 0 && (modrm & 7) === 6)) bytes.push(random.next() & 0xff, random.next() & 0xff);
      if (mod === 1) bytes.push(random.next() & 0xff);
      return -1;
    }
    let noBase = mod === 0 && (modrm & 7) === 5;
    const isRelative = noBase && codeSize === 64;
    if ((modrm & 7) === 4) {
      const sib = random.next() & 0xff;
      bytes.push(sib);
      noBase = mod === 0 && (sib & 7) === 5;
    }
    if (noBase)
      bytes.push(
        ...[0, 8, 16, 24].map(
          (
            (target) => (shift: number) =>
              (target >> shift) & 0xff
          )(this.#target()),
        ),
      );
    else if (mod === 1) bytes.push(random.next() & 0xff);
    else if (mod === 2) {
      const near = random.below(256) - 128;
      bytes.push(near & 0xff, (near >> 8) & 0xff, (near >> 16) & 0xff, (near >> 24) & 0xff);
    }
    return isRelative ? bytes.length - 4 : -1;
  }

  #target(): number {
    const random = this.#random;
    const near = random.pick([0, windowBytes / 2, windowBytes, 0x300, 0x800, 0xc00]);
    return windowAt + near + (random.chance(2) ? random.below(16) * 16 : random.below(64) - 32);
  }

  /** Branches go somewhere near, absolute offsets into the case's memory. */
  #aim(bytes: number[], decoded: Instruction, head: number): void {
    const random = this.#random;
    if (decoded.operands.some((operand) => operand.kind === "relative")) {
      const near = random.below(64) - 32;
      for (let at = head; at < bytes.length; at++) bytes[at] = (near >> (8 * (at - head))) & 0xff;
    }
    if (decoded.row.operands.some((text) => text === "Ob" || text === "Ov") && !random.chance(16)) {
      const target = this.#target();
      for (let at = head; at < bytes.length; at++) bytes[at] = at - head < 4 ? (target >> (8 * (at - head))) & 0xff : 0;
    }
  }
}

function put32(bytes: number[], at: number, value: number): void {
  for (let i = 0; i < 4; i++) bytes[at + i] = (value >> (8 * i)) & 0xff;
}
