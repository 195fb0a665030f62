/** The passphrases that came with one command, by the files of a machine's disks. */
import type { SnapshotDocument } from "../../snapshot/tree/SnapshotDocument.ts";
import type { KeptMachine } from "./KeptMachine.ts";
import { type LayerPlace, layerPlaces } from "./layerPlaces.ts";

export class LayerKeys {
  readonly #machine: Pick<KeptMachine, "draft" | "passphrases">;
  #places: ReadonlyMap<string, LayerPlace> = new Map();
  /** Of disks that are in no snapshot, and that the machine does not have any more. */
  readonly #once: string[] = [];

  constructor(machine: Pick<KeptMachine, "draft" | "passphrases">) {
    this.#machine = machine;
  }

  /** Which files are layers of which disk. */
  learn(document: SnapshotDocument): void {
    this.#places = layerPlaces(document, this.#machine.draft());
  }

  /** Disks that are in no snapshot are where the machine has them; those that it had once come last. */
  placeOf(file: string): LayerPlace {
    const known = this.#places.get(file);
    if (known !== undefined) return known;
    const { disks } = this.#machine.draft().storage;
    const slot = disks.findIndex(({ path }) => path === file);
    if (slot >= 0) return { slot, path: file };
    if (!this.#once.includes(file)) this.#once.push(file);
    const behind = Math.max(disks.length, ...[...this.#places.values()].map((place) => place.slot + 1));
    return { slot: behind + this.#once.indexOf(file), path: file };
  }

  passphraseOf(file: string): string | undefined {
    const { slot } = this.placeOf(file);
    return this.#machine.passphrases?.find((known) => known.slot === slot)?.passphrase;
  }
}
