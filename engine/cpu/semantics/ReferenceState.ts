/** What the reference executor works on: registers, flags and memory of a processor without protection. */
import type { FlagName } from "./Algebra.ts";
import type { HelperName } from "./helperSignatures.ts";

export interface ReferenceState {
  /** Unsigned 64-bit values. */
  readonly gpr: bigint[];
  rip: bigint;
  readonly flags: Record<FlagName, boolean>;
  readonly segments: { selector: bigint; base: bigint }[];
  /** Width of the stack pointer. */
  stackSize: 16 | 32 | 64;
  /** Bytes at linear addresses; throw a `GuestFault` where nothing may be accessed. */
  readonly readByte: (linear: bigint) => number;
  readonly writeByte: (linear: bigint, value: number) => void;
}

export class GuestFault extends Error {
  readonly vector: number;
  readonly errorCode: number | undefined;
  constructor(vector: number, errorCode?: number) {
    super(`Exception ${vector}`);
    this.vector = vector;
    this.errorCode = errorCode;
  }
}

/** What a helper of a unit does to the state; parameters and result are unsigned. */
export type ReferenceHelper = (state: ReferenceState, ...args: bigint[]) => bigint | undefined;
export type ReferenceHelpers = Partial<Record<HelperName, ReferenceHelper>>;
