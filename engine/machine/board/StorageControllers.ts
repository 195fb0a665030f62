import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { Device } from "../../contracts/Device.ts";
import type { IoHandler } from "../../contracts/IoHandler.ts";
import type { AcpiPowerManagement } from "../../devices/acpi/AcpiPowerManagement.ts";
import type { AhciController } from "../../devices/ahci/AhciController.ts";
import { AtaDisk } from "../../devices/ata/AtaDisk.ts";
import type { AtaDrive } from "../../devices/ata/AtaDrive.ts";
import type { AtapiDrive } from "../../devices/ata/AtapiDrive.ts";
import { ScsiDisk } from "../../devices/scsi/ScsiDisk.ts";
import { ScsiOptical } from "../../devices/scsi/ScsiOptical.ts";
import type { ScsiTarget } from "../../devices/scsi/ScsiTarget.ts";
import { VirtioRng } from "../../devices/virtio/VirtioRng.ts";
import { VirtioScsi } from "../../devices/virtio/VirtioScsi.ts";
import type { AttachedDisk, DiskAttachment, DiskInterface, MachineOptions } from "../MachineOptions.ts";
import { diskIdentity } from "./driveIdentity.ts";
import { type PlaceGroup, placeGroupOf, placesOf } from "./drivePlaces.ts";
import { drivePorts } from "./drivePorts.ts";
import { type DriveActivity, makeOpticalDrive } from "./driveSlots.ts";
import { type AskedGuest, FunctionDisks } from "./FunctionDisks.ts";
import { addAhci, addVirtio, type PciWiring } from "./pciFunctions.ts";

/**
 * The storage controllers besides IDE, on the PCI slots behind the board's own devices. Controllers are there when a drive needs them, or the
 * machine asks for them. Disks come and go on AHCI ports and SCSI targets at once, as functions of their own when the guest agrees.
 */
export interface StorageParts extends PciWiring {
  readonly options: MachineOptions;
  readonly activity: DriveActivity;
  readonly acpi: AcpiPowerManagement;
}

const AHCI_SLOT = 3;
const SCSI_SLOT = 4;
const ENTROPY_SLOT = 5;

export class StorageControllers {
  /** By the position in the machine's lists: where other firmware finds the drive. Undefined for IDE. */
  readonly diskPaths: (string | undefined)[] = [];
  readonly opticalPaths: (string | undefined)[] = [];
  readonly opticals: (AtapiDrive | undefined)[] = [];
  /** By the position in the machine's list; undefined on IDE. */
  readonly opticalPorts: readonly (number | undefined)[];
  readonly #parts: StorageParts;
  readonly #functions: FunctionDisks;
  readonly #controllers: Device[] = [];
  readonly #serialDrives: (AtaDrive | undefined)[] = [];
  readonly #targets: (ScsiTarget | undefined)[] = [];
  readonly #ahci: AhciController | undefined;
  readonly #scsi: VirtioScsi | undefined;
  readonly #hasEntropy: boolean;
  #disks: readonly AttachedDisk[];

