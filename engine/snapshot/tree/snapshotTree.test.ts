import { describe, expect, test } from "vitest";
import { RandomValues } from "../../../tests/fixtures/RandomValues.ts";
import { HostDied } from "../../../tests/fixtures/SnapshotFiles.ts";
import { SnapshotWorld } from "../../../tests/fixtures/SnapshotWorld.ts";
import { parseDocument } from "./parseDocument.ts";
import {
  planArrived,
  planChanged,
  planDelete,
  planEdit,
  planJoin,
  planRestore,
  planState,
  planTake,
  planWithdraw,
} from "./planSnapshots.ts";
import { emptyDocument, type LayersBySlot, type SnapshotDocument } from "./SnapshotDocument.ts";
import type { SnapshotPlan } from "./SnapshotPlan.ts";
import { SnapshotRunner } from "./SnapshotRunner.ts";

const BLOCKS = 12;
const slots = { "ide-0": "first.img", "ide-1": "second.img" };

/** What a person expects: contents by name, without layers. */
interface Expected {
  readonly snapshots: Map<string, { content: string; state: string | undefined; parent: string | undefined }>;
  content: string;
  parent: string | undefined;
}

function newWorld(): SnapshotWorld {
  const world = new SnapshotWorld();
  for (const file of Object.values(slots)) world.images.set(file, { backing: undefined, blocks: new Map([[0, 7]]) });
  return world;
}

const documentOf = (world: SnapshotWorld): SnapshotDocument =>
  world.document === undefined ? emptyDocument(slots) : parseDocument(world.document);

function contentOf(world: SnapshotWorld, layers: LayersBySlot): string {
  const document = documentOf(world);
  const file = (id: string) => document.layers.find((layer) => layer.id === id)!.file;
  return JSON.stringify(Object.entries(layers).map(([slot, id]) => [slot, world.read(file(id), BLOCKS)]));
}

/** The world as a person sees it. */
function seen(world: SnapshotWorld): Expected {
  const document = documentOf(world);
  const snapshots = document.nodes.map(
    ({ id, layers, state, parent }) =>
      [id, { content: contentOf(world, layers), state: state && world.states.get(state), parent }] as const,
  );
  return {
    snapshots: new Map(snapshots),
    content: contentOf(world, document.current.layers),
    parent: document.current.parent,
  };
}

function currentFiles(world: SnapshotWorld): string[] {
  const document = documentOf(world);
  return Object.values(document.current.layers).map((id) => document.layers.find((layer) => layer.id === id)!.file);
}

function nothingIsLeftOver(world: SnapshotWorld): void {
  const document = documentOf(world);
  expect([...world.images.keys()].sort()).toEqual(document.layers.map(({ file }) => file).sort());
  const states = [...document.nodes, document.current].flatMap(({ state }) => state ?? []);
  expect([...world.states.keys()].sort()).toEqual([...new Set(states)].sort());
  expect(world.journal).toBeUndefined();
  for (const { file, parent } of document.layers) {
    const below = document.layers.find(({ id }) => id === parent)?.file;
    expect(world.images.get(file)?.backing, file).toBe(below);
  }
}

class Walk {
  readonly random: RandomValues;
  #names = 0;

  constructor(seed: number) {
    this.random = new RandomValues(seed);
  }

  write(world: SnapshotWorld): void {
    for (let count = this.random.below(6); count > 0; count--) {
      world.write(this.random.pick(currentFiles(world)), this.random.below(BLOCKS), this.random.below(100));
    }
    world.machine = `machine ${this.random.below(1000)}`;
  }

