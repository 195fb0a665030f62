/**
 * Which of an instruction's accesses go by way of SS: its memory operand, where a prefix or the base register says so, and what it pushes and
 * pops. In 64-bit code this decides nothing but whether an address that is not canonical raises #SS or #GP (SDM vol. 3, 6.15), so that it is asked
 * only then. Far transfers and deliveries raise #SS themselves.
 */
import type { Instruction } from "../decode/Instruction.ts";
import { segmentIndex } from "../layout/cpuLayout.ts";
import type { OperationName } from "../semantics/OperationName.ts";

const stackOperations: ReadonlySet<OperationName> = new Set<OperationName>([
  "PUSH",
  "POP",
  "PUSH_SEGMENT",
  "POP_SEGMENT",
  "PUSHF",
  "POPF",
  "CALL",
  "RET",
  "ENTER",
  "LEAVE",
]);

/** No near stack access lies further from RSP than this; ENTER and LEAVE, which reach further, have no memory operand. */
const nearestBytes = 16n;

export function usesStackSegment({ row, operands }: Instruction, linear: bigint, stackPointer: bigint): boolean {
  const memory = operands.find((operand) => operand.kind === "memory");
  if (memory?.segment === segmentIndex.ss) return true;
  if (!stackOperations.has(row.operation)) return false;
  if (!memory) return true;
  const distance = BigInt.asIntN(64, linear - stackPointer);
  return distance >= -nearestBytes && distance <= nearestBytes;
}
