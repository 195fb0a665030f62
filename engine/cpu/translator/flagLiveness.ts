import type { PlacedInstruction, Region } from "./findRegion.ts";

const arithmeticFlags = "OSZAPC";
/** Operations that cannot fault when all their operands are registers or immediates. */
const faultless = new Set(
  "ADD ADC SUB SBB CMP AND OR XOR TEST NOT NEG INC DEC MOV MOVZX MOVSX XCHG LEA NOP SHL SHR SAR ROL ROR RCL RCR SHLD SHRD IMUL MUL BSWAP CBW CWD BT BTS BTR BTC BSF BSR CLC STC CMC LAHF SAHF JMP JCXZ LOOP LOOPE LOOPNE".split(
    " ",
  ),
);

/** Whether it may raise an exception, whose handler sees the flags. */
function mayFault({ instruction }: PlacedInstruction): boolean {
  const { operation } = instruction.row;
  if (!faultless.has(operation) && !/^(J|SET|CMOV)/.test(operation)) return true;
  return operation !== "LEA" && instruction.operands.some((operand) => operand.kind === "memory");
}

const overwritesAll = ({ instruction }: PlacedInstruction): boolean => {
  const { writes = "", undefinedFlags = "" } = instruction.row;
  return [...arithmeticFlags].every((flag) => writes.includes(flag) || undefinedFlags.includes(flag));
};

const readsAny = ({ instruction }: PlacedInstruction): boolean =>
  [...(instruction.row.reads ?? "")].some((flag) => arithmeticFlags.includes(flag));

/** Whether the flags at the start of a block matter to it: true, false, or whatever holds behind it. */
function need(instructions: readonly PlacedInstruction[]): boolean | undefined {
  for (const placed of instructions) {
    if (readsAny(placed) || mayFault(placed)) return true;
    if (overwritesAll(placed)) return false;
  }
  return undefined;
}

/**
 * For each block of a region whether the arithmetic flags are live at its start. What a fault handler sees counts as a use, and so does
 * leaving the region.
 */
export function flagLiveness(region: Region): boolean[] {
  const needs = region.blocks.map((block) => need(block.instructions));
  const live = needs.map((needed) => needed === true);
  const successors = region.blocks.map((_, i) => region.edges.filter((edge) => edge.from === i));
  const ways = region.blocks.map((block) => {
    const { row, operands } = block.instructions.at(-1)!.instruction;
    const branches = operands[0]?.kind === "relative" && row.operation !== "CALL";
    return branches && row.operation !== "JMP" ? 2 : 1;
  });
  for (let changed = true; changed; ) {
    changed = false;
    needs.forEach((needed, i) => {
      if (needed !== undefined || live[i]) return;
      const leaves = successors[i]!.length < ways[i]!;
      if (!leaves && !successors[i]!.some((edge) => live[edge.to])) return;
      live[i] = true;
      changed = true;
    });
  }
  return live;
}