  plan(world: SnapshotWorld, most: number): SnapshotPlan {
    const document = documentOf(world);
    const name = `n${++this.#names}`;
    const newLayer = (slot: string) => ({ id: `${name}-${slot}`, file: `${name}-${slot}.qcow2` });
    const ids = document.nodes.map(({ id }) => id);
    const choice = this.random.below(10);
    const join = planJoin(document, world.sizeOf, { inUse: () => choice < 5 });
    if (join !== undefined && this.random.below(2) === 0) return join;
    if (ids.length === 0 || (choice < 4 && ids.length < most)) {
      const state = this.random.pick([{}, { state: `state-${name}` }, { awaited: `state-${name}` }]);
      const facts = { id: name, name, description: "", takenAtMs: this.#names, settings: "{}" };
      return planTake(document, { ...facts, ...state }, newLayer);
    }
    const id = this.random.pick(ids);
    if (choice < 7) return planRestore(document, id, newLayer);
    const latest = document.nodes.find((node) => node.id === document.current.parent);
    if (choice < 8 && latest?.awaited !== undefined) return planWithdraw(document, latest.id);
    if (choice < 9) return planDelete(document, id);
    return planState(document, this.random.below(2) === 0 ? undefined : `state-${name}`);
  }
}

describe("snapshots taken, restored and deleted at random", () => {
  test.each([1, 2])("keep what a person expects (%i)", async (seed) => {
    const world = newWorld();
    const runner = new SnapshotRunner(world);
    const walk = new Walk(seed * 7919);
    for (let round = 0; round < 200; round++) {
      walk.write(world);
      const before = seen(world);
      const plan = walk.plan(world, 30);
      await runner.run(plan);
      const after = seen(world);
      nothingIsLeftOver(world);
      for (const [id, { content, state }] of after.snapshots) {
        const known = before.snapshots.get(id) ?? { content: before.content, state: state && world.machine };
        expect([id, content, state]).toEqual([id, known.content, known.state]);
      }
      const restored = plan.operation === "restore" ? before.snapshots.get(after.parent!)!.content : before.content;
      expect(after.content).toBe(restored);
      if (plan.operation !== "delete") expect(after.snapshots.size).toBeGreaterThanOrEqual(before.snapshots.size);
    }
  });

  test.each([
    [5, "who recovers can join images"],
    [6, "who recovers can join images"],
    [7, "who recovers has no passphrase"],
    [8, "who recovers has no passphrase"],
  ])("survive the host's death at every single write (%i, %s)", async (seed, who) => {
    let world = newWorld();
    const walk = new Walk(seed * 104_729);
    for (let round = 0; round < 60; round++) {
      walk.write(world);
      const plan = walk.plan(world, 30);
      const before = seen(world);
      const done = world.copy();
      await new SnapshotRunner(done).run(plan);
      const after = seen(done);
      for (let dieAt = 1; ; dieAt++) {
        const dying = world.copy();
        dying.dieAt = dieAt;
        const died = await new SnapshotRunner(dying).run(plan).then(
          () => false,
          (error: unknown) => error instanceof HostDied || Promise.reject(error),
        );
        if (!died) break;
        dying.locked = who.endsWith("no passphrase");
        await recoverDying(dying, dieAt);
        dying.locked = false;
        const recovered = seen(dying);
        // A new snapshot's state is the machine's, which is gone when it was not saved in time.
        expect([JSON.stringify([...before.snapshots]), JSON.stringify([...after.snapshots])]).toContain(
          JSON.stringify([...recovered.snapshots]),
        );
        expect([before.content, after.content]).toContain(recovered.content);
        nothingIsLeftOver(dying);
        // What was not joined is so by the next deletion, and nobody sees a difference.
        const [oldest] = documentOf(dying).nodes;
        if (oldest === undefined || dieAt % 5 !== 0) continue;
        await new SnapshotRunner(dying).run(planDelete(documentOf(dying), oldest.id));
        await joinAll(dying);
        expect(seen(dying).content).toBe(recovered.content);
        for (const [id, { content }] of seen(dying).snapshots)
          expect(content).toBe(recovered.snapshots.get(id)!.content);
        nothingIsLeftOver(dying);
        expect(joinable(documentOf(dying))).toEqual([]);
      }
      world = done;
    }
  });
});

/** Layers that nobody names and one or none rests on. */
function joinable({ layers, nodes, current }: SnapshotDocument): string[] {
  const named = [...nodes, current].flatMap((state) => Object.values(state.layers));
  const free = layers.filter(({ id, original }) => !named.includes(id) && !original);
  return free.map(({ id }) => id).filter((id) => layers.filter(({ parent }) => parent === id).length < 2);
}

async function joinAll(world: SnapshotWorld): Promise<void> {
  for (;;) {
    const plan = planJoin(documentOf(world), world.sizeOf);
    if (plan === undefined) return;
    await new SnapshotRunner(world).run(plan);
  }
}

/** The host dies during recovery as well, a little later each time. */
async function recoverDying(world: SnapshotWorld, seed: number): Promise<void> {
  for (let later = 1 + (seed % 3); ; later++) {
    world.dieAt = world.changes + later;
    const recovered = await new SnapshotRunner(world).recover().then(
      () => true,
      (error: unknown) => (error instanceof HostDied ? false : Promise.reject(error)),
    );
    if (recovered) break;
  }
  world.dieAt = Number.POSITIVE_INFINITY;
}

const facts = { name: "a", description: "", takenAtMs: 1, settings: "{}" };
const layerFor = (name: string) => (slot: string) => ({ id: `${name}-${slot}`, file: `${name}-${slot}` });

test("files that cannot be made are removed again, and the next change is possible", async () => {
  const world = newWorld();
  const runner = new SnapshotRunner(world);
  const plan = planTake(documentOf(world), { ...facts, id: "a", state: "s" }, layerFor("a"));
  world.full = true;
  await expect(runner.run(plan)).rejects.toMatchObject({ kind: "disk-full" });
  expect([...world.images.keys()]).toEqual(Object.values(slots));
  world.full = false;
  await runner.run(plan);
  await expect(runner.run(plan)).rejects.toMatchObject({ kind: "snapshots-changed" });
  expect(() => planTake(documentOf(world), { ...facts, id: "a" }, layerFor("b"))).toThrow("already");
  expect(() => planEdit(documentOf(world), "b", {})).toThrow("no such snapshot");
  await runner.run(planEdit(documentOf(world), "a", { name: "other", description: "text" }));
  await runner.run(planChanged(documentOf(world)));
  expect(documentOf(world).nodes[0]).toMatchObject({ name: "other", description: "text", state: "s" });
  expect(documentOf(world).current).toMatchObject({ parent: "a", changed: true });
});

test("memory that arrives is the snapshot's state; one that is withdrawn leaves what was written since", async () => {
  const world = newWorld();
  const runner = new SnapshotRunner(world);
  for (const id of ["a", "b"]) {
    await runner.run(planTake(documentOf(world), { ...facts, id, awaited: `state-${id}` }, layerFor(id)));
    world.write(currentFiles(world)[0]!, 3, 33);
  }
  world.states.set("state-a", "memory");
  await runner.run(planArrived(documentOf(world), "a"));
  await runner.run(planWithdraw(documentOf(world), "b"));
  expect(documentOf(world).nodes).toMatchObject([{ id: "a", state: "state-a" }]);
  expect(documentOf(world).nodes[0]).not.toHaveProperty("awaited");
  expect(documentOf(world).current).toMatchObject({ parent: "a", changed: true });
  await runner.run(planDelete(documentOf(world), "a"));
  expect(currentFiles(world)).not.toEqual(Object.values(slots));
  await joinAll(world);
  expect(world.read(slots["ide-0"], BLOCKS)[3]).toBe(33);
  expect(currentFiles(world)).toEqual(Object.values(slots));
  nothingIsLeftOver(world);
});

test("a snapshot with two branches can be deleted; its layer goes when one of them does", async () => {
  const world = newWorld();
  const runner = new SnapshotRunner(world);
  const take = (id: string) => runner.run(planTake(documentOf(world), { ...facts, id }, layerFor(id)));
  await take("root");
  world.write(currentFiles(world)[0]!, 3, 33);
  await take("fork");
  await take("left");
  await runner.run(planRestore(documentOf(world), "fork", layerFor("back")));
  const layers = documentOf(world).layers.length;
  await runner.run(planDelete(documentOf(world), "fork"));
  await joinAll(world);
  expect(documentOf(world).layers.length).toBe(layers);
  expect(documentOf(world).nodes.find(({ id }) => id === "left")?.parent).toBe("root");
  await runner.run(planDelete(documentOf(world), "left"));
  await joinAll(world);
  expect(documentOf(world).layers.length).toBeLessThan(layers);
  expect(world.read(currentFiles(world)[0]!, BLOCKS)[3]).toBe(33);
  nothingIsLeftOver(world);
});

test("damaged lists and journals are refused, whatever they hold", async () => {
  const world = newWorld();
  const runner = new SnapshotRunner(world);
  await runner.run(planTake(documentOf(world), { ...facts, id: "a" }, layerFor("a")));
  const good = world.document!;
  const random = new RandomValues(77);
  for (let round = 0; round < 400; round++) {
    const at = random.below(good.length);
    const text =
      round % 3 === 0
        ? JSON.stringify(random.value(4))
        : `${good.slice(0, at)}${random.text()}${good.slice(at + random.below(9))}`;
    try {
      parseDocument(text);
    } catch (error) {
      expect(error).toMatchObject({ kind: "snapshots-damaged" });
    }
  }
  const document = documentOf(world);
  const loop = { ...document, nodes: [{ ...document.nodes[0]!, parent: "a" }] };
  expect(() => parseDocument(JSON.stringify(loop))).toThrow("no tree");
  expect(() => parseDocument(JSON.stringify({ ...document, layers: [] }))).toThrow("no disk layer");
  world.journal = "{";
  await expect(runner.recover()).rejects.toMatchObject({ kind: "snapshots-damaged" });
});
