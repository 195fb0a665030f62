import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { Device } from "../../contracts/Device.ts";
import type { IoBus } from "../../contracts/IoHandler.ts";
import type { MessageSink } from "../../contracts/MessageSink.ts";
import type { PhysicalMemory } from "../../contracts/PhysicalMemory.ts";
import { AHCI_PORTS, AhciController } from "../../devices/ahci/AhciController.ts";
import { AHCI_WINDOW_BYTES } from "../../devices/ahci/ahciRegisters.ts";
import { AtaDisk } from "../../devices/ata/AtaDisk.ts";
import type { AtaDrive } from "../../devices/ata/AtaDrive.ts";
import type { AtapiDrive } from "../../devices/ata/AtapiDrive.ts";
import { NvmeController } from "../../devices/nvme/NvmeController.ts";
import { NVME_WINDOW_BYTES } from "../../devices/nvme/nvmeRegisters.ts";
import { MSIX_WINDOW_BYTES } from "../../devices/pci/Msix.ts";
import type { PciBus } from "../../devices/pci/PciBus.ts";
import { ScsiDisk } from "../../devices/scsi/ScsiDisk.ts";
import { ScsiOptical } from "../../devices/scsi/ScsiOptical.ts";
import type { ScsiTarget } from "../../devices/scsi/ScsiTarget.ts";
import { VirtioBlk } from "../../devices/virtio/VirtioBlk.ts";
import type { VirtioFunction } from "../../devices/virtio/VirtioFunction.ts";
import { LEGACY_WINDOW_BYTES, VirtioPci } from "../../devices/virtio/VirtioPci.ts";
import { VirtioRng } from "../../devices/virtio/VirtioRng.ts";
import { SCSI_TARGETS, VirtioScsi } from "../../devices/virtio/VirtioScsi.ts";
import { MODERN_WINDOW_BYTES } from "../../devices/virtio/virtioRegisters.ts";
import type { DiskAttachment, DiskBay, MachineOptions } from "../MachineOptions.ts";
import { diskIdentity } from "./driveIdentity.ts";
import { type DriveActivity, makeOpticalDrive } from "./driveSlots.ts";
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

