import { GuesthouseError } from "../../base/GuesthouseError.ts";
import { parseDocument } from "./parseDocument.ts";
import { type SnapshotDocument, wantedStates } from "./SnapshotDocument.ts";
import type { SnapshotPlan, SnapshotStep } from "./SnapshotPlan.ts";

/**
 * Files and images, as the host does it. Texts are replaced whole and lastingly. Each step may find itself done, or begun, by a run that ended in a
 * crash. All promises reject with a GuesthouseError.
 */
export interface SnapshotHost {
  readDocument(): Promise<string | undefined>;
  replaceDocument(text: string): Promise<void>;
  readJournal(): Promise<string | undefined>;
  replaceJournal(text: string): Promise<void>;
  removeJournal(): Promise<void>;
  perform(step: SnapshotStep): Promise<void>;
}

interface Journal {
  readonly plan: SnapshotPlan;
  /** All files were made, and images may rest on others. */
  readonly begun: boolean;
}

export interface Interrupted {
  readonly operation: SnapshotPlan["operation"];
  readonly outcome: "old" | "new";
}

export type Recovery = "nothing" | "undone" | "finished";

/**
 * Carries out plans so that a crash at any moment leaves the old state or the new one: the plan goes into the journal, then its steps are done, with the
 * replacement of the document as the moment when it counts. One at a time, by whoever holds the machine.
 */
export class SnapshotRunner {
  readonly #host: SnapshotHost;

  constructor(host: SnapshotHost) {
    this.#host = host;
  }

  /** Undefined when the machine never had a snapshot. Throws "snapshots-damaged". */
  async read(): Promise<SnapshotDocument | undefined> {
    const text = await this.#host.readDocument();
    return text === undefined ? undefined : parseDocument(text);
  }

  /**
   * Does it all. When making files fails they are removed again and the error is thrown; later failures leave the journal, for `recover`. A plan is of
   * the document as it is: throws "snapshots-changed" otherwise, and "recovery-needed" when a journal is there.
   */
  async run(plan: SnapshotPlan): Promise<void> {
    if ((await this.#host.readJournal()) !== undefined) {
      throw new GuesthouseError("recovery-needed", "An earlier change of the snapshots was interrupted.");
    }
    const before = await this.read();
    if ((before?.revision ?? 0) + 1 !== plan.document.revision) {
      throw new GuesthouseError("snapshots-changed", "The snapshots have changed meanwhile.");
    }
    await this.#writeJournal({ plan, begun: false });
    try {
      for (const step of plan.first) await this.#host.perform(step);
    } catch (error) {
      // What cannot be removed now is removed by the next recovery.
      await this.#undo(plan, before).catch(() => {});
      throw error;
    }
    await this.#finish(plan);
  }

  /** The change that a crash interrupted, and what becomes of it by `recover`. Throws "snapshots-damaged". */
  async interrupted(): Promise<Interrupted | undefined> {
    const text = await this.#host.readJournal();
    if (text === undefined) return undefined;
    const { plan, begun } = parseJournal(text);
    const counts = ((await this.read())?.revision ?? 0) >= plan.document.revision;
    return { operation: plan.operation, outcome: counts || begun ? "new" : "old" };
  }

  /** To be called before anything else when the machine is opened. Copies nothing and needs no passphrase: joins that were under way are given up. */
  async recover(): Promise<Recovery> {
    const text = await this.#host.readJournal();
    if (text === undefined) return "nothing";
    const { plan, begun } = parseJournal(text);
    const before = await this.read();
    if (before !== undefined && before.revision >= plan.document.revision) {
      await this.#cleanUp(plan);
      return "finished";
    }
    if (begun) {
      await this.#finish(plan);
      return "finished";
    }
    await this.#undo(plan, before);
    return "undone";
  }

  async #finish(plan: SnapshotPlan): Promise<void> {
    // From here on images may rest on others than the document says, so there is no way back.
    if (plan.forward.length > 0) await this.#writeJournal({ plan, begun: true });
    for (const step of plan.forward) await this.#host.perform(step);
    await this.#host.replaceDocument(JSON.stringify(plan.document));
    await this.#cleanUp(plan);
  }

  async #writeJournal(journal: Journal): Promise<void> {
    await this.#host.replaceJournal(JSON.stringify(journal));
  }

  async #cleanUp(plan: SnapshotPlan): Promise<void> {
    for (const step of plan.last) await this.#host.perform(step);
    await this.#host.removeJournal();
  }

  async #undo(plan: SnapshotPlan, before: SnapshotDocument | undefined): Promise<void> {
    for (const step of plan.first) {
      if (step.kind === "createOverlay") await this.#host.perform({ kind: "removeFile", file: step.file });
    }
    await this.#host.perform({ kind: "keepStates", names: before === undefined ? [] : wantedStates(before) });
    await this.#host.removeJournal();
  }
}

/** The journal is ours and written whole; what is none is damage. */
function parseJournal(text: string): Journal {
  try {
    const journal = JSON.parse(text) as Journal;
    const { plan } = journal;
    parseDocument(JSON.stringify(plan.document));
    const lists = [plan.first, plan.forward, plan.last];
    if (lists.every((list) => Array.isArray(list) && list.every(isStep)) && typeof journal.begun === "boolean") {
      return journal;
    }
  } catch (cause) {
    throw new GuesthouseError("snapshots-damaged", "The journal of the snapshots is damaged.", {}, { cause });
  }
  throw new GuesthouseError("snapshots-damaged", "The journal of the snapshots is damaged.");
}

/** What else a step needs, each a text. */
const stepTexts: Readonly<Record<SnapshotStep["kind"], readonly string[]>> = {
  createOverlay: ["file", "backing"],
  saveState: ["name"],
  mergeDown: ["file", "into"],
  mergeUp: ["file", "from"],
  rebase: ["file"],
  removeFile: ["file"],
  keepStates: [],
};

function isStep(value: unknown): value is SnapshotStep {
  if (typeof value !== "object" || value === null) return false;
  const step = value as Readonly<Record<string, unknown>>;
  const kind = step.kind as SnapshotStep["kind"];
  if (!Object.hasOwn(stepTexts, kind)) return false;
  const isText = (item: unknown): boolean => typeof item === "string";
  if (!stepTexts[kind].every((name) => isText(step[name]))) return false;
  const optional = kind === "rebase" ? step.backing : kind === "saveState" ? step.parent : undefined;
  if (optional !== undefined && !isText(optional)) return false;
  return kind !== "keepStates" || (Array.isArray(step.names) && step.names.every(isText));
}
