/**
 * `npm run oracle -- [--cases N] [--seed S] [--only REGEX] [--minutes M] [--save]`: compares our processor with the host's on generated code, and
 * prints what differs, made as small as possible. `--only` picks operations by name, `--save` appends the differences to `cases/found.txt`, `--table`
 * writes `docs/oracle.md`; `--longest 1` tries instructions alone, `--states` says how many states each sequence is tried with.
 */
import { appendFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { formatInstruction } from "../../engine/cpu/decode/formatInstruction.ts";
import { CaseGenerator } from "./CaseGenerator.ts";
import { formatTable } from "./formatTable.ts";
import { GuestProcessor } from "./GuestProcessor.ts";
import { hostFeatures, NativeProcessor, whyNotNative } from "./NativeProcessor.ts";
import { type Failure, failureKey, OracleRun } from "./OracleRun.ts";
import { OtherExecutors } from "./OtherExecutors.ts";
import { formatCase } from "./oracleCaseText.ts";
import { windowBytes } from "./oracleLayout.ts";
import { FailureShrinker } from "./shrinkFailure.ts";
import { subjectsFor } from "./subjects.ts";

const { values } = parseArgs({
  options: {
    cases: { type: "string", default: "100000" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
    not: { type: "string" },
    minutes: { type: "string" },
    states: { type: "string", default: "8" },
    longest: { type: "string", default: "4" },
    shown: { type: "string", default: "60" },
    save: { type: "boolean", default: false },
    table: { type: "boolean", default: false },
    raw: { type: "boolean", default: false },
  },
});

const reason = whyNotNative();
if (reason) {
  console.log(`The oracle ${reason}.`);
  process.exit(0);
}

const features = hostFeatures();
const only = values.only === undefined ? undefined : new RegExp(values.only);
const not = values.not === undefined ? undefined : new RegExp(values.not);
const subjects = subjectsFor(features).filter(
  ({ operation }) => (!only || only.test(operation)) && !not?.test(operation),
);
const native = new NativeProcessor(new Uint8Array(windowBytes));
const generator = new CaseGenerator(Number(values.seed), subjects, Number(values.longest));
const run = new OracleRun(
  native,
  await GuestProcessor.create(),
  generator,
  Number(values.states),
  await OtherExecutors.create(),
);
const deadline = values.minutes ? performance.now() + Number(values.minutes) * 60_000 : Number.POSITIVE_INFINITY;
const start = performance.now();
let reported = start;
let told = 0;

/** Differences as they are found, before they are made small. */
function tell({ case: { sequence }, executor, found }: Failure): void {
  const code = sequence.instructions.map(formatInstruction).join("; ");
  const fields = found.map(({ field, expected, got }) => `${field} ${expected} ${got}`).join(", ");
  console.log(`  ${executor}: ${code}: ${fields.slice(0, 160)}`);
}

await run.run(Number(values.cases), () => {
  const now = performance.now();
  if (now - reported > 10_000) {
    reported = now;
    while (told < run.failures.length) tell(run.failures[told++]!);
    console.log(
      `${run.executed} cases, ${Math.round(run.executed / ((now - start) / 1000))}/s, ${run.repeated.size} kinds of differences`,
    );
  }
  return now < deadline;
});
const seconds = (performance.now() - start) / 1000;

const shrinker = new FailureShrinker(native, await GuestProcessor.create());
const shown = new Map<string, Failure>();
for (const failure of run.failures) {
  if (shown.size >= Number(values.shown)) break;
  const smaller = values.raw || !failure.outcome ? failure : await shrinker.shrink(failure);
  shown.set(failureKey(smaller.case.sequence.instructions, smaller.found), smaller);
}
for (const [key, failure] of shown) {
  const { sequence, bytes, image } = failure.case;
  const text = sequence.instructions.map(formatInstruction).join("; ");
  console.log(`\n${key} (${run.repeated.get(key) ?? 0})\n  ${text}`);
  for (const { field, expected, got } of failure.found)
    console.log(`  ${field}: host ${expected}, ${failure.executor} ${got}`);
  if (!failure.outcome) continue;
  const { codeSize, code } = sequence;
  const remark = text.replaceAll("\n", " ");
  const formatted = formatCase({
    remark,
    codeSize,
    code,
    bytes,
    image,
    outcome: failure.outcome,
    changes: failure.changes,
  });
  console.log(formatted.replace(/^/gm, "    ").slice(0, 1500));
  if (values.save) appendFileSync(new URL("cases/found.txt", import.meta.url), `${formatted}\n\n`);
}
const total = [...run.repeated.values()].reduce((sum, count) => sum + count, 0);
console.log(
  `\n${run.executed} cases of ${run.counts.size} operations in ${seconds.toFixed(0)} s (${Math.round(run.executed / seconds)}/s), ` +
    `${run.discarded} discarded, ${total} differences of ${run.repeated.size} kinds, ${native.deaths} deaths`,
);
if (values.table) {
  const counts = { interpreter: run.counts, ...run.others!.counts };
  const text = formatTable({ total: run.executed, hostFeatures: features, counts });
  writeFileSync(new URL("../../docs/oracle.md", import.meta.url), text);
}
native.stop();
process.exitCode = total > 0 ? 1 : 0;
