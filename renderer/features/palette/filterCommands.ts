/** Commands whose label has every typed word, those with a word at a beginning first; the given order otherwise. */
export function filterCommands<T extends { readonly label: string }>(commands: readonly T[], typed: string): T[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [...commands];
  const ranked = commands.flatMap((command) => {
    const label = command.label.toLowerCase();
    if (!words.every((word) => label.includes(word))) return [];
    const first = words[0] ?? "";
    const rank = label.startsWith(first) ? 0 : label.includes(` ${first}`) ? 1 : 2;
    return [{ command, rank }];
  });
  return ranked.sort((a, b) => a.rank - b.rank).map(({ command }) => command);
}
