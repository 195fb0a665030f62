import { GuesthouseError } from "../../base/GuesthouseError.ts";
import {
  type CurrentState,
  type DiskLayer,
  type SnapshotDocument,
  type SnapshotNode,
  wantedStates,
} from "./SnapshotDocument.ts";
import type { SnapshotPlan, SnapshotStep } from "./SnapshotPlan.ts";
import { type Join, type JoinOptions, nextJoin, type SizeOf, withoutUnused } from "./settleLayers.ts";

/** A new layer's name and file, for the disk in a slot. */
export type NewLayer = (slot: string) => { readonly id: string; readonly file: string };

export interface NewSnapshot
  extends Pick<SnapshotNode, "id" | "name" | "description" | "takenAtMs" | "settings" | "thumbnail" | "awaited"> {
  /**
   * Of a machine that is saved or paused for it: where its state is to be, or is already (`current.state`). A machine that runs on has
   * `awaited`, and `planArrived` later.
   */
  readonly state?: string;
}

/** The plans of what people do with snapshots. Throw "snapshot-missing", or "snapshot-exists". */
export function planTake(document: SnapshotDocument, snapshot: NewSnapshot, newLayer: NewLayer): SnapshotPlan {
  if (document.nodes.some(({ id }) => id === snapshot.id)) {
    throw new GuesthouseError("snapshot-exists", "There is such a snapshot already.", { snapshot: snapshot.id });
  }
  const { current } = document;
  const { first, layers, bySlot } = overlays(document, current.layers, newLayer);
  const { parent } = current;
  if (snapshot.state !== undefined && snapshot.state !== current.state) {
    const shared = document.nodes.find(({ id }) => id === parent)?.state;
    first.push({ kind: "saveState", name: snapshot.state, ...(shared === undefined ? {} : { parent: shared }) });
  }
  const node: SnapshotNode = { ...snapshot, ...(parent === undefined ? {} : { parent }), layers: current.layers };
  const after: CurrentState = { ...current, parent: node.id, layers: bySlot, changed: false };
  return plan("take", { ...document, nodes: [...document.nodes, node], layers, current: after }, { first });
}

/** The current state gives way to a snapshot's. The machine is off. What can be joined then is left to `planJoin`. */
export function planRestore(document: SnapshotDocument, id: string, newLayer: NewLayer): SnapshotPlan {
  const node = find(document, id);
  const { first, layers, bySlot } = overlays(document, node.layers, newLayer);
  const current: CurrentState = {
    parent: id,
    layers: bySlot,
    ...(node.state === undefined ? {} : { state: node.state }),
    changed: false,
  };
  const { document: restored, last } = withoutUnused({ ...document, layers, current });
  return plan("restore", restored, { first, last });
}

/** The snapshot goes, what came from it stays. What can be joined then is left to `planJoin`. */
export function planDelete(document: SnapshotDocument, id: string): SnapshotPlan {
  const { document: rest, last } = withoutUnused(without(document, find(document, id)));
  return plan("delete", rest, { last });
}

export interface JoinPlan extends SnapshotPlan {
  readonly join: Join;
}

/**
 * Joins two layers that can be one; undefined when there are none. Copying comes first, as it changes what nobody reads but through the layer above:
 * given up at any moment, it leaves everything as it was, and needs nobody who recovers it.
 */
export function planJoin(document: SnapshotDocument, sizeOf: SizeOf, options?: JoinOptions): JoinPlan | undefined {
  const join = nextJoin(document, sizeOf, options);
  if (join === undefined) return undefined;
  const { layers, merge, rebases, gone } = join;
  const steps = { first: [merge], forward: [...rebases], last: [{ kind: "removeFile" as const, file: gone }] };
  return { ...plan("join", { ...document, layers: [...layers] }, steps), join };
}

/** The memory that a snapshot waited for is there, under the name that it was to have. */
export function planArrived(document: SnapshotDocument, id: string): SnapshotPlan {
  const { awaited, ...node } = find(document, id);
  const whole: SnapshotNode = awaited === undefined ? node : { ...node, state: awaited };
  return plan("state", { ...document, nodes: document.nodes.map((other) => (other.id === id ? whole : other)) }, {});
}

/** As `planDelete`, of a snapshot that nothing was ever restored from: the machine is not what the one before it holds. */
export function planWithdraw(document: SnapshotDocument, id: string): SnapshotPlan {
  const { nodes, current } = without(document, find(document, id));
  return plan("delete", { ...document, nodes, current: { ...current, changed: true } }, {});
}

export function planEdit(
  document: SnapshotDocument,
  id: string,
  change: Partial<Pick<SnapshotNode, "name" | "description">>,
): SnapshotPlan {
  const edited = { ...find(document, id), ...change };
  return plan("edit", { ...document, nodes: document.nodes.map((node) => (node.id === id ? edited : node)) }, {});
}

/** The current state is saved under a name, or its saved state is given up. A new one is saved as the plan is done. */
export function planState(document: SnapshotDocument, state: string | undefined): SnapshotPlan {
  const { state: _before, ...rest } = document.current;
  const current: CurrentState = state === undefined ? rest : { ...rest, state, changed: true };
  const known = state === undefined || wantedStates(document).includes(state);
  const parent = document.nodes.find(({ id }) => id === current.parent)?.state;
  const save: SnapshotStep[] = known
    ? []
    : [{ kind: "saveState", name: state, ...(parent === undefined ? {} : { parent }) }];
  return plan("state", { ...document, current }, { first: save });
}

/** "Current State (changed)". */
export function planChanged(document: SnapshotDocument): SnapshotPlan {
  return plan("state", { ...document, current: { ...document.current, changed: true } }, {});
}

function plan(
  operation: SnapshotPlan["operation"],
  document: SnapshotDocument,
  { first = [], forward = [], last = [] }: Partial<Pick<SnapshotPlan, "first" | "forward" | "last">>,
): SnapshotPlan {
  const after = { ...document, revision: document.revision + 1 };
  const keepStates: SnapshotStep = { kind: "keepStates", names: wantedStates(after) };
  return { operation, first, forward, document: after, last: [...last, keepStates] };
}

function find(document: SnapshotDocument, id: string): SnapshotNode {
  const node = document.nodes.find((candidate) => candidate.id === id);
  if (node === undefined) throw new GuesthouseError("snapshot-missing", "There is no such snapshot.", { snapshot: id });
  return node;
}

/** What came from a snapshot comes from the one before it now. */
function without(document: SnapshotDocument, gone: SnapshotNode): SnapshotDocument {
  const adopt = <T extends { readonly parent?: string }>(child: T): T => {
    if (child.parent !== gone.id) return child;
    const { parent: _parent, ...orphan } = child;
    return { ...orphan, ...(gone.parent === undefined ? {} : { parent: gone.parent }) } as T;
  };
  const nodes = document.nodes.filter((node) => node !== gone).map(adopt);
  return { ...document, nodes, current: adopt(document.current) };
}

function overlays(document: SnapshotDocument, on: SnapshotNode["layers"], newLayer: NewLayer) {
  const first: SnapshotStep[] = [];
  const layers: DiskLayer[] = [...document.layers];
  const bySlot: Record<string, string> = {};
  for (const [slot, parent] of Object.entries(on)) {
    const { id, file } = newLayer(slot);
    const backing = document.layers.find((layer) => layer.id === parent)!.file;
    first.push({ kind: "createOverlay", file, backing });
    layers.push({ id, file, parent, original: false });
    bySlot[slot] = id;
  }
  return { first, layers, bySlot };
}
