/**
 * What becomes of a machine that comes from elsewhere: the one place that knows what our machines have. Every item gets its outcome and, where that is not
 * plain, a note; disks get the interface that is nearest to the controller they came from.
 */
import type { ApplianceItem, ApplianceMachine, ApplianceNote } from "../api/applianceProtocol.ts";
import {
  FLOPPY_DRIVES_MAX,
  IDE_DEVICES_MAX,
  MEMORY_MIB_MAX,
  NAME_LENGTH_MAX,
  SERIAL_PORTS_MAX,
} from "../api/checkMachineDraft.ts";
import type { DiskInterface } from "../api/MachineConfig.ts";
import { osTypeById } from "../api/osTypes.ts";
import { withTargetNames } from "./diskTargets.ts";
import type { MachineFacts } from "./MachineFacts.ts";

type Kind = ApplianceItem["kind"];
type Disk = Extract<ApplianceItem, { kind: "disk" }>;
type Optical = Extract<ApplianceItem, { kind: "optical" }>;
const DRIVES_MAX = 16;
const DESCRIPTION_MAX = 65_536;
/** Places on IDE that are left, and what was met so far. */
interface Budget {
  ideForDisks: number;
  ideForOpticals: number;
  readonly met: Map<Kind, number>;
}

export function judgeMachine(facts: MachineFacts, index: number): ApplianceMachine {
  const notes: ApplianceNote[] = [...facts.notes];
  if (facts.cpus > 1) {
    notes.push({ code: "cpus-reduced", message: `It had ${facts.cpus} processors; here it gets one.` });
  }
  if (facts.firmware === "efi") {
    notes.push({ code: "firmware-changed", message: "It starts by EFI; here it gets a BIOS, and may not start." });
  }
  const memory = plannedMemoryMiB(facts);
  if (memory !== facts.memoryMiB) {
    notes.push({
      code: "memory-changed",
      message: `It had ${facts.memoryMiB} MiB of memory; here it gets ${memory} MiB.`,
    });
  }
  const budget = budgetFor(facts);
  const items = facts.items.map((item) => judgeItem(item, facts, budget));
  const name = machineName(facts.name);
  const description = facts.description.slice(0, DESCRIPTION_MAX);
  return { ...facts, name, description, index, included: true, notes, items: withTargetNames(items) };
}

/** One that the library takes, with room for a number after it. */
function machineName(given: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters have no place in names
  const plain = given.replace(/[\u0000-\u001f\u007f]+/g, " ").trim();
  return plain.slice(0, NAME_LENGTH_MAX - 8).trim() || "Imported machine";
}

/** Never more than a machine may have; the system's own figure when the appliance says nothing. */
export function plannedMemoryMiB(facts: Pick<MachineFacts, "memoryMiB" | "osType">): number {
  const wanted = facts.memoryMiB > 0 ? facts.memoryMiB : osTypeById(facts.osType).memoryMiB;
  return Math.min(Math.max(1, wanted), MEMORY_MIB_MAX);
}

function judgeItem(item: ApplianceItem, facts: MachineFacts, budget: Budget): ApplianceItem {
  const place = budget.met.get(item.kind) ?? 0;
  budget.met.set(item.kind, place + 1);
  switch (item.kind) {
    case "controller":
      return judgeController(item);
    case "disk":
      return place < DRIVES_MAX ? judgeDisk(item, facts, budget) : tooMany(item, "hard disks");
    case "optical":
      return place < DRIVES_MAX ? judgeOptical(item, facts, budget) : tooMany(item, "optical drives");
    case "floppy":
      return place < FLOPPY_DRIVES_MAX ? item : tooMany(item, "floppy drives");
    case "serial":
      return place < SERIAL_PORTS_MAX ? item : tooMany(item, "serial ports");
    case "network":
      return skipped(item, "no-such-device", "Machines here have no network adapters yet.");
    case "sound":
      return skipped(item, "no-such-device", "Machines here have no sound yet.");
    case "usb":
      return skipped(item, "no-such-device", "Machines here have no USB yet.");
    case "other":
      return skipped(item, "no-such-device", "There is no such device here.");
  }
}

