import type { DiskLayer, SnapshotDocument } from "./SnapshotDocument.ts";
import type { SnapshotStep } from "./SnapshotPlan.ts";

/** Bytes that an image's file takes; merges go the cheaper way. */
export type SizeOf = (file: string) => number;

interface Settled {
  readonly layers: DiskLayer[];
  readonly forward: SnapshotStep[];
  readonly last: SnapshotStep[];
  /** Bytes that are copied, and for a while there twice. */
  copiedBytes: number;
}

/**
 * Removes layers that nobody names and nothing rests on, and merges one that nobody names with the only one that rests on it: into the lower file
 * when that is the user's own or the upper holds less, else into the upper. Names of layers stay with their content, whatever file it is in.
 */
export function settleLayers(document: SnapshotDocument, sizeOf: SizeOf): Settled {
  const named = new Set([...document.nodes, document.current].flatMap(({ layers }) => Object.values(layers)));
  const settled: Settled = { layers: [...document.layers], forward: [], last: [], copiedBytes: 0 };
  for (;;) {
    const childrenOf = (id: string) => settled.layers.filter(({ parent }) => parent === id);
    const free = settled.layers.filter(({ id }) => !named.has(id));
    const unused = free.find(({ id, original }) => !original && childrenOf(id).length === 0);
    if (unused !== undefined) {
      settled.layers.splice(settled.layers.indexOf(unused), 1);
      settled.last.push({ kind: "removeFile", file: unused.file });
      continue;
    }
    const lower = free.find(({ id }) => childrenOf(id).length === 1);
    if (lower === undefined) return settled;
    merge(settled, lower, childrenOf(lower.id)[0]!, sizeOf);
  }
}

function merge(settled: Settled, lower: DiskLayer, upper: DiskLayer, sizeOf: SizeOf): void {
  const down = lower.original || sizeOf(upper.file) <= sizeOf(lower.file);
  const kept = down ? lower : upper;
  const gone = down ? upper : lower;
  const { layers, forward, last } = settled;
  settled.copiedBytes += sizeOf(gone.file);
  if (down) {
    forward.push({ kind: "mergeDown", file: upper.file, into: lower.file });
    for (const { parent, file } of layers) {
      if (parent === upper.id) forward.push({ kind: "rebase", file, backing: lower.file });
    }
  } else {
    const below = layers.find(({ id }) => id === lower.parent);
    forward.push({ kind: "mergeUp", file: upper.file, from: lower.file });
    forward.push({ kind: "rebase", file: upper.file, ...(below === undefined ? {} : { backing: below.file }) });
  }
  last.push({ kind: "removeFile", file: gone.file });
  const { parent } = lower;
  const merged: DiskLayer = {
    id: upper.id,
    file: kept.file,
    original: kept.original,
    ...(parent === undefined ? {} : { parent }),
  };
  layers.splice(layers.indexOf(upper), 1, merged);
  layers.splice(layers.indexOf(lower), 1);
}
