/** Which images the joins of layers and other plans touch. */
import type { SnapshotDocument } from "../../snapshot/tree/SnapshotDocument.ts";
import type { SnapshotPlan } from "../../snapshot/tree/SnapshotPlan.ts";
import type { Join, JoinOptions } from "../../snapshot/tree/settleLayers.ts";
import { layersInUse } from "./machineLayers.ts";

/** The images whose content a plan reads, writes, or keeps changes of. */
export function readFiles({ first, forward }: SnapshotPlan): string[] {
  return [...first, ...forward].flatMap((step) => {
    switch (step.kind) {
      case "createOverlay":
        return [step.backing];
      case "mergeDown":
        return [step.into, step.file];
      case "mergeUp":
        return [step.from, step.file];
      default:
        return [];
    }
  });
}

/** Of a machine that runs, the images that its guest uses are joined by the engine, downwards. */
export function joinOptions(document: SnapshotDocument, runs: boolean): JoinOptions {
  const used = runs ? layersInUse(document) : new Set<string>();
  return { inUse: (layer) => used.has(layer) };
}

export function joinedFiles({ merge }: Join): string[] {
  return [merge.file, merge.kind === "mergeDown" ? merge.into : merge.from];
}
