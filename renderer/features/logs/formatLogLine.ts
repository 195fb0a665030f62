import type { LogLine } from "../../../engine/api/MachineSummary.ts";

/** One line of a log as plain text, for copying and for searching. */
export function formatLogLine(line: LogLine): string {
  const time = new Date(line.timeMs).toISOString().slice(11, 23);
  return `${time} ${line.level.padEnd(5)} ${line.message}${line.facts === "" ? "" : ` ${line.facts}`}`;
}

/** Whether a line is at least this serious and says all of these words. */
export function matchesLog(line: LogLine, level: LogLine["level"], words: string): boolean {
  const order: readonly LogLine["level"][] = ["debug", "info", "warn", "error"];
  if (order.indexOf(line.level) < order.indexOf(level)) return false;
  const text = formatLogLine(line).toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
