/**
 * What is known of a machine's snapshots, as kept in one file that is replaced as a whole. Disks are layers: a layer is an image file that rests on its
 * parent's, and the last of a chain is what a machine writes. Snapshots and the current state name the layers that they see, by the disk's slot; a layer
 * below others is never written. A layer that nobody names stays for as long as two rest on it.
 */
export interface DiskLayer {
  readonly id: string;
  readonly parent?: string;
  /** As the host names it. */
  readonly file: string;
  /** The image that the user put into the machine: merged into, never removed. */
  readonly original: boolean;
}

export type LayersBySlot = Readonly<Record<string, string>>;

export interface SnapshotNode {
  readonly id: string;
  readonly parent?: string;
  readonly name: string;
  readonly description: string;
  readonly takenAtMs: number;
  /** Of the state store; absent when the machine was off. */
  readonly state?: string;
  /** In place of `state` while memory is being written under this name, and for good when that came to nothing: the disks alone are there. */
  readonly awaited?: string;
  /** A small PNG, as the host keeps it. */
  readonly thumbnail?: string;
  readonly layers: LayersBySlot;
  /** The machine's configuration then, as the host writes it. */
  readonly settings: string;
}

export interface CurrentState {
  /** The snapshot that it came from. */
  readonly parent?: string;
  readonly layers: LayersBySlot;
  /** A saved state, to go on from at the next start. */
  readonly state?: string;
  /** The machine ran, or its settings changed, since. */
  readonly changed: boolean;
}

export interface SnapshotDocument {
  readonly version: 1;
  /** One more with each change: tells whether a change in the journal is done. */
  readonly revision: number;
  readonly nodes: readonly SnapshotNode[];
  readonly layers: readonly DiskLayer[];
  readonly current: CurrentState;
}

export const SNAPSHOT_DOCUMENT_VERSION = 1;

/** A machine that never had a snapshot. */
export function emptyDocument(disks: Readonly<Record<string, string>>): SnapshotDocument {
  const entries = Object.entries(disks);
  return {
    version: SNAPSHOT_DOCUMENT_VERSION,
    revision: 0,
    nodes: [],
    layers: entries.map(([slot, file]) => ({ id: `original-${slot}`, file, original: true })),
    current: { layers: Object.fromEntries(entries.map(([slot]) => [slot, `original-${slot}`])), changed: false },
  };
}

/** Names of all states that are still wanted. */
export function wantedStates(document: SnapshotDocument): string[] {
  const states = [...document.nodes, document.current].map(({ state }) => state);
  return [...new Set(states.filter((state) => state !== undefined))];
}
