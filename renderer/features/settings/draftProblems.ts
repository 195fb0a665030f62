/**
 * What is wrong with the settings as they stand in the dialog: the API's own findings, and the gaps that only a form can have, such
 * as a drive whose path was just emptied.
 */
import { checkMachineDraft, type DraftField, type DraftIssueCode } from "../../../engine/api/checkMachineDraft.ts";
import type { MachineDraft } from "../../../engine/api/MachineConfig.ts";
import { type DiskProblem, diskProblem } from "./storageDraft.ts";

export type SettingsProblem = DraftIssueCode | DiskProblem | "serial-file-missing" | "name-taken";

/** The first problem of each field. */
export function draftProblems(draft: MachineDraft, nameTaken: boolean): Map<DraftField, SettingsProblem> {
  const problems = new Map<DraftField, SettingsProblem>();
  const add = (field: DraftField, problem: SettingsProblem) => {
    if (!problems.has(field)) problems.set(field, problem);
  };
  for (const disk of draft.storage.disks) {
    const problem = diskProblem(disk);
    if (problem !== undefined) add("storage.disks", problem);
  }
  if (draft.serial.some((port) => port.kind === "file" && port.path.trim() === ""))
    add("serial", "serial-file-missing");
  for (const { field, code } of checkMachineDraft(draft)) add(field, code);
  if (nameTaken) add("name", "name-taken");
  return problems;
}
