/**
 * One run of the oracle: cases are generated, executed by our processor, and those that the host can be trusted with go to its processor; what comes
 * out is compared. Our processor goes first because it knows where a case would have gone: a stray access ends in its page tables, natively
 * it would end anywhere in the process.
 */
import type { Instruction } from "../../engine/cpu/decode/Instruction.ts";
import type { CaseGenerator, Sequence } from "./CaseGenerator.ts";
import { type Difference, differences } from "./compareOutcomes.ts";
import { GuestProcessor } from "./GuestProcessor.ts";
import type { NativeProcessor } from "./NativeProcessor.ts";
import { mostCases } from "./nativeTrampoline.ts";
import type { OtherExecutors } from "./OtherExecutors.ts";
import {
  breakpoint,
  caseLayout,
  codePage,
  harnessAt,
  harnessBytes,
  lowestMapped,
  outcomeLayout,
  pageBytes,
  reservedAt,
  reservedEnd,
} from "./oracleLayout.ts";

export interface OracleCase {
  readonly sequence: Pick<Sequence, "codeSize" | "code" | "instructions">;
  readonly bytes: Uint8Array;
  readonly image: Uint8Array;
}

export interface Failure {
  readonly case: OracleCase;
  readonly executor: string;
  readonly found: readonly Difference[];
  /** What the host's processor made of it; undefined when it died of it, or was never asked. */
  readonly outcome: Uint8Array | undefined;
  readonly changes: Uint16Array;
}

interface Executed {
  readonly sequence: Sequence;
  readonly outcome: Uint8Array;
  readonly changes: Uint16Array;
}

interface Batch {
  readonly image: Uint8Array;
  readonly bytes: Uint8Array;
  readonly executed: Executed[];
}

/** Every so many sequences the other executors are asked, with the first few states: they are slow. */
const sequencesPerOther = 4;
const statesOfOthers = 4;
const pageFault = 14;
const codePageEnd = codePage + pageBytes;

/** Whether the host may run a case that came out like this: it stayed in its pages, or ran into what is certainly not mapped. */
export function isSafe(outcome: Uint8Array): boolean {
  const view = new DataView(outcome.buffer, outcome.byteOffset, outcome.byteLength);
  const vector = view.getUint32(outcomeLayout.vector, true);
  const rip = view.getUint32(outcomeLayout.rip, true);
  const ripHigh = view.getUint32(outcomeLayout.rip + 4, true);
  const address = view.getUint32(outcomeLayout.address, true);
  const addressHigh = view.getUint32(outcomeLayout.address + 4, true);
  const inCode = ripHigh === 0 && rip >= codePage && rip < codePageEnd;
  if (vector !== pageFault) return inCode || (vector === breakpoint && ripHigh === 0 && rip === codePageEnd);
  if (!inCode && (rip !== address || ripHigh !== addressHigh)) return false;
  if (addressHigh >= 0xffff_8000) return true;
  if (addressHigh !== 0 || (address >= codePage && address < codePageEnd)) return false;
  return address < lowestMapped || (address >= reservedAt && address < reservedEnd);
}

export class OracleRun {
  readonly #native: NativeProcessor;
  readonly #generator: CaseGenerator;
  readonly failures: Failure[] = [];
  /** Failures beyond what anybody would look at, by key. */
  readonly repeated = new Map<string, number>();
  /** Cases compared, by operation. */
  readonly counts = new Map<string, number>();
  executed = 0;
  discarded = 0;
  readonly #states: number;
  readonly others: OtherExecutors | undefined;
  #sequences = 0;
  #guest: GuestProcessor;

  /** Each sequence is tried with so many `states`, and some of them on the other executors. */
  constructor(
    native: NativeProcessor,
    guest: GuestProcessor,
    generator: CaseGenerator,
    states = 8,
    others?: OtherExecutors,
  ) {
    this.others = others;
    this.#states = states;
    this.#native = native;
    this.#guest = guest;
    this.#generator = generator;
  }

  /** Until that many cases were compared or `goOn` says no. */
  async run(cases: number, goOn: () => boolean): Promise<void> {
    let pending: Promise<void> | undefined;
    while (this.executed < cases && goOn()) {
      const batch = await this.#prepare();
      await pending;
      pending = this.#compareWithNative(batch);
    }
    await pending;
  }

