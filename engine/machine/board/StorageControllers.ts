import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { Device } from "../../contracts/Device.ts";
import type { IoBus } from "../../contracts/IoHandler.ts";
import type { MessageSink } from "../../contracts/MessageSink.ts";
import type { PhysicalMemory } from "../../contracts/PhysicalMemory.ts";
import type { AtapiDrive } from "../../devices/ata/AtapiDrive.ts";
import { MSIX_WINDOW_BYTES } from "../../devices/pci/Msix.ts";
import type { PciBus } from "../../devices/pci/PciBus.ts";
import { VirtioBlk } from "../../devices/virtio/VirtioBlk.ts";
import type { VirtioFunction } from "../../devices/virtio/VirtioFunction.ts";
import { LEGACY_WINDOW_BYTES, VirtioPci } from "../../devices/virtio/VirtioPci.ts";
import { VirtioRng } from "../../devices/virtio/VirtioRng.ts";
import { MODERN_WINDOW_BYTES } from "../../devices/virtio/virtioRegisters.ts";
import type { DiskAttachment, MachineOptions } from "../MachineOptions.ts";
import { diskIdentity } from "./driveIdentity.ts";
import type { DriveActivity } from "./driveSlots.ts";
import { MovableWindow } from "./MovableWindow.ts";

/**
 * The storage controllers besides IDE, on the PCI slots behind the board's own devices. Controllers are there when a drive needs them;
 * a disk's slot depends on its position alone.
 */
export interface StorageParts {
  readonly options: MachineOptions;
  readonly activity: DriveActivity;
  readonly bus: PciBus;
  readonly memory: PhysicalMemory;
  readonly ports: IoBus;
  readonly mmio: IoBus;
  readonly messages: MessageSink;
}

const ENTROPY_SLOT = 5;
/** Disks that are functions of their own, in order of the machine's list. */
const FIRST_DISK_SLOT = 8;
const DISK_SLOTS = 24;
const INTA = 1;

export class StorageControllers {
  readonly devices: Device[] = [];
  /** By the position in the machine's lists: where other firmware finds the drive. Undefined for IDE. */
  readonly diskPaths: (string | undefined)[] = [];
  readonly opticalPaths: (string | undefined)[] = [];
  readonly opticals: (AtapiDrive | undefined)[] = [];
  readonly #parts: StorageParts;
  #functionDisks = 0;

  constructor(parts: StorageParts) {
    this.#parts = parts;
    const { options } = parts;
    for (const [index, disk] of options.disks.entries()) this.diskPaths.push(this.#attachDisk(disk, index));
    const isVirtio = options.disks.some(({ interface: kind }) => kind === "virtio-blk" || kind === "virtio-scsi");
    if (options.entropyDevice ?? isVirtio) {
      this.#addVirtio("virtio-rng", ENTROPY_SLOT, new VirtioRng(options.entropy));
    }
  }

  #attachDisk(disk: DiskAttachment, index: number): string | undefined {
    switch (disk.interface ?? "ide") {
      case "virtio-blk":
        return this.#addVirtioDisk(disk, index);
      default:
        return undefined;
    }
  }

  #addVirtioDisk({ blocks, serialNumber }: DiskAttachment, index: number): string {
    const slot = this.#takeDiskSlot();
    const identity = diskIdentity(index, serialNumber);
    const disk = new VirtioBlk({ blocks, activity: this.#parts.activity.disk, serialNumber: identity.serialNumber });
    this.#addVirtio(`virtio-blk-${slot}`, slot, disk);
    return `/pci@i0cf8/scsi@${slot.toString(16)}/disk@0,0`;
  }

  #takeDiskSlot(): number {
    if (this.#functionDisks >= DISK_SLOTS) {
      throw new GuesthouseError("too-many-drives", "There is no PCI slot for another disk.", { most: DISK_SLOTS });
    }
    return FIRST_DISK_SLOT + this.#functionDisks++;
  }

  #addVirtio(id: string, slot: number, virtio: VirtioFunction): VirtioPci {
    const { bus, memory, messages, ports, mmio } = this.#parts;
    const legacy = new MovableWindow(ports, LEGACY_WINDOW_BYTES);
    const msix = new MovableWindow(mmio, MSIX_WINDOW_BYTES);
    const modern = new MovableWindow(mmio, MODERN_WINDOW_BYTES);
    const device = new VirtioPci({
      id,
      function: virtio,
      memory,
      messages,
      irq: bus.interruptLine(slot, INTA),
      onLegacyMoved: (port) => legacy.place(port),
      onMsixMoved: (address) => msix.place(address),
      onModernMoved: (address) => modern.place(address),
    });
    legacy.serve(device.legacyPorts);
    msix.serve(device.msix.table);
    modern.serve(device.modernWindow);
    bus.attach(slot, 0, device);
    this.devices.push(device);
    return device;
  }
}
