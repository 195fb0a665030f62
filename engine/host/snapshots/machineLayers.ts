/**
 * Between a machine's settings, which name files of disks by their place in a list, and its snapshots, which know layers of disks by slots:
 * names that a disk keeps for as long as the machine has it. Settings of snapshots name slots in place of files.
 */
import * as v from "valibot";
import { type DiskConfig, type MachineDraft, machineDraftSchema } from "../../api/MachineConfig.ts";
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { DiskFormatId } from "../../contracts/DiskImage.ts";
import { emptyDocument, type LayersBySlot, type SnapshotDocument } from "../../snapshot/tree/SnapshotDocument.ts";

const SLOT_PREFIX = "slot:";

/** Disks that snapshots keep; what is shared, fixed or out of snapshots by its kind stays as it is. */
export function isKept({ kind = "normal" }: DiskConfig): boolean {
  return kind === "normal";
}

/** Does a path in the settings of a snapshot name a slot? */
export function isSlot(path: string): boolean {
  return path.startsWith(SLOT_PREFIX);
}

export function fileOf(document: SnapshotDocument, layers: LayersBySlot, slot: string): string | undefined {
  return document.layers.find(({ id }) => id === layers[slot])?.file;
}

/** The layers that the machine's present disks consist of. */
export function layersInUse({ layers, current }: Pick<SnapshotDocument, "layers" | "current">): ReadonlySet<string> {
  const used = new Set<string>();
  for (const topmost of Object.values(current.layers)) {
    let at: string | undefined = topmost;
    while (at !== undefined && !used.has(at)) {
      used.add(at);
      at = layers.find(({ id }) => id === at)?.parent;
    }
  }
  return used;
}

/** The document with the disks that the machine has now: new ones get slots, those that are gone lose theirs. */
export function withPresentDisks(known: SnapshotDocument | undefined, draft: MachineDraft): SnapshotDocument {
  const document = known ?? emptyDocument({});
  const layers = [...document.layers];
  const bySlot: Record<string, string> = {};
  for (const { path } of draft.storage.disks.filter(isKept)) {
    const slot = Object.keys(document.current.layers).find(
      (name) => fileOf(document, document.current.layers, name) === path,
    );
    if (slot !== undefined) {
      bySlot[slot] = document.current.layers[slot]!;
      continue;
    }
    const fresh = freeSlot(document, bySlot);
    layers.push({ id: `original-${fresh}`, file: path, original: true });
    bySlot[fresh] = `original-${fresh}`;
  }
  return { ...document, layers, current: { ...document.current, layers: bySlot } };
}

function freeSlot(document: SnapshotDocument, taken: LayersBySlot): string {
  const used = new Set(Object.keys(taken));
  for (const { layers } of [...document.nodes, document.current])
    for (const slot of Object.keys(layers)) used.add(slot);
  for (const { id } of document.layers) used.add(id.replace(/^original-/, ""));
  for (let number = 0; ; number++) if (!used.has(`disk${number}`)) return `disk${number}`;
}

/** As kept in a snapshot. */
export function settingsText(document: SnapshotDocument, draft: MachineDraft): string {
  const { layers } = document.current;
  const disks = draft.storage.disks.map((disk) => {
    const slot = Object.keys(layers).find((name) => fileOf(document, layers, name) === disk.path);
    return slot === undefined || !isKept(disk) ? disk : { ...disk, path: `${SLOT_PREFIX}${slot}` };
  });
  return JSON.stringify({ ...draft, storage: { ...draft.storage, disks } });
}

/** Settings of a snapshot whose disks are the files of these layers. Throws "snapshots-damaged". */
export function draftOfSettings(document: SnapshotDocument, settings: string, layers: LayersBySlot): MachineDraft {
  let draft: MachineDraft;
  try {
    draft = v.parse(machineDraftSchema, JSON.parse(settings));
  } catch (cause) {
    throw new GuesthouseError("snapshots-damaged", "The settings of the snapshot are damaged.", {}, { cause });
  }
  const disks = draft.storage.disks.map((disk) => {
    if (!isSlot(disk.path)) return disk;
    const file = fileOf(document, layers, disk.path.slice(SLOT_PREFIX.length));
    if (file === undefined) throw new GuesthouseError("snapshots-damaged", "The snapshot lacks a disk.");
    return withFile(disk, file);
  });
  return { ...draft, storage: { ...draft.storage, disks } };
}

/** The present settings with the files that the slots have after a change. */
export function withLayerFiles(
  before: SnapshotDocument,
  after: SnapshotDocument,
  draft: MachineDraft,
  formats: ReadonlyMap<string, DiskFormatId>,
): MachineDraft {
  const disks = draft.storage.disks.map((disk) => {
    const layers = before.current.layers;
    const slot = Object.keys(layers).find((name) => isKept(disk) && fileOf(before, layers, name) === disk.path);
    const file = slot === undefined ? undefined : fileOf(after, after.current.layers, slot);
    return file === undefined ? disk : withFile(disk, file, formats.get(file));
  });
  return { ...draft, storage: { ...draft.storage, disks } };
}

/** Overlays that are made here are QCOW2. */
function withFile(disk: DiskConfig, path: string, known?: DiskFormatId): DiskConfig {
  if (disk.path === path) return disk;
  const { format: _format, ...rest } = disk;
  const format = isOverlay(path) ? "qcow2" : known;
  return format === undefined ? { ...rest, path } : { ...rest, path, format };
}

export function isOverlay(path: string): boolean {
  return /^snapshots\/[0-9A-Za-z-]+\.qcow2$/.test(path);
}

/** Everything but which files the disks are, and how the machine is called. */
export function sameSettings(one: string, other: string): boolean {
  const bare = (text: string): string => {
    const draft = v.parse(machineDraftSchema, JSON.parse(text));
    const disks = draft.storage.disks.map(({ format: _format, ...disk }) => disk);
    return JSON.stringify({ ...draft, name: "", description: "", storage: { ...draft.storage, disks } });
  };
  return bare(one) === bare(other);
}
