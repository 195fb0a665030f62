import type { IoBus, IoHandler, IoWidth, Mapping } from "../../contracts/IoHandler.ts";

/**
 * A window whose place a guest decides (a PCI BAR, the local APIC page). The place may be told before there is a handler to
 * serve it, because devices report it while they are being made.
 */
export class MovableWindow {
  readonly #bus: IoBus;
  readonly #length: number;
  readonly #widths: readonly IoWidth[];
  #handler: IoHandler | undefined;
  #mapping: Mapping | undefined;
  #address: number | undefined;

  constructor(bus: IoBus, length: number, widths: readonly IoWidth[] = [1, 2, 4]) {
    this.#bus = bus;
    this.#length = length;
    this.#widths = widths;
  }

  serve(handler: IoHandler): void {
    this.#handler = handler;
    this.place(this.#address);
  }

  /** Moves the window, or hides it with undefined. A place that something else has taken hides it too. */
  place(address: number | undefined): void {
    this.#address = address;
    this.#mapping?.dispose();
    this.#mapping = undefined;
    if (address === undefined || this.#handler === undefined) return;
    try {
      this.#mapping = this.#bus.map({ start: address, length: this.#length }, this.#handler, this.#widths);
    } catch {
      this.#mapping = undefined;
    }
  }
}
