/**
 * Makes a failing case as small as it gets: fewer instructions, then registers, vectors and memory set to zero for as long as the host and our processor
 * go on disagreeing.
 */
import { differences } from "./compareOutcomes.ts";
import type { GuestProcessor } from "./GuestProcessor.ts";
import type { NativeProcessor } from "./NativeProcessor.ts";
import { type Failure, isSafe, type OracleCase } from "./OracleRun.ts";
import { caseLayout, codeBytes, windowBytes, xsaveLayout } from "./oracleLayout.ts";

export class FailureShrinker {
  readonly #native: NativeProcessor;
  readonly #guest: GuestProcessor;

  constructor(native: NativeProcessor, guest: GuestProcessor) {
    this.#native = native;
    this.#guest = guest;
  }

  async shrink(failure: Failure): Promise<Failure> {
    let best = failure;
    const attempt = async (smaller: OracleCase): Promise<void> => {
      const again = await this.check(smaller);
      if (again) best = again;
    };
    for (let i = 0; best.case.sequence.instructions.length > 1 && i < best.case.sequence.instructions.length; ) {
      const before = best;
      await attempt(withoutInstruction(best.case, i));
      if (best === before) i++;
    }
    for (const change of simplifications) await attempt(change(best.case));
    return best;
  }

  /** Runs a case on both; undefined when they agree or it cannot be told. */
  async check(one: OracleCase): Promise<Failure | undefined> {
    summarizeExceptions(one.bytes);
    this.#guest.setImage(one.image);
    this.#guest.setCode(one.sequence.code);
    if (this.#guest.run(one.bytes) !== "ended") return undefined;
    const { outcome, changes } = this.#guest.readOutcome(one.sequence.codeSize);
    if (!isSafe(outcome)) return undefined;
    const mine = outcome.slice();
    this.#native.setImage(one.image);
    const [native] = await this.#native.run(one.bytes);
    if (!native) return undefined;
    const found = differences(one.sequence.instructions, native.outcome, mine, native.changes, changes);
    if (found.length === 0) return undefined;
    return { case: one, executor: "interpreter", found, outcome: native.outcome, changes: native.changes };
  }
}

function withoutInstruction(one: OracleCase, index: number): OracleCase {
  const { instructions, code, codeSize } = one.sequence;
  const start = instructions.slice(0, index).reduce((sum, { length }) => sum + length, 0);
  const end = start + instructions[index]!.length;
  const shorter = new Uint8Array(codeBytes).fill(0xcc);
  shorter.set(code.subarray(0, start), 0);
  shorter.set(code.subarray(end), start);
  const bytes = one.bytes.slice();
  bytes.set(shorter, caseLayout.code);
  return {
    ...one,
    bytes,
    sequence: { codeSize, code: shorter, instructions: instructions.filter((_, i) => i !== index) },
  };
}

/** ES and B of the x87 follow from what is pending and not masked. */
function summarizeExceptions(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const status = view.getUint16(caseLayout.xsave + xsaveLayout.fsw, true) & ~0x8080;
  const pending = status & ~view.getUint16(caseLayout.xsave + xsaveLayout.fcw, true) & 0x3f;
  view.setUint16(caseLayout.xsave + xsaveLayout.fsw, pending ? status | 0x8080 : status, true);
}

type Simplification = (one: OracleCase) => OracleCase;

const put =
  (at: number, values: readonly number[]): Simplification =>
  (one) => {
    const bytes = one.bytes.slice();
    bytes.set(values, at);
    return { ...one, bytes };
  };
const zero = (at: number, count: number): Simplification => put(at, new Array<number>(count).fill(0));
const clearMemory =
  (start: number, count: number): Simplification =>
  (one) => ({ ...one, image: one.image.slice().fill(0, start, start + count) });
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const { xsave } = caseLayout;

const simplifications: readonly Simplification[] = [
  clearMemory(0, windowBytes),
  ...range(16).map((n) => clearMemory((n * windowBytes) / 16, windowBytes / 16)),
  ...range(128).map((n) => clearMemory(n * 64, 64)),
  zero(xsave + xsaveLayout.ymmHigh, 256),
  zero(xsave + xsaveLayout.xmm, 256),
  zero(xsave + xsaveLayout.st, 128),
  put(xsave + xsaveLayout.mxcsr, [0x80, 0x1f, 0, 0]),
  put(xsave + xsaveLayout.fcw, [0x7f, 3]),
  put(xsave + xsaveLayout.fsw, [0, 0]),
  put(xsave + xsaveLayout.ftw, [0]),
  put(xsave + xsaveLayout.ftw, [0xff]),
  put(caseLayout.flags, [2, 2]),
  zero(caseLayout.fsBase, 8),
  zero(caseLayout.gsBase, 8),
  ...range(16).map((n) => zero(caseLayout.gpr + n * 8, 8)),
  ...range(16).map((n) => zero(xsave + xsaveLayout.xmm + n * 16, 16)),
  ...range(16).map((n) => zero(xsave + xsaveLayout.ymmHigh + n * 16, 16)),
  ...range(8).map((n) => zero(xsave + xsaveLayout.st + n * 16, 10)),
];