  constructor(parts: StorageParts) {
    this.#parts = parts;
    const { options } = parts;
    const { controllers = [] } = options;
    this.#functions = new FunctionDisks({ ...parts, activity: parts.activity.disk, delay: options.delay });
    const places = placeDrives(options);
    this.opticalPorts = places.opticals;
    this.#disks = options.disks.map((disk, index) => attached(disk, index, places.disks[index]));
    for (const disk of this.#disks) this.diskPaths.push(this.#attachDisk(disk));
    for (const index of options.opticalDrives.keys()) this.opticalPaths.push(this.#attachOptical(index));
    if (this.#serialDrives.length > 0 || controllers.includes("ahci")) {
      this.#ahci = addAhci(parts, AHCI_SLOT, this.#serialDrives);
      this.#controllers.push(this.#ahci);
    }
    if (this.#targets.length > 0 || controllers.includes("virtio-scsi")) {
      this.#scsi = new VirtioScsi(this.#targets);
      this.#controllers.push(addVirtio(parts, SCSI_SLOT, "virtio-scsi", this.#scsi));
    }
    this.#hasEntropy = options.entropyDevice ?? this.#isVirtio;
    if (this.#hasEntropy) {
      this.#controllers.push(addVirtio(parts, ENTROPY_SLOT, "virtio-rng", new VirtioRng(options.entropy)));
    }
  }

  /** With state, as they are now: the slot controller, then all by their slots. */
  get devices(): readonly Device[] {
    return [this.#functions.hotPlug, ...this.#controllers, ...this.#functions.devices];
  }

  /** Registers by which disks that are functions of their own come and go. */
  get hotPlug(): IoHandler {
    return this.#functions.hotPlug;
  }

  /** In the order of the machine's list, as they are now. */
  get disks(): readonly AttachedDisk[] {
    return this.#disks;
  }

  /** What has to be said for another machine with these disks to have an entropy device or none; undefined if nothing. */
  get entropyDevice(): boolean | undefined {
    return this.#hasEntropy === this.#isVirtio ? undefined : this.#hasEntropy;
  }

  get #isVirtio(): boolean {
    return this.#scsi !== undefined || this.#disks.some(({ interface: kind }) => kind === "virtio-blk");
  }

  #attachDisk(disk: AttachedDisk): string | undefined {
    const { interface: kind, port } = disk;
    const group = placeGroupOf(kind);
    if (group === undefined) return undefined;
    if (port === undefined) throw tooMany(group);
    if (group === "slot") return this.#functions.add(port, disk);
    return group === "ahci"
      ? this.#addSerialDrive(this.#makeSerialDisk(disk), port)
      : this.#addTarget(this.#makeScsiDisk(disk), port);
  }

  /** Throws "not-hot-pluggable", "guest-without-hot-plug", "too-many-drives". */
  plug(disk: DiskAttachment): number {
    const group = this.#demandHotPlug(disk.interface ?? "ide");
    const isIn = ({ interface: kind }: { readonly interface?: string }) => placeGroupOf(kind) === group;
    const ports = this.#disks.filter(isIn).map(({ port }) => port);
    const { opticalInterfaces = [] } = this.#parts.options;
    const opticals = this.opticalPorts.filter((_port, index) => placeGroupOf(opticalInterfaces[index]) === group);
    const port = drivePorts([...ports, ...opticals, disk.port], placesOf[group]).at(-1);
    if (port === undefined) throw tooMany(group);
    const serialNumber = disk.serialNumber ?? this.#freeSerialNumber();
    const added = attached({ ...disk, serialNumber }, this.#disks.length, port);
    if (group === "slot") this.#functions.plug(port, added);
    else if (group === "ahci") this.#ahci?.ports[port]?.plug(this.#makeSerialDisk(added));
    else this.#scsi?.plug(port, this.#makeScsiDisk(added));
    this.#disks = [...this.#disks, added];
    return this.#disks.length - 1;
  }

  /** Rejects with "no-such-drive", "not-hot-pluggable", "guest-without-hot-plug", "guest-keeps-disk". */
  async unplug(slot: number, guest: AskedGuest): Promise<AttachedDisk> {
    const disk = this.#disks[slot];
    if (disk === undefined) throw new GuesthouseError("no-such-drive", "The machine has no such disk.", { slot });
    const group = this.#demandHotPlug(disk.interface);
    if (group === "slot") await this.#functions.unplug(disk.port!, guest);
    else if (group === "ahci") this.#ahci?.ports[disk.port!]?.plug(undefined);
    else this.#scsi?.plug(disk.port!, undefined);
    this.#disks = this.#disks.filter((other) => other !== disk);
    return disk;
  }

  /** The guest answers nothing any more. */
  stop(): void {
    this.#functions.stop();
  }

  #demandHotPlug(kind: DiskInterface): PlaceGroup {
    const group = placeGroupOf(kind);
    if (group === "slot") return group;
    const controller = group === "ahci" ? this.#ahci : group === "virtio-scsi" ? this.#scsi : undefined;
    if (group !== undefined && controller !== undefined) return group;
    const sentence =
      group === undefined
        ? "Disks of this controller come and go only while the machine is off."
        : "The machine was switched on without the controller for this disk.";
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
    if (drive === undefined || kind === "ide") return undefined;
    const port = this.opticalPorts[index];
    if (port === undefined) throw tooMany(kind);
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

  #addTarget(target: ScsiTarget, number: number): string {
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

  #addSerialDrive(drive: AtaDrive, port: number): string {
    this.#serialDrives[port] = drive;
    return `/pci@i0cf8/pci8086,2922@${AHCI_SLOT}/drive@${port}/disk@0`;
  }
}

function tooMany(group: PlaceGroup): GuesthouseError {
  const most = placesOf[group].count;
  const sentences = {
    ahci: `An AHCI controller takes ${most} drives.`,
    "virtio-scsi": `A SCSI host takes ${most} drives.`,
    slot: "There is no PCI slot for another disk.",
  };
  return new GuesthouseError("too-many-drives", sentences[group], { most });
}

function attached(disk: DiskAttachment, index: number, port: number | undefined): AttachedDisk {
  const { port: _wish, ...facts } = disk;
  const { serialNumber } = diskIdentity(index, disk.serialNumber);
  return { ...facts, interface: disk.interface ?? "ide", serialNumber, ...(port === undefined ? {} : { port }) };
}

/** Disks before optical drives. */
function placeDrives({ disks, opticalDrives, opticalInterfaces = [], opticalPorts = [] }: MachineOptions) {
  const drives = [
    ...disks.map(({ interface: kind, port }) => ({ kind, port })),
    ...opticalDrives.map((_medium, index) => ({ kind: opticalInterfaces[index], port: opticalPorts[index] })),
  ];
  const ports: (number | undefined)[] = drives.map(() => undefined);
  for (const group of ["ahci", "virtio-scsi", "slot"] as const) {
    const own = drives.flatMap((drive, index) => (placeGroupOf(drive.kind) === group ? [index] : []));
    const found = drivePorts(
      own.map((index) => drives[index]!.port),
      placesOf[group],
    );
    own.forEach((index, at) => {
      ports[index] = found[at];
    });
  }
  return { disks: ports.slice(0, disks.length), opticals: ports.slice(disks.length) };
}
