import { describe, expect, test } from "vitest";
import { BLOCK, BLOCKS, StoredMachine } from "../../../tests/fixtures/StoredMachine.ts";

const texts = (name: string) => ({ name, description: "", takenAtMs: 1 });
const right = [{ slot: 1, passphrase: "open sesame" }];
const wrong = [{ slot: 1, passphrase: "open barley" }];

/** A readable disk, and an encrypted one behind it. */
async function aMachine(): Promise<StoredMachine> {
  const machine = new StoredMachine();
  await machine.addDisk("plain.img", "raw");
  await machine.addDisk("secret.qcow2", "qcow2", true);
  await machine.write(1, 1, 0xa1);
  return machine;
}

/** Does a run of one value, as the tests write it, stand anywhere in the machine's folder? */
function isReadable(machine: StoredMachine, value: number): boolean {
  const run = Buffer.alloc(256, value);
  return [...machine.folder].some(([name, { bytes }]) => !name.endsWith(".img") && Buffer.from(bytes).includes(run));
}

const folderOf = (machine: StoredMachine): string =>
  JSON.stringify([...machine.folder].map(([name, { bytes }]) => [name, Buffer.from(bytes).toString("base64")]));

describe("snapshots of a machine with an encrypted disk", () => {
  test("take, restore, branch and delete as with any other; nothing of the disk is readable", async () => {
    const machine = await aMachine();
    machine.passphrases = right;
    const one = await machine.snapshots().take(texts("one"));
    await machine.write(1, 2, 0xb2);
    await machine.write(1, 1, "zero");
    await machine.write(0, 3, 0xc3);
    const two = await machine.snapshots().take(texts("two"));
    await machine.write(1, 2, 0xd4);
    const present = await machine.content();
    expect(await machine.contentOf(one.id)).toMatch(/^0,0,0,0,.* \| 0,161,0,/);
    expect(await machine.contentOf(two.id)).toMatch(/^0,0,0,195,.* \| 0,0,178,/);
    await machine.snapshots().restore(one.id);
    await machine.write(1, 5, 0xe5);
    expect(await machine.contentOf(two.id)).toMatch(/ \| 0,0,178,/);
    const three = await machine.snapshots().take(texts("three"));
    await machine.snapshots().restore(two.id);
    await machine.write(1, 2, 0xd4);
    expect(await machine.content()).toBe(present);
    for (const { id } of [one, three, two]) await machine.remove(id);
    expect(await machine.content()).toBe(present);
    expect(machine.draft.storage.disks.map(({ path }) => path)).toEqual(["plain.img", "secret.qcow2"]);
    for (const value of [0xa1, 0xb2, 0xd4, 0xe5]) expect(isReadable(machine, value), `${value}`).toBe(false);
    expect(machine.folder.get("/m/secret.qcow2")!.bytes.length).toBeGreaterThan(BLOCK * BLOCKS);
  }, 120_000);

  test("what was below stays secret while there are layers upon it", async () => {
    const machine = await aMachine();
    machine.passphrases = right;
    await machine.snapshots().take(texts("one"));
    await machine.write(1, 2, 0xb2);
    expect(isReadable(machine, 0xb2)).toBe(false);
    expect([...machine.folder.keys()].filter((name) => name.startsWith("/m/snapshots/"))).toHaveLength(2);
  });

  test.each(["take", "restore", "remove"] as const)(
    "%s without the passphrase, or with a wrong one, says whose it needs and changes nothing",
    async (operation) => {
      const machine = await aMachine();
      machine.passphrases = right;
      const one = await machine.snapshots().take(texts("one"));
      await machine.write(1, 2, 0xb2);
      await machine.snapshots().take(texts("two"));
      const act = async (): Promise<unknown> => {
        const snapshots = machine.snapshots();
        await snapshots.recover();
        if (operation === "remove") {
          await snapshots.unlock({ remove: one.id });
          return await machine.remove(one.id);
        }
        return operation === "take" ? await snapshots.take(texts("three")) : await snapshots.restore(one.id);
      };
      const before = folderOf(machine);
      const place = { slot: 1, path: "secret.qcow2", name: "secret.qcow2" };
      machine.passphrases = [];
      await expect(act()).rejects.toMatchObject({ kind: "passphrase-needed", context: place });
      machine.passphrases = wrong;
      await expect(act()).rejects.toMatchObject({ kind: "passphrase-wrong", context: place });
      expect(folderOf(machine)).toBe(before);
      machine.passphrases = right;
      await act();
    },
  );

  test("a disk that only snapshots have comes behind the end of the machine's list", async () => {
    const machine = await aMachine();
    machine.passphrases = right;
    const one = await machine.snapshots().take(texts("one"));
    const [plain] = machine.draft.storage.disks;
    machine.draft = { ...machine.draft, storage: { ...machine.draft.storage, disks: [plain!] } };
    machine.passphrases = [];
    await expect(machine.snapshots().restore(one.id)).rejects.toMatchObject({
      kind: "passphrase-needed",
      context: { slot: 1, name: "secret.qcow2" },
    });
    await machine.addDisk("late.img", "raw");
    await expect(machine.snapshots().restore(one.id)).rejects.toMatchObject({ context: { slot: 2 } });
    machine.passphrases = [{ slot: 2, passphrase: "open sesame" }];
    await machine.snapshots().restore(one.id);
    expect(await machine.content()).toMatch(/ \| 0,161,0,/);
  });

  test("looking needs no passphrase", async () => {
    const machine = await aMachine();
    machine.passphrases = right;
    const one = await machine.snapshots().take(texts("one"));
    machine.passphrases = [];
    const snapshots = machine.snapshots();
    expect(await snapshots.changed()).toBe(false);
    await machine.write(1, 2, 0xb2);
    expect(await snapshots.changed()).toBe(true);
    expect((await snapshots.removal(one.id)).freedBytes).toBeGreaterThan(0);
    expect((await snapshots.allocations(await snapshots.document()))(one)).toBeGreaterThan(BLOCK);
    await snapshots.edit(one.id, { name: "new", description: "" });
  });
});

