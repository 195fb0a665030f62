import { expect, test } from "vitest";
import type { LogLine } from "../../../engine/api/MachineSummary.ts";
import { formatLogLine, matchesLog } from "./formatLogLine.ts";

const line: LogLine = { timeMs: 1234, level: "warn", message: "Disk is slow", facts: '{"ms":900}' };

test("a line carries time, level, message and facts", () => {
  expect(formatLogLine(line)).toBe('00:00:01.234 warn  Disk is slow {"ms":900}');
});

test("level and words both filter, in any order and case", () => {
  expect(matchesLog(line, "debug", "")).toBe(true);
  expect(matchesLog(line, "warn", "SLOW disk")).toBe(true);
  expect(matchesLog(line, "error", "")).toBe(false);
  expect(matchesLog(line, "info", "disk fast")).toBe(false);
});
