/**
 * The log of one run of a machine: JSON lines by pino in `logs/`, one file a run, the oldest removed when there are more than
 * ten. Lines are written at once, so that a crash loses none. Reading copes with whatever stands in such a file.
 */
import { mkdirSync } from "node:fs";
import { open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { destination, type Logger, pino } from "pino";
import type { LogLine } from "../api/MachineSummary.ts";
import { GuesthouseError } from "../base/GuesthouseError.ts";

const RUNS_KEPT = 10;
const LINES_READ = 5000;
const BYTES_READ = 4 * 1024 * 1024;
const RUN_NAME = /^run-[0-9TZ.-]+\.log$/;

type Level = LogLine["level"];

export class RunLog {
  readonly #logger: Logger;
  readonly #stream: ReturnType<typeof destination>;
  readonly #heard: (line: LogLine) => void;
  #closed = false;

  constructor(folder: string, startedMs: number, heard: (line: LogLine) => void) {
    const logs = join(folder, "logs");
    mkdirSync(logs, { recursive: true });
    const name = `run-${new Date(startedMs).toISOString().replaceAll(":", "-")}.log`;
    this.#stream = destination({ dest: join(logs, name), sync: true });
    // A log that cannot be written must not stop the machine.
    this.#stream.on("error", () => {});
    this.#logger = pino(
      { base: null, level: "debug", formatters: { level: (label) => ({ level: label }) } },
      this.#stream,
    );
    this.#heard = heard;
    void removeOldRuns(logs);
  }

  write(level: Level, message: string, facts: Readonly<Record<string, unknown>> = {}): void {
    if (this.#closed) return;
    this.#logger[level]({ facts }, message);
    this.#heard({ timeMs: Date.now(), level, message, facts: factsText(facts) });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stream.flushSync();
    this.#stream.end();
  }
}

function factsText(facts: unknown): string {
  if (typeof facts !== "object" || facts === null || Object.keys(facts).length === 0) return "";
  return JSON.stringify(facts);
}

async function runNames(logs: string): Promise<string[]> {
  const names = await readdir(logs).catch(() => []);
  return names
    .filter((name) => RUN_NAME.test(name))
    .sort()
    .reverse();
}

async function removeOldRuns(logs: string): Promise<void> {
  for (const name of (await runNames(logs)).slice(RUNS_KEPT)) {
    await rm(join(logs, name), { force: true }).catch(() => undefined);
  }
}

export async function listRuns(folder: string): Promise<{ name: string; startedMs: number; sizeBytes: number }[]> {
  const logs = join(folder, "logs");
  const runs = (await runNames(logs)).map(async (name) => {
    const facts = await stat(join(logs, name));
    const startedMs = Date.parse(name.slice(4, -4).replace(/T(\d\d)-(\d\d)-(\d\d)/, "T$1:$2:$3"));
    return { name, startedMs: Number.isNaN(startedMs) ? facts.mtimeMs : startedMs, sizeBytes: facts.size };
  });
  return await Promise.all(runs);
}

/** The end of a run's log; the newest run's when `run` is null. */
export async function readRun(
  folder: string,
  run: string | null,
): Promise<{ run: string | null; lines: LogLine[]; truncated: boolean }> {
  const logs = join(folder, "logs");
  const name = run ?? (await runNames(logs))[0];
  if (name === undefined) return { run: null, lines: [], truncated: false };
  if (!RUN_NAME.test(name)) throw new GuesthouseError("no-such-log", `There is no such log: ${name}`, { name });
  const { text, whole } = await readEnd(join(logs, name), name);
  const rows = text.split("\n").filter((row) => row !== "");
  // The first row of a cut text is a fragment.
  if (!whole) rows.shift();
  const kept = rows.slice(-LINES_READ);
  return { run: name, lines: kept.map(parseLine), truncated: !whole || kept.length < rows.length };
}

async function readEnd(path: string, name: string): Promise<{ text: string; whole: boolean }> {
  const file = await open(path, "r").catch(() => {
    throw new GuesthouseError("no-such-log", `There is no such log: ${name}`, { name });
  });
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - BYTES_READ);
    const bytes = Buffer.alloc(size - start);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
    return { text: bytes.toString("utf8", 0, bytesRead), whole: start === 0 };
  } finally {
    await file.close();
  }
}

function parseLine(row: string): LogLine {
  try {
    const value = JSON.parse(row) as Record<string, unknown>;
    const level = value.level;
    return {
      timeMs: typeof value.time === "number" ? value.time : 0,
      level: level === "debug" || level === "warn" || level === "error" ? level : "info",
      message: String(value.msg ?? ""),
      facts: factsText(value.facts),
    };
  } catch {
    return { timeMs: 0, level: "info", message: row, facts: "" };
  }
}
