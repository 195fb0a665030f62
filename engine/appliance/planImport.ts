/**
 * From a description, edited or not, to what an import does: for each machine the configuration and which of the appliance's files becomes which file of
 * the machine's folder. Nothing is read or made here. Refuses what cannot work before anything is made: licences that nobody agreed to,
 * files that are missing, nothing to import.
 */
import type { ApplianceItem, ApplianceMachine } from "../api/applianceProtocol.ts";
import type { DiskInterface } from "../api/MachineConfig.ts";
import { defaultMachineDraft, type MachineDraft } from "../api/MachineConfig.ts";
import type { DiskFormatName } from "../api/mediumProtocol.ts";
import { osTypeById } from "../api/osTypes.ts";
import { plainFileName } from "../api/plainFileName.ts";
import { fileMissing } from "./ApplianceFiles.ts";
import { applianceError } from "./applianceError.ts";
import type { InspectedAppliance } from "./inspectAppliance.ts";
import { plannedMemoryMiB } from "./judgeMachine.ts";
import { baseName } from "./memberName.ts";

export interface PlannedFile {
  /** The appliance's file. */
  readonly source: string;
  readonly gzip: boolean;
  readonly fileName: string;
}

export interface PlannedDisk {
  /** Undefined makes a new disk of `capacityBytes`. */
  readonly source: string | undefined;
  readonly gzip: boolean;
  /** Of the source; undefined asks its content. */
  readonly format: DiskFormatName | undefined;
  readonly capacityBytes: number;
  readonly storedBytes: number;
  readonly interface: DiskInterface;
  readonly target: { readonly format: DiskFormatName; readonly subformat: string | null; readonly fileName: string };
}

export interface PlannedOptical {
  readonly interface: "ide" | "ahci" | "virtio-scsi";
  /** Undefined for an empty drive. */
  readonly file: PlannedFile | undefined;
}

export interface PlannedMachine {
  /** Without hard disks and drives. */
  readonly draft: MachineDraft;
  readonly disks: readonly PlannedDisk[];
  readonly opticals: readonly PlannedOptical[];
  /** By drive; undefined is an empty one. */
  readonly floppies: readonly (PlannedFile | undefined)[];
}

export function planImport(
  { description, gzipFiles }: InspectedAppliance,
  licencesAccepted: boolean,
): PlannedMachine[] {
  const included = description.machines.filter((machine) => machine.included);
  if (included.length === 0) throw applianceError("empty", "No machine is chosen to be imported.");
  const licensed = included.find((machine) => machine.licence !== "");
  if (licensed !== undefined && !licencesAccepted) {
    throw applianceError("licence-not-accepted", `The licence of “${licensed.name}” has to be agreed to first.`, {
      machine: licensed.name,
    });
  }
  const missing = new Set(description.files.filter(({ present }) => !present).map(({ name }) => name));
  return included.map((machine) => planMachine(machine, gzipFiles, missing));
}

function planMachine(
  machine: ApplianceMachine,
  gzipFiles: ReadonlySet<string>,
  missing: ReadonlySet<string>,
): PlannedMachine {
  const items = machine.items.filter((item) => item.outcome !== "skipped");
  for (const item of items) {
    if ("file" in item && item.file !== null && missing.has(item.file)) throw fileMissing(item.file);
  }
  const disks = items.flatMap((item) => (item.kind === "disk" ? [planDisk(item, gzipFiles)] : []));
  const names = new Set(disks.map(({ target }) => target.fileName.toLowerCase()));
  const opticals: PlannedOptical[] = [];
  const floppies: (PlannedFile | undefined)[] = [];
  for (const item of items) {
    if (item.kind === "floppy") floppies.push(planFile(item, gzipFiles, names));
    else if (item.kind === "optical") {
      opticals.push({ interface: item.interface ?? "ide", file: planFile(item, gzipFiles, names) });
    }
  }
  return { draft: draftFor(machine, items), disks, opticals, floppies };
}

function planDisk(item: Extract<ApplianceItem, { kind: "disk" }>, gzipFiles: ReadonlySet<string>): PlannedDisk {
  if (item.file === null && item.capacityBytes === 0) {
    throw applianceError("unsupported", `The disk “${item.label}” has neither a file nor a size.`, { id: item.id });
  }
  return {
    source: item.file ?? undefined,
    gzip: item.file !== null && gzipFiles.has(item.file),
    format: item.format ?? undefined,
    capacityBytes: item.capacityBytes,
    storedBytes: item.storedBytes,
    interface: item.interface ?? "ide",
    target: item.target,
  };
}

function planFile(
  item: Extract<ApplianceItem, { kind: "optical" | "floppy" }>,
  gzipFiles: ReadonlySet<string>,
  taken: Set<string>,
): PlannedFile | undefined {
  if (item.file === null) return undefined;
  const name = plainFileName(baseName(item.file.replaceAll("\\", "/")));
  let fileName = name;
  for (let number = 2; taken.has(fileName.toLowerCase()); number++) fileName = `${number} ${name}`;
  taken.add(fileName.toLowerCase());
  return { source: item.file, gzip: gzipFiles.has(item.file), fileName };
}

function draftFor(machine: ApplianceMachine, items: readonly ApplianceItem[]): MachineDraft {
  const type = osTypeById(machine.osType);
  const count = (kind: ApplianceItem["kind"]): number => items.filter((item) => item.kind === kind).length;
  const serial = Array.from({ length: count("serial") }, () => ({ kind: "terminal" as const }));
  const draft = defaultMachineDraft(machine.name);
  return {
    ...draft,
    osType: machine.osType,
    description: machine.description.slice(0, 65_536),
    memoryMiB: plannedMemoryMiB(machine),
    bootOrder: machine.bootOrder ?? type.bootOrder,
    rtcUtc: machine.rtcUtc ?? type.rtcUtc,
    cpuLevel: machine.cpuLevel ?? draft.cpuLevel,
    storage: { disks: [], opticals: [], floppies: [] },
    serial: serial.length > 0 ? serial : draft.serial,
  };
}
