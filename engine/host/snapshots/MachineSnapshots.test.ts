import { describe, expect, test } from "vitest";
import { RandomValues } from "../../../tests/fixtures/RandomValues.ts";
import { BLOCK, BLOCKS, cloneStore, StoredMachine } from "../../../tests/fixtures/StoredMachine.ts";

const texts = (name: string) => ({ name, description: "", takenAtMs: 1 });

describe("snapshots of a machine that is off", () => {
  test("take, change, restore, branch, delete in the middle; a zero stays a zero; the first disk comes back", async () => {
    const machine = new StoredMachine();
    await machine.addDisk("disk.img", "raw");
    await machine.addDisk("other.vdi", "vdi");
    await machine.write(0, 0, 1);
    await machine.write(1, 5, 2);
    const before = await machine.content();
    const one = await machine.snapshots().take(texts("one"));
    expect(machine.draft.storage.disks.map(({ format }) => format)).toEqual(["qcow2", "qcow2"]);
    expect(await machine.snapshots().changed()).toBe(false);
    await machine.write(0, 0, "zero");
    await machine.write(0, 3, 7);
    expect(await machine.snapshots().changed()).toBe(true);
    const two = await machine.snapshots().take(texts("two"));
    await machine.write(0, 3, 8);
    const current = await machine.content();
    expect(await machine.contentOf(one.id)).toBe(before);
    await machine.remove(one.id);
    expect(await machine.content()).toBe(current);
    expect((await machine.contentOf(two.id)).split(",")[0]).toBe("0");
    await machine.snapshots().restore(two.id);
    expect(await machine.snapshots().changed()).toBe(false);
    await machine.remove(two.id);
    expect((await machine.snapshots().document()).nodes).toEqual([]);
    expect(machine.draft.storage.disks).toEqual([
      { path: "disk.img", format: "raw" },
      { path: "other.vdi", format: "vdi" },
    ]);
    expect([...machine.folder.keys()].filter((path) => path.startsWith("/m/snapshots/"))).toEqual([]);
  });

  test("a guest that writes an image's mark into its raw disk gains nothing by snapshots", async () => {
    const machine = new StoredMachine();
    await machine.addDisk("disk.img", "raw");
    await machine.addDisk("inner.qcow2", "qcow2");
    machine.folder.set("/m/disk.img", cloneStore(machine.folder.get("/m/inner.qcow2")!));
    await machine.folder.get("/m/disk.img")!.truncate(BLOCK * BLOCKS);
    const before = await machine.content();
    const node = await machine.snapshots().take(texts("one"));
    await machine.write(0, 9, 4);
    expect((await machine.content()).startsWith("81,")).toBe(true);
    await machine.snapshots().restore(node.id);
    expect(await machine.content()).toBe(before);
    await machine.remove(node.id);
    expect(machine.draft.storage.disks[0]).toEqual({ path: "disk.img", format: "raw" });
  });

  test("settings come back with a snapshot, and say that they changed", async () => {
    const machine = new StoredMachine();
    await machine.addDisk("disk.img", "raw");
    const node = await machine.snapshots().take(texts("one"));
    machine.draft = { ...machine.draft, name: "Renamed", memoryMiB: 999 };
    expect(await machine.snapshots().changed()).toBe(true);
    await machine.addDisk("late.img", "raw");
    await machine.snapshots().restore(node.id);
    expect(machine.draft).toMatchObject({ name: "Renamed", memoryMiB: 128 });
    expect(machine.draft.storage.disks).toHaveLength(1);
    expect(machine.folder.has("/m/late.img")).toBe(true);
    await machine.snapshots().edit(node.id, { name: "New name", description: "why" });
    expect((await machine.snapshots().document()).nodes[0]).toMatchObject({ name: "New name", description: "why" });
  });
});

describe("a kill at every change of a file", () => {
  const operations = ["take", "restore", "remove the middle", "remove the first", "remove the last"] as const;
  test.each(operations)(
    "%s leaves the old or the new, and everything that is kept reads as before",
    async (operation) => {
      const origin = new StoredMachine();
      await origin.addDisk("disk.img", "raw");
      await origin.write(0, 1, 1);
      const one = await origin.snapshots().take(texts("one"));
      await origin.write(0, 2, 2);
      const two = await origin.snapshots().take(texts("two"));
      await origin.write(0, 1, "zero");
      const three = await origin.snapshots().take(texts("three"));
      await origin.write(0, 4, 4);
      const ids = [one.id, two.id, three.id];
      const kept = new Map<string, string>();
      for (const id of ids) kept.set(id, await origin.contentOf(id));
      const before = await origin.content();
      const act = async (machine: StoredMachine): Promise<unknown> => {
        const snapshots = machine.snapshots();
        if (operation === "take") return await snapshots.take(texts("four"));
        if (operation === "restore") return await snapshots.restore(one.id);
        return await machine.remove(
          operation.endsWith("middle") ? two.id : operation.endsWith("first") ? one.id : three.id,
        );
      };
      let kills = 0;
      for (let at = 0; ; at++) {
        const machine = origin.copy();
        machine.fuse = { left: at };
        const done = await act(machine).then(
          () => true,
          (error: unknown) => {
            if (machine.fuse.left >= 0) throw error;
            return false;
          },
        );
        machine.fuse = { left: Number.POSITIVE_INFINITY };
        await machine.snapshots().recover();
        const { nodes } = await machine.snapshots().document();
        for (const { id } of nodes.filter((node) => kept.has(node.id))) {
          expect(await machine.contentOf(id), `${operation} ${at} ${id}`).toBe(kept.get(id));
        }
        const now = await machine.content();
        const allowed = operation === "restore" ? [before, kept.get(one.id)] : [before];
        expect(allowed, `${operation} ${at}`).toContain(now);
        if (!operation.startsWith("remove")) expect(nodes.length).toBeGreaterThanOrEqual(3);
        expect(await machine.files.readText("snapshots.journal.json")).toBeUndefined();
        // It can be done (again).
        if (!operation.startsWith("remove") || nodes.length === 3) await act(machine);
        if (done) break;
        kills++;
      }
      expect(kills).toBeGreaterThan(5);
    },
    60_000,
  );
});

test("a chain with branches, taken, restored and deleted at random, reads as its model", async () => {
  const random = new RandomValues(0x5eed_0030);
  const machine = new StoredMachine();
  await machine.addDisk("disk.img", "raw");
  const model = new Map<string, string>();
  for (let round = 0; round < 60; round++) {
    for (let count = random.below(3); count > 0; count--) {
      await machine.write(0, random.below(BLOCKS), random.below(4) === 0 ? "zero" : random.below(255));
    }
    const ids = [...model.keys()];
    const pick = ids[random.below(Math.max(1, ids.length))];
    const action = random.below(5);
    if (action < 2 || pick === undefined) {
      const content = await machine.content();
      model.set((await machine.snapshots().take(texts(`${round}`))).id, content);
    } else if (action < 3) {
      await machine.snapshots().restore(pick);
      expect(await machine.content()).toBe(model.get(pick));
    } else {
      const content = await machine.content();
      await machine.remove(pick);
      model.delete(pick);
      expect(await machine.content()).toBe(content);
    }
  }
  for (const [id, content] of model) expect(await machine.contentOf(id)).toBe(content);
}, 60_000);
