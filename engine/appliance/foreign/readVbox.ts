/**
 * A machine as VirtualBox keeps it: a `.vbox` file (settings XML, 1.x) that names its disks, discs and diskettes by UUID and their files in a registry
 * of media. Snapshots stay behind: the disks in their present state, resting on what they rest on, are what comes. Encrypted
 * settings and machines from before the registry (VirtualBox 3) are deliberately absent.
 */
import type { ApplianceItem, ApplianceNote } from "../../api/applianceProtocol.ts";
import { applianceError } from "../applianceError.ts";
import { diskFormatOf } from "../diskFormatOf.ts";
import { emptyMachine, type MachineFacts, newTarget, plainItem } from "../MachineFacts.ts";
import { macOf } from "../ovf/describeItems.ts";
import type { XmlTree } from "../xml/XmlTree.ts";
import { applySettings, attachedDevices, enabledAdapters, plainUuid, storageControllers } from "./virtualBoxMachine.ts";

interface RegisteredMedium {
  readonly location: string;
  readonly format: string;
}

export function readVbox(root: XmlTree): MachineFacts {
  const machine = root.child("Machine");
  if (root.name !== "VirtualBox" || machine === undefined) {
    const encrypted = root.child("MachineEncrypted") !== undefined;
    if (encrypted) throw applianceError("unsupported", "The machine's settings are encrypted.");
    throw applianceError("not-recognized", "The file describes no VirtualBox machine.", { root: root.name });
  }
  const facts = emptyMachine(plainUuid(machine.attribute("uuid")) ?? "", "Imported machine");
  facts.hardware = `virtualbox ${root.attribute("version") ?? ""}`.trim();
  const media = registeredMedia([root, machine]);
  facts.items = [...controllers(machine), ...drives(machine, media), ...adapters(machine), ...ports(machine)];
  applySettings(facts, machine);
  if (machine.child("Snapshot") !== undefined) {
    facts.notes.push({
      code: "snapshots-ignored",
      message: "The machine's snapshots stay behind; its present state comes.",
    });
  }
  return facts;
}

/** Disks stand inside the disks that they rest on. */
function registeredMedia(holders: readonly XmlTree[]): Map<string, RegisteredMedium> {
  const found = new Map<string, RegisteredMedium>();
  const visit = (element: XmlTree): void => {
    const uuid = plainUuid(element.attribute("uuid"));
    const location = element.attribute("location");
    if (uuid !== undefined && location !== undefined)
      found.set(uuid, { location, format: element.attribute("format") ?? "" });
    element.children.forEach(visit);
  };
  for (const holder of holders) holder.child("MediaRegistry")?.children.forEach(visit);
  return found;
}

function controllerId(controller: XmlTree): string {
  return `controller:${controller.attribute("name") ?? ""}`;
}

function controllers(machine: XmlTree): ApplianceItem[] {
  return storageControllers(machine).map((controller) => {
    const model = controller.attribute("type") ?? "";
    return {
      kind: "controller",
      ...plainItem(controllerId(controller), controller.attribute("name") ?? ""),
      bus: busOf(model),
      model,
    };
  });
}

function busOf(model: string): Extract<ApplianceItem, { kind: "controller" }>["bus"] {
  switch (model) {
    case "PIIX3":
    case "PIIX4":
    case "ICH6":
      return "ide";
    case "AHCI":
      return "sata";
    case "NVMe":
      return "nvme";
    case "VirtioSCSI":
      return "virtio";
    case "I82078":
      return "floppy";
    case "LsiLogic":
    case "BusLogic":
    case "LsiLogicSas":
      return "scsi";
    default:
      return "other";
  }
}

function drives(machine: XmlTree, media: ReadonlyMap<string, RegisteredMedium>): ApplianceItem[] {
  return attachedDevices(machine).flatMap(({ controller, device, uuid }): ApplianceItem[] => {
    const port = Number(device.attribute("port") ?? 0) || 0;
    const unit = Number(device.attribute("device") ?? 0) || 0;
    const type = device.attribute("type") ?? "";
    const id = `${controller.attribute("name") ?? ""}:${port}:${unit}`;
    const medium = uuid === undefined ? undefined : media.get(uuid);
    const notes: ApplianceNote[] =
      uuid === undefined || medium !== undefined
        ? []
        : [{ code: "medium-outside", message: "The machine does not say in which file the medium lies." }];
    const base = {
      ...plainItem(id, `${controller.attribute("name") ?? ""} ${port}:${unit}`),
      notes,
      controller: controllerId(controller),
      position: port * 2 + unit,
      file: medium?.location ?? null,
    };
    if (type === "DVD") return [{ kind: "optical", ...base, interface: null }];
    if (type === "Floppy") return [{ kind: "floppy", ...base }];
    if (type !== "HardDisk" || medium === undefined)
      return [{ kind: "other", ...plainItem(id, base.label), notes, model: type }];
    const format = diskFormatOf(medium.format, medium.location);
    return [{ kind: "disk", ...base, format, capacityBytes: 0, storedBytes: 0, interface: null, target: newTarget() }];
  });
}

function adapters(machine: XmlTree): ApplianceItem[] {
  return enabledAdapters(machine).map((adapter) => {
    const slot = adapter.attribute("slot") ?? "";
    const way = adapter.children.find(({ name }) => name !== "DisabledModes" && name !== "BootPriority");
    const network = way?.attribute("name") ?? way?.name ?? "";
    const mac = macOf(adapter.attribute("MACAddress") ?? "");
    return {
      kind: "network",
      ...plainItem(`network:${slot}`, `Adapter ${slot}`),
      model: adapter.attribute("type") ?? "",
      network,
      mac,
    };
  });
}

function ports(machine: XmlTree): ApplianceItem[] {
  const hardware = machine.child("Hardware");
  const enabled = (element: XmlTree): boolean => element.attribute("enabled") === "true";
  const serial = (hardware?.child("UART")?.childrenNamed("Port") ?? []).filter(enabled);
  const items: ApplianceItem[] = serial.map((port) => {
    const slot = port.attribute("slot") ?? "";
    return { kind: "serial", ...plainItem(`serial:${slot}`, `Serial port ${slot}`) };
  });
  const sound = hardware?.child("AudioAdapter");
  if (sound !== undefined && enabled(sound)) {
    items.push({ kind: "sound", ...plainItem("sound", "Sound"), model: sound.attribute("controller") ?? "AC97" });
  }
  const usb = [
    ...(hardware?.child("USB")?.child("Controllers")?.childrenNamed("Controller") ?? []),
    ...(hardware?.childrenNamed("USBController").filter(enabled) ?? []),
  ];
  usb.forEach((controller, index) => {
    items.push({ kind: "usb", ...plainItem(`usb:${index}`, "USB"), model: controller.attribute("type") ?? "OHCI" });
  });
  return items;
}
