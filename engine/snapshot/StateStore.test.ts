import { describe, expect, test } from "vitest";
import { RandomValues } from "../../tests/fixtures/RandomValues.ts";
import { capturedFrom, HostDied, SnapshotFiles } from "../../tests/fixtures/SnapshotFiles.ts";
import { STATE_PAGE_BYTES } from "../contracts/MachineStateParts.ts";
import { describedDigest } from "./container/describedDigest.ts";
import { pureSnapshotServices } from "./SnapshotServices.ts";
import { StateStore } from "./StateStore.ts";

const PAGES = 1000;
const machine = { memory: "4000 KiB", processor: "v2" };
const header = { digest: describedDigest(machine), machine, savedAtMs: 1, appVersion: "0" };
const sections = [{ id: "device:pit", version: 3, payload: Uint8Array.of(1, 2, 3) }];

function randomRam(random: RandomValues): Uint8Array {
  const ram = new Uint8Array(PAGES * STATE_PAGE_BYTES);
  for (let page = 0; page < PAGES; page += 1 + random.below(4)) {
    ram.fill(random.below(256), page * STATE_PAGE_BYTES, page * STATE_PAGE_BYTES + random.below(STATE_PAGE_BYTES));
  }
  ram.set(random.bytes(STATE_PAGE_BYTES * 3), 17 * STATE_PAGE_BYTES);
  return ram;
}

async function ramOf(store: StateStore, name: string): Promise<Uint8Array> {
  return await store.load(name, async (state) => {
    expect(state.label).toBe(name);
    expect(state.sections).toEqual(sections);
    const ram = new Uint8Array(state.ramBytes);
    await state.readRam(ram);
    return ram;
  });
}

const sizes = (files: SnapshotFiles): Record<string, number> =>
  Object.fromEntries([...files.files].map(([name, bytes]) => [name, bytes.length]));

