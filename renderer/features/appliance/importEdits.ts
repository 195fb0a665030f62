/** What the user changes in a dry run, as the edits that the host understands: only what differs is sent. */
import type {
  ApplianceDescription,
  ApplianceEdits,
  ApplianceItem,
  ApplianceMachine,
} from "../../../engine/api/applianceProtocol.ts";
import { MEMORY_MIB_MAX, MEMORY_MIB_MIN } from "../../../engine/api/checkMachineDraft.ts";
import { diskExtensions } from "../../../engine/api/diskExtensions.ts";
import { isDiskFileName } from "../../../engine/api/plainFileName.ts";

type DiskItem = Extract<ApplianceItem, { kind: "disk" }>;

export interface ItemChoices {
  include: boolean;
  /** Of disks. */
  interface: NonNullable<DiskItem["interface"]>;
  format: DiskItem["target"]["format"];
  /** In the machine's folder. */
  fileName: string;
}

export interface MachineChoices {
  include: boolean;
  name: string;
  osType: string;
  memoryMiB: number;
  /** By the item's id. */
  items: Readonly<Record<string, ItemChoices>>;
}

export type ImportChoices = Readonly<Record<number, MachineChoices>>;

function itemChoices(item: ApplianceItem): ItemChoices {
  const include = item.outcome !== "skipped";
  if (item.kind !== "disk") return { include, interface: "ide", format: "qcow2", fileName: "" };
  const { format, fileName } = item.target;
  return { include, interface: item.interface ?? "ide", format, fileName };
}

/** The file's name follows its format for as long as it ends as that does. */
export function withFormat(choices: ItemChoices, format: ItemChoices["format"]): ItemChoices {
  const ending = `.${diskExtensions[choices.format]}`;
  const { fileName } = choices;
  const renamed = fileName.endsWith(ending)
    ? `${fileName.slice(0, -ending.length)}.${diskExtensions[format]}`
    : fileName;
  return { ...choices, format, fileName: renamed };
}

export function machineChoices(machine: ApplianceMachine): MachineChoices {
  return {
    include: machine.included,
    name: machine.name,
    osType: machine.osType,
    // What an import gives it, as its note says.
    memoryMiB: Math.min(Math.max(machine.memoryMiB, MEMORY_MIB_MIN), MEMORY_MIB_MAX),
    items: Object.fromEntries(machine.items.map((item) => [item.id, itemChoices(item)])),
  };
}

export function initialChoices(appliance: ApplianceDescription): ImportChoices {
  return Object.fromEntries(appliance.machines.map((machine) => [machine.index, machineChoices(machine)]));
}

/** Only drives that would come along can be left out; the rest is the importer's to say. */
export function mayLeaveOut(item: ApplianceItem): boolean {
  const drive = item.kind === "disk" || item.kind === "optical" || item.kind === "floppy";
  return drive && item.outcome !== "skipped";
}

export type ImportProblem = "name-empty" | "name-repeats" | "memory-too-small" | "memory-too-large";

export function importProblem(choices: ImportChoices, index: number): ImportProblem | undefined {
  const machine = choices[index];
  if (machine?.include !== true) return undefined;
  const name = machine.name.trim();
  if (name === "") return "name-empty";
  const same = Object.values(choices).filter((other) => other.include && other.name.trim() === name);
  if (same.length > 1) return "name-repeats";
  if (machine.memoryMiB < MEMORY_MIB_MIN) return "memory-too-small";
  return machine.memoryMiB > MEMORY_MIB_MAX ? "memory-too-large" : undefined;
}

export type FileNameProblem = "file-name-empty" | "file-name-impossible" | "file-name-repeats";

/** What is wrong with the name of a disk's file; `item` is one of the machine's. */
export function fileNameProblem(
  machine: ApplianceMachine,
  choices: MachineChoices,
  item: ApplianceItem,
): FileNameProblem | undefined {
  const nameOf = ({ kind, id }: ApplianceItem): string | undefined => {
    const own = choices.items[id];
    return kind === "disk" && own?.include === true ? own.fileName.trim().toLowerCase() : undefined;
  };
  const name = nameOf(item);
  if (!choices.include || name === undefined) return undefined;
  if (name === "") return "file-name-empty";
  if (!isDiskFileName(name)) return "file-name-impossible";
  return machine.items.filter((other) => nameOf(other) === name).length > 1 ? "file-name-repeats" : undefined;
}

function itemEdits(machine: ApplianceMachine, choices: MachineChoices) {
  return machine.items.flatMap((item) => {
    const before = itemChoices(item);
    const after = choices.items[item.id] ?? before;
    const edit = {
      ...(after.include === before.include ? {} : { include: after.include }),
      ...(after.interface === before.interface ? {} : { interface: after.interface }),
      ...(after.format === before.format ? {} : { format: after.format }),
      ...(after.fileName.trim() === before.fileName ? {} : { fileName: after.fileName.trim() }),
    };
    return Object.keys(edit).length === 0 ? [] : [{ id: item.id, ...edit }];
  });
}

export function importEdits(
  appliance: ApplianceDescription,
  choices: ImportChoices,
  more: { acceptLicences: boolean; inPlace: boolean },
): ApplianceEdits {
  const machines = appliance.machines.flatMap((machine) => {
    const before = machineChoices(machine);
    const after = choices[machine.index] ?? before;
    const items = itemEdits(machine, after);
    const edit = {
      ...(after.include === before.include ? {} : { include: after.include }),
      ...(after.name.trim() === before.name ? {} : { name: after.name.trim() }),
      ...(after.osType === before.osType ? {} : { osType: after.osType }),
      ...(after.memoryMiB === before.memoryMiB ? {} : { memoryMiB: after.memoryMiB }),
      ...(items.length === 0 ? {} : { items }),
    };
    return Object.keys(edit).length === 0 ? [] : [{ index: machine.index, ...edit }];
  });
  return {
    machines,
    ...(more.acceptLicences ? { acceptLicences: true } : {}),
    ...(more.inPlace ? { inPlace: true } : {}),
  };
}
