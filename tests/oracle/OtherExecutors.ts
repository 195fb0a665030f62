/**
 * The translator, on code that it takes from the first instruction on, and the reference executor, against what the interpreter made of the same
 * cases. The interpreter is compared with the host, so agreeing with it is agreeing with the host.
 */
import { Decoder } from "../../engine/cpu/decode/Decoder.ts";
import { rows } from "../../engine/cpu/isa/rows.ts";
import { Translator } from "../../engine/cpu/translator/Translator.ts";
import type { Sequence } from "./CaseGenerator.ts";
import { type Difference, differences } from "./compareOutcomes.ts";
import { GuestProcessor } from "./GuestProcessor.ts";
import { breakpoint, codeAt, outcomeLayout } from "./oracleLayout.ts";
import { referenceFields, runReference } from "./ReferenceProcessor.ts";

export type OtherExecutor = "translator" | "reference";

export interface ExecutedCase {
  readonly bytes: Uint8Array;
  readonly outcome: Uint8Array;
  readonly changes: Uint16Array;
}

export interface Disagreement {
  readonly executor: OtherExecutor;
  readonly case: ExecutedCase;
  readonly found: readonly Difference[];
}

/** Regions are kept for good, so a processor is replaced after this many. */
const mostRegions = 2000;

export class OtherExecutors {
  #guest: GuestProcessor;
  #translator: Translator;
  #image: Uint8Array | undefined;
  /** Cases compared, by executor and operation. */
  readonly counts: Readonly<Record<OtherExecutor, Map<string, number>>> = {
    translator: new Map(),
    reference: new Map(),
  };

  private constructor(guest: GuestProcessor) {
    this.#guest = guest;
    this.#translator = translatorOf(guest);
  }

  static async create(): Promise<OtherExecutors> {
    return new OtherExecutors(await GuestProcessor.create());
  }

  setImage(image: Uint8Array): void {
    this.#image = image;
    this.#guest.setImage(image);
  }

  async compare(sequence: Sequence, cases: readonly ExecutedCase[]): Promise<Disagreement[]> {
    if (this.#translator.regions >= mostRegions) {
      this.#guest = await GuestProcessor.create();
      this.#translator = translatorOf(this.#guest);
      if (this.#image) this.#guest.setImage(this.#image);
    }
    return [...this.#onTranslator(sequence, cases), ...cases.flatMap((one) => this.#onReference(sequence, one))];
  }

  #onTranslator(sequence: Sequence, cases: readonly ExecutedCase[]): Disagreement[] {
    const { codeSize, code, instructions } = sequence;
    this.#guest.setCode(code);
    if (this.#translator.translate(codeAt, codeSize) === undefined) return [];
    return cases.flatMap((one): Disagreement[] => {
      this.#count("translator", sequence);
      const exit = this.#guest.run(one.bytes);
      if (exit !== "ended") {
        const got = typeof exit === "string" ? exit : exit.failure.message;
        return [{ executor: "translator", case: one, found: [{ field: "exit", expected: "an exception", got }] }];
      }
      const { outcome, changes } = this.#guest.readOutcome(codeSize);
      const found = differences(instructions, one.outcome, outcome, one.changes, changes);
      return found.length > 0 ? [{ executor: "translator", case: one, found }] : [];
    });
  }

  /** Of exceptions it knows only what the instruction itself raises, so cases that go through. */
  #onReference(sequence: Sequence, one: ExecutedCase): Disagreement[] {
    if (new DataView(one.outcome.buffer, one.outcome.byteOffset).getUint32(outcomeLayout.vector, true) !== breakpoint)
      return [];
    const mine = this.#image && runReference(sequence.instructions, one.bytes, this.#image);
    if (!mine) return [];
    this.#count("reference", sequence);
    const { outcome, changes } = mine;
    const found = differences(sequence.instructions, one.outcome, outcome, one.changes, changes, referenceFields);
    return found.length > 0 ? [{ executor: "reference", case: one, found }] : [];
  }

  #count(executor: OtherExecutor, { instructions }: Sequence): void {
    const counts = this.counts[executor];
    for (const { row } of instructions) counts.set(row.operation, (counts.get(row.operation) ?? 0) + 1);
  }
}

const translatorOf = (guest: GuestProcessor): Translator =>
  new Translator(guest.machine.vcpu.interpreter, new Decoder(rows));
