/**
 * VirtualBox' own description of a machine (its settings XML, 1.x), as an OVF carries it in `vbox:Machine` and a `.vbox` file in `Machine`. What it says more exactly than
 * OVF can is taken over: name, system, processors, memory, firmware, boot order, clock and hardware addresses. In an OVF this holds only when its
 * disks are those of the OVF; somebody may have edited one and not the other.
 */
import type { ApplianceNote } from "../../api/applianceProtocol.ts";
import type { MachineFacts } from "../MachineFacts.ts";
import { osTypeOfForeignName } from "../osTypeMapping.ts";
import { macOf } from "../ovf/describeItems.ts";
import type { XmlTree } from "../xml/XmlTree.ts";

export interface VirtualBoxDisks {
  has(uuid: string): boolean;
}

export interface AttachedDevice {
  readonly controller: XmlTree;
  readonly device: XmlTree;
  /** Lower case, without braces; undefined for an empty drive. */
  readonly uuid: string | undefined;
}

/** Since VirtualBox 7 the controllers stand inside of `Hardware`. */
export function attachedDevices(machine: XmlTree): AttachedDevice[] {
  const controllers = storageControllers(machine);
  return controllers.flatMap((controller) =>
    controller.childrenNamed("AttachedDevice").map((device) => ({
      controller,
      device,
      uuid: plainUuid(device.child("Image")?.attribute("uuid")),
    })),
  );
}

export function storageControllers(machine: XmlTree): XmlTree[] {
  const holder = machine.child("StorageControllers") ?? machine.child("Hardware")?.child("StorageControllers");
  return holder?.childrenNamed("StorageController") ?? [];
}

export function plainUuid(text: string | undefined): string | undefined {
  return text?.toLowerCase().replace(/[{}]/g, "");
}

export function applyVirtualBoxMachine(facts: MachineFacts, machine: XmlTree, disks: VirtualBoxDisks): ApplianceNote[] {
  const hardDisks = attachedDevices(machine).filter(({ device }) => device.attribute("type") === "HardDisk");
  if (hardDisks.some(({ uuid }) => uuid !== undefined && !disks.has(uuid))) {
    const message = "VirtualBox' own settings are about other disks than the appliance has, and are left out.";
    return [{ code: "virtualbox-settings-ignored", message }];
  }
  applySettings(facts, machine);
  return [];
}

const bootDevices: ReadonlyMap<string, "floppy" | "cdrom" | "disk"> = new Map([
  ["Floppy", "floppy"],
  ["DVD", "cdrom"],
  ["HardDisk", "disk"],
]);

export function applySettings(facts: MachineFacts, machine: XmlTree): void {
  const hardware = machine.child("Hardware");
  facts.name = machine.attribute("name") || facts.name;
  facts.description = machine.textOf("Description") || facts.description;
  const osType = machine.attribute("OSType");
  if (osType !== undefined) {
    facts.foreignOsType = osType;
    facts.osType = osTypeOfForeignName(osType) ?? facts.osType;
  }
  facts.cpus = positive(hardware?.child("CPU")?.attribute("count")) ?? facts.cpus;
  facts.memoryMiB = positive(hardware?.child("Memory")?.attribute("RAMSize")) ?? facts.memoryMiB;
  const firmware =
    (hardware?.child("Firmware") ?? hardware?.child("BIOS")?.child("Firmware"))?.attribute("type") ?? "BIOS";
  if (/^efi/i.test(firmware)) facts.firmware = "efi";
  const clock = hardware?.child("RTC")?.attribute("localOrUTC");
  if (clock !== undefined) facts.rtcUtc = clock === "UTC";
  const order = (hardware?.child("Boot")?.childrenNamed("Order") ?? [])
    .toSorted((a, b) => Number(a.attribute("position") ?? 0) - Number(b.attribute("position") ?? 0))
    .flatMap((entry) => bootDevices.get(entry.attribute("device") ?? "") ?? []);
  if (order.length > 0) facts.bootOrder = [...new Set(order)];
  applyAddresses(facts, machine);
}

/** Enabled adapters stand in the order of the network items. */
function applyAddresses(facts: MachineFacts, machine: XmlTree): void {
  const addresses = enabledAdapters(machine).map((adapter) => macOf(adapter.attribute("MACAddress") ?? ""));
  facts.items = facts.items.map((item) =>
    item.kind === "network" ? { ...item, mac: item.mac ?? addresses.shift() ?? null } : item,
  );
}

export function enabledAdapters(machine: XmlTree): XmlTree[] {
  const adapters = machine.child("Hardware")?.child("Network")?.childrenNamed("Adapter") ?? [];
  return adapters.filter((adapter) => adapter.attribute("enabled") === "true");
}

export function positive(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9]\d{0,6}$/.test(text) ? Number(text) : undefined;
}
