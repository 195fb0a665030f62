import { expect, test } from "vitest";
import { GuesthouseError } from "../../engine/base/GuesthouseError.ts";
import { parseDocument } from "../../engine/snapshot/tree/parseDocument.ts";
import {
  planChanged,
  planDelete,
  planJoin,
  planRestore,
  planState,
  planTake,
} from "../../engine/snapshot/tree/planSnapshots.ts";
import { emptyDocument, type SnapshotDocument, wantedStates } from "../../engine/snapshot/tree/SnapshotDocument.ts";
import type { SnapshotPlan, SnapshotStep } from "../../engine/snapshot/tree/SnapshotPlan.ts";
import { type SnapshotHost, SnapshotRunner } from "../../engine/snapshot/tree/SnapshotRunner.ts";
import { cpuMs } from "../fixtures/cpuTime.ts";
import { RandomValues } from "../fixtures/RandomValues.ts";

/**
 * Harmed lists of snapshots and harmed journals: refused as damaged, or as good as any other list: every change can be planned, and what is planned
 * is a list again. `GUESTHOUSE_FUZZ_SECONDS=600` runs each for that long.
 */
const SECONDS = Number(process.env.GUESTHOUSE_FUZZ_SECONDS ?? 1.5);
const SLOWEST_MS = 5_000;
const MEMORY_BYTES = 512 * 1024 * 1024;
const timeout = 60_000 + SECONDS * 2_000;

const facts = { description: "", takenAtMs: 1, settings: "{}" };
const layerFor = (name: string) => (slot: string) => ({ id: `${name}-${slot}`, file: `snapshots/${name}-${slot}` });

/** A tree with branches, two disks and states, and the last plan that led to it. */
function sample(random: RandomValues): { document: SnapshotDocument; plan: SnapshotPlan } {
  let document = emptyDocument({ "ide-0": "first.img", "ahci-1": "second.vdi" });
  let plan: SnapshotPlan | undefined;
  const sizeOf = (file: string): number => file.length * random.below(1000);
  for (let round = 0; round < 12 + random.below(12); round++) {
    const ids = document.nodes.map(({ id }) => id);
    const name = `n${round}`;
    const choice = ids.length < 2 ? 0 : random.below(8);
    if (choice < 4) {
      const state = random.below(2) === 0 ? {} : { state: `state-${name}` };
      plan = planTake(document, { ...facts, id: name, name, ...state }, layerFor(name));
    } else if (choice < 6) plan = planRestore(document, random.pick(ids), layerFor(name));
    else if (choice < 7) plan = planDelete(document, random.pick(ids));
    else plan = planJoin(document, sizeOf) ?? planState(document, `state-${name}`);
    document = plan.document;
  }
  return { document, plan: plan! };
}

function harmed(random: RandomValues, value: unknown): string {
  if (random.below(3) === 0) return random.harm(JSON.stringify(value));
  let changed = value;
  for (let count = 1 + random.below(3); count > 0; count--) changed = random.harmValue(changed);
  return JSON.stringify(changed) ?? "";
}

async function attempt(what: string, action: () => unknown): Promise<boolean> {
  const began = process.cpuUsage();
  try {
    await action();
    return true;
  } catch (error) {
    if (!(error instanceof GuesthouseError)) throw new Error(what, { cause: error });
    return false;
  } finally {
    expect(cpuMs(began), what).toBeLessThan(SLOWEST_MS);
  }
}

async function forAWhile(round: (seed: number) => Promise<void>): Promise<void> {
  const end = performance.now() + SECONDS * 1000;
  const before = process.memoryUsage().rss;
  for (let seed = 1; seed < 200 || performance.now() < end; seed++) {
    await round(seed);
    if (seed % 1000 === 0) expect(process.memoryUsage().rss - before, `seed ${seed}`).toBeLessThan(MEMORY_BYTES);
  }
}

/** Every change of it is a list again. */
function changeAll(document: SnapshotDocument): void {
  const ids = document.nodes.map(({ id }) => id);
  const sizeOf = (file: string): number => file.length;
  const plans = [
    planTake(document, { ...facts, id: "a new one", name: "", state: "a new state" }, layerFor("new")),
    planState(document, "another state"),
    planState(document, undefined),
    planChanged(document),
    ...ids.map((id) => planRestore(document, id, layerFor("new"))),
    ...ids.map((id) => planDelete(document, id)),
    planJoin(document, sizeOf) ?? planChanged(document),
  ];
  for (const { document: after } of plans) parseDocument(JSON.stringify(after));
}

test("harmed lists of snapshots", { timeout }, async () => {
  let read = 0;
  await forAWhile(async (seed) => {
    const random = new RandomValues(seed * 2_654_435_761);
    const text = harmed(random, sample(random).document);
    let document: SnapshotDocument | undefined;
    await attempt(`seed ${seed}`, () => {
      document = parseDocument(text);
    });
    if (document === undefined) return;
    read++;
    // Names that are there already are the only thing that may be said against it.
    await attempt(`seed ${seed}`, () => changeAll(document!));
  });
  expect(read).toBeGreaterThan(0);
});

/** Remembers the files that it was told to make and remove, and fails now and then. */
class ForgetfulHost implements SnapshotHost {
  document: string | undefined;
  journal: string | undefined;
  readonly #random: RandomValues;

  constructor(document: string | undefined, journal: string, random: RandomValues) {
    this.document = document;
    this.journal = journal;
    this.#random = random;
  }

  readDocument = async () => this.document;
  readJournal = async () => this.journal;
  replaceDocument = async (text: string) => {
    this.document = text;
  };
  replaceJournal = async (text: string) => {
    this.journal = text;
  };
  removeJournal = async () => {
    this.journal = undefined;
  };

  async perform(step: SnapshotStep): Promise<void> {
    const texts = Object.entries(step).filter(([name, value]) => name !== "names" && value !== undefined);
    for (const [name, value] of texts) expect(typeof value, `${step.kind}.${name}`).toBe("string");
    if (step.kind === "keepStates") for (const name of step.names) expect(typeof name).toBe("string");
    if (this.#random.below(20) === 0) throw new GuesthouseError("io-error", "The host's disk failed.");
  }
}

test("harmed journals", { timeout }, async () => {
  let recovered = 0;
  await forAWhile(async (seed) => {
    const random = new RandomValues(seed * 40_503);
    const { document, plan } = sample(random);
    const journal = harmed(random, { plan, begun: random.below(2) === 0 });
    const before = [JSON.stringify(document), undefined, JSON.stringify({ ...document, revision: 0 })];
    const host = new ForgetfulHost(random.pick(before), journal, random);
    const done = await attempt(`seed ${seed}`, () => new SnapshotRunner(host).recover());
    if (!done) return;
    recovered++;
    expect(host.journal, `seed ${seed}`).toBeUndefined();
    if (host.document !== undefined) wantedStates(parseDocument(host.document));
  });
  expect(recovered).toBeGreaterThan(0);
});
