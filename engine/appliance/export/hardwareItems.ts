/**
 * A machine's hardware as the items of an OVF descriptor. Fields stand in the order of the CIM schema, which VMware's tools insist on. Storage goes to `StorageItem` in
 * OVF 2.0. The variant for VMware describes hardware of its seventh version, which has IDE and SCSI: disks on other controllers go to IDE while it has
 * places, and then to SCSI.
 */
import { textElement, type XmlOutput } from "../xml/writeXml.ts";
import type { ExportDisk, ExportMachine, OvfOptions } from "./ExportMachine.ts";

type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

interface Place {
  readonly parent: number;
  readonly address: number;
}

/** `idOf` gives a package file's id, `diskIdOf` a disk's. */
export class HardwareItems {
  readonly items: XmlOutput[] = [];
  readonly #options: OvfOptions;
  readonly #places = new Map<string, { parent: number; used: number; capacity: number }>();
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
    // Discs first, so that they find the places on IDE that disks could do without.
    const opticalPlaces = machine.opticals.map(() => this.#placeOnIde());
    const diskPlaces = machine.disks.map((disk) => this.#place(disk));
    machine.disks.forEach((disk, index) => {
      const place = diskPlaces[index]!;
      const resource = `ovf:/disk/${diskIdOf(disk)}`;
      this.#add("StorageItem", {
        ...placed(place),
        ElementName: `disk${index + 1}`,
        HostResource: resource,
        ResourceType: 17,
      });
    });
    machine.opticals.forEach((file, index) => {
      const place = opticalPlaces[index];
      if (place === undefined) return;
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

  /** Undefined when both channels are full. */
  #placeOnIde(): Place | undefined {
    return this.#take("ide0", 2, ideFields(0)) ?? this.#take("ide1", 2, ideFields(1));
  }

  #place(disk: ExportDisk): Place {
    const found = this.#options.variant === "vmware" || disk.interface === "ide" ? this.#placeOnIde() : undefined;
    return found ?? this.#takeOther(disk);
  }

  #takeOther(disk: ExportDisk): Place {
    const fields =
      this.#options.variant === "vmware"
        ? scsiFields
        : controllerFields[disk.interface === "ide" ? "ahci" : disk.interface];
    const key = String(fields.ResourceSubType);
    return this.#take(key, 1024, fields)!;
  }

  #take(key: string, capacity: number, fields: Fields): Place | undefined {
    const entry = this.#places.get(key) ?? { parent: this.#add("Item", fields), used: 0, capacity };
    this.#places.set(key, entry);
    if (entry.used === entry.capacity) return undefined;
    // VMware keeps unit 7 of a SCSI bus for the adapter itself.
    if (key === "lsilogic" && entry.used === 7) entry.used++;
    return { parent: entry.parent, address: entry.used++ };
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