function skipped<T extends ApplianceItem>(item: T, code: ApplianceNote["code"], message: string): T {
  return { ...item, outcome: "skipped", notes: [...item.notes, { code, message }] };
}

function judgeController<T extends Extract<ApplianceItem, { kind: "controller" }>>(item: T): T {
  if (item.bus === "other") return skipped(item, "no-such-device", "There is no such controller here.");
  if (item.bus !== "scsi") return item;
  const notes = [
    ...item.notes,
    {
      code: "controller-changed" as const,
      message: "Disks on this SCSI controller are connected in another way here.",
    },
  ];
  return { ...item, outcome: "adapted", notes };
}

/** A system from before AHCI has no driver for it; IDE every system knows. */
function fallback(facts: MachineFacts): DiskInterface {
  const { family } = osTypeById(facts.osType);
  return family === "dos" || family === "windows" || facts.osType === "os2" ? "ide" : "ahci";
}

/** Disks may fill IDE but for a place or two that discs ask for. */
function budgetFor(facts: MachineFacts): Budget {
  const wanting = (kind: Kind): number =>
    facts.items.filter((item) => item.kind === kind && wantedInterface(item as Disk | Optical, facts) === "ide").length;
  const ideForDisks = Math.min(wanting("disk"), IDE_DEVICES_MAX - Math.min(wanting("optical"), 2));
  return { ideForDisks, ideForOpticals: IDE_DEVICES_MAX - ideForDisks, met: new Map() };
}

function tooMany<T extends ApplianceItem>(item: T, what: string): T {
  return skipped(item, "too-many-drives", `The machine has as many ${what} as it can have.`);
}

function controllerOf(item: Disk | Optical, facts: MachineFacts): { bus: string; model: string } | undefined {
  const found = facts.items.find((other) => other.kind === "controller" && other.id === item.controller);
  return found?.kind === "controller" ? found : undefined;
}

function wantedInterface(item: Disk | Optical, facts: MachineFacts): DiskInterface {
  const controller = controllerOf(item, facts);
  const near = controller && interfaceOf(controller.bus, controller.model);
  if (item.kind === "disk") return near ?? fallback(facts);
  return near === "ahci" || near === "virtio-scsi" ? near : "ide";
}

function judgeDisk(item: Disk, facts: MachineFacts, budget: Budget): Disk {
  const wanted = wantedInterface(item, facts);
  const chosen = wanted === "ide" && budget.ideForDisks === 0 ? "ahci" : wanted;
  if (chosen === "ide") budget.ideForDisks--;
  return connected(item, facts, chosen, chosen === wanted);
}

function judgeOptical(item: Optical, facts: MachineFacts, budget: Budget): Optical {
  const wanted = wantedInterface(item, facts);
  const chosen = wanted === "ide" && budget.ideForOpticals === 0 ? "ahci" : wanted;
  if (chosen === "ide") budget.ideForOpticals--;
  return connected(item, facts, chosen, chosen === wanted);
}

function connected<T extends Disk | Optical>(
  item: T,
  facts: MachineFacts,
  chosen: DiskInterface,
  asWanted: boolean,
): T {
  const bus = controllerOf(item, facts)?.bus;
  const same = asWanted && bus !== "scsi" && (bus !== undefined || item.kind === "optical");
  const message = `Here it is connected by ${chosen.toUpperCase()}.`;
  const notes: ApplianceNote[] = same ? item.notes : [...item.notes, { code: "controller-changed", message }];
  return { ...item, interface: chosen, outcome: same ? "mapped" : "adapted", notes };
}

function interfaceOf(bus: string | undefined, model: string): DiskInterface | undefined {
  switch (bus) {
    case "ide":
      return "ide";
    case "sata":
      return "ahci";
    case "nvme":
      return "nvme";
    case "virtio":
      return /blo?c?k/i.test(model) ? "virtio-blk" : "virtio-scsi";
    default:
      return undefined;
  }
}
