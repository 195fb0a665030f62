/**
 * Whether a machine makes sense: every finding names the field and a stable code, so that a form shows a sentence of its own
 * language beside the field and the host refuses with the same words. Existence of files is the host's to check.
 */
import type { MachineDraft } from "./MachineConfig.ts";
import { isLive, type MachineStateKind } from "./MachineState.ts";

export const MEMORY_MIB_MIN = 1;
export const MEMORY_MIB_MAX = 3072;
export const NAME_LENGTH_MAX = 120;
export const IDE_DEVICES_MAX = 4;
export const FLOPPY_DRIVES_MAX = 2;
export const SERIAL_PORTS_MAX = 4;

export type DraftField =
  | "name"
  | "memoryMiB"
  | "bootOrder"
  | "storage.disks"
  | "storage.opticals"
  | "storage.floppies"
  | "serial"
  | "directBoot";

export type DraftIssueCode =
  | "name-empty"
  | "name-too-long"
  | "name-characters"
  | "memory-not-whole"
  | "memory-too-small"
  | "memory-too-large"
  | "boot-order-repeats"
  | "ide-too-many"
  | "disk-repeats"
  | "floppies-too-many"
  | "serial-too-many";

export interface DraftIssue {
  readonly field: DraftField;
  readonly code: DraftIssueCode;
  /** English; interfaces translate by `code`. */
  readonly message: string;
}

function checkName(name: string): DraftIssue[] {
  const issue = (code: DraftIssueCode, message: string): DraftIssue[] => [{ field: "name", code, message }];
  if (name.trim() === "") return issue("name-empty", "Give the machine a name.");
  if (name.length > NAME_LENGTH_MAX) {
    return issue("name-too-long", `The name may have at most ${NAME_LENGTH_MAX} characters.`);
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are exactly what is refused here
  if (/[\u0000-\u001f\u007f]/.test(name)) return issue("name-characters", "The name contains control characters.");
  return [];
}

function checkMemory(memoryMiB: number): DraftIssue[] {
  const issue = (code: DraftIssueCode, message: string): DraftIssue[] => [{ field: "memoryMiB", code, message }];
  if (!Number.isInteger(memoryMiB)) return issue("memory-not-whole", "Memory is a whole number of MiB.");
  if (memoryMiB < MEMORY_MIB_MIN) return issue("memory-too-small", `At least ${MEMORY_MIB_MIN} MiB of memory.`);
  if (memoryMiB > MEMORY_MIB_MAX) return issue("memory-too-large", `At most ${MEMORY_MIB_MAX} MiB of memory.`);
  return [];
}

/** All findings, an empty list for a machine that can be made. */
export function checkMachineDraft(draft: MachineDraft): DraftIssue[] {
  const issues = [...checkName(draft.name), ...checkMemory(draft.memoryMiB)];
  const { disks, opticals, floppies } = draft.storage;
  if (new Set(draft.bootOrder).size !== draft.bootOrder.length) {
    issues.push({ field: "bootOrder", code: "boot-order-repeats", message: "A boot source is listed twice." });
  }
  const onIde = [...disks, ...opticals].filter((drive) => (drive.interface ?? "ide") === "ide").length;
  if (onIde > IDE_DEVICES_MAX) {
    issues.push({
      field: "storage.disks",
      code: "ide-too-many",
      message: `The IDE controller has ${IDE_DEVICES_MAX} places for hard disks and optical drives.`,
    });
  }
  if (new Set(disks.map((disk) => disk.path)).size !== disks.length) {
    issues.push({ field: "storage.disks", code: "disk-repeats", message: "The same disk is attached twice." });
  }
  if (floppies.length > FLOPPY_DRIVES_MAX) {
    issues.push({
      field: "storage.floppies",
      code: "floppies-too-many",
      message: `At most ${FLOPPY_DRIVES_MAX} floppy drives.`,
    });
  }
  if (draft.serial.length > SERIAL_PORTS_MAX) {
    issues.push({ field: "serial", code: "serial-too-many", message: `At most ${SERIAL_PORTS_MAX} serial ports.` });
  }
  return issues;
}

/** Settings that may change while a machine is live or has a saved state; removable media change by `media.attach` and `media.eject`. */
export const liveFields: readonly (keyof MachineDraft)[] = ["name", "description", "osType", "display"];

/** The settings that differ between two drafts and may not change in `state`. */
export function lockedChanges(
  state: MachineStateKind,
  before: MachineDraft,
  after: MachineDraft,
): (keyof MachineDraft)[] {
  if (!isLive(state) && state !== "saved") return [];
  return (Object.keys(after) as (keyof MachineDraft)[]).filter(
    (field) => !liveFields.includes(field) && JSON.stringify(before[field]) !== JSON.stringify(after[field]),
  );
}
