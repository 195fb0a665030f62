/** What snapshots take on the host, and what deleting one needs and gives back. */
import type { SnapshotDocument, SnapshotNode } from "../../snapshot/tree/SnapshotDocument.ts";
import type { SnapshotPlan } from "../../snapshot/tree/SnapshotPlan.ts";
import { allJoins, type Join, type SizeOf } from "../../snapshot/tree/settleLayers.ts";
import { joinedFiles, joinOptions } from "./joinedLayers.ts";

export interface Removal {
  readonly neededBytes: number;
  readonly freedBytes: number;
  /** Those that would be changed or deleted on account of this snapshot. */
  readonly files: string[];
}

/** Of the plan that deletes a snapshot, and the joins that follow. `stateBytes` are freed in any case. */
export function removalOf(
  before: SnapshotDocument,
  { last, document }: Pick<SnapshotPlan, "last" | "document">,
  id: string,
  { sizes, stateBytes, runs }: { readonly sizes: SizeOf; readonly stateBytes: number; readonly runs: boolean },
): Removal {
  const removed = last.flatMap((step) => (step.kind === "removeFile" ? [step.file] : []));
  const joins = allJoins(document, sizes, joinOptions(document, runs));
  // What an earlier change has left to be joined is not this one's business.
  const due = new Set(allJoins(before, sizes).map(({ lower }) => lower));
  const changed = joins.filter(({ lower }) => !due.has(lower)).flatMap(joinedFiles);
  return {
    neededBytes: roomForJoins(joins, sizes),
    freedBytes: [...removed, ...joins.map(({ gone }) => gone)].reduce((sum, file) => sum + sizes(file), stateBytes),
    files: [...removed, ...changed, ...filesOnlyOf(before, id)],
  };
}

/** Bytes of the images and memory that each snapshot added to those before it. `states` are the sizes of states by their names. */
export function allocationOf(
  document: SnapshotDocument,
  sizes: SizeOf,
  states: ReadonlyMap<string, number>,
): (node: SnapshotNode) => number {
  return (node) => {
    const parent = document.nodes.find(({ id }) => id === node.parent);
    const above = new Set(Object.values(parent?.layers ?? {}));
    return Object.values(node.layers)
      .filter((layer) => !above.has(layer))
      .map((layer) => sizes(document.layers.find(({ id }) => id === layer)?.file ?? ""))
      .reduce((sum, bytes) => sum + bytes, states.get(node.state ?? "") ?? 0);
  };
}

/** Of layers that one snapshot alone names. */
function filesOnlyOf({ nodes, layers, current }: SnapshotDocument, id: string): string[] {
  const namedBy = (states: readonly { readonly layers: Readonly<Record<string, string>> }[]) =>
    new Set(states.flatMap((state) => Object.values(state.layers)));
  const others = namedBy([...nodes.filter((node) => node.id !== id), current]);
  const own = namedBy(nodes.filter((node) => node.id === id));
  return layers.filter((layer) => own.has(layer.id) && !others.has(layer.id)).map(({ file }) => file);
}

/** Each join gives back what it copied before the next begins. */
function roomForJoins(joins: readonly Join[], sizes: SizeOf): number {
  return Math.max(0, ...joins.map(({ gone }) => sizes(gone)));
}
