import type { Decoder } from "../decode/Decoder.ts";
import type { Instruction } from "../decode/Instruction.ts";
import type { BlockEdge } from "./structureBlocks.ts";

/** An instruction and where it is: offset in its page. */
export interface PlacedInstruction {
  readonly offset: number;
  readonly instruction: Instruction;
}

export interface RegionBlock {
  readonly start: number;
  readonly instructions: readonly PlacedInstruction[];
  /** Offset behind the last instruction. */
  readonly end: number;
}

/** Code of one page that is translated as a whole; entered at the first block. */
export interface Region {
  readonly blocks: readonly RegionBlock[];
  /** Edges between blocks of the region, falling through included. */
  readonly edges: readonly BlockEdge[];
}

const mostBlocks = 64;
const pageBytes = 4096;

/** Where a relative branch leads, as an offset in the page. */
export function branchTarget({ offset, instruction }: PlacedInstruction): number | undefined {
  const operand = instruction.operands[0];
  if (operand?.kind !== "relative" || instruction.row.operation === "CALL") return undefined;
  return offset + instruction.length + operand.displacement;
}

/** Whether the region can hold the instruction: no helper that ends a block, no repetition, no FPU. */
export function isTranslatable(placed: PlacedInstruction): boolean {
  const { row, repeat } = placed.instruction;
  // With an operand size of 16 a branch leads to the low 64 KiB.
  if (branchTarget(placed) !== undefined) return placed.instruction.operandSize !== 16;
  return !row.endsBlock && repeat === "none" && !row.unit && row.privilege === undefined;
}

/** Reads on from the entry along branches that stay in its page, at or behind `lowest`. */
export function findRegion(
  page: Uint8Array,
  entry: number,
  decoder: Decoder,
  codeSize: 16 | 32 | 64,
  lowest = entry,
): Region {
  const found = new Map<number, Instruction>();
  const leaders = new Set([entry]);
  const open = [entry];
  for (let at = open.pop(); at !== undefined && leaders.size <= mostBlocks; at = open.pop()) {
    for (;;) {
      if (found.has(at)) break;
      const decoded = decoder.decode(page, at, pageBytes - at, { codeSize });
      if ("failure" in decoded || !isTranslatable({ offset: at, instruction: decoded })) break;
      found.set(at, decoded);
      const target = branchTarget({ offset: at, instruction: decoded });
      at += decoded.length;
      if (target === undefined) continue;
      if (target >= lowest && target < pageBytes) {
        leaders.add(target);
        open.push(target);
      }
      if (decoded.row.operation === "JMP") break;
      leaders.add(at);
    }
  }
  return assembleRegion(found, leaders);
}

/** Where the innermost loop around an instruction starts, or undefined when it is in none. */
export function findLoopHead(
  page: Uint8Array,
  entry: number,
  decoder: Decoder,
  codeSize: 16 | 32 | 64,
): number | undefined {
  const { blocks, edges } = findRegion(page, entry, decoder, codeSize, 0);
  const own = blocks.findIndex((block) => block.start === entry);
  const heads = edges.filter((edge) => edge.to <= own && edge.from >= own).map((edge) => edge.to);
  return heads.length > 0 ? blocks[Math.max(...heads)]!.start : undefined;
}

function assembleRegion(found: ReadonlyMap<number, Instruction>, leaders: ReadonlySet<number>): Region {
  const blocks: RegionBlock[] = [];
  for (const start of [...leaders].filter((leader) => found.has(leader)).sort((a, b) => a - b)) {
    const instructions: PlacedInstruction[] = [];
    let at = start;
    for (let instruction = found.get(at); instruction; instruction = found.get(at)) {
      instructions.push({ offset: at, instruction });
      at += instruction.length;
      if (leaders.has(at) || branchTarget(instructions.at(-1)!) !== undefined) break;
    }
    blocks.push({ start, instructions, end: at });
  }
  // A branch into the middle of an instruction makes blocks that overlap, which no nesting of scopes can hold.
  if (blocks.some((block, i) => block.end > (blocks[i + 1]?.start ?? pageBytes * 2))) return { blocks: [], edges: [] };
  const indexOf = new Map(blocks.map((block, i) => [block.start, i]));
  const edges: BlockEdge[] = [];
  blocks.forEach((block, from) => {
    const last = block.instructions.at(-1)!;
    const target = branchTarget(last);
    const taken = target === undefined ? undefined : indexOf.get(target);
    if (taken !== undefined) edges.push({ from, to: taken, falls: false });
    const behind = last.instruction.row.operation === "JMP" ? undefined : indexOf.get(block.end);
    if (behind !== undefined) edges.push({ from, to: behind, falls: true });
  });
  return { blocks, edges };
}
