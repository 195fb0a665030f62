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
import type { AttachedDisk, DiskAttachment, DiskInterface, MachineOptions } from "../MachineOptions.ts";
import { diskIdentity } from "./driveIdentity.ts";
import { drivePorts } from "./drivePorts.ts";
import { type DriveActivity, makeOpticalDrive } from "./driveSlots.ts";
import { MovableWindow } from "./MovableWindow.ts";

/**
 * The storage controllers besides IDE, on the PCI slots behind the board's own devices. Controllers are there when a drive needs them, or the
 * machine asks for them; a disk's slot depends on its position alone. Disks come and go on AHCI ports and SCSI targets; PCI slots themselves are not
 * hot-pluggable.
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

type PluggableInterface = "ahci" | "virtio-scsi";
const placeCounts: Readonly<Record<PluggableInterface, number>> = { ahci: AHCI_PORTS, "virtio-scsi": SCSI_TARGETS };

export class StorageControllers {
  readonly devices: Device[] = [];
  /** By the position in the machine's lists: where other firmware finds the drive. Undefined for IDE. */
  readonly diskPaths: (string | undefined)[] = [];
  readonly opticalPaths: (string | undefined)[] = [];
  readonly opticals: (AtapiDrive | undefined)[] = [];
  /** By the position in the machine's list; undefined on IDE. */
  readonly opticalPorts: readonly (number | undefined)[];
  readonly #parts: StorageParts;
  readonly #serialDrives: (AtaDrive | undefined)[] = [];
  readonly #targets: (ScsiTarget | undefined)[] = [];
  readonly #ahci: AhciController | undefined;
  readonly #scsi: VirtioScsi | undefined;
  #disks: readonly AttachedDisk[];
  #functionDisks = 0;

  constructor(parts: StorageParts) {
    this.#parts = parts;
    const { options } = parts;
    const { controllers = [] } = options;
    const places = placesOf(options);
    this.opticalPorts = places.opticals;
    this.#disks = options.disks.map((disk, index) => attached(disk, index, places.disks[index]));
    for (const disk of this.#disks) this.diskPaths.push(this.#attachDisk(disk));
    for (const index of options.opticalDrives.keys()) this.opticalPaths.push(this.#attachOptical(index));
    if (this.#serialDrives.length > 0 || controllers.includes("ahci")) this.#ahci = this.#addAhci();
    if (this.#targets.length > 0 || controllers.includes("virtio-scsi")) {
      this.#scsi = new VirtioScsi(this.#targets);
      this.#addVirtio("virtio-scsi", SCSI_SLOT, this.#scsi);
    }
    const isVirtio = this.#scsi !== undefined || options.disks.some(({ interface: kind }) => kind === "virtio-blk");
    if (options.entropyDevice ?? isVirtio) {
      this.#addVirtio("virtio-rng", ENTROPY_SLOT, new VirtioRng(options.entropy));
    }
  }

  /** In the order of the machine's list, as they are now. */
  get disks(): readonly AttachedDisk[] {
    return this.#disks;
  }

  #attachDisk(disk: AttachedDisk): string | undefined {
    switch (disk.interface) {
      case "virtio-blk":
        return this.#addVirtioDisk(disk);
      case "nvme":
        return this.#addNvme(disk);
      case "virtio-scsi":
        return this.#addTarget(this.#makeScsiDisk(disk), disk.port);
      case "ahci":
        return this.#addSerialDrive(this.#makeSerialDisk(disk), disk.port);
      case "ide":
        return undefined;
    }
  }

  /** Throws "not-hot-pluggable", "too-many-drives". */
  plug(disk: DiskAttachment): number {
    const { interface: kind = "ide" } = disk;
    this.#demandHotPlug(kind);
    const ports = this.#disks.filter((other) => other.interface === kind).map(({ port }) => port);
    const { opticalInterfaces = [] } = this.#parts.options;
    const opticals = this.opticalPorts.filter((_port, index) => opticalInterfaces[index] === kind);
    const port = drivePorts([...ports, ...opticals, disk.port], placeCounts[kind]).at(-1);
    if (port === undefined) throw tooMany(kind);
    const serialNumber = disk.serialNumber ?? this.#freeSerialNumber();
    const added = attached({ ...disk, serialNumber }, this.#disks.length, port);
    if (kind === "ahci") this.#ahci?.ports[port]?.plug(this.#makeSerialDisk(added));
    else this.#scsi?.plug(port, this.#makeScsiDisk(added));
    this.#disks = [...this.#disks, added];
    return this.#disks.length - 1;
  }

  /** Throws "no-such-drive", "not-hot-pluggable". */
  unplug(slot: number): AttachedDisk {
    const disk = this.#disks[slot];
    if (disk === undefined) throw new GuesthouseError("no-such-drive", "The machine has no such disk.", { slot });
    this.#demandHotPlug(disk.interface);
    if (disk.interface === "ahci") this.#ahci?.ports[disk.port!]?.plug(undefined);
    else this.#scsi?.plug(disk.port!, undefined);
    this.#disks = this.#disks.filter((other) => other !== disk);
    return disk;
  }

  #demandHotPlug(kind: DiskInterface): asserts kind is PluggableInterface {
    const controller = kind === "ahci" ? this.#ahci : kind === "virtio-scsi" ? this.#scsi : undefined;
    if (controller !== undefined) return;
    const sentence =
      kind === "ahci" || kind === "virtio-scsi"
        ? "The machine was switched on without the controller for this disk."
        : "Disks of this controller come and go only while the machine is off.";
    throw new GuesthouseError("not-hot-pluggable", sentence, { interface: kind });
  }

  /** The first of the usual ones that no disk has. */
  #freeSerialNumber(): string {
    for (let number = this.#disks.length; ; number++) {
      const { serialNumber } = diskIdentity(number);
      if (!this.#disks.some((disk) => disk.serialNumber === serialNumber)) return serialNumber;
    }
  }

  #attachOptical(index: number): string | undefined {
    const { options, activity } = this.#parts;
    const kind = options.opticalInterfaces?.[index] ?? "ide";
    const drive = kind === "ide" ? undefined : makeOpticalDrive(options, activity, index);
    this.opticals.push(drive);
    if (drive === undefined) return undefined;
    const port = this.opticalPorts[index];
    return kind === "virtio-scsi" ? this.#addTarget(new ScsiOptical(drive), port) : this.#addSerialDrive(drive, port);
  }

  #makeScsiDisk({ blocks, serialNumber, solidState, removable }: AttachedDisk): ScsiDisk {
    return new ScsiDisk({
      blocks,
      activity: this.#parts.activity.disk,
      serialNumber,
      solidState: solidState ?? false,
      removable: removable ?? false,
    });
  }

  #addTarget(target: ScsiTarget, number: number | undefined): string {
    if (number === undefined) throw tooMany("virtio-scsi");
    this.#targets[number] = target;
    return `/pci@i0cf8/scsi@${SCSI_SLOT}/channel@0/disk@${number.toString(16)},0`;
  }

  #makeSerialDisk({ blocks, serialNumber, solidState, removable }: AttachedDisk): AtaDisk {
    return new AtaDisk({
      blocks,
      activity: this.#parts.activity.disk,
      identity: diskIdentity(0, serialNumber),
      solidState: solidState ?? false,
      removable: removable ?? false,
      serial: true,
    });
  }

  #addSerialDrive(drive: AtaDrive, port: number | undefined): string {
    if (port === undefined) throw tooMany("ahci");
    this.#serialDrives[port] = drive;
    return `/pci@i0cf8/pci8086,2922@${AHCI_SLOT}/drive@${port}/disk@0`;
  }

  #addAhci(): AhciController {
    const { bus, memory, mmio } = this.#parts;
    const registers = new MovableWindow(mmio, AHCI_WINDOW_BYTES);
    const controller = new AhciController({
      memory,
      irq: bus.interruptLine(AHCI_SLOT, INTA),
      drives: this.#serialDrives,
      onRegistersMoved: (address) => registers.place(address),
    });
    registers.serve(controller.registers);
    bus.attach(AHCI_SLOT, 0, controller);
    this.devices.push(controller);
    return controller;
  }

  #addVirtioDisk({ blocks, serialNumber }: AttachedDisk): string {
    const slot = this.#takeDiskSlot();
    const disk = new VirtioBlk({ blocks, activity: this.#parts.activity.disk, serialNumber });
    this.#addVirtio(`virtio-blk-${slot}`, slot, disk);
    return `/pci@i0cf8/scsi@${slot.toString(16)}/disk@0,0`;
  }

  #addNvme({ blocks, serialNumber }: AttachedDisk): string {
    const { activity, bus, memory, messages, mmio } = this.#parts;
    const slot = this.#takeDiskSlot();
    const registers = new MovableWindow(mmio, NVME_WINDOW_BYTES);
    const msix = new MovableWindow(mmio, MSIX_WINDOW_BYTES);
    const controller = new NvmeController({
      id: `nvme-${slot}`,
      target: { blocks, activity: activity.disk },
      identity: diskIdentity(0, serialNumber),
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

function tooMany(kind: PluggableInterface): GuesthouseError {
  const most = placeCounts[kind];
  const sentence = kind === "ahci" ? `An AHCI controller takes ${most} drives.` : `A SCSI host takes ${most} drives.`;
  return new GuesthouseError("too-many-drives", sentence, { most });
}

function attached(disk: DiskAttachment, index: number, port: number | undefined): AttachedDisk {
  const { port: _wish, ...facts } = disk;
  const { serialNumber } = diskIdentity(index, disk.serialNumber);
  return { ...facts, interface: disk.interface ?? "ide", serialNumber, ...(port === undefined ? {} : { port }) };
}

/** Ports of AHCI drives and SCSI targets, disks before optical drives. */
function placesOf({ disks, opticalDrives, opticalInterfaces = [], opticalPorts = [] }: MachineOptions) {
  const drives = [
    ...disks.map(({ interface: kind, port }) => ({ kind, port })),
    ...opticalDrives.map((_medium, index) => ({ kind: opticalInterfaces[index], port: opticalPorts[index] })),
  ];
  const ports: (number | undefined)[] = drives.map(() => undefined);
  for (const kind of ["ahci", "virtio-scsi"] as const) {
    const own = drives.flatMap((drive, index) => (drive.kind === kind ? [index] : []));
    const found = drivePorts(
      own.map((index) => drives[index]!.port),
      placeCounts[kind],
    );
    own.forEach((index, at) => {
      ports[index] = found[at];
    });
  }
  return { disks: ports.slice(0, disks.length), opticals: ports.slice(disks.length) };
}
