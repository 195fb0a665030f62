/**
 * A twin of a machine with its whole past: every layer of its disks, the tree that relates them, saved states and pictures. The twin's configuration is
 * written last: without it there is no machine, and the library clears the folder away.
 */
import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import * as v from "valibot";
import { type DiskConfig, type MachineDraft, machineDraftSchema } from "../../api/MachineConfig.ts";
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { DiskFormatId, LongWork } from "../../contracts/DiskImage.ts";
import { StateStore } from "../../snapshot/StateStore.ts";
import { type DiskLayer, type SnapshotDocument, wantedStates } from "../../snapshot/tree/SnapshotDocument.ts";
import { diskServices } from "../diskServices.ts";
import { FolderFiles as StateFolder } from "../FolderFiles.ts";
import type { MachineLibrary, MachineRecord } from "../MachineLibrary.ts";
import { ownOverlay, runOverlay } from "../openMachineDisk.ts";
import { snapshotServices } from "../snapshotServices.ts";
import { syncFolder } from "../writeFileAtomically.ts";
import { type ClonedDisk, ClonedDisks } from "./ClonedDisks.ts";
import { withWholePaths } from "./cloneMachine.ts";
import { DiskChains } from "./DiskChains.ts";
import { FolderFiles } from "./FolderFiles.ts";
import { DOCUMENT } from "./MachineSnapshots.ts";
import { isKept, isOverlay, isSlot } from "./machineLayers.ts";
import { stateFolder } from "./stateFolder.ts";

/** Where overlays of a run lie. */
const RUN = ".run";

export interface WholeCloneOrder {
  readonly source: MachineDraft;
  readonly document: SnapshotDocument;
  /** The original's. */
  readonly folder: string;
  readonly name: string;
  readonly formatOf: (file: string) => DiskFormatId | undefined;
  /** As of `CloneOrder`. */
  readonly unlock: (file: string) => Promise<string | undefined>;
}

/** Throws "cancelled" and whatever keeps a disk from being read; nothing is left then. */
export async function cloneWithSnapshots(
  library: MachineLibrary,
  order: WholeCloneOrder,
  work: LongWork,
): Promise<MachineRecord> {
  const { source, folder, name } = order;
  const draft = { ...withWholePaths(source, folder), name };
  return await library.create(draft, async (target) => await new WholeClone(order, target).make(draft, work));
}

class WholeClone {
  readonly #order: WholeCloneOrder;
  readonly #target: string;
  readonly #disks: ClonedDisks;
  /** By the ids of layers. */
  readonly #layers = new Map<string, ClonedDisk>();
  /** Overlays outside of the tree, and what they rest on. */
  readonly #loose: { readonly file: string; readonly base: ClonedDisk }[] = [];

  constructor(order: WholeCloneOrder, target: string) {
    this.#order = order;
    this.#target = target;
    this.#disks = new ClonedDisks(order.folder, target, order.unlock);
  }

