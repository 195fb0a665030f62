/**
 * A machine's snapshots as trees, oldest first, with the machine as it is now below the snapshot that it goes on from. That node
 * has the id "current" and no snapshot.
 */
import type { Snapshot } from "../../../engine/api/snapshotProtocol.ts";
import type { SnapshotTree } from "../../state/HostSession.ts";

export const CURRENT_ID = "current";

export interface SnapshotNode {
  readonly id: string;
  /** Undefined for the machine as it is now. */
  readonly snapshot: Snapshot | undefined;
  readonly children: readonly SnapshotNode[];
}

export function snapshotForest({ snapshots, currentId }: SnapshotTree): readonly SnapshotNode[] {
  const known = new Set(snapshots.map(({ id }) => id));
  const byTime = [...snapshots].sort((a, b) => a.takenMs - b.takenMs || (a.id < b.id ? -1 : 1));
  const current: SnapshotNode = { id: CURRENT_ID, snapshot: undefined, children: [] };
  const below = (parentId: string): SnapshotNode[] => [
    ...byTime.filter((snapshot) => snapshot.parentId === parentId).map(node),
    ...(currentId === parentId ? [current] : []),
  ];
  const node = (snapshot: Snapshot): SnapshotNode => ({ id: snapshot.id, snapshot, children: below(snapshot.id) });
  const roots = byTime.filter(({ parentId }) => parentId === null || !known.has(parentId)).map(node);
  return currentId === null || !known.has(currentId) ? [...roots, current] : roots;
}

/** "Snapshot 3": the first number that no name has yet. */
export function nextSnapshotName(names: readonly string[], nameOf: (number: number) => string): string {
  const taken = new Set(names);
  let number = names.length + 1;
  while (taken.has(nameOf(number))) number += 1;
  return nameOf(number);
}
