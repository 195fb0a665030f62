import type { OperationName } from "../semantics/OperationName.ts";
import type { RowText } from "./buildRows.ts";
import type { InstructionRow } from "./InstructionRow.ts";

/** Lengths of an instruction's vectors and the feature that each needs. */
export interface VexLengths {
  readonly "128"?: string;
  readonly "256"?: string;
  readonly LIG?: string;
  readonly LZ?: string;
}

export const avx: VexLengths = { "128": "avx", "256": "avx" };
/** Integer vectors: the long ones came with AVX2. */
export const avxInteger: VexLengths = { "128": "avx", "256": "avx2" };
export const avx2: VexLengths = { "128": "avx2", "256": "avx2" };
export const avx128: VexLengths = { "128": "avx" };
export const avxLong: VexLengths = { "256": "avx" };
export const avx2Long: VexLengths = { "256": "avx2" };
export const avxScalar: VexLengths = { LIG: "avx" };

/** One row for each length. `space` is what follows the length in the manual's notation: `66.0F38.W0`. */
export function vex(
  space: string,
  rest: string,
  operation: OperationName,
  operands: string,
  lengths: VexLengths,
  only: Partial<InstructionRow> = {},
): RowText[] {
  return Object.entries(lengths).map(
    ([length, feature]): RowText => [
      `VEX.${length}.${space} ${rest}`,
      operation,
      operands,
      { unit: "avx", feature, ...only },
    ],
  );
}
