import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { StateSection } from "../../contracts/MachineStateParts.ts";

/**
 * Old sections become what the present version reads, one version at a time. A section's migrations are contiguous: one for each version from
 * the oldest that is read to the one before the present one.
 */
export interface Migration {
  readonly section: string;
  /** To the next version. */
  readonly from: number;
  migrate(payload: Uint8Array): Uint8Array;
}

/** Throws an Error when two migrations do the same or one is missing between others: a mistake of the program. */
export function checkMigrations(migrations: readonly Migration[], present: ReadonlyMap<string, number>): void {
  for (const [section, version] of present) {
    const steps = migrations.filter((migration) => migration.section === section).map(({ from }) => from);
    steps.sort((one, other) => one - other);
    const expected = Array.from({ length: steps.length }, (_, index) => version - steps.length + index);
    if (steps.join() !== expected.join()) throw new Error(`the migrations of ${section} have gaps: ${steps.join()}`);
  }
  const stray = migrations.find(({ section }) => !present.has(section));
  if (stray !== undefined) throw new Error(`a migration is for ${stray.section}, which nothing has`);
}

/** Throws "state-version" for sections that are newer than the program, or older than its migrations. Unknown sections are left alone. */
export function migrateSections(
  sections: readonly StateSection[],
  migrations: readonly Migration[],
  present: ReadonlyMap<string, number>,
): StateSection[] {
  return sections.map((section) => {
    const wanted = present.get(section.id) ?? section.version;
    let { version, payload } = section;
    while (version < wanted) {
      const step = migrations.find((migration) => migration.section === section.id && migration.from === version);
      if (step === undefined) break;
      payload = step.migrate(payload);
      version++;
    }
    if (version !== wanted) {
      throw new GuesthouseError(
        "state-version",
        `The saved state of “${section.id}” has version ${section.version}; this version reads ${wanted}.`,
        { section: section.id, version: section.version, expected: wanted },
      );
    }
    return { id: section.id, version, payload };
  });
}
