/**
 * Does the steps of a plan that concern images: on the files of a machine that rests, or by the engine where the guest of one that runs uses them. Each
 * may be done again.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { DiskFormatId, LongWork } from "../../contracts/DiskImage.ts";
import type { SnapshotDocument } from "../../snapshot/tree/SnapshotDocument.ts";
import type { SnapshotStep } from "../../snapshot/tree/SnapshotPlan.ts";
import type { DiskChains } from "./DiskChains.ts";
import type { JournalledPlan } from "./JournalledPlan.ts";
import type { KeptMachine } from "./KeptMachine.ts";
import { isOverlay, layersInUse } from "./machineLayers.ts";

export type ImageStep = Exclude<SnapshotStep, { readonly kind: "keepStates" }>;

export class SnapshotSteps {
  /** What is being carried out or recovered. */
  plan: JournalledPlan | undefined;
  work: LongWork = {};
  readonly #machine: KeptMachine;
  readonly #chains: DiskChains;
  readonly #formatOf: (file: string) => DiskFormatId | undefined;

  constructor(machine: KeptMachine, chains: DiskChains, formatOf: (file: string) => DiskFormatId | undefined) {
    this.#machine = machine;
    this.#chains = chains;
    this.#formatOf = formatOf;
  }

  /** By the machine's engine. */
  isInUse(file: string, { layers, current }: Pick<SnapshotDocument, "layers" | "current">): boolean {
    if (this.#machine.live === undefined) return false;
    const used = layersInUse({ layers, current });
    return layers.some((layer) => used.has(layer.id) && layer.file === file);
  }

  /** What the guest writes is among what is joined. */
  get joinsTopmost(): boolean {
    const [step] = this.plan?.first ?? [];
    if (this.plan?.operation !== "join" || step?.kind !== "mergeDown") return false;
    const { layers, current } = this.plan.before;
    return layers.some(({ id, file }) => file === step.file && Object.values(current.layers).includes(id));
  }

  async perform(step: ImageStep): Promise<void> {
    const { files, live } = this.#machine;
    // A journal that came with somebody else's folder makes and removes nothing but layers.
    if ((step.kind === "createOverlay" || step.kind === "removeFile") && !isOverlay(step.file)) {
      throw new GuesthouseError("snapshots-damaged", `This is no layer of a snapshot: ${step.file}`);
    }
    switch (step.kind) {
      case "createOverlay":
        if (live !== undefined) return await live.addOverlay(step.file, step.backing);
        await files.remove(step.file);
        return await this.#chains.addOverlay(step.file, step.backing);
      case "mergeDown": {
        const engine = this.#engineOf(step.file);
        if (engine === undefined) return await this.#chains.mergeDown(step.file, step.into, this.work);
        return await engine.join(step.file, step.into, this.#formatOf(step.into), this.work);
      }
      case "mergeUp":
        return await this.#chains.mergeUp(step.file, step.from, this.work);
      case "rebase": {
        const engine = this.#engineOf(step.file);
        if (engine === undefined || step.backing === undefined)
          return await this.#chains.rebase(step.file, step.backing);
        return await engine.rebase(step.file, step.backing);
      }
      case "removeFile":
        await live?.abandon();
        await live?.letGo(step.file);
        return await files.remove(step.file);
      case "saveState":
        if (live !== undefined) return await live.saveState(step.name, step.parent, this.work);
        throw new GuesthouseError("not-available", "The state of a machine that is off cannot be saved.");
    }
  }

  /** Undefined for an image that no guest uses. */
  #engineOf(file: string): KeptMachine["live"] {
    return this.plan !== undefined && this.isInUse(file, this.plan.before) ? this.#machine.live : undefined;
  }
}