describe("states of one machine", () => {
  test("come back as they were saved, with and without a parent", async () => {
    const files = new SnapshotFiles();
    const store = new StateStore(files, pureSnapshotServices);
    const random = new RandomValues(1);
    const first = randomRam(random);
    const second = first.slice();
    second.set(random.bytes(100), 50 * STATE_PAGE_BYTES);
    second.fill(0, 17 * STATE_PAGE_BYTES, 18 * STATE_PAGE_BYTES);
    await store.save("one", header, capturedFrom(first, sections));
    await store.save("two", header, capturedFrom(second, sections), "one");
    expect(Buffer.compare(await ramOf(store, "one"), first)).toBe(0);
    expect(Buffer.compare(await ramOf(store, "two"), second)).toBe(0);
    expect(await store.header("two")).toEqual(header);
    const bytes = sizes(files);
    expect(bytes["two.pages"]! + bytes["two.state"]!).toBeLessThan(bytes["one.pages"]! / 10);
  });

  test("pages that the guest did not write are not even read", async () => {
    const store = new StateStore(new SnapshotFiles(), pureSnapshotServices);
    const ram = randomRam(new RandomValues(2));
    await store.save("one", header, capturedFrom(ram, sections));
    const changed = new Uint8Array(PAGES);
    changed[3] = 1;
    const next = ram.slice();
    next.fill(9, 3 * STATE_PAGE_BYTES, 4 * STATE_PAGE_BYTES);
    const captured = capturedFrom(next, sections, { label: "one", changed });
    const looked: number[] = [];
    const spied = {
      ...captured,
      ram: {
        ...captured.ram,
        page: (index: number) => {
          looked.push(index);
          return captured.ram.page(index);
        },
      },
    };
    await store.save("two", header, spied, "one");
    expect([...new Set(looked)]).toEqual([3]);
    expect(Buffer.compare(await ramOf(store, "two"), next)).toBe(0);
  });

  test("a pack stays for as long as a state needs it", async () => {
    const files = new SnapshotFiles();
    const store = new StateStore(files, pureSnapshotServices);
    const random = new RandomValues(3);
    const ram = randomRam(random);
    for (const [name, parent] of [
      ["one", undefined],
      ["two", "one"],
      ["three", "two"],
    ] as const) {
      ram.set(random.bytes(4096), random.below(PAGES) * STATE_PAGE_BYTES);
      await store.save(name, header, capturedFrom(ram, sections), parent);
    }
    expect(await store.freedBy(["one", "three"])).toBe(sizes(files)["two.state"]);
    await store.keepOnly(["three"]);
    expect([...files.files.keys()].sort()).toEqual(["one.pages", "three.pages", "three.state", "two.pages"]);
    expect(Buffer.compare(await ramOf(store, "three"), ram)).toBe(0);
    expect(await store.freedBy([])).toBe(Object.values(sizes(files)).reduce((sum, size) => sum + size, 0));
    await store.keepOnly([]);
    expect(files.files.size).toBe(0);
  });

  test("wherever the host dies, a state is there whole or not at all, and the other stays", async () => {
    const random = new RandomValues(4);
    const [first, second] = [randomRam(random), randomRam(random)];
    for (let dieAt = 1; ; dieAt++) {
      const files = new SnapshotFiles();
      const store = new StateStore(files, pureSnapshotServices);
      await store.save("one", header, capturedFrom(first, sections));
      files.dieAt = files.changes + dieAt;
      const died = await store.save("two", header, capturedFrom(second, sections), "one").then(
        () => false,
        (error: unknown) => error instanceof HostDied || Promise.reject(error),
      );
      files.revive();
      const there = files.files.has("two.state");
      expect(Buffer.compare(await ramOf(store, "one"), first)).toBe(0);
      if (there) expect(Buffer.compare(await ramOf(store, "two"), second)).toBe(0);
      await store.keepOnly(there ? ["one", "two"] : ["one"]);
      expect([...files.files.keys()].some((name) => name.endsWith(".unfinished"))).toBe(false);
      if (!died) {
        expect(there).toBe(true);
        break;
      }
    }
  });

  test("damage anywhere in a state or its pack is found before a machine goes on from it", async () => {
    const files = new SnapshotFiles();
    const store = new StateStore(files, pureSnapshotServices);
    const random = new RandomValues(5);
    await store.save("one", header, capturedFrom(randomRam(random), sections));
    for (const [name, bytes] of [...files.files]) {
      for (let round = 0; round < 60; round++) {
        const harmed = bytes.slice();
        harmed[random.below(harmed.length)]! ^= 1 << random.below(8);
        files.files.set(name, harmed);
        await expect(
          store.load("one", (state) => state.readRam(new Uint8Array(state.ramBytes))),
          `${name}, round ${round}`,
        ).rejects.toMatchObject({
          kind: expect.stringMatching(/state/),
        });
      }
      for (const length of [0, 5, 20, bytes.length - 1, bytes.length >> 1]) {
        files.files.set(name, bytes.slice(0, length));
        await expect(
          store.load("one", (state) => state.readRam(new Uint8Array(state.ramBytes))),
          `${name} cut to ${length}`,
        ).rejects.toMatchObject({
          kind: expect.stringMatching(/state/),
        });
      }
      files.files.set(name, bytes);
    }
  });

  test("a save that is cancelled leaves nothing", async () => {
    const files = new SnapshotFiles();
    const store = new StateStore(files, pureSnapshotServices);
    const stop = new AbortController();
    const work = { signal: stop.signal, onProgress: (done: number) => void (done >= 0 && stop.abort()) };
    const ram = new Uint8Array(600 * STATE_PAGE_BYTES).fill(1);
    await expect(store.save("one", header, capturedFrom(ram, sections), undefined, work)).rejects.toMatchObject({
      kind: "cancelled",
    });
    expect(files.files.size).toBe(0);
  });
});
