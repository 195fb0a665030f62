/**
 * The snapshots of one machine: carries out the plans of the snapshot tree on the files of its folder, and keeps the machine's
 * settings in step. The tree decides what counts after a crash; settings follow it, by `recover`. Restoring gives up what the machine has
 * on its own since its last snapshot. While the machine runs its engine holds the images: it makes the overlays, and its guest's
 * writes wait while the document is replaced.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { DiskFormatId, LongWork } from "../../contracts/DiskImage.ts";
import {
  type NewSnapshot,
  planArrived,
  planDelete,
  planEdit,
  planJoin,
  planRestore,
  planState,
  planTake,
  planWithdraw,
} from "../../snapshot/tree/planSnapshots.ts";
import { type SnapshotDocument, type SnapshotNode, wantedStates } from "../../snapshot/tree/SnapshotDocument.ts";
import type { SnapshotPlan, SnapshotStep } from "../../snapshot/tree/SnapshotPlan.ts";
import {
  type Interrupted,
  type Recovery,
  type SnapshotHost,
  SnapshotRunner,
} from "../../snapshot/tree/SnapshotRunner.ts";
import { allJoins } from "../../snapshot/tree/settleLayers.ts";
import { namingDisk } from "../encryptedDisks.ts";
import { DiskChains } from "./DiskChains.ts";
import { type JournalledPlan, readJournalledPlan } from "./JournalledPlan.ts";
import { joinedFiles, joinOptions, readFiles } from "./joinedLayers.ts";
import type { KeptMachine } from "./KeptMachine.ts";
import { LayerKeys } from "./LayerKeys.ts";
import {
  draftOfSettings,
  fileOf,
  isOverlay,
  sameSettings,
  settingsText,
  withLayerFiles,
  withPresentDisks,
} from "./machineLayers.ts";
import { SnapshotPictures } from "./SnapshotPictures.ts";
import { SnapshotSteps } from "./SnapshotSteps.ts";
import { allocationOf, type Removal, removalOf } from "./snapshotCosts.ts";

export type { Interrupted };

export const DOCUMENT = "snapshots.json";
export const JOURNAL = "snapshots.journal.json";
const FOLDER = "snapshots";

/** May these images be joined, or does somebody else rest on them? */
export type MayJoin = (files: readonly string[]) => Promise<boolean>;

type Texts = Pick<SnapshotNode, "name" | "description" | "takenAtMs">;

export class MachineSnapshots {
  readonly #machine: KeptMachine;
  readonly #chains: DiskChains;
  readonly #pictures: SnapshotPictures;
  readonly #runner: SnapshotRunner;
  readonly #steps: SnapshotSteps;
  /** Of images that were there before the first snapshot. */
  readonly #formats = new Map<string, DiskFormatId>();
  readonly #keys: LayerKeys;
  /** What the memory of the snapshot that is being taken is called. */
  #label: string | undefined;

  constructor(machine: KeptMachine) {
    this.#machine = machine;
    const formatOf = (name: string) => this.formatOf(name);
    this.#keys = new LayerKeys(machine);
    this.#chains = new DiskChains(machine.files, machine.services, formatOf, (name) => this.#keys.passphraseOf(name));
    this.#pictures = new SnapshotPictures(machine.files, FOLDER);
    this.#steps = new SnapshotSteps(machine, this.#chains, formatOf);
    this.#runner = new SnapshotRunner(this.#host());
  }

  /** A look at what a crash interrupted. */
  async interrupted(): Promise<Interrupted | undefined> {
    return await this.#runner.interrupted();
  }

