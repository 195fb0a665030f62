import type { FileEntry } from "../../../engine/api/hostProtocol.ts";

/** Folders first, then files of the wanted kind, by name as a person counts; hidden ones only when their dot is typed. */
export function shownEntries(entries: readonly FileEntry[], extensions: readonly string[], words: string): FileEntry[] {
  const wanted = words.trim().toLowerCase();
  return entries
    .filter((entry) => {
      const name = entry.name.toLowerCase();
      if (entry.kind === "other") return false;
      if (name.startsWith(".") && !wanted.startsWith(".")) return false;
      if (!name.includes(wanted)) return false;
      if (entry.kind === "folder" || extensions.length === 0) return true;
      return extensions.some((extension) => name.endsWith(`.${extension}`));
    })
    .sort(
      (a, b) =>
        Number(b.kind === "folder") - Number(a.kind === "folder") ||
        a.name.localeCompare(b.name, undefined, { numeric: true }),
    );
}
