/**
 * The slot controller by which PCI functions come and go on boards with a PIIX4 in the field (QEMU's `acpi_pci_hotplug` specification): four
 * 32-bit registers with one bit a slot, which ACPI methods of the firmware's tables read and write after a general purpose event.
 * 00h up: slots that have got a function; a read clears it. 04h down: slots whose function is wanted back. 08h eject: a slot whose bit is
 * written gives up its function; reads as "no further features". 0Ch removable: slots that functions may leave at all.
 * What is wanted back is a wish of the machine's owner and no part of a state; a reset fulfils it, because nobody uses the function any more.
 * Absent: the bus selector (there is bus 0 alone) and the slot's index for names.
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { Device, ResetKind } from "../../contracts/Device.ts";
import type { IoHandler, IoWidth } from "../../contracts/IoHandler.ts";
import { pciHotPlugLayout as layout } from "../../contracts/pciHotPlugLayout.ts";

export interface PciHotPlugParts {
  /** Tells the guest to look at the registers. */
  onEvent(): void;
  /** The guest gives up the function in a slot, or a reset does; `wanted` by `requestEject`. */
  onEject(slot: number, wanted: boolean): void;
}

const SLOTS = ((2 ** layout.slotCount - 1) << layout.firstSlot) >>> 0;

export class PciHotPlug implements Device, IoHandler {
  readonly id = "pci-hot-plug";
  readonly stateVersion = 1;
  readonly #parts: PciHotPlugParts;
  #up = 0;
  #down = 0;
  #wasRead = false;

  constructor(parts: PciHotPlugParts) {
    this.#parts = parts;
  }

  /** Has the guest looked at the registers since the last reset? Then it does so at every event. */
  get wasRead(): boolean {
    return this.#wasRead;
  }

  /** There is a function in the slot from now on. */
  announce(slot: number): void {
    this.#up |= 1 << slot;
    this.#parts.onEvent();
  }

  /** Asks the guest to give up the function in the slot. */
  requestEject(slot: number): void {
    this.#down |= 1 << slot;
    this.#parts.onEvent();
  }

  /** The function in the slot may stay after all. */
  withdrawEject(slot: number): void {
    this.#down &= ~(1 << slot);
  }

  read(offset: number, width: IoWidth): number {
    if (width !== 4) return width === 2 ? 0xffff : 0xff;
    switch (offset) {
      case layout.up: {
        const up = this.#up >>> 0;
        this.#up = 0;
        this.#wasRead = true;
        return up;
      }
      case layout.down:
        return this.#down >>> 0;
      case layout.removable:
        return SLOTS;
      default:
        return 0;
    }
  }

  write(offset: number, value: number, width: IoWidth): void {
    if (offset === layout.eject && width === 4) this.#eject(value & SLOTS);
  }

  #eject(slots: number): void {
    const down = this.#down;
    // What nobody wants back stays, and what came meanwhile is still to be said.
    this.#up &= ~(slots & down);
    this.#down &= ~slots;
    for (let slot = 0; slot < 32; slot++) {
      if ((slots >>> slot) & 1) this.#parts.onEject(slot, ((down >>> slot) & 1) !== 0);
    }
  }

  reset(_kind: ResetKind): void {
    this.#eject(this.#down);
    this.#up = 0;
    this.#wasRead = false;
  }

  save(writer: StateWriter): void {
    writer.u32(this.#up >>> 0).bool(this.#wasRead);
  }

  load(reader: StateReader): void {
    const [up, wasRead] = [reader.u32(), reader.bool()];
    this.#up = up & SLOTS;
    this.#down = 0;
    this.#wasRead = wasRead;
  }
}
