/**
 * The snapshots of one machine that rests: carries out the plans of the snapshot tree on the files of its folder, and keeps the machine's
 * settings in step. The tree decides what counts after a crash; settings follow it, by `open`. Restoring gives up what the machine has
 * on its own since its last snapshot. Snapshots of machines that run are absent: a state is kept only where one was saved before.
 */
import type { MachineDraft } from "../../api/MachineConfig.ts";
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { DiskFormatId, DiskServices, LongWork } from "../../contracts/DiskImage.ts";
import { planDelete, planEdit, planRestore, planTake } from "../../snapshot/tree/planSnapshots.ts";
import type { SnapshotDocument, SnapshotNode } from "../../snapshot/tree/SnapshotDocument.ts";
import type { SnapshotPlan, SnapshotStep } from "../../snapshot/tree/SnapshotPlan.ts";
import { type Recovery, type SnapshotHost, SnapshotRunner } from "../../snapshot/tree/SnapshotRunner.ts";
import { DiskChains } from "./DiskChains.ts";
import {
  draftOfSettings,
  isOverlay,
  sameSettings,
  settingsText,
  withLayerFiles,
  withPresentDisks,
} from "./machineLayers.ts";
import type { SnapshotFiles } from "./SnapshotFiles.ts";

const DOCUMENT = "snapshots.json";
const JOURNAL = "snapshots.journal.json";

export interface KeptMachine {
  readonly files: SnapshotFiles;
  readonly services: DiskServices;
  draft(): MachineDraft;
  /** Puts settings in place at one stroke. The same twice is harmless. */
  apply(draft: MachineDraft): Promise<void>;
  /** Never the same twice; letters, digits and "-". */
  newId(): string;
  /** Forgets all saved states but these. */
  keepStates(names: readonly string[]): Promise<void>;
}

export class MachineSnapshots {
  readonly #machine: KeptMachine;
  readonly #chains: DiskChains;
  readonly #runner: SnapshotRunner;
  /** Of images that were there before the first snapshot. */
  readonly #formats = new Map<string, DiskFormatId>();
  #work: LongWork = {};
  #following: Journalled | undefined;

  constructor(machine: KeptMachine) {
    this.#machine = machine;
    this.#chains = new DiskChains(machine.files, machine.services, (name) => this.formatOf(name));
    this.#runner = new SnapshotRunner(this.#host());
  }

