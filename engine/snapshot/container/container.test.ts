import { expect, test } from "vitest";
import { MemoryStore } from "../../storage/stores/MemoryStore.ts";
import { pureSnapshotServices as services } from "../SnapshotServices.ts";
import { checkDescription, describedDigest } from "./describedDigest.ts";
import { checkMigrations, type Migration, migrateSections } from "./migrateSections.ts";
import { StateFile } from "./StateFile.ts";
import { StateFileWriter } from "./StateFileWriter.ts";

const machine = { memoryMiB: 64, processor: "v2" };
const header = { digest: describedDigest(machine), machine, savedAtMs: 5, appVersion: "1" };

async function written(): Promise<MemoryStore> {
  const store = new MemoryStore();
  const writer = new StateFileWriter(store, services);
  await writer.writeHeader(header);
  await writer.writeSection({ id: "cpu", version: 2, payload: new Uint8Array(5000).fill(7) });
  await writer.streamSection("pages", 1, async (sink) => {
    for (let part = 0; part < 3; part++) await sink.write(new Uint8Array(100).fill(part));
    expect(sink.position).toBe(300);
  });
  await writer.writeSection({ id: "device:pit", version: 1, payload: new Uint8Array(0) });
  await writer.finish();
  return store;
}

test("sections come back in order, streamed ones by their place", async () => {
  const store = await written();
  const file = await StateFile.open(store, services);
  expect(file.header).toEqual(header);
  expect([...file.sections.keys()]).toEqual(["cpu", "pages", "device:pit"]);
  const all = await file.readAll(["pages"]);
  expect(all.map(({ id, version, payload }) => [id, version, payload.length])).toEqual([
    ["cpu", 2, 5000],
    ["device:pit", 1, 0],
  ]);
  await file.verify("pages");
  const pages = file.section("pages");
  expect([...store.bytes.subarray(pages.offset, pages.offset + 101)].slice(99)).toEqual([0, 1]);
  expect(() => file.section("toaster")).toThrow("missing");
});

test("a file that ends early, goes on or is something else is told apart", async () => {
  const bytes = (await written()).bytes.slice();
  const opened = (changed: Uint8Array) => StateFile.open(new MemoryStore(changed), services);
  for (let length = 0; length < bytes.length; length++) {
    await expect(opened(bytes.slice(0, length)), `${length}`).rejects.toMatchObject({
      kind: expect.stringMatching(/state/),
    });
  }
  await expect(opened(Uint8Array.from([...bytes, 0]))).rejects.toMatchObject({ kind: "state-damaged" });
  await expect(opened(new Uint8Array(4096))).rejects.toMatchObject({ kind: "not-a-state" });
  const newer = bytes.slice();
  newer[8] = 9;
  await expect(opened(newer)).rejects.toMatchObject({ kind: "state-format" });
});

test("another machine's state is refused with what differs", () => {
  checkDescription(header, { processor: "v2", memoryMiB: 64 });
  expect(() => checkDescription(header, { processor: "v3", memoryMiB: 64, disk1: "ide" })).toThrow(
    "disk1 (saved: none, now: ide), processor (saved: v2, now: v3)",
  );
});

const step = (section: string, from: number): Migration => ({
  section,
  from,
  migrate: (payload) => Uint8Array.from([...payload, from]),
});

test("old sections take every step, newer and too old ones are refused", () => {
  const present = new Map([["cpu", 4]]);
  const migrations = [step("cpu", 3), step("cpu", 2)];
  checkMigrations(migrations, present);
  const section = (version: number) => [{ id: "cpu", version, payload: Uint8Array.of(9) }];
  expect(migrateSections(section(2), migrations, present)).toEqual([
    { id: "cpu", version: 4, payload: Uint8Array.of(9, 2, 3) },
  ]);
  expect(migrateSections(section(4), migrations, present)).toEqual(section(4));
  for (const version of [1, 5]) {
    expect(() => migrateSections(section(version), migrations, present)).toThrow(
      `has version ${version}; this version reads 4`,
    );
  }
});

test("migrations with gaps, twins or strays are a mistake", () => {
  const present = new Map([["cpu", 4]]);
  expect(() => checkMigrations([step("cpu", 1), step("cpu", 3)], present)).toThrow("gaps");
  expect(() => checkMigrations([step("cpu", 3), step("cpu", 3)], present)).toThrow("gaps");
  expect(() => checkMigrations([step("cpu", 2)], present)).toThrow("gaps");
  expect(() => checkMigrations([step("gpu", 2)], present)).toThrow("gpu");
});