describe("a kill at changes of files, and nobody there to give the passphrase", () => {
  test.each(["take", "restore", "remove"] as const)(
    "%s leaves the old or the new",
    async (operation) => {
      const origin = await aMachine();
      origin.passphrases = right;
      const one = await origin.snapshots().take(texts("one"));
      await origin.write(1, 2, 2);
      const two = await origin.snapshots().take(texts("two"));
      await origin.write(1, 1, "zero");
      const kept = new Map<string, string>();
      for (const { id } of [one, two]) kept.set(id, await origin.contentOf(id));
      const before = await origin.content();
      const act = async (machine: StoredMachine): Promise<unknown> => {
        if (operation === "take") return await machine.snapshots().take(texts("three"));
        if (operation === "restore") return await machine.snapshots().restore(one.id);
        return await machine.remove(one.id);
      };
      let kills = 0;
      // Headers of encrypted images take their time: the first changes in turn, then some of those of content.
      for (let at = 0; ; at += at < 5 ? 1 : 11) {
        const machine = origin.copy();
        machine.fuse = { left: at };
        const done = await act(machine).then(
          () => true,
          (error: unknown) => (machine.fuse.left < 0 ? false : Promise.reject(error)),
        );
        machine.fuse = { left: Number.POSITIVE_INFINITY };
        machine.passphrases = [];
        await machine.snapshots().recover();
        expect(await machine.files.readText("snapshots.journal.json")).toBeUndefined();
        expect(operation === "restore" ? [before, kept.get(one.id)] : [before]).toContain(await machine.content());
        const { nodes } = await machine.snapshots().document();
        const known = nodes.filter((node) => kept.has(node.id));
        const { id } = known[at % known.length]!;
        expect(await machine.contentOf(id), `${operation} ${at} ${id}`).toBe(kept.get(id));
        if (done) {
          machine.passphrases = right;
          for (const node of nodes) await machine.remove(node.id);
          expect(machine.draft.storage.disks.map(({ path }) => path)).toEqual(["plain.img", "secret.qcow2"]);
        }
        if (done) break;
        kills++;
      }
      expect(kills).toBeGreaterThan(3);
    },
    180_000,
  );
});
