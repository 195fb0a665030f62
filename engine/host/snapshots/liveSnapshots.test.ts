import { describe, expect, test } from "vitest";
import { diskServices } from "../../../tests/fixtures/diskServices.ts";
import { Killed, StoredMachine } from "../../../tests/fixtures/StoredMachine.ts";
import type { DiskFormatId, LongWork } from "../../contracts/DiskImage.ts";
import { diskFormat } from "../../storage/openDisk.ts";
import { DiskChains } from "./DiskChains.ts";
import type { LiveImages } from "./KeptMachine.ts";
import { overlayReference } from "./overlayReference.ts";

const SIZE = 16 * 65_536;

/** A guest that writes where its engine lets it: into the file that it began with, or the overlay that it was switched to. */
class Guest implements LiveImages {
  readonly #machine: StoredMachine;
  #file: string;
  #overlay: string | undefined;
  #mirror: string | undefined;
  #joined = 0;
  /** What it has written and flushed, and the write that was under way when it was killed. */
  readonly written = new Map<number, number>();
  underWay: [block: number, value: number] | undefined;

  constructor(machine: StoredMachine) {
    this.#machine = machine;
    this.#file = machine.draft.storage.disks[0]!.path;
  }

  async addOverlay(file: string, base: string): Promise<void> {
    expect(base).toBe(this.#file);
    const reference = overlayReference(file, base, base.endsWith(".qcow2") ? "qcow2" : "raw", undefined);
    const options = { sizeBytes: SIZE, services: diskServices(), backing: { reference } };
    await (await diskFormat("qcow2").create(this.#machine.files, file, options)).close();
    this.#overlay = file;
  }

  async switching(_label: string, commit: () => Promise<void>): Promise<void> {
    await commit();
    this.#file = this.#overlay!;
  }

  async saveState(name: string): Promise<void> {
    await this.#machine.keepState(name);
  }

  async abandon(): Promise<void> {}

  async join(upper: string, lower: string, format: DiskFormatId | undefined, work: LongWork): Promise<void> {
    const chains = new DiskChains(this.#machine.files, diskServices(), formatOf);
    await chains.mergeDown(upper, lower, work);
    expect(format).toBe(formatOf(lower));
    if (upper === this.#file) this.#mirror = lower;
    // The guest writes on, before the document knows.
    await this.write(9, 90 + this.#joined++);
  }

  async concluding(commit: () => Promise<void>): Promise<void> {
    expect(this.#mirror).toBeDefined();
    await commit();
    this.#file = this.#mirror!;
    this.#mirror = undefined;
  }

  async leaveJoin(): Promise<void> {
    this.#mirror = undefined;
  }

  async rebase(file: string, backing: string): Promise<void> {
    await new DiskChains(this.#machine.files, diskServices(), formatOf).rebase(file, backing);
  }

  async letGo(file: string): Promise<void> {
    expect(file).not.toBe(this.#file);
  }

  async write(block: number, value: number): Promise<void> {
    this.underWay = [block, value];
    for (const path of [this.#file, ...(this.#mirror === undefined ? [] : [this.#mirror])]) {
      await this.#machine.writeTo(path, formatOf(path), block, value);
    }
    this.written.set(block, value);
    this.underWay = undefined;
  }
}

const formatOf = (file: string): DiskFormatId => (file.endsWith(".qcow2") ? "qcow2" : "raw");
const texts = (name: string) => ({ name, description: "", takenAtMs: 1 });
const journal = "snapshots.journal.json";

async function aMachine(): Promise<StoredMachine> {
  const machine = new StoredMachine();
  await machine.addDisk("disk.img", "raw");
  await machine.write(0, 1, 1);
  await machine.snapshots().take(texts("one"));
  return machine;
}

/** Does `act` in copies of a machine, killed at each change of a file in turn, and once to its end. */
async function atEveryChange(
  origin: StoredMachine,
  act: (machine: StoredMachine) => Promise<void>,
  check: (machine: StoredMachine) => Promise<void>,
): Promise<void> {
  for (let at = 0; ; at++) {
    const machine = origin.copy();
    machine.fuse = { left: at };
    const done = await act(machine).then(
      () => true,
      (error: unknown) => (error instanceof Killed || machine.fuse.left < 0 ? false : Promise.reject(error)),
    );
    machine.fuse = { left: Number.POSITIVE_INFINITY };
    await machine.snapshots().recover();
    expect(await machine.files.readText(journal), `${at}`).toBeUndefined();
    await check(machine);
    if (!done) continue;
    expect(at).toBeGreaterThan(3);
    return;
  }
}

/** No file is there that the document does not name; a picture may be until the next change. */
async function nothingIsLeftOver(machine: StoredMachine, pictures = true): Promise<void> {
  const { layers, nodes, current } = await machine.snapshots().document();
  const named = [...layers.map(({ file }) => file), ...nodes.map(({ thumbnail }) => thumbnail)];
  for (const file of await machine.files.list("snapshots")) {
    if (pictures || !file.endsWith(".png")) expect(named).toContain(file);
  }
  for (const state of machine.states) expect([...nodes, current].map((kept) => kept.state)).toContain(state);
}

describe("a machine that runs, killed at every change of a file", () => {
  test("keeps each write that its guest flushed, before, while and after snapshots are taken and withdrawn", async () => {
    const origin = await aMachine();
    const before = await origin.content();
    const guests = new Map<StoredMachine, Guest>();
    const act = async (machine: StoredMachine): Promise<void> => {
      const guest = new Guest(machine);
      guests.set(machine, guest);
      const snapshots = machine.snapshots(guest);
      await guest.write(2, 2);
      const two = await snapshots.takeLive(texts("two"), Uint8Array.of(1, 2, 3));
      await guest.write(2, 22);
      await machine.keepState(two.awaited);
      await snapshots.arrived(two.id);
      await guest.write(3, 3);
      const three = await snapshots.takeLive(texts("three"), undefined);
      await guest.write(1, 11);
      await snapshots.withdraw(three.id);
      await guest.write(5, 5);
    };
    await atEveryChange(origin, act, async (machine) => {
      const { written, underWay } = guests.get(machine)!;
      const expected = new Map([[1, 1], ...written]);
      const present = (await machine.content()).split(",").map(Number);
      for (const [block, value] of present.entries()) {
        const allowed = [expected.get(block) ?? 0, ...(underWay?.[0] === block ? [underWay[1]] : [])];
        expect(allowed).toContain(value);
      }
      const { nodes } = await machine.snapshots().document();
      for (const { id, name, state, awaited, thumbnail } of nodes) {
        const content = (await machine.contentOf(id)).split(",").map(Number);
        if (name === "one") expect(content.join(",")).toBe(before);
        else expect([content[1], content[2], content[5]]).toEqual([1, name === "two" ? 2 : 22, 0]);
        if (name === "two") expect(thumbnail).toBe(`snapshots/${id}.png`);
        // Memory that was whole in time was adopted.
        if (state !== undefined) expect(machine.states.has(state)).toBe(true);
        if (awaited !== undefined) expect(machine.states.has(awaited)).toBe(false);
      }
      await nothingIsLeftOver(machine, false);
      // Everything goes on: the middle is deleted, the first restored.
      const content = await machine.content();
      for (const { id, name } of nodes) if (name !== "one") await machine.remove(id);
      expect(await machine.content()).toBe(content);
      await machine.snapshots().restore(nodes[0]!.id);
      expect(await machine.content()).toBe(before);
      await nothingIsLeftOver(machine);
    });
  }, 120_000);

  test("keeps each write while snapshots are deleted below it and beside it, and says which are gone", async () => {
    const origin = await aMachine();
    await origin.write(0, 2, 2);
    await origin.snapshots().take(texts("two"));
    await origin.write(0, 3, 3);
    const [one, two] = (await origin.snapshots().document()).nodes;
    await origin.snapshots().restore(one!.id);
    await origin.write(0, 4, 4);
    const three = await origin.snapshots().take(texts("three"));
    await origin.write(0, 5, 5);
    const contents = new Map<string, string>();
    for (const { id } of [one!, two!, three]) contents.set(id, await origin.contentOf(id));
    const start = (await origin.content()).split(",").map(Number);
    const guests = new Map<StoredMachine, Guest>();
    const act = async (machine: StoredMachine): Promise<void> => {
      const guest = new Guest(machine);
      guests.set(machine, guest);
      const snapshots = machine.snapshots(guest);
      for (const { id } of [one!, three, two!]) {
        await guest.write(6, 60 + guest.written.size);
        await snapshots.remove(id);
        await snapshots.join();
      }
      expect(machine.draft.storage.disks[0]!.path).toBe("disk.img");
    };
    await atEveryChange(origin, act, async (machine) => {
      const { written, underWay } = guests.get(machine)!;
      const present = (await machine.content()).split(",").map(Number);
      for (const [block, value] of present.entries()) {
        const allowed = [written.get(block) ?? start[block], ...(underWay?.[0] === block ? [underWay[1]] : [])];
        expect(allowed).toContain(value);
      }
      const { nodes } = await machine.snapshots().document();
      for (const { id } of nodes) expect(await machine.contentOf(id)).toBe(contents.get(id));
      await nothingIsLeftOver(machine);
      const content = await machine.content();
      for (const { id } of nodes) await machine.remove(id);
      await machine.snapshots().join();
      expect(await machine.content()).toBe(content);
      expect(machine.draft.storage.disks[0]!.path).toBe("disk.img");
    });
  }, 120_000);

  test("goes on when a change of a file fails while layers are joined, and the next attempt joins them", async () => {
    const origin = await aMachine();
    await origin.write(0, 2, 2);
    const [one] = (await origin.snapshots().document()).nodes;
    const fates = new Set<string>();
    for (let at = 0; !fates.has("done"); at++) {
      const machine = origin.copy();
      const guest = new Guest(machine);
      const snapshots = machine.snapshots(guest);
      machine.fuse = { left: at };
      const done = await snapshots
        .remove(one!.id)
        .then(() => snapshots.join())
        .then(
          () => true,
          () => false,
        );
      machine.fuse = { left: Number.POSITIVE_INFINITY };
      await guest.write(7, 7);
      if (!done) {
        await snapshots.recover();
        for (const { id } of (await snapshots.document()).nodes) await snapshots.remove(id);
        await snapshots.join();
      }
      await guest.write(8, 8);
      const content = (await machine.content()).split(",").map(Number);
      expect(
        [1, 2, 7, 8].map((block) => content[block]),
        `${at}`,
      ).toEqual([1, 2, 7, 8]);
      expect(machine.draft.storage.disks[0]!.path).toBe("disk.img");
      await nothingIsLeftOver(machine);
      fates.add(done ? "done" : "failed");
    }
    expect([...fates]).toEqual(["failed", "done"]);
  }, 60_000);

  test("is saved or not, and never twice: the state is forgotten before the guest goes on from it", async () => {
    const origin = await aMachine();
    const before = await origin.content();
    const ran = new Set<StoredMachine>();
    const act = async (machine: StoredMachine): Promise<void> => {
      const guest = new Guest(machine);
      await machine.snapshots(guest).saveState({});
      expect((await machine.snapshots().document()).current.state).toBe([...machine.states][0]);
      await machine.snapshots(new Guest(machine)).discardState();
      ran.add(machine);
    };
    await atEveryChange(origin, act, async (machine) => {
      const { state } = (await machine.snapshots().document()).current;
      if (state !== undefined) expect(machine.states.has(state)).toBe(true);
      if (ran.has(machine)) expect(state).toBeUndefined();
      expect(await machine.content()).toBe(before);
      await nothingIsLeftOver(machine);
    });
  }, 60_000);

  test("goes on when a change of a file fails and nobody dies: with its overlay, or as before", async () => {
    const origin = await aMachine();
    const fates = new Set<string>();
    for (let at = 0; !fates.has("done"); at++) {
      const machine = origin.copy();
      const guest = new Guest(machine);
      const snapshots = machine.snapshots(guest);
      machine.fuse = { left: at };
      const done = await snapshots.takeLive(texts("two"), undefined).then(
        () => true,
        () => false,
      );
      machine.fuse = { left: Number.POSITIVE_INFINITY };
      if (!done) await snapshots.recover();
      await guest.write(7, 7);
      const content = (await machine.content()).split(",").map(Number);
      expect([content[1], content[7]], `${at}`).toEqual([1, 7]);
      const { nodes } = await machine.snapshots().document();
      for (const { id } of nodes) expect((await machine.contentOf(id)).split(",")[7]).toBe("0");
      await nothingIsLeftOver(machine);
      fates.add(done ? "done" : `${nodes.length} snapshots`);
    }
    expect([...fates].sort()).toEqual(["1 snapshots", "2 snapshots", "done"]);
  }, 60_000);

  test("a snapshot of a saved machine has its state; restoring it gives the saved machine back", async () => {
    const machine = await aMachine();
    await machine.snapshots(new Guest(machine)).saveState({});
    const node = await machine.snapshots().take(texts("saved"));
    expect(node.state).toBe([...machine.states][0]);
    await machine.snapshots().discardState();
    expect((await machine.snapshots().document()).current.state).toBeUndefined();
    expect(machine.states.size).toBe(1);
    await machine.snapshots().restore(node.id);
    expect((await machine.snapshots().document()).current.state).toBe(node.state);
    await machine.remove(node.id);
    expect(machine.states.size).toBe(1);
    await machine.snapshots().discardState();
    expect(machine.states.size).toBe(0);
  });
});
