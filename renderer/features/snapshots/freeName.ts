/** "Notes clone", "Notes clone 2", ...: the first that nobody has. Names that differ in case alone are one. */
export function freeName(name: string, taken: readonly string[]): string {
  const lower = new Set(taken.map((other) => other.toLowerCase()));
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? name : `${name} ${number}`;
    if (!lower.has(candidate.toLowerCase())) return candidate;
  }
}
