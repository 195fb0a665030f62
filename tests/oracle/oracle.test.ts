/**
 * A share of the oracle in every test run, on our processor and on the host's. GUESTHOUSE_ORACLE_CASES says how much, GUESTHOUSE_ORACLE_SEED which;
 * `npm run oracle` looks further. Skips where the host cannot be asked.
 */
import { expect, test } from "vitest";
import { formatInstruction } from "../../engine/cpu/decode/formatInstruction.ts";
import { CaseGenerator } from "./CaseGenerator.ts";
import { GuestProcessor } from "./GuestProcessor.ts";
import { hostFeatures, NativeProcessor, whyNotNative } from "./NativeProcessor.ts";
import { OracleRun } from "./OracleRun.ts";
import { OtherExecutors } from "./OtherExecutors.ts";
import { windowBytes } from "./oracleLayout.ts";
import { subjectsFor } from "./subjects.ts";

const cases = Number(process.env.GUESTHOUSE_ORACLE_CASES ?? 150_000);
const seed = Number(process.env.GUESTHOUSE_ORACLE_SEED ?? 1);
const reason = whyNotNative();
/** A crowded machine gets through fewer cases, and that is no failure. */
const longestMs = 150_000;

test.skipIf(reason)(
  `the host's processor agrees (${reason ?? `seed ${seed}`})`,
  { timeout: 2 * longestMs },
  async () => {
    const native = new NativeProcessor(new Uint8Array(windowBytes));
    const end = performance.now() + longestMs;
    try {
      const generator = new CaseGenerator(seed, subjectsFor(hostFeatures()));
      const others = await OtherExecutors.create();
      const run = new OracleRun(native, await GuestProcessor.create(), generator, 16, others);
      await run.run(cases, () => performance.now() < end);
      const text = run.failures.map(({ case: { sequence }, executor, found }) => ({
        executor,
        code: sequence.instructions.map(formatInstruction).join("; "),
        found,
      }));
      expect(text, `seed ${seed}`).toEqual([]);
      expect(run.executed).toBeGreaterThan(Math.min(cases, 1000) / 2);
      expect(run.counts.size).toBeGreaterThan(400);
    } finally {
      native.stop();
    }
  },
);
