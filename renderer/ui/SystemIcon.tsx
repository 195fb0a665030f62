import type { OsFamily } from "../../engine/api/OsType.ts";

const letters: Record<OsFamily, string> = { dos: "DOS", windows: "Win", linux: "Lin", bsd: "BSD", other: "…" };

/** A quiet badge for the family of a guest system: letters rather than somebody's trademark. */
export function SystemIcon({ family, bits }: { family: OsFamily; bits?: number | undefined }) {
  return (
    <span className={`system-icon system-${family}`} aria-hidden>
      <span>{letters[family]}</span>
      {bits === undefined ? null : <small>{bits}</small>}
    </span>
  );
}
