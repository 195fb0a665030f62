/** A way from block to block, which are numbered in the order of their addresses: by a branch, or by falling through. */
export interface BlockEdge {
  readonly from: number;
  readonly to: number;
  readonly falls: boolean;
}

/** A piece of nesting: blocks `start`..`end` - 1. A loop is branched to at its start, a block scope at its end. */
export interface Scope {
  readonly kind: "loop" | "block";
  readonly start: number;
  readonly end: number;
}

/**
 * Finds a nesting of wasm loops and blocks for code in address order, so that every edge but falling through becomes one `br`: backward
 * edges make a loop from target to source, forward ones a block that ends before the target; both grow until they nest. Gives
 * undefined when an edge leads into a loop past its head (irreducible flow). Outermost first.
 */
export function structureBlocks(allEdges: readonly BlockEdge[]): Scope[] | undefined {
  const edges = allEdges.filter((edge) => !edge.falls);
  const loops = new Map<number, number>();
  for (const { from, to } of edges) if (to <= from) loops.set(to, Math.max(loops.get(to) ?? 0, from + 1));
  growLoops(loops);
  const starts = new Map<number, number>();
  for (const { from, to } of edges) {
    if (to > from) starts.set(to, Math.min(starts.get(to) ?? from, from));
  }
  if (!growBlocks(starts, loops)) return undefined;
  const scopes: Scope[] = [
    ...[...loops].map(([start, end]): Scope => ({ kind: "loop", start, end })),
    ...[...starts].map(([end, start]): Scope => ({ kind: "block", start, end })),
  ];
  const rank = (scope: Scope): number => (scope.kind === "block" ? 0 : 1);
  return scopes.sort((a, b) => a.start - b.start || b.end - a.end || rank(a) - rank(b));
}

/** Loops that overlap become nested: the outer one reaches to the end of the inner one. */
function growLoops(loops: Map<number, number>): void {
  for (let changed = true; changed; ) {
    changed = false;
    for (const [outer, outerEnd] of loops) {
      for (const [inner, innerEnd] of loops) {
        if (inner <= outer || inner >= outerEnd || innerEnd <= outerEnd) continue;
        loops.set(outer, innerEnd);
        changed = true;
      }
    }
  }
}

function growBlocks(starts: Map<number, number>, loops: ReadonlyMap<number, number>): boolean {
  for (let changed = true; changed; ) {
    changed = false;
    for (const [end, start] of starts) {
      let grown = start;
      for (const [loop, loopEnd] of loops) {
        // Its target lies in a loop that it enters past the head.
        if (loop > start && loop < end && loopEnd > end) return false;
        if (loop < grown && grown < loopEnd && loopEnd < end) grown = loop;
      }
      for (const [otherEnd, other] of starts) if (other < grown && grown < otherEnd && otherEnd < end) grown = other;
      if (grown === start) continue;
      starts.set(end, grown);
      changed = true;
    }
  }
  return true;
}
