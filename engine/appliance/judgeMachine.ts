/**
 * What becomes of a machine that comes from elsewhere: the one place that knows what our machines have. Every item gets its outcome and, where that is not
 * plain, a note; disks get the interface that is nearest to the controller they came from.
 */
import type { ApplianceItem, ApplianceMachine, ApplianceNote } from "../api/applianceProtocol.ts";
import { FLOPPY_DRIVES_MAX, IDE_DEVICES_MAX, MEMORY_MIB_MAX, SERIAL_PORTS_MAX } from "../api/checkMachineDraft.ts";
import type { DiskInterface } from "../api/MachineConfig.ts";
import { osTypeById } from "../api/osTypes.ts";
import { withTargetNames } from "./diskTargets.ts";
import type { MachineFacts } from "./MachineFacts.ts";

type Kind = ApplianceItem["kind"];
/** Positions on IDE that are left, and what was met so far. */
interface Budget {
  ide: number;
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
  const opticals = facts.items.filter(({ kind }) => kind === "optical").length;
  const budget: Budget = { ide: IDE_DEVICES_MAX - Math.min(opticals, 2), met: new Map() };
  const items = facts.items.map((item) => judgeItem(item, facts, budget));
  return { ...facts, index, included: true, notes, items: withTargetNames(items) };
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
      return judgeDisk(item, facts, budget);
    case "optical":
      return place < 2 ? item : skipped(item, "too-many-drives", "The machine has two optical drives already.");
    case "floppy":
      return place < FLOPPY_DRIVES_MAX
        ? item
        : skipped(item, "too-many-drives", "The machine has two floppy drives already.");
    case "serial":
      return place < SERIAL_PORTS_MAX
        ? item
        : skipped(item, "too-many-drives", "The machine has four serial ports already.");
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

function judgeDisk<T extends Extract<ApplianceItem, { kind: "disk" }>>(
  item: T,
  facts: MachineFacts,
  budget: Budget,
): T {
  const controller = facts.items.find((other) => other.kind === "controller" && other.id === item.controller);
  const bus = controller?.kind === "controller" ? controller.bus : undefined;
  const model = controller?.kind === "controller" ? controller.model : "";
  const wanted = interfaceOf(bus, model) ?? fallback(facts);
  const chosen = wanted === "ide" && budget.ide === 0 ? "ahci" : wanted;
  if (chosen === "ide") budget.ide--;
  const same = chosen === wanted && bus !== "scsi" && bus !== undefined;
  const notes: ApplianceNote[] = same
    ? item.notes
    : [
        ...item.notes,
        { code: "controller-changed", message: `Here the disk is connected by ${chosen.toUpperCase()}.` },
      ];
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
