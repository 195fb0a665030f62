/**
 * Disks that are PCI functions of their own, virtio-blk and NVMe, each in a slot. They come and go while the guest runs if its ACPI driver
 * listens: a function that came is announced, one that shall go is asked for, and leaves when the guest has given it up, when the machine is
 * reset, or not at all. A guest that gives one up of its own accord finds it again when it looks: only the owner takes disks away.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { ActivitySink } from "../../contracts/ActivitySink.ts";
import type { Device } from "../../contracts/Device.ts";
import type { PciFunction } from "../../contracts/PciFunction.ts";
import { pciHotPlugLayout } from "../../contracts/pciHotPlugLayout.ts";
import type { AcpiPowerManagement } from "../../devices/acpi/AcpiPowerManagement.ts";
import { PciHotPlug } from "../../devices/acpi/PciHotPlug.ts";
import { VirtioBlk } from "../../devices/virtio/VirtioBlk.ts";
import type { AttachedDisk, MachineOptions } from "../MachineOptions.ts";
import { addNvme, addVirtio, type PciWiring } from "./pciFunctions.ts";

export interface FunctionDiskParts extends PciWiring {
  readonly activity: ActivitySink;
  readonly acpi: AcpiPowerManagement;
  readonly delay: MachineOptions["delay"];
}

/** How long a guest may take to give up a disk: its driver finishes what is under way and forgets the device. */
export const EJECT_MS = 10_000;

/** Whether a guest is asked for a disk: not when the disk is pulled out whatever it does, and one that stands still answers nothing. */
export type AskedGuest = "asked" | "silent" | "unasked";

interface Removal {
  readonly gone: () => void;
  readonly kept: (sentence: string) => void;
}

export class FunctionDisks {
  readonly hotPlug: PciHotPlug;
  readonly #parts: FunctionDiskParts;
  readonly #functions = new Map<number, Device & PciFunction>();
  readonly #removals = new Map<number, Removal>();

  constructor(parts: FunctionDiskParts) {
    this.#parts = parts;
    this.hotPlug = new PciHotPlug({
      onEvent: () => parts.acpi.raiseGpe(pciHotPlugLayout.event),
      onEject: (slot, wanted) => this.#ejected(slot, wanted),
    });
  }

  /** In the order of their slots. */
  get devices(): readonly Device[] {
    return [...this.#functions].sort(([one], [other]) => one - other).map(([, device]) => device);
  }

  /** Puts a disk into a slot that is free. Answers where other firmware finds it. */
  add(slot: number, disk: AttachedDisk): string {
    const { activity } = this.#parts;
    const at = slot.toString(16);
    if (disk.interface === "nvme") {
      this.#functions.set(slot, addNvme(this.#parts, slot, disk, activity));
      return `/pci@i0cf8/pci1b36,10@${at}/namespace@1,0`;
    }
    const { blocks, serialNumber } = disk;
    const virtio = new VirtioBlk({ blocks, activity, serialNumber });
    this.#functions.set(slot, addVirtio(this.#parts, slot, `virtio-blk-${slot}`, virtio));
    return `/pci@i0cf8/scsi@${at}/disk@0,0`;
  }

  /** The guest is told. Throws "guest-without-hot-plug" when it does not listen. */
  plug(slot: number, disk: AttachedDisk): void {
    this.#demandListener();
    this.add(slot, disk);
    this.#functions.get(slot)?.reset("power");
    this.hotPlug.withdrawEject(slot);
    this.hotPlug.announce(slot);
  }

  /** Resolves when the disk is gone. Rejects with "guest-without-hot-plug" or "guest-keeps-disk". */
  async unplug(slot: number, guest: AskedGuest): Promise<void> {
    if (guest === "unasked") return this.#pullOut(slot);
    this.#demandListener();
    if (guest === "silent") throw kept("The machine is paused: its system cannot give up the disk.");
    if (this.#removals.has(slot)) throw kept("The disk has been asked for already.");
    await new Promise<void>((resolve, reject) => {
      const finish = (action: () => void) => () => {
        cancel();
        this.#removals.delete(slot);
        action();
      };
      const keep = (sentence: string) => {
        this.hotPlug.withdrawEject(slot);
        finish(() => reject(kept(sentence)))();
      };
      const cancel = this.#parts.delay(EJECT_MS, () =>
        keep(`The system in the machine has not given up the disk within ${EJECT_MS / 1000} seconds.`),
      );
      this.#removals.set(slot, { gone: finish(resolve), kept: keep });
      this.hotPlug.requestEject(slot);
    });
  }

  #pullOut(slot: number): void {
    this.#ejected(slot, true);
    // The guest forgets what it had there, and gives up a slot that is empty already.
    this.hotPlug.requestEject(slot);
  }

  /** Nobody gives anything up any more. */
  stop(): void {
    for (const removal of [...this.#removals.values()]) {
      removal.kept("The machine was switched off before its system gave up the disk.");
    }
  }

  #demandListener(): void {
    const { acpi } = this.#parts;
    const listens = acpi.listensTo(pciHotPlugLayout.event) || (acpi.isTakenOver && this.hotPlug.wasRead);
    if (listens) return;
    throw new GuesthouseError(
      "guest-without-hot-plug",
      "The system in the machine does not listen for disks of this kind that come and go: it is still starting, or runs without ACPI.",
    );
  }

  #ejected(slot: number, wanted: boolean): void {
    const device = this.#functions.get(slot);
    // Without power the function decodes nothing, drives nothing and has nothing under way.
    device?.reset("power");
    if (device === undefined || !wanted) return;
    this.#functions.delete(slot);
    this.#parts.bus.detach(slot, 0);
    this.#removals.get(slot)?.gone();
  }
}

function kept(sentence: string): GuesthouseError {
  return new GuesthouseError("guest-keeps-disk", sentence);
}
