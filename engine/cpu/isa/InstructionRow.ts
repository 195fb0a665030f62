import type { OperationName } from "../semantics/OperationName.ts";

/**
 * One encoding of one instruction, as a row of data in the manual's own letters (Intel SDM vol. 2, appendix A): `Eb`,
 * `Gv`, `Iz`, `Ib`, `sIb` (sign-extended to the operand size), `M`, `Mp`, `Ob`/`Ov` (moffs), `Jb`/`Jz`, `Ap`, `Sw`, `Cd`, `Dd`,
 * `Rd`, `Zv`/`Zb` (register in the opcode), `Pq`/`Qq` (MMX), `Vx`/`Wx` with their memory size (`Wss`, `Wsd`, `Wdq`, ...), `STi`, `ST0`, `Mf32`, `Mf64`, `Mf80`,
 * `Mi16`.., fixed registers by name (`AL`, `rAX`, `DX`, `CL`, `CS`, `XMM0`, ...), `1`. With VEX: `Hx` and `By` (the register in vvvv), `Lx` (the one in an
 * immediate byte), and for gathers `VMd`/`VMq` (memory without the vector of indices), `VI` (that vector), `VS` (its scale). `x`, `ps` and
 * `pd` are 256 bits in a row with VEX.256, `h` is half of that.
 */
export interface InstructionRow {
  /**
   * Prefix (`NP`, `66`, `F2`, `F3`, `REX.B`) or the whole of VEX in the manual's notation (`VEX.128.66.0F38.W0`; lengths 128, 256, LIG, LZ), bytes,
   * then `/r`, `/0`../7`, `+r`, and `mod=3` or `mod!=3` where it matters.
   */
  readonly encoding: string;
  readonly operation: OperationName;
  readonly operands: readonly string[];
  /** "legacy": not in 64-bit mode, "long": only there; absent: both. */
  readonly mode?: "legacy" | "long";
  /** CPUID feature without which the encoding raises #UD. */
  readonly feature?: string;
  /** In 64-bit mode the operand size defaults to 64 (PUSH) or is always 64 whatever the prefixes say (near branches). */
  readonly default64?: boolean | "always";
  /** The instruction ends a run of straight-line records. */
  readonly endsBlock?: boolean;
  readonly lockable?: boolean;
  /** F2 and F3 repeat it. */
  readonly repeatable?: boolean;
  /** POP to memory: an address that uses the stack pointer uses it as it is after the pop. */
  readonly popsBeforeAddressing?: boolean;
  /** Needs CPL 0 (checked before anything else), or the IOPL rules ("io"). */
  readonly privilege?: 0 | "io";
  /** Flags in the manual's letters: read, written, left undefined. */
  readonly reads?: string;
  readonly writes?: string;
  readonly undefinedFlags?: string;
  /**
   * x87/MMX/SSE instructions check CR0.EM/TS (and CR4.OSFXSR) first: #NM or #UD. "avx" asks CR4.OSXSAVE and XCR0, and clears what lies above the
   * vectors that it writes; "vex" is VEX with general registers, which real and virtual-8086 mode do not have either.
   */
  readonly unit?: "x87" | "mmx" | "sse" | "avx" | "vex";
}
