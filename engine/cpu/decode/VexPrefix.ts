import type { InstructionBytes } from "./InstructionBytes.ts";
import type { Prefixes } from "./Prefixes.ts";

const threeBytes = 0xc4;

/**
 * The VEX prefixes C4 and C5 (Intel SDM vol. 2, 2.3): opcode map, mandatory prefix, vector length, W, and one more register. What REX would have said
 * (R, X, B, W) goes into `Prefixes.rex`, where the operands look for it. Outside of 64-bit code the bytes are LES and LDS unless what would be their
 * ModRM byte names a register; registers are the lower eight there, and W does not change the size of general registers. Absent: EVEX and XOP.
 */
export class VexPrefix {
  present = false;
  /** 1: 256 bits. */
  length = 0;
  w = 0;
  /** As the register's number: the bits in the instruction are inverted. */
  vvvv = 0;
  /** 1 is 0F, 2 is 0F38, 3 is 0F3A. */
  map = 0;
  /** Mandatory prefix as a column of the dispatch table: none, 66, F3, F2. */
  column = 0;

  /** `first` is C4 or C5 and has been read. "other" means that it is no VEX prefix. */
  read(
    first: number,
    bytes: InstructionBytes,
    prefixes: Prefixes,
    long: boolean,
  ): "vex" | "other" | "truncated" | "invalid" {
    this.present = false;
    if (!long) {
      const next = bytes.peek();
      if (next < 0) return "truncated";
      if (next < 0xc0) return "other";
    }
    if (prefixes.lock || prefixes.operandSize || prefixes.repeat !== "none" || prefixes.rex !== 0) return "invalid";
    const second = bytes.next();
    const third = first === threeBytes ? bytes.next() : second;
    if (second < 0 || third < 0) return "truncated";
    this.present = true;
    this.map = first === threeBytes ? second & 0x1f : 1;
    if (this.map < 1 || this.map > 3) return "invalid";
    const inverted = ~second;
    const extension = first === threeBytes ? (inverted >> 5) & 7 : (inverted >> 5) & 4;
    this.w = first === threeBytes ? third >> 7 : 0;
    this.length = (third >> 2) & 1;
    this.vvvv = (~third >> 3) & (long ? 15 : 7);
    this.column = third & 3;
    prefixes.rex = long ? 0x40 | (this.w << 3) | extension : 0;
    return "vex";
  }
}
