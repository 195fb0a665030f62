import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { LogLine } from "../api/MachineSummary.ts";
import { listRuns, RunLog, readRun } from "./RunLog.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "guesthouse-test-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test("lines are on the disk at once and read back as they were", async () => {
  const heard: LogLine[] = [];
  const startedMs = Date.parse("2026-05-04T03:02:01Z");
  const log = new RunLog(folder, startedMs, (line) => heard.push(line));
  log.write("warn", "The guest touched nothing.", { port: 0x92 });
  const { run, lines, truncated } = await readRun(folder, null);
  expect(lines).toEqual([{ ...heard[0], timeMs: expect.any(Number) }]);
  expect(lines[0]).toMatchObject({ level: "warn", message: "The guest touched nothing.", facts: '{"port":146}' });
  expect(truncated).toBe(false);
  expect(await listRuns(folder)).toEqual([{ name: run, startedMs, sizeBytes: expect.any(Number) }]);
  log.close();
  log.write("info", "too late");
  expect((await readRun(folder, run)).lines).toHaveLength(1);
});

test("old runs are removed", async () => {
  mkdirSync(join(folder, "logs"));
  for (let year = 2000; year < 2015; year++)
    writeFileSync(join(folder, "logs", `run-${year}-01-01T00-00-00.000Z.log`), "");
  new RunLog(folder, Date.now(), () => {}).close();
  await expect.poll(() => readdirSync(join(folder, "logs")).length).toBe(10);
  expect(readdirSync(join(folder, "logs"))).not.toContain("run-2004-01-01T00-00-00.000Z.log");
});

test("foreign text in a log is shown as it stands, and no other file can be read", async () => {
  const log = new RunLog(folder, 0, () => {});
  log.write("info", "fine");
  const { run } = await readRun(folder, null);
  appendFileSync(join(folder, "logs", run!), "not JSON at all\n");
  expect((await readRun(folder, run)).lines.at(-1)?.message).toBe("not JSON at all");
  await expect(readRun(folder, "../machine.json")).rejects.toMatchObject({ kind: "no-such-log" });
  await expect(readRun(folder, "run-1.log")).rejects.toMatchObject({ kind: "no-such-log" });
  log.close();
});

test("without logs there is nothing to show", async () => {
  expect(await readRun(folder, null)).toEqual({ run: null, lines: [], truncated: false });
});