  async #prepare(): Promise<Batch> {
    const image = this.#generator.image();
    this.#guest.setImage(image);
    this.others?.setImage(image);
    const bytes = new Uint8Array(mostCases * caseLayout.sizeBytes);
    const executed: Executed[] = [];
    for (let empty = 0; executed.length < mostCases && empty < 5000; ) {
      const sequence = this.#generator.sequence();
      const before = executed.length;
      if (sequence) {
        await this.#execute(sequence, image, bytes, executed);
        await this.#compareOthers(sequence, image, bytes, executed, before);
      }
      empty = executed.length === before ? empty + 1 : 0;
    }
    return { image, bytes: bytes.subarray(0, executed.length * caseLayout.sizeBytes), executed };
  }

  async #execute(sequence: Sequence, image: Uint8Array, bytes: Uint8Array, executed: Executed[]): Promise<void> {
    this.#guest.setCode(sequence.code);
    for (let i = 0; i < this.#states && executed.length < mostCases; i++) {
      const at = executed.length * caseLayout.sizeBytes;
      const one = bytes.subarray(at, at + caseLayout.sizeBytes);
      this.#generator.state(sequence, one);
      const exit = this.#guest.run(one);
      if (exit === "ended") {
        const { outcome, changes } = this.#guest.readOutcome(sequence.codeSize);
        if (isSafe(outcome)) executed.push({ sequence, outcome: outcome.slice(), changes });
        else this.discarded++;
        continue;
      }
      this.discarded++;
      if (exit === "lost") continue;
      const what = exit === "shutdown" ? "a triple fault" : String(exit.failure.message);
      const found = [{ field: "exit", expected: "an exception", got: what }];
      const failed = { sequence, bytes: one.slice(), image };
      this.#note({ case: failed, executor: "interpreter", found, outcome: undefined, changes: new Uint16Array(0) });
      this.#guest = await GuestProcessor.create();
      this.#guest.setImage(image);
      this.#guest.setCode(sequence.code);
    }
  }

  async #compareOthers(
    sequence: Sequence,
    image: Uint8Array,
    bytes: Uint8Array,
    executed: readonly Executed[],
    first: number,
  ): Promise<void> {
    if (!this.others || this.#sequences++ % sequencesPerOther !== 0) return;
    const cases = executed.slice(first, first + statesOfOthers).map(({ outcome, changes }, i) => {
      const at = (first + i) * caseLayout.sizeBytes;
      return { bytes: bytes.subarray(at, at + caseLayout.sizeBytes), outcome, changes };
    });
    for (const { executor, case: one, found } of await this.others.compare(sequence, cases)) {
      const failed = { sequence, bytes: one.bytes.slice(), image };
      this.#note({ case: failed, executor, found, outcome: undefined, changes: one.changes });
    }
  }

  async #compareWithNative({ image, bytes, executed }: Batch): Promise<void> {
    this.#native.setImage(image);
    const natives = await this.#native.run(bytes);
    natives.forEach((native, i) => {
      const { sequence, outcome, changes } = executed[i]!;
      this.executed++;
      for (const { row } of sequence.instructions)
        this.counts.set(row.operation, (this.counts.get(row.operation) ?? 0) + 1);
      const one = bytes.subarray(i * caseLayout.sizeBytes, (i + 1) * caseLayout.sizeBytes);
      if (!native && stackInHarness(outcome)) {
        this.discarded++;
        return;
      }
      if (!native) {
        const found = [{ field: "host", expected: "an exception", got: "the process died" }];
        const failed = { sequence, bytes: one.slice(), image };
        this.#note({ case: failed, executor: "interpreter", found, outcome: undefined, changes });
        return;
      }
      if (Buffer.compare(native.outcome, outcome) === 0 && changes.length === 0 && native.changes.length === 0) return;
      const found = differences(sequence.instructions, native.outcome, outcome, native.changes, changes);
      if (found.length === 0) return;
      const failed = { sequence, bytes: one.slice(), image };
      this.#note({
        case: failed,
        executor: "interpreter",
        found,
        outcome: native.outcome.slice(),
        changes: native.changes,
      });
    });
  }

  #note(failure: Failure): void {
    const key = failureKey(failure.case.sequence.instructions, failure.found);
    const seen = this.repeated.get(key) ?? 0;
    this.repeated.set(key, seen + 1);
    if (seen < 1) this.failures.push(failure);
  }
}

/** A stack pointer within the handler's own stack makes the kernel go on from there, over what the handler needs. */
function stackInHarness(outcome: Uint8Array): boolean {
  const rsp = new DataView(outcome.buffer, outcome.byteOffset).getBigUint64(outcomeLayout.gpr + stackPointer * 8, true);
  return rsp >= BigInt(harnessAt) && rsp < BigInt(harnessAt + harnessBytes);
}
const stackPointer = 4;

/** Failures with the same key most likely have the same cause. */
export function failureKey(instructions: readonly Instruction[], found: readonly Difference[]): string {
  const kinds = new Set(
    found.map(({ field }) =>
      field.replace(/^(st|xmm|ymmh)\d+$/, "$1").replace(/^r[a-z0-9]+$/, (name) => (name === "rip" ? name : "gpr")),
    ),
  );
  return `${instructions.map(({ row }) => row.operation).join(" ")}: ${[...kinds].join(" ")}`;
}
