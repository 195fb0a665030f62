import type { OperationName } from "../semantics/OperationName.ts";
import type { InstructionRow } from "./InstructionRow.ts";
import { operationTraits } from "./operationTraits.ts";

/** A row as the map files write it: encoding, operation, operand letters, and what only this encoding has. */
export type RowText = readonly [
  encoding: string,
  operation: OperationName,
  operands?: string,
  only?: Partial<InstructionRow>,
];

/** Joins what is true of the operation in all its encodings with what is true of one. */
export function buildRows(texts: readonly RowText[]): InstructionRow[] {
  return texts.map(([encoding, operation, operands, only]) => ({
    encoding,
    operation,
    operands: operands ? operands.split(" ") : [],
    ...operationTraits[operation],
    ...only,
  }));
}

/** `count` rows that differ in one nibble of the opcode and in the operation. */
export function perCondition(
  encoding: (opcode: string) => string,
  firstOpcode: number,
  operations: readonly OperationName[],
  operands: string,
  only?: Partial<InstructionRow>,
): RowText[] {
  return operations.map((operation, code) => [encoding(hex(firstOpcode + code)), operation, operands, only ?? {}]);
}

export const hex = (byte: number): string => byte.toString(16).toUpperCase().padStart(2, "0");
