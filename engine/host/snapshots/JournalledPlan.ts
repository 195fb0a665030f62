import type { DiskFormatId } from "../../contracts/DiskImage.ts";
import type { SnapshotDocument } from "../../snapshot/tree/SnapshotDocument.ts";
import type { SnapshotPlan } from "../../snapshot/tree/SnapshotPlan.ts";

/** A plan with what is needed to let the settings follow. */
export interface JournalledPlan extends SnapshotPlan {
  readonly before: SnapshotDocument;
  readonly formats: readonly (readonly [string, DiskFormatId])[];
}

/** Undefined for damage, of which the runner says more. */
export function readJournalledPlan(text: string): JournalledPlan | undefined {
  try {
    const { plan } = JSON.parse(text) as { readonly plan?: Partial<JournalledPlan> };
    return plan?.before === undefined || !Array.isArray(plan.formats) ? undefined : (plan as JournalledPlan);
  } catch {
    return undefined;
  }
}