  async make(draft: MachineDraft, work: LongWork): Promise<MachineDraft> {
    const { document, source } = this.#order;
    for (const layer of document.layers) await this.#addLayer(layer);
    const disks: DiskConfig[] = [];
    for (const disk of source.storage.disks) disks.push(await this.#currentDisk(disk));
    const nodes: SnapshotDocument["nodes"][number][] = [];
    for (const node of document.nodes) nodes.push({ ...node, settings: await this.#settings(node.settings) });
    // A snapshot of a machine that had gone back to another one looks like that one, and shares its picture.
    const pictures = new Set(document.nodes.flatMap(({ thumbnail }) => thumbnail ?? []));
    for (const picture of pictures) await this.#addFile(picture);
    for (const file of await this.#stateFiles()) await this.#addFile(`${stateFolder}/${file}`);
    await this.#disks.copyAll(work);
    await this.#relate();
    await this.#writeDocument({ ...document, nodes, layers: document.layers.map((layer) => this.#moved(layer)) });
    return { ...draft, storage: { ...draft.storage, disks } };
  }

  async #addLayer({ id, file }: DiskLayer): Promise<void> {
    const { formatOf } = this.#order;
    if (isOverlay(file)) await this.#addFile(file);
    this.#layers.set(id, isOverlay(file) ? { file, format: "qcow2" } : await this.#disks.image(file, formatOf(file)));
  }

  /** Files of pictures and states may be gone; that is found out by who needs them. */
  async #addFile(name: string, copied = name): Promise<void> {
    const facts = await stat(resolve(this.#order.folder, name)).catch(() => undefined);
    if (facts !== undefined) await this.#disks.file(name, copied, facts.size);
  }

  async #currentDisk(disk: DiskConfig): Promise<DiskConfig> {
    const { document, formatOf } = this.#order;
    const layer = document.layers.find(({ file }) => file === disk.path);
    const copy = isKept(disk) && layer !== undefined ? this.#layers.get(layer.id) : undefined;
    if (copy !== undefined) return { ...disk, path: copy.file, format: copy.format };
    const cloned = await this.#disks.own(disk, formatOf(disk.path));
    await this.#addOverlays(disk, cloned);
    return cloned;
  }

  /** What the machine changed of disks that are not in snapshots: for good, or since it was started and saved. */
  async #addOverlays(disk: DiskConfig, cloned: DiskConfig): Promise<void> {
    const { document, folder } = this.#order;
    if (disk.kind === "multiAttach") {
      await this.#addFile(ownOverlay(disk, folder), relative(this.#target, ownOverlay(cloned, this.#target)));
    }
    if (disk.kind !== "immutable" || document.current.state === undefined) return;
    const of = (settings: DiskConfig, home: string): string =>
      runOverlay(settings, { folder: home, runFolder: join(home, RUN) });
    const file = relative(this.#target, of(cloned, this.#target));
    if (!existsSync(of(disk, folder))) return;
    await this.#addFile(of(disk, folder), file);
    this.#loose.push({ file, base: { file: cloned.path, format: cloned.format! } });
  }

  async #settings(text: string): Promise<string> {
    const { folder, formatOf } = this.#order;
    const parsed = v.safeParse(machineDraftSchema, parseJson(text));
    if (!parsed.success) throw new GuesthouseError("snapshots-damaged", "The settings of a snapshot are damaged.");
    const before = parsed.output;
    const disks: DiskConfig[] = [];
    for (const disk of before.storage.disks) {
      const isGone = !existsSync(resolve(folder, disk.path));
      if (isSlot(disk.path)) disks.push(disk);
      else if (isGone) disks.push({ ...disk, path: resolve(folder, disk.path) });
      else disks.push(await this.#disks.own(disk, formatOf(disk.path)));
    }
    const whole = withWholePaths(before, folder);
    return JSON.stringify({ ...whole, storage: { ...whole.storage, disks } });
  }

  async #stateFiles(): Promise<string[]> {
    const files = await new StateFolder(join(this.#order.folder, stateFolder)).list();
    return files.filter((file) => /\.(state|pages)$/.test(file));
  }

  #moved(layer: DiskLayer): DiskLayer {
    return { ...layer, file: this.#layers.get(layer.id)!.file };
  }

  /** Overlays name what they rest on, which may have another name and format here. */
  async #relate(): Promise<void> {
    const formats = new Map([...this.#layers.values()].map(({ file, format }) => [file, format]));
    for (const { file, base } of this.#loose) formats.set(file, "qcow2").set(base.file, base.format);
    const files = new FolderFiles({ folder: this.#target });
    const chains = new DiskChains(files, diskServices, (file) => (isOverlay(file) ? "qcow2" : formats.get(file)));
    for (const { file, parent } of this.#order.document.layers) {
      const base = parent === undefined ? undefined : this.#layers.get(parent);
      if (base !== undefined && isOverlay(file) && !isOverlay(base.file)) await chains.rebase(file, base.file);
    }
    for (const { file, base } of this.#loose) await chains.rebase(file, base.file);
  }

  async #writeDocument(document: SnapshotDocument): Promise<void> {
    const states = wantedStates(document);
    const needed = document.nodes.length > 0 || document.current.state !== undefined;
    if (needed) {
      const store = new StateStore(new StateFolder(join(this.#target, stateFolder)), snapshotServices);
      if (existsSync(join(this.#target, stateFolder))) await store.keepOnly(states).catch(() => undefined);
      await new FolderFiles({ folder: this.#target }).replaceText(DOCUMENT, JSON.stringify(document));
    }
    await syncFolder(this.#target);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