  /** Finishes or undoes what a crash interrupted; to be called first, by whoever holds the machine's lock. */
  async recover(): Promise<Recovery> {
    const journal = await this.#machine.files.readText(JOURNAL);
    if (journal !== undefined) this.#following = readJournal(journal);
    for (const [file, format] of this.#following?.formats ?? []) this.#formats.set(file, format);
    try {
      return await this.#runner.recover();
    } finally {
      this.#following = undefined;
    }
  }

  /** As it is, with the disks that the machine has now. Throws "snapshots-damaged". */
  async document(): Promise<SnapshotDocument> {
    const draft = this.#machine.draft();
    const document = withPresentDisks(await this.#runner.read(), draft);
    for (const { path, format } of draft.storage.disks) if (format !== undefined) this.#formats.set(path, format);
    for (const { id, file, original } of document.layers) {
      if (!original || this.#formats.has(file)) continue;
      const above = document.layers.find(({ parent }) => parent === id);
      const info = above === undefined ? undefined : await this.#chains.info(above.file).catch(() => undefined);
      const format = info?.backing?.format;
      if (format !== undefined) this.#formats.set(file, format);
    }
    return document;
  }

  /** Of an image, as far as it is known; ask for the document first. */
  formatOf(file: string): DiskFormatId | undefined {
    return isOverlay(file) ? "qcow2" : this.#formats.get(file);
  }

  async take(texts: Pick<SnapshotNode, "name" | "description" | "takenAtMs">): Promise<SnapshotNode> {
    const before = await this.document();
    const id = this.#machine.newId();
    const { state } = before.current;
    const plan = planTake(
      before,
      {
        id,
        ...texts,
        settings: settingsText(before, this.#machine.draft()),
        ...(state === undefined ? {} : { state }),
      },
      () => this.#newLayer(),
    );
    await this.#run(plan, before);
    return plan.document.nodes.find((node) => node.id === id)!;
  }

  async restore(id: string): Promise<void> {
    const before = await this.document();
    await this.#run(
      planRestore(before, id, () => this.#newLayer(), await this.#sizes(before)),
      before,
    );
  }

  /** What is joined cannot be stopped half-way; `signal` has its say before it begins. */
  async remove(id: string, work: LongWork = {}): Promise<void> {
    const before = await this.document();
    const plan = planDelete(before, id, await this.#sizes(before));
    if (work.signal?.aborted === true) throw new GuesthouseError("cancelled", "Cancelled.");
    const { onProgress } = work;
    this.#work = onProgress === undefined ? {} : { onProgress };
    try {
      await this.#run(plan, before);
    } finally {
      this.#work = {};
    }
  }

  /** What removing would cost and give, and the files that it would change or delete. */
  async removal(id: string): Promise<{ neededBytes: number; freedBytes: number; files: string[] }> {
    const before = await this.document();
    const sizes = await this.#sizes(before);
    const { forward, last, copiedBytes } = planDelete(before, id, sizes);
    const files = [...forward, ...last].flatMap((step) => {
      if (step.kind === "mergeDown") return [step.into, step.file];
      return step.kind === "removeFile" ? [step.file] : [];
    });
    const removed = last.flatMap((step) => (step.kind === "removeFile" ? [sizes(step.file)] : []));
    return { neededBytes: copiedBytes, freedBytes: removed.reduce((sum, bytes) => sum + bytes, 0), files };
  }

  async edit(id: string, change: Pick<SnapshotNode, "name" | "description">): Promise<SnapshotNode> {
    const before = await this.document();
    const plan = planEdit(before, id, change);
    await this.#run(plan, before);
    return plan.document.nodes.find((node) => node.id === id)!;
  }

  /** Does the machine differ from the snapshot that it came from? */
  async changed(): Promise<boolean> {
    const document = await this.document();
    const node = document.nodes.find(({ id }) => id === document.current.parent);
    if (node === undefined) return document.nodes.length > 0;
    if (document.current.changed) return true;
    if (!sameSettings(settingsText(document, this.#machine.draft()), node.settings)) return true;
    for (const layer of Object.values(document.current.layers)) {
      const file = document.layers.find(({ id }) => id === layer)?.file;
      if (file !== undefined && (!isOverlay(file) || (await this.#chains.hasContent(file)))) return true;
    }
    return false;
  }

  /** Bytes on the host of the images that each snapshot added to those before it. */
  async allocations(document: SnapshotDocument): Promise<(node: SnapshotNode) => number> {
    const sizes = await this.#sizes(document);
    return (node) => {
      const parent = document.nodes.find(({ id }) => id === node.parent);
      const above = new Set(Object.values(parent?.layers ?? {}));
      return Object.values(node.layers)
        .filter((layer) => !above.has(layer))
        .map((layer) => sizes(document.layers.find(({ id }) => id === layer)?.file ?? ""))
        .reduce((sum, bytes) => sum + bytes, 0);
    };
  }

  #newLayer(): { id: string; file: string } {
    const id = this.#machine.newId();
    return { id, file: `snapshots/${id}.qcow2` };
  }

  async #run(plan: SnapshotPlan, before: SnapshotDocument): Promise<void> {
    const journalled: Journalled = { ...plan, before, formats: [...this.#formats] };
    this.#following = journalled;
    try {
      await this.#runner.run(journalled);
    } finally {
      this.#following = undefined;
    }
  }

  /** Settings follow the tree once the tree counts, and before the journal goes. */
  async #follow(): Promise<void> {
    const plan = this.#following;
    const document = await this.#runner.read();
    if (plan === undefined || document === undefined || document.revision !== plan.document.revision) return;
    const draft = this.#machine.draft();
    const node = document.nodes.find(({ id }) => id === document.current.parent);
    if (plan.operation !== "restore" || node === undefined) {
      await this.#machine.apply(withLayerFiles(plan.before, document, draft, this.#formats));
      return;
    }
    const { name, description } = draft;
    const restored = draftOfSettings(document, node.settings, document.current.layers);
    await this.#machine.apply({ ...restored, name, description });
  }

  async #sizes(document: SnapshotDocument): Promise<(file: string) => number> {
    const sizes = new Map<string, number>();
    for (const { file } of document.layers) {
      const info = await this.#chains.info(file).catch(() => undefined);
      sizes.set(file, info?.allocatedBytes ?? 0);
    }
    return (file) => sizes.get(file) ?? 0;
  }

  #host(): SnapshotHost {
    const { files } = this.#machine;
    return {
      readDocument: () => files.readText(DOCUMENT),
      replaceDocument: (text) => files.replaceText(DOCUMENT, text),
      readJournal: () => files.readText(JOURNAL),
      replaceJournal: (text) => files.replaceText(JOURNAL, text),
      removeJournal: () => files.remove(JOURNAL),
      perform: (step) => this.#perform(step),
    };
  }

  async #perform(step: SnapshotStep): Promise<void> {
    const { files } = this.#machine;
    // A journal that came with somebody else's folder makes and removes nothing but layers.
    if ((step.kind === "createOverlay" || step.kind === "removeFile") && !isOverlay(step.file)) {
      throw new GuesthouseError("snapshots-damaged", `This is no layer of a snapshot: ${step.file}`);
    }
    switch (step.kind) {
      case "createOverlay":
        await files.remove(step.file);
        return await this.#chains.addOverlay(step.file, step.backing);
      case "mergeDown":
        return await this.#chains.mergeDown(step.file, step.into, this.#work);
      case "mergeUp":
        return await this.#chains.mergeUp(step.file, step.from, this.#work);
      case "rebase":
        return await this.#chains.rebase(step.file, step.backing);
      case "removeFile":
        return await files.remove(step.file);
      case "keepStates":
        // Always the last step before the journal goes.
        await this.#follow();
        return await this.#machine.keepStates(step.names);
      case "saveState":
        throw new GuesthouseError("not-available", "The state of a machine that is off cannot be saved.");
    }
  }
}

/** A plan with what is needed to let the settings follow. */
interface Journalled extends SnapshotPlan {
  readonly before: SnapshotDocument;
  readonly formats: readonly (readonly [string, DiskFormatId])[];
}

/** Undefined for damage, of which the runner says more. */
function readJournal(text: string): Journalled | undefined {
  try {
    const { plan } = JSON.parse(text) as { readonly plan?: Partial<Journalled> };
    return plan?.before === undefined || !Array.isArray(plan.formats) ? undefined : (plan as Journalled);
  } catch {
    return undefined;
  }
}