  /** Finishes or undoes what a crash interrupted; to be called first, by whoever holds the machine's lock. */
  async recover(): Promise<Recovery> {
    const journal = await this.#machine.files.readText(JOURNAL);
    if (journal !== undefined) this.#steps.plan = readJournalledPlan(journal);
    for (const [file, format] of this.#steps.plan?.formats ?? []) this.#formats.set(file, format);
    let recovery: Recovery;
    try {
      recovery = await this.#runner.recover();
    } finally {
      this.#steps.plan = undefined;
    }
    await this.#adoptStates();
    return recovery;
  }

  /** Memory that was whole when somebody died before noting it. */
  async #adoptStates(): Promise<void> {
    for (const { id, awaited } of (await this.#runner.read())?.nodes ?? []) {
      if (awaited !== undefined && (await this.#machine.stateBytes(awaited)) !== undefined) await this.arrived(id);
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

  /**
   * Tries the passphrases that a change of the disks needs, so that it fails before anything is changed: with "passphrase-needed" or "passphrase-wrong", and
   * in the context the disk's `slot`, `path` and `name`.
   */
  async unlock(change: "take" | { readonly restore: string } | { readonly remove: string }): Promise<void> {
    const before = await this.document();
    if (change === "take") {
      const { current } = before;
      const slots = Object.keys(current.layers);
      return await this.#unlockFiles(
        before,
        slots.map((slot) => fileOf(before, current.layers, slot) ?? ""),
      );
    }
    const plan =
      "restore" in change
        ? planRestore(before, change.restore, () => this.#newLayer())
        : planDelete(before, change.remove);
    const options = joinOptions(plan.document, this.#machine.live !== undefined);
    const joins = allJoins(plan.document, await this.#sizes(before), options);
    await this.#unlockFiles(before, [...readFiles(plan), ...joins.flatMap(joinedFiles)]);
  }

  /** The passphrase of a disk's image, tried as by `unlock`; undefined for one that needs none. Ask for the document first. */
  async unlockFile(file: string): Promise<string | undefined> {
    await this.#unlockFiles(await this.document(), [file]);
    return (await this.#chains.unlock(file)) ? this.#keys.passphraseOf(file) : undefined;
  }

  async #unlockFiles(before: SnapshotDocument, files: Iterable<string>): Promise<void> {
    this.#keys.learn(before);
    for (const file of files) {
      // The engine of a machine that runs has what its disks need.
      if (this.#steps.isInUse(file, before)) continue;
      await namingDisk(this.#keys.placeOf(file), () => this.#chains.unlock(file));
    }
  }

  /** Of an image, as far as it is known; ask for the document first. */
  formatOf(file: string): DiskFormatId | undefined {
    return isOverlay(file) ? "qcow2" : this.#formats.get(file);
  }

  /** Of a machine that is off, or saved: its state is the snapshot's too then. */
  async take(texts: Texts): Promise<SnapshotNode> {
    const before = await this.document();
    const { state } = before.current;
    const picture = await this.savedPicture();
    return await this.#take(before, {
      ...texts,
      ...(state === undefined ? {} : { state }),
      ...(picture === undefined ? {} : { thumbnail: picture }),
    });
  }

  /** Of a machine that runs: disks and settings. `awaited` is what its memory, which is still to be written, is called. */
  async takeLive(texts: Texts, thumbnail: Uint8Array | undefined): Promise<SnapshotNode & { awaited: string }> {
    const awaited = this.#machine.newId();
    this.#label = awaited;
    try {
      const node = await this.#take(await this.document(), { ...texts, awaited }, thumbnail);
      return { ...node, awaited };
    } finally {
      this.#label = undefined;
    }
  }

  async #take(
    before: SnapshotDocument,
    given: Omit<NewSnapshot, "id" | "settings">,
    thumbnail?: Uint8Array,
  ): Promise<SnapshotNode> {
    const id = this.#machine.newId();
    const settings = settingsText(before, this.#machine.draft());
    const picture = thumbnail === undefined ? {} : { thumbnail: await this.#pictures.keep(id, thumbnail) };
    const plan = planTake(before, { ...given, id, settings, ...picture }, () => this.#newLayer());
    await this.#run(plan, before);
    return plan.document.nodes.find((node) => node.id === id)!;
  }

  /** The file with the picture of what a saved machine goes on from. */
  async savedPicture(): Promise<string | undefined> {
    return await this.#pictures.ofSavedState(await this.document());
  }

  /** The memory of a snapshot is there. */
  async arrived(id: string): Promise<SnapshotNode> {
    const before = await this.document();
    const plan = planArrived(before, id);
    await this.#run(plan, before);
    return plan.document.nodes.find((node) => node.id === id)!;
  }

  /** Takes a snapshot off the list whose memory is not wanted any more, while the machine runs. */
  async withdraw(id: string): Promise<void> {
    const before = await this.document();
    await this.#run(planWithdraw(before, id), before);
  }

  /** Keeps memory and devices of a machine that runs, which stands still from then on: the next start goes on from there. */
  async saveState(work: LongWork, thumbnail?: Uint8Array): Promise<void> {
    const before = await this.document();
    const state = this.#machine.newId();
    if (thumbnail !== undefined) await this.#pictures.keep(state, thumbnail);
    this.#steps.work = work;
    try {
      await this.#run(planState(before, state), before);
    } finally {
      this.#steps.work = {};
    }
  }

  async discardState(): Promise<void> {
    const before = await this.document();
    if (before.current.state !== undefined) await this.#run(planState(before, undefined), before);
  }

  /** What rests on what is left to `join`. */
  async restore(id: string): Promise<void> {
    const before = await this.document();
    await this.#run(
      planRestore(before, id, () => this.#newLayer()),
      before,
    );
  }

  /** Takes a snapshot off the list; what only it needed of the disks stays below the others until `join`. */
  async remove(id: string): Promise<void> {
    const before = await this.document();
    await this.#run(planDelete(before, id), before);
  }

  /**
   * Joins layers that no snapshot names any more with what rests on them, two at a time, where `mayJoin` says so of their files. Cancelled or failed,
   * everything reads as before, and a later call goes on.
   */
  async join(work: LongWork = {}, mayJoin: MayJoin = async () => true): Promise<void> {
    const { live } = this.#machine;
    const impossible = new Set<string>();
    for (let done = 0; ; ) {
      const before = await this.document();
      const sizes = await this.#sizes(before);
      const options = { ...joinOptions(before, live !== undefined), left: (layer: string) => impossible.has(layer) };
      const plan = planJoin(before, sizes, options);
      if (plan === undefined) return;
      if (!(await mayJoin(joinedFiles(plan.join)))) {
        impossible.add(plan.join.lower);
        continue;
      }
      if (work.signal?.aborted === true) throw new GuesthouseError("cancelled", "Cancelled.");
      const left = allJoins(before, sizes, options).length;
      const onProgress = (fraction: number): void => work.onProgress?.((done + fraction) / (done + left));
      this.#steps.work = { ...work, onProgress };
      try {
        await this.#run(plan, before);
        done++;
      } catch (error) {
        await live?.leaveJoin();
        await this.recover().catch(() => undefined);
        if (!(error instanceof GuesthouseError) || error.kind !== "not-available") throw error;
        impossible.add(plan.join.lower);
      } finally {
        this.#steps.work = {};
      }
    }
  }

  /** What removing and joining would cost and give. */
  async removal(id: string, runs = this.#machine.live !== undefined): Promise<Removal> {
    const before = await this.document();
    const plan = planDelete(before, id);
    const stateBytes = await this.#machine.freedByStates(wantedStates(plan.document));
    return removalOf(before, plan, id, { sizes: await this.#sizes(before), stateBytes, runs });
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

  /** Bytes on the host of the images and memory that each snapshot added to those before it. */
  async allocations(document: SnapshotDocument): Promise<(node: SnapshotNode) => number> {
    const states = new Map<string, number>();
    for (const state of wantedStates(document)) states.set(state, (await this.#machine.stateBytes(state)) ?? 0);
    return allocationOf(document, await this.#sizes(document), states);
  }

  #newLayer(): { id: string; file: string } {
    const id = this.#machine.newId();
    return { id, file: `${FOLDER}/${id}.qcow2` };
  }

  async #run(plan: SnapshotPlan, before: SnapshotDocument): Promise<void> {
    await this.#unlockFiles(before, readFiles(plan));
    const journalled: JournalledPlan = { ...plan, before, formats: [...this.#formats] };
    this.#steps.plan = journalled;
    try {
      await this.#runner.run(journalled);
    } finally {
      this.#steps.plan = undefined;
    }
  }

  /** Settings follow the tree once the tree counts, and before the journal goes. */
  async #follow(): Promise<void> {
    const plan = this.#steps.plan;
    const document = await this.#runner.read();
    if (plan === undefined || document === undefined || document.revision !== plan.document.revision) return;
    const node = document.nodes.find(({ id }) => id === document.current.parent);
    if (plan.operation === "restore" && node !== undefined) {
      const restored = draftOfSettings(document, node.settings, document.current.layers);
      await this.#machine.apply(({ name, description }) => ({ ...restored, name, description }));
      return;
    }
    if (plan.operation === "state" || plan.operation === "edit") return;
    await this.#machine.apply((draft) => withLayerFiles(plan.before, document, draft, this.#formats));
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
    const { files, live } = this.#machine;
    return {
      readDocument: () => files.readText(DOCUMENT),
      replaceDocument: async (text) => {
        const commit = () => files.replaceText(DOCUMENT, text);
        if (live === undefined) await commit();
        else if (this.#label !== undefined) await live.switching(this.#label, commit);
        else if (this.#steps.joinsTopmost) await live.concluding(commit);
        else await commit();
      },
      readJournal: () => files.readText(JOURNAL),
      replaceJournal: (text) => files.replaceText(JOURNAL, text),
      removeJournal: () => files.remove(JOURNAL),
      perform: (step) => this.#perform(step),
    };
  }

  async #perform(step: SnapshotStep): Promise<void> {
    if (step.kind !== "keepStates") return await this.#steps.perform(step);
    // Always the last step before the journal goes.
    await this.#follow();
    await this.#pictures.keepOnly(await this.#runner.read());
    await this.#machine.keepStates(step.names);
  }
}
