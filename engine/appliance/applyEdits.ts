/**
 * What a person wants otherwise, put into a description: the result is what an import will do. Senseless edits are "invalid-edit"; whether the machines make
 * sense together with the library is for the library to say.
 */
import type {
  ApplianceDescription,
  ApplianceEdits,
  ApplianceItem,
  ApplianceMachine,
  ApplianceMachineEdit,
  MacPolicy,
} from "../api/applianceProtocol.ts";
import { osTypes } from "../api/osTypes.ts";
import { isDiskFileName } from "../api/plainFileName.ts";
import { applianceError } from "./applianceError.ts";
import { withTargetNames } from "./diskTargets.ts";

const opticalInterfaces = ["ide", "ahci", "virtio-scsi"] as const;

type ItemEdit = NonNullable<ApplianceMachineEdit["items"]>[number];

export function applyEdits(description: ApplianceDescription, edits: ApplianceEdits): ApplianceDescription {
  for (const { index } of edits.machines) {
    if (!description.machines.some((machine) => machine.index === index)) {
      throw applianceError("invalid-edit", `The appliance has no machine ${index}.`, { index });
    }
  }
  const machines = description.machines.map((machine) => {
    const edit = edits.machines.find(({ index }) => index === machine.index) ?? { index: machine.index };
    return editMachine(machine, edit, edits);
  });
  return { ...description, machines };
}

function editMachine(machine: ApplianceMachine, edit: ApplianceMachineEdit, edits: ApplianceEdits): ApplianceMachine {
  const { include, name, description, osType, cpus, memoryMiB, items = [] } = edit;
  if (osType !== undefined && !osTypes.some(({ id }) => id === osType)) {
    throw applianceError("invalid-edit", `There is no kind of guest “${osType}”.`, { osType });
  }
  for (const { id } of items) {
    if (!machine.items.some((item) => item.id === id)) {
      throw applianceError("invalid-edit", `The machine “${machine.name}” has no item “${id}”.`, {
        machine: machine.name,
        id,
      });
    }
  }
  const policy = edits.macPolicy ?? "keepNat";
  const edited = machine.items.map((item) => {
    const own = items.find(({ id }) => id === item.id);
    return editItem(withMacPolicy(item, policy), own, edits.diskFormat);
  });
  return {
    ...machine,
    included: include ?? machine.included,
    name: name?.trim() ?? machine.name,
    description: description ?? machine.description,
    osType: osType ?? machine.osType,
    cpus: cpus ?? machine.cpus,
    memoryMiB: memoryMiB ?? machine.memoryMiB,
    items: withTargetNames(edited),
  };
}

/** A new address is one that the machine gets when it is made. */
export function withMacPolicy(item: ApplianceItem, policy: MacPolicy): ApplianceItem {
  if (item.kind !== "network" || policy === "keepAll") return item;
  return policy === "keepNat" && /^nat$/i.test(item.network) ? item : { ...item, mac: null };
}

function editItem(
  item: ApplianceItem,
  edit: ItemEdit | undefined,
  diskFormat: ApplianceEdits["diskFormat"],
): ApplianceItem {
  const kept: ApplianceItem = edit?.include === false ? { ...item, outcome: "skipped" } : item;
  const drive = kept.kind === "optical" || kept.kind === "floppy" || kept.kind === "disk" || kept.kind === "serial";
  if (edit?.include === true && kept.outcome === "skipped") {
    if (!drive) throw applianceError("invalid-edit", `“${item.label}” cannot be imported.`, { id: item.id });
    return editItem({ ...kept, outcome: "adapted" }, { ...edit, include: true }, diskFormat);
  }
  if (kept.kind === "network") return edit?.network === undefined ? kept : { ...kept, network: edit.network };
  if (kept.kind === "optical" && edit?.interface !== undefined) {
    const parsed = opticalInterfaces.find((name) => name === edit.interface);
    if (parsed === undefined) throw applianceError("invalid-edit", `An optical drive cannot be on ${edit.interface}.`);
    return { ...kept, interface: parsed };
  }
  if (kept.kind !== "disk") return kept;
  const format = edit?.format ?? diskFormat ?? kept.target.format;
  const fileName = edit?.fileName ?? (format === kept.target.format ? kept.target.fileName : "");
  if (fileName !== "" && !isDiskFileName(fileName)) {
    throw applianceError("invalid-edit", `A disk cannot be called “${fileName}”.`, { fileName });
  }
  return {
    ...kept,
    interface: edit?.interface ?? kept.interface,
    target: { format, subformat: edit?.subformat ?? kept.target.subformat, fileName },
  };
}
