/** The oracle's coverage as a table in Markdown: `docs/oracle.md`, written by `npm run oracle -- --table`. */
import { rows } from "../../engine/cpu/isa/rows.ts";
import { knownDeviations, undefinedBits } from "./compareOutcomes.ts";
import { transcendental, whyExcluded } from "./excludedOperations.ts";
import { hasFeature } from "./subjects.ts";

export interface Coverage {
  readonly total: number;
  readonly hostFeatures: ReadonlySet<string>;
  /** Cases by executor and operation. */
  readonly counts: Readonly<Record<"interpreter" | "translator" | "reference", ReadonlyMap<string, number>>>;
}

const flagNames: readonly (readonly [bit: number, name: string])[] = [
  [0x800, "OF"],
  [0x80, "SF"],
  [0x40, "ZF"],
  [0x10, "AF"],
  [0x4, "PF"],
  [0x1, "CF"],
];

function maskOf(operation: string): string {
  const flags = undefinedBits.filter(({ operations }) => operations.test(operation)).map(({ flags: open }) => open);
  const names = flagNames.filter(([bit]) => flags.some((open) => open & bit)).map(([, name]) => name);
  if (transcendental.test(operation)) names.push("last place");
  return names.join(" ");
}

function line(operation: string, coverage: Coverage): string {
  const mine = rows.filter((row) => row.operation === operation);
  const excluded = whyExcluded(mine[0]!);
  const missing = mine.some((row) => hasFeature(row, coverage.hostFeatures)) ? "" : (mine[0]!.feature ?? "");
  const count = (executor: keyof Coverage["counts"]): string => String(coverage.counts[executor].get(operation) ?? "");
  const remark = excluded ?? (missing ? `the host has no ${missing}` : "");
  const cells = [operation, count("interpreter"), count("translator"), count("reference"), maskOf(operation), remark];
  return `| ${cells.join(" | ")} |`;
}

export function formatTable(coverage: Coverage): string {
  const operations = [...new Set(rows.map(({ operation }) => operation))].sort();
  return [
    "# What the oracle compares",
    "",
    "`npm run oracle` runs generated code on the host's processor and on ours and compares registers, flags, x87, vectors, MXCSR, memory and",
    `exceptions. This page is written by \`npm run oracle -- --table\`; the run behind it compared ${coverage.total} cases.`,
    "",
    "## Known deviations",
    "",
    ...knownDeviations.map(({ operations: pattern, reason }) => `- \`${String(pattern)}\`: ${reason}`),
    ...undefinedBits.map(({ operations: pattern, reference }) => `- \`${String(pattern)}\`: ${reference}`),
    "",
    "## Operations",
    "",
    "Cases by executor (a case may hold four instructions), and what is not compared.",
    "",
    "| Operation | Interpreter | Translator | Reference | Masked | Remark |",
    "| --- | ---: | ---: | ---: | --- | --- |",
    ...operations.map((operation) => line(operation, coverage)),
    "",
  ].join("\n");
}
