/**
 * What becomes of disk layers that no snapshot names any more: those that nothing rests on are removed, and one that a single other rests on is joined
 * with it, one pair at a time. The content goes down into the lower file when that is the user's own, in use, or the upper holds less, else up. Names
 * of layers stay with their content, whatever file it is in. Layers that two rest on stay.
 */
import type { DiskLayer, SnapshotDocument } from "./SnapshotDocument.ts";
import type { SnapshotStep } from "./SnapshotPlan.ts";

/** Bytes that an image's file takes; joins go the cheaper way. */
export type SizeOf = (file: string) => number;

export interface JoinOptions {
  /** A guest is using the images of these layers, which are joined downwards only. */
  readonly inUse?: (layer: string) => boolean;
  /** Layers that are not to be joined with what rests on them. */
  readonly left?: (layer: string) => boolean;
}

export interface Join {
  /** Layers as they are afterwards. */
  readonly layers: readonly DiskLayer[];
  readonly merge: Extract<SnapshotStep, { readonly kind: "mergeDown" | "mergeUp" }>;
  /** What has to rest on another file then. */
  readonly rebases: readonly SnapshotStep[];
  /** The layer that was below, of which nothing is left but its content. */
  readonly lower: string;
  /** The file that nobody needs then; as many bytes as it has may be copied. */
  readonly gone: string;
}

/** The document without layers that nobody names and nothing rests on, and the steps that remove their files. */
export function withoutUnused(document: SnapshotDocument): { document: SnapshotDocument; last: SnapshotStep[] } {
  const named = namedLayers(document);
  const layers = [...document.layers];
  const last: SnapshotStep[] = [];
  for (;;) {
    const unused = layers.findIndex(
      ({ id, original }) => !original && !named.has(id) && !layers.some(({ parent }) => parent === id),
    );
    if (unused < 0) return { document: { ...document, layers }, last };
    last.push({ kind: "removeFile", file: layers[unused]!.file });
    layers.splice(unused, 1);
  }
}

/** The next two layers that can be one; undefined when there are none. */
export function nextJoin(document: SnapshotDocument, sizeOf: SizeOf, options: JoinOptions = {}): Join | undefined {
  const named = namedLayers(document);
  const { layers } = document;
  for (const lower of layers) {
    if (named.has(lower.id) || options.left?.(lower.id) === true) continue;
    const [upper, other] = layers.filter(({ parent }) => parent === lower.id);
    if (upper === undefined || other !== undefined) continue;
    const down = lower.original || options.inUse?.(lower.id) === true || sizeOf(upper.file) <= sizeOf(lower.file);
    return down ? joinDown(layers, lower, upper) : joinUp(layers, lower, upper);
  }
  return undefined;
}

/** All joins that are to be done, in their order. */
export function allJoins(document: SnapshotDocument, sizeOf: SizeOf, options: JoinOptions = {}): Join[] {
  const joins: Join[] = [];
  for (let at = document; ; ) {
    const join = nextJoin(at, sizeOf, options);
    if (join === undefined) return joins;
    joins.push(join);
    at = { ...at, layers: join.layers };
  }
}

function joinDown(layers: readonly DiskLayer[], lower: DiskLayer, upper: DiskLayer): Join {
  const above = layers.filter(({ parent }) => parent === upper.id);
  return {
    layers: joined(layers, lower, upper, lower),
    merge: { kind: "mergeDown", file: upper.file, into: lower.file },
    rebases: above.map(({ file }) => ({ kind: "rebase", file, backing: lower.file })),
    lower: lower.id,
    gone: upper.file,
  };
}

function joinUp(layers: readonly DiskLayer[], lower: DiskLayer, upper: DiskLayer): Join {
  const below = layers.find(({ id }) => id === lower.parent);
  return {
    layers: joined(layers, lower, upper, upper),
    merge: { kind: "mergeUp", file: upper.file, from: lower.file },
    rebases: [{ kind: "rebase", file: upper.file, ...(below === undefined ? {} : { backing: below.file }) }],
    lower: lower.id,
    gone: lower.file,
  };
}

function joined(layers: readonly DiskLayer[], lower: DiskLayer, upper: DiskLayer, kept: DiskLayer): DiskLayer[] {
  const { file, original } = kept;
  const parent = lower.parent === undefined ? {} : { parent: lower.parent };
  return layers
    .filter((layer) => layer !== lower)
    .map((layer) => (layer === upper ? { id: upper.id, file, original, ...parent } : layer));
}

function namedLayers({ nodes, current }: SnapshotDocument): Set<string> {
  return new Set([...nodes, current].flatMap(({ layers }) => Object.values(layers)));
}
