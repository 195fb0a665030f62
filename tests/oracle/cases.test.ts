/**
 * The cases that the oracle once found wrong, with what a processor (an Intel core of the Cascade Lake family) made of them, on every executor. They
 * need nothing of the host. Format: `oracleCaseText.ts`; new ones come from `npm run oracle -- --save`.
 */
import { readdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { Decoder } from "../../engine/cpu/decode/Decoder.ts";
import { formatInstruction } from "../../engine/cpu/decode/formatInstruction.ts";
import type { Instruction } from "../../engine/cpu/decode/Instruction.ts";
import { rows } from "../../engine/cpu/isa/rows.ts";
import { Translator } from "../../engine/cpu/translator/Translator.ts";
import { differences } from "./compareOutcomes.ts";
import { GuestProcessor } from "./GuestProcessor.ts";
import { formatCase, parseCases, type TextCase } from "./oracleCaseText.ts";
import { breakpoint, codeAt, outcomeLayout } from "./oracleLayout.ts";
import { referenceFields, runReference } from "./ReferenceProcessor.ts";

const directory = new URL("cases/", import.meta.url);
const files = readdirSync(directory).filter((name) => name.endsWith(".txt"));
const decoder = new Decoder(rows);

/** Up to the INT3 behind them. */
function instructionsOf({ code, codeSize }: TextCase): Instruction[] {
  const instructions: Instruction[] = [];
  for (let at = 0; code[at] !== 0xcc; ) {
    const decoded = decoder.decode(code, at, code.length - at, { codeSize });
    if ("failure" in decoded) break;
    instructions.push(decoded);
    at += decoded.length;
  }
  return instructions;
}

const vectorOf = (outcome: Uint8Array): number => new DataView(outcome.buffer).getUint32(outcomeLayout.vector, true);
const remarkOf = (instructions: readonly Instruction[]): string => instructions.map(formatInstruction).join("; ");

describe.each(files)("%s", (name) => {
  const cases = parseCases(readFileSync(new URL(name, directory), "utf8"));
  let guest: GuestProcessor;
  let translating: GuestProcessor;
  let translator: Translator;
  beforeAll(async () => {
    guest = await GuestProcessor.create();
    translating = await GuestProcessor.create();
    translator = new Translator(translating.machine.vcpu.interpreter, decoder);
  });

  test("reads as it was written", () => {
    expect(cases.length).toBeGreaterThan(0);
    for (const one of cases) expect(parseCases(formatCase(one)).map(formatCase)).toEqual([formatCase(one)]);
  });

  function onGuest(processor: GuestProcessor, one: TextCase, prepare: () => void): string[] {
    processor.setImage(one.image);
    processor.setCode(one.code);
    prepare();
    if (processor.run(one.bytes) !== "ended") return ["did not end"];
    const { outcome, changes } = processor.readOutcome(one.codeSize);
    const found = differences(instructionsOf(one), one.outcome, outcome, one.changes, changes);
    return found.map(({ field, expected, got }) => `${field} is ${got} instead of ${expected}`);
  }

  test("the interpreter agrees", () => {
    for (const one of cases)
      expect(
        onGuest(guest, one, () => {}),
        remarkOf(instructionsOf(one)),
      ).toEqual([]);
  });

  test("the translator agrees", () => {
    for (const one of cases) {
      const found = onGuest(translating, one, () => void translator.translate(codeAt));
      expect(found, remarkOf(instructionsOf(one))).toEqual([]);
    }
  });

  test("the reference executor agrees where it can", () => {
    for (const one of cases) {
      const instructions = instructionsOf(one);
      const mine = runReference(instructions, one.bytes, one.image);
      if (!mine) continue;
      if (vectorOf(one.outcome) !== breakpoint) continue;
      const found = differences(instructions, one.outcome, mine.outcome, one.changes, mine.changes, referenceFields);
      expect(found, remarkOf(instructions)).toEqual([]);
    }
  });
});
