/**
 * A machine's hardware as the items of an OVF descriptor. Fields stand in the order of the CIM schema, which VMware's tools insist on. Storage goes to `StorageItem` in
 * OVF 2.0. The variant for VMware describes hardware of its seventh version, which has IDE and SCSI: disks on other controllers go to IDE while it has
 * places, and then to SCSI.
 */
import { textElement, type XmlOutput } from "../xml/writeXml.ts";
import type { ExportDisk, ExportMachine, ExportOptical, OvfOptions } from "./ExportMachine.ts";

type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

interface Place {
  readonly parent: number;
  readonly address: number;
}

/** `idOf` gives a package file's id, `diskIdOf` a disk's. */
export class HardwareItems {
  readonly items: XmlOutput[] = [];
  readonly #options: OvfOptions;
  readonly #controllers = new Map<string, { readonly id: number; used: number }>();
  /** Primary master, primary slave, secondary master, secondary slave. */
  readonly #usedIde = new Set<number>();
  #nextId = 1;

  constructor(options: OvfOptions) {
    this.#options = options;
  }

  addMachine(machine: ExportMachine, idOf: (href: string) => string, diskIdOf: (disk: ExportDisk) => string): void {
    this.#add("Item", {
      AllocationUnits: "hertz * 10^6",
      Description: "Number of virtual CPUs",
      ElementName: "1 virtual CPU",
      ResourceType: 3,
      VirtualQuantity: 1,
    });
    this.#add("Item", {
      AllocationUnits: "byte * 2^20",
      Description: "Memory Size",
      ElementName: `${machine.memoryMiB} MB of memory`,
      ResourceType: 4,
      VirtualQuantity: machine.memoryMiB,
    });
    const { disks, opticals } = machine;
    // Disks from the first channel on and discs from the second, where systems expect them; what could do without IDE comes last.
    const ownPlaces = disks.map((disk) => (disk.interface === "ide" ? this.#placeOnIde([0, 1, 2, 3]) : undefined));
    const opticalPlaces = opticals.map((drive) => this.#placeOptical(drive));
    const diskPlaces = disks.map((disk, index) => ownPlaces[index] ?? this.#place(disk));
    disks.forEach((disk, index) => {
      const place = diskPlaces[index]!;
      const resource = `ovf:/disk/${diskIdOf(disk)}`;
      this.#add("StorageItem", {
        ...placed(place),
        ElementName: `disk${index + 1}`,
        HostResource: resource,
        ResourceType: 17,
      });
    });
    opticals.forEach(({ file }, index) => {
      const place = opticalPlaces[index]!;
      const resource = file === undefined ? undefined : `ovf:/file/${idOf(file.href)}`;
      const fields = {
        AutomaticAllocation: true,
        ElementName: `cdrom${index + 1}`,
        HostResource: resource,
        ResourceType: 15,
      };
      this.#add("StorageItem", { ...placed(place), ...fields });
    });
    machine.floppies.forEach((file, index) => {
      const resource = file === undefined ? undefined : `ovf:/file/${idOf(file.href)}`;
      const fields = { AddressOnParent: index, AutomaticAllocation: true, HostResource: resource };
      this.#add("StorageItem", {
        ...fields,
        Description: "Floppy Drive",
        ElementName: `floppy${index + 1}`,
        ResourceType: 14,
      });
    });
    for (let index = 0; index < machine.serialPorts; index++) {
      this.#add("Item", { AutomaticAllocation: true, ElementName: `serial${index + 1}`, ResourceType: 21 }, false);
    }
  }

  /** The first of these places that is free: two on each channel. Undefined when none is. */
  #placeOnIde(order: readonly number[]): Place | undefined {
    const free = order.find((place) => !this.#usedIde.has(place));
    if (free === undefined) return undefined;
    this.#usedIde.add(free);
    const channel = free >> 1;
    return { parent: this.#controller(`ide${channel}`, ideFields(channel)).id, address: free & 1 };
  }

  #placeOptical(drive: ExportOptical): Place {
    const ide = drive.interface === "ide" || this.#options.variant === "vmware";
    const onIde = ide ? this.#placeOnIde([2, 3, 1, 0]) : undefined;
    return onIde ?? this.#placeElsewhere(drive.interface === "ide" ? "ahci" : drive.interface);
  }

  #place(disk: ExportDisk): Place {
    const onIde = this.#options.variant === "vmware" ? this.#placeOnIde([0, 1, 2, 3]) : undefined;
    return onIde ?? this.#placeElsewhere(disk.interface === "ide" ? "ahci" : disk.interface);
  }

  #placeElsewhere(wanted: keyof typeof controllerFields): Place {
    const vmware = this.#options.variant === "vmware";
    const controller = this.#controller(vmware ? "scsi" : wanted, vmware ? scsiFields : controllerFields[wanted]);
    // VMware keeps unit 7 of a SCSI bus for the adapter itself.
    if (vmware && controller.used === 7) controller.used++;
    return { parent: controller.id, address: controller.used++ };
  }

  #controller(key: string, fields: Fields): { readonly id: number; used: number } {
    let controller = this.#controllers.get(key);
    if (controller === undefined) {
      controller = { id: this.#add("Item", fields), used: 0 };
      this.#controllers.set(key, controller);
    }
    return controller;
  }

  #add(kind: "Item" | "StorageItem", fields: Fields, required = true): number {
    const id = this.#nextId++;
    const storage = kind === "StorageItem" && this.#options.version === "2.0";
    const prefix = storage ? "sasd" : "rasd";
    const named: Fields = { ...fields, InstanceID: id };
    const children = Object.keys(named)
      .toSorted()
      .map((name) => textElement(`${prefix}:${name}`, named[name] === undefined ? undefined : String(named[name])));
    const attributes = required ? {} : { "ovf:required": "false" };
    this.items.push({ name: storage ? "StorageItem" : "Item", attributes, children });
    return id;
  }
}

function placed({ parent, address }: Place): Fields {
  return { AddressOnParent: address, Parent: parent };
}

function ideFields(address: number): Fields {
  return {
    Address: address,
    Description: "IDE Controller",
    ElementName: `ideController${address}`,
    ResourceSubType: "PIIX4",
    ResourceType: 5,
  };
}

const scsiFields: Fields = {
  Address: 0,
  Description: "SCSI Controller",
  ElementName: "scsiController0",
  ResourceSubType: "lsilogic",
  ResourceType: 6,
};

const other = (model: string, name: string): Fields => ({
  Address: 0,
  Description: `${name} Controller`,
  ElementName: `${name.toLowerCase()}Controller0`,
  ResourceSubType: model,
  ResourceType: 20,
});
const controllerFields = {
  ahci: other("AHCI", "SATA"),
  nvme: other("NVMe", "NVMe"),
  "virtio-blk": other("VirtioBlock", "Virtio"),
  "virtio-scsi": other("VirtioSCSI", "VirtioSCSI"),
} as const;
