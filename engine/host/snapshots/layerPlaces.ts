/**
 * Whose passphrase opens a layer: people know disks by their place in the machine's list. Those that only snapshots have come behind its end, in the order
 * in which snapshots name them.
 */
import type { MachineDraft } from "../../api/MachineConfig.ts";
import type { SnapshotDocument } from "../../snapshot/tree/SnapshotDocument.ts";
import { fileOf } from "./machineLayers.ts";

export interface LayerPlace {
  readonly slot: number;
  /** The image that somebody put into the machine, by which people know the disk. */
  readonly path: string;
}

/** By the files of layers, as far as a state names them or what rests on them. */
export function layerPlaces(document: SnapshotDocument, { storage }: MachineDraft): ReadonlyMap<string, LayerPlace> {
  const places = new Map<string, LayerPlace>();
  const gone: string[] = [];
  const present = document.current.layers;
  const slotOf = (name: string): number => {
    const now = storage.disks.findIndex(({ path }) => path === fileOf(document, present, name));
    if (now >= 0) return now;
    if (!gone.includes(name)) gone.push(name);
    return storage.disks.length + gone.indexOf(name);
  };
  for (const { layers } of [document.current, ...document.nodes]) {
    for (const name of Object.keys(layers)) {
      const chain = chainOf(document, layers[name]);
      const known = chain.map((file) => places.get(file)).find((place) => place !== undefined);
      const place = known ?? { slot: slotOf(name), path: chain.at(-1) ?? "" };
      for (const file of chain) places.set(file, places.get(file) ?? place);
    }
  }
  return places;
}

/** The topmost first. */
function chainOf({ layers }: SnapshotDocument, topmost: string | undefined): string[] {
  const files: string[] = [];
  for (let id = topmost; id !== undefined && files.length <= layers.length; ) {
    const layer = layers.find((candidate) => candidate.id === id);
    if (layer === undefined) break;
    files.push(layer.file);
    id = layer.parent;
  }
  return files;
}
