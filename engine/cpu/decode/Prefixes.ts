/**
 * Prefixes of an instruction (Intel SDM vol. 2, 2.1.1 and 2.2.1): any number in any order, the last of a group counts, and REX only directly
 * before the opcode. In 64-bit code ES, CS, SS and DS overrides mean nothing and do not undo an FS or GS one.
 */
import type { InstructionBytes } from "./InstructionBytes.ts";

const kinds = { operandSize: 1, addressSize: 2, lock: 3, rep: 4, repne: 5, segment: 6, rex: 7 } as const;
const segmentPrefixes: Readonly<Record<number, number>> = { 38: 0, 46: 1, 54: 2, 62: 3, 100: 4, 101: 5 };
const fs = 4;

/** Prefix bytes by kind; 0 is no prefix. */
function kindTable(long: boolean): Uint8Array {
  const table = new Uint8Array(256);
  table[0x66] = kinds.operandSize;
  table[0x67] = kinds.addressSize;
  table[0xf0] = kinds.lock;
  table[0xf3] = kinds.rep;
  table[0xf2] = kinds.repne;
  for (const byte of Object.keys(segmentPrefixes)) table[Number(byte)] = kinds.segment;
  if (long) table.fill(kinds.rex, 0x40, 0x50);
  return table;
}

const legacyKinds = kindTable(false);
const longKinds = kindTable(true);

export class Prefixes {
  operandSize = false;
  addressSize = false;
  lock = false;
  repeat: "none" | "rep" | "repne" = "none";
  /** `segmentIndex` of an override, or -1. */
  segment = -1;
  /** The whole REX byte, or 0. */
  rex = 0;

  /** Reads up to the opcode, whose first byte is the result; -1 when bytes are missing. */
  read(bytes: InstructionBytes, long: boolean): number {
    const table = long ? longKinds : legacyKinds;
    this.operandSize = false;
    this.addressSize = false;
    this.lock = false;
    this.repeat = "none";
    this.segment = -1;
    this.rex = 0;
    for (;;) {
      const byte = bytes.next();
      if (byte < 0) return -1;
      const kind = table[byte]!;
      if (kind === 0) return byte;
      this.rex = kind === kinds.rex ? byte : 0;
      if (kind !== kinds.rex) this.#note(kind, byte, long);
    }
  }

  #note(kind: number, byte: number, long: boolean): void {
    if (kind === kinds.operandSize) this.operandSize = true;
    else if (kind === kinds.addressSize) this.addressSize = true;
    else if (kind === kinds.lock) this.lock = true;
    else if (kind === kinds.rep) this.repeat = "rep";
    else if (kind === kinds.repne) this.repeat = "repne";
    else {
      const segment = segmentPrefixes[byte]!;
      if (!long || segment >= fs) this.segment = segment;
    }
  }
}
