/**
 * The address line 20 gate, shared by the keyboard controller's output port and port 92h: the last writer decides and both
 * read the same state. Open after reset, because the processor's first fetch is just below 4 GiB.
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { Device, ResetKind } from "../../contracts/Device.ts";

export class A20Gate implements Device {
  readonly id = "a20";
  readonly stateVersion = 1;
  readonly #onChanged: (enabled: boolean) => void;
  #enabled = true;

  /** `onChanged` is called on change, on reset and on load. */
  constructor(parts: { onChanged: (enabled: boolean) => void }) {
    this.#onChanged = parts.onChanged;
  }

  get enabled(): boolean {
    return this.#enabled;
  }

  set enabled(enabled: boolean) {
    if (enabled === this.#enabled) return;
    this.#enabled = enabled;
    this.#onChanged(enabled);
  }

  reset(_kind: ResetKind): void {
    this.#enabled = true;
    this.#onChanged(true);
  }

  save(writer: StateWriter): void {
    writer.bool(this.#enabled);
  }

  load(reader: StateReader): void {
    this.#enabled = reader.bool();
    this.#onChanged(this.#enabled);
  }
}