const AHCI_SLOT = 3;
const SCSI_SLOT = 4;
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
  /** There when a drive hangs on it. */
  ahci: AhciController | undefined;
  readonly #parts: StorageParts;
  readonly #serialDrives: AtaDrive[] = [];
  readonly #targets: ScsiTarget[] = [];
  #functionDisks = 0;

  constructor(parts: StorageParts) {
    this.#parts = parts;
    const { options } = parts;
    for (const [index, disk] of options.disks.entries()) this.diskPaths.push(this.#attachDisk(disk, index));
    for (const index of options.opticalDrives.keys()) this.opticalPaths.push(this.#attachOptical(index));
    if (this.#serialDrives.length > 0) this.#addAhci();
    if (this.#targets.length > 0) this.#addVirtio("virtio-scsi", SCSI_SLOT, new VirtioScsi(this.#targets));
    const isVirtio = options.disks.some(({ interface: kind }) => kind === "virtio-blk" || kind === "virtio-scsi");
    if (options.entropyDevice ?? isVirtio) {
      this.#addVirtio("virtio-rng", ENTROPY_SLOT, new VirtioRng(options.entropy));
    }
  }

  #attachDisk(disk: DiskAttachment, index: number): string | undefined {
    switch (disk.interface ?? "ide") {
      case "virtio-blk":
        return this.#addVirtioDisk(disk, index);
      case "nvme":
        return this.#addNvme(disk, index);
      case "virtio-scsi":
        return this.#addTarget(this.#makeScsiDisk(disk, index));
      case "ahci":
        return this.#addSerialDrive(this.#makeSerialDisk(disk, index));
      default:
        return undefined;
    }
  }

  /** The ports of the AHCI controller as bays for disks; none without the controller. */
  get diskBays(): readonly DiskBay[] {
    return (this.ahci?.ports ?? []).map((port, index) => ({
      holds: port.drive === undefined ? "nothing" : port.drive instanceof AtaDisk ? "disk" : "optical drive",
      plug: (disk) => {
        if (port.drive !== undefined && !(port.drive instanceof AtaDisk)) return false;
        // Serial numbers go on behind those of the machine's own disks.
        const position = this.#parts.options.disks.length + index;
        port.plug(disk === undefined ? undefined : this.#makeSerialDisk(disk, position));
        return true;
      },
    }));
  }

  #attachOptical(index: number): string | undefined {
    const { options, activity } = this.#parts;
    const kind = options.opticalInterfaces?.[index] ?? "ide";
    const drive = kind === "ide" ? undefined : makeOpticalDrive(options, activity, index);
    this.opticals.push(drive);
    if (drive === undefined) return undefined;
    return kind === "virtio-scsi" ? this.#addTarget(new ScsiOptical(drive)) : this.#addSerialDrive(drive);
  }

  #makeScsiDisk({ blocks, serialNumber, solidState, removable }: DiskAttachment, index: number): ScsiDisk {
    return new ScsiDisk({
      blocks,
      activity: this.#parts.activity.disk,
      serialNumber: diskIdentity(index, serialNumber).serialNumber,
      solidState: solidState ?? false,
      removable: removable ?? false,
    });
  }

  #addTarget(target: ScsiTarget): string {
    const number = this.#targets.push(target) - 1;
    if (number >= SCSI_TARGETS) {
      throw new GuesthouseError("too-many-drives", "A SCSI controller takes 64 drives.", { most: SCSI_TARGETS });
    }
    return `/pci@i0cf8/scsi@${SCSI_SLOT}/channel@0/disk@${number.toString(16)},0`;
  }

  #makeSerialDisk({ blocks, serialNumber, solidState }: DiskAttachment, index: number): AtaDisk {
    return new AtaDisk({
      blocks,
      activity: this.#parts.activity.disk,
      identity: diskIdentity(index, serialNumber),
      solidState: solidState ?? false,
      serial: true,
    });
  }

  #addSerialDrive(drive: AtaDrive): string {
    const port = this.#serialDrives.push(drive) - 1;
    if (port >= AHCI_PORTS) {
      throw new GuesthouseError("too-many-drives", "An AHCI controller takes six drives.", { most: AHCI_PORTS });
    }
    return `/pci@i0cf8/pci8086,2922@${AHCI_SLOT}/drive@${port}/disk@0`;
  }

  #addAhci(): void {
    const { bus, memory, mmio } = this.#parts;
    const registers = new MovableWindow(mmio, AHCI_WINDOW_BYTES);
    this.ahci = new AhciController({
      memory,
      irq: bus.interruptLine(AHCI_SLOT, INTA),
      drives: this.#serialDrives,
      onRegistersMoved: (address) => registers.place(address),
    });
    registers.serve(this.ahci.registers);
    bus.attach(AHCI_SLOT, 0, this.ahci);
    this.devices.push(this.ahci);
  }

  #addVirtioDisk({ blocks, serialNumber }: DiskAttachment, index: number): string {
    const slot = this.#takeDiskSlot();
    const identity = diskIdentity(index, serialNumber);
    const disk = new VirtioBlk({ blocks, activity: this.#parts.activity.disk, serialNumber: identity.serialNumber });
    this.#addVirtio(`virtio-blk-${slot}`, slot, disk);
    return `/pci@i0cf8/scsi@${slot.toString(16)}/disk@0,0`;
  }

  #addNvme({ blocks, serialNumber }: DiskAttachment, index: number): string {
    const { activity, bus, memory, messages, mmio } = this.#parts;
    const slot = this.#takeDiskSlot();
    const registers = new MovableWindow(mmio, NVME_WINDOW_BYTES);
    const msix = new MovableWindow(mmio, MSIX_WINDOW_BYTES);
    const controller = new NvmeController({
      id: `nvme-${slot}`,
      target: { blocks, activity: activity.disk },
      identity: diskIdentity(index, serialNumber),
      memory,
      irq: bus.interruptLine(slot, INTA),
      messages,
      onRegistersMoved: (address) => registers.place(address),
      onMsixMoved: (address) => msix.place(address),
    });
    registers.serve(controller.registers);
    msix.serve(controller.msix.table);
    bus.attach(slot, 0, controller);
    this.devices.push(controller);
    return `/pci@i0cf8/pci1b36,10@${slot.toString(16)}/namespace@1,0`;
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
