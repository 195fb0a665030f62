/**
 * Makes operands from ModRM, SIB, displacement and immediates (Intel SDM vol. 2, 2.1.3 to 2.1.5 and 2.2.1) in 16-, 32- and 64-bit addressing.
 * The decoder has read everything up to ModRM and has made sure that the immediates are there.
 */
import type { ImmediateOperand, MemoryOperand, Operand, OperandWidth, RegisterOperand } from "./Instruction.ts";
import { bigOf, type InstructionBytes } from "./InstructionBytes.ts";
import { operandMethod as method, type OperandCode } from "./operandCodes.ts";
import type { Prefixes } from "./Prefixes.ts";
import { generalRegister, plainRegister, registerFile } from "./registers.ts";

export type OperandSize = 16 | 32 | 64;

export interface InstructionSizes {
  code: OperandSize;
  operand: OperandSize;
  address: OperandSize;
}

const segmentDs = 3;
const segmentSs = 2;
const segmentEs = 0;

/** Base and index of 16-bit addresses by ModRM.rm; 6 without displacement is a plain disp16. */
/** The others are #UD at any privilege. */
const controlRegisters = new Set([0, 2, 3, 4, 8]);
const base16 = [3, 3, 5, 5, 6, 7, 5, 3];
const index16 = [6, 7, 6, 7, -1, -1, -1, -1];

/** Width in bits 16, 32, 64 -> 0, 1, 2. */
export const sizeIndex = (size: OperandSize): 0 | 1 | 2 => (size === 16 ? 0 : size === 32 ? 1 : 2);

const immediate = (width: OperandWidth, value: bigint): ImmediateOperand => ({ kind: "immediate", width, value });

export class OperandReader {
  readonly #bytes: InstructionBytes;
  #codeIs64 = false;
  #operandSize: OperandSize = 32;
  #addressSize: OperandSize = 32;
  #segment = -1;
  #rex = 0;
  #opcode = 0;
  #modrm = 0;
  #base = -1;
  #index = -1;
  #scaleShift = 0;
  #displacement = 0;
  #ripRelative = false;
  #vvvv = 0;
  #vectorIndex = 0;

  constructor(bytes: InstructionBytes) {
    this.#bytes = bytes;
  }

  /** Starts an instruction whose opcode and ModRM byte (0 without one) have been read. */
  open(prefixes: Prefixes, opcode: number, modrm: number, sizes: InstructionSizes, vvvv: number): void {
    this.#vvvv = vvvv;
    this.#codeIs64 = sizes.code === 64;
    this.#operandSize = sizes.operand;
    this.#addressSize = sizes.address;
    this.#segment = prefixes.segment;
    this.#rex = prefixes.rex;
    this.#opcode = opcode;
    this.#modrm = modrm;
  }

  /** ModRM and SIB to base, index, scale, displacement. False when bytes are missing. A vector of indices stays out of the address. */
  readAddress(hasVectorIndex = false): boolean {
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
        const sib = this.#bytes.next();
        if (sib < 0) return false;
        base = sib & 7;
        const index = ((sib >> 3) & 7) | ((this.#rex & 2) << 2);
        if (hasVectorIndex) {
          this.#vectorIndex = index;
          this.#scaleShift = sib >> 6;
        } else if (index !== 4) {
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
    if (!this.#bytes.has(displacementBytes)) return false;
    this.#displacement = displacementBytes === 0 ? 0 : this.#bytes.signed(displacementBytes);
    return true;
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
      displacement: bigOf(this.#displacement),
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
  operand(operand: OperandCode, width: OperandWidth): Operand | undefined {
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
        return immediate(width, this.#bytes.signedBig(operand.immediateBytes[sizeIndex(this.#operandSize)]!));
      case method.signedByte:
        return immediate(width, bigOf(this.#bytes.signed(1)));
      case method.one:
        return immediate(8, 1n);
      case method.relative:
        return {
          kind: "relative",
          displacement: this.#bytes.signed(operand.immediateBytes[sizeIndex(this.#operandSize)]!),
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
        const displacement = this.#bytes.signedBig(this.#addressSize >> 3);
        return this.#impliedMemory(width, -1, this.#segment >= 0 ? this.#segment : segmentDs, displacement);
      }
      case method.far: {
        const offset = this.#operandSize === 16 ? this.#bytes.signed(2) & 0xffff : this.#bytes.signed(4) >>> 0;
        return { kind: "far", offset, selector: this.#bytes.signed(2) & 0xffff };
      }
      case method.segment: {
        const number = (this.#modrm >> 3) & 7;
        return number > 5 ? undefined : plainRegister(registerFile.segment, number, 16);
      }
      case method.control:
        return controlRegisters.has(this.#reg()) ? plainRegister(registerFile.control, this.#reg(), width) : undefined;
      case method.debug:
        return this.#reg() < 8 ? plainRegister(registerFile.debug, this.#reg(), width) : undefined;
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
      case method.H:
        return plainRegister(registerFile.xmm, this.#vvvv, width);
      case method.B:
        return this.#general(this.#vvvv, width);
      case method.L:
        return plainRegister(registerFile.xmm, (this.#bytes.signed(1) >> 4) & (this.#codeIs64 ? 15 : 7), width);
      case method.xmm0:
        return plainRegister(registerFile.xmm, 0, width);
      case method.vectorMemory:
        return isMemory ? { ...this.#memory(width), scaleShift: 0 } : undefined;
      case method.vectorIndex:
        return plainRegister(registerFile.xmm, this.#vectorIndex, width);
      case method.vectorScale:
        return immediate(width, bigOf(this.#scaleShift));
      case method.st:
        return plainRegister(registerFile.st, this.#modrm & 7, 80);
      case method.st0:
        return plainRegister(registerFile.st, 0, 80);
      default:
        throw new Error(`Operand method ${operand.method} has no decoder`);
    }
  }
}
