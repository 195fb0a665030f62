import type { InstructionRow } from "../../engine/cpu/isa/InstructionRow.ts";
import { rows } from "../../engine/cpu/isa/rows.ts";
import { whyExcluded } from "./excludedOperations.ts";

/** Features of rows that Linux does not list because all its processors have them, or lists under other names that are taken care of. */
const always = new Set(["tsc", "msr", "sep", "syscall", "lahf_lm"]);

/** Rows that a host with these features can be asked about. */
export function subjectsFor(features: ReadonlySet<string>): InstructionRow[] {
  return rows.filter((row) => !whyExcluded(row) && hasFeature(row, features));
}

export function hasFeature({ feature }: InstructionRow, features: ReadonlySet<string>): boolean {
  return feature === undefined || always.has(feature) || features.has(feature);
}
