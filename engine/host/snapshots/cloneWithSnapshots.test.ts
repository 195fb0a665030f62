import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { diskByte, fillDisk } from "../../../tests/fixtures/diskBytes.ts";
import { HostBench, openTestHost } from "../../../tests/fixtures/HostBench.ts";
import type { HostClient } from "../../api/HostClient.ts";
import { type DiskConfig, defaultMachineDraft } from "../../api/MachineConfig.ts";
import type { MachineSummary } from "../../api/MachineSummary.ts";
import { LockFile } from "../LockFile.ts";

const MiB = 1024 ** 2;

let bench: HostBench;
let client: HostClient;
let machine: MachineSummary;

beforeEach(async () => {
  bench = await HostBench.open("home");
  client = bench.client;
  writeFileSync(join(bench.folder, "outside.img"), Buffer.alloc(2 * MiB, 0x77));
  const base = defaultMachineDraft("One");
  // One disk in the machine's folder and one elsewhere, whose overlays name it wholly.
  const disks: DiskConfig[] = [{ path: join(bench.folder, "outside.img"), format: "raw", interface: "ahci" }];
  const draft = { ...base, storage: { ...base.storage, disks } };
  const newDisks = [{ sizeBytes: 4 * MiB, format: "vdi" as const }];
  machine = (await client.call("library.create", { draft, newDisks })).machine;
});
afterEach(() => bench.close());

async function summary(id: string): Promise<MachineSummary> {
  const { machines } = await client.call("library.list", {});
  return machines.find((candidate) => candidate.id === id)!;
}

async function disk(id: string, slot: number): Promise<string> {
  const { config, folder } = await summary(id);
  return resolve(folder, config!.storage.disks[slot]!.path);
}

async function content(id: string): Promise<(number | undefined)[]> {
  return [await diskByte(await disk(id, 0)), await diskByte(await disk(id, 1))];
}

async function write(id: string, one: number, other: number): Promise<void> {
  await fillDisk(await disk(id, 0), one);
  await fillDisk(await disk(id, 1), other);
}

async function take(name: string): Promise<string> {
  return (await client.call("snapshot.take", { id: machine.id, name, description: "why" })).snapshot.id;
}

const all = { snapshotId: null, linked: false, scope: "all" } as const;

async function cloneAll(name: string): Promise<MachineSummary> {
  return (await client.call("machine.clone", { id: machine.id, name, ...all })).machine;
}

const homes = () => readdirSync(join(bench.folder, "home", "machines")).sort();

test("a clone with all snapshots has the tree, every state of every disk, and needs nothing of the original", async () => {
  const { id } = machine;
  await write(id, 1, 11);
  const one = await take("one");
  await write(id, 2, 12);
  const two = await take("two");
  await client.call("snapshot.restore", { id, snapshotId: one, takeCurrent: null });
  await write(id, 3, 13);
  const twin = await cloneAll("Twin");
  expect(twin.id).not.toBe(id);
  const list = await client.call("snapshot.list", { id: twin.id });
  const before = await client.call("snapshot.list", { id });
  expect(list.snapshots.map(({ name, parentId, description }) => [name, parentId, description])).toEqual([
    ["one", null, "why"],
    ["two", one, "why"],
  ]);
  expect([list.currentId, list.changed]).toEqual([before.currentId, true]);
  expect(await content(twin.id)).toEqual([3, 13]);
  await write(twin.id, 4, 14);
  expect(await content(id)).toEqual([3, 13]);
  await client.call("library.remove", { id, withFiles: true });
  writeFileSync(join(bench.folder, "outside.img"), "gone");
  await client.call("snapshot.restore", { id: twin.id, snapshotId: two, takeCurrent: null });
  expect(await content(twin.id)).toEqual([2, 12]);
  await client.call("snapshot.restore", { id: twin.id, snapshotId: one, takeCurrent: null });
  expect(await content(twin.id)).toEqual([1, 11]);
  await client.call("snapshot.delete", { id: twin.id, snapshotId: one });
  await client.call("snapshot.delete", { id: twin.id, snapshotId: two });
  expect(await content(twin.id)).toEqual([1, 11]);
  expect((await summary(twin.id)).config!.storage.disks).toMatchObject([
    { path: "disk.img", format: "raw", interface: "ahci" },
    { path: "disk 2.vdi", format: "vdi" },
  ]);
}, 120_000);

test("snapshots that share a picture come along", async () => {
  const { id } = machine;
  await client.call("machine.start", { id });
  const one = await take("running");
  await client.call("machine.powerOff", { id });
  await client.call("snapshot.restore", { id, snapshotId: one, takeCurrent: null });
  await take("as it was then");
  const twin = await cloneAll("Twin");
  const { snapshots } = await client.call("snapshot.list", { id: twin.id });
  expect(snapshots.map(({ name, hasThumbnail }) => [name, hasThumbnail])).toEqual([
    ["running", true],
    ["as it was then", true],
  ]);
}, 120_000);

test("memory and pictures of snapshots come along, and what nobody needs stays behind", async () => {
  const { id } = machine;
  await client.call("machine.start", { id });
  const one = await take("running");
  await client.call("machine.powerOff", { id });
  writeFileSync(join(machine.folder, "states", "stray.pages"), "nobody's");
  const twin = await cloneAll("Twin");
  const { snapshots } = await client.call("snapshot.list", { id: twin.id });
  expect(snapshots).toMatchObject([{ id: one, withState: true, memory: "kept" }]);
  const states = readdirSync(join(twin.folder, "states"));
  expect(states.filter((file) => file.endsWith(".state"))).toHaveLength(1);
  expect(states).not.toContain("stray.pages");
  await client.call("snapshot.restore", { id: twin.id, snapshotId: one, takeCurrent: null });
  expect((await summary(twin.id)).state.kind).toBe("saved");
  const third = (await client.call("machine.clone", { id: twin.id, name: "Third", ...all })).machine;
  expect((await summary(third.id)).state.kind).toBe("saved");
}, 120_000);

test("a clone that is cancelled or cannot be made leaves nothing", async () => {
  await take("one");
  const before = homes();
  const stop = client.on("job.changed", ({ job }) => {
    if (job.kind === "cloneMachine" && job.state === "running") void client.call("jobs.cancel", { jobId: job.id });
  });
  await expect(cloneAll("Twin")).rejects.toMatchObject({ kind: "cancelled" });
  stop.dispose();
  expect(homes()).toEqual(before);
  await expect(
    client.call("machine.clone", { id: machine.id, name: "Twin", ...all, linked: true }),
  ).rejects.toMatchObject({ kind: "unsupported-operation" });
  writeFileSync(join(machine.folder, "disk.vdi"), "damaged");
  await expect(cloneAll("Twin")).rejects.toMatchObject({ kind: expect.stringMatching(/image|shrunk/) });
  expect(homes()).toEqual(before);
}, 60_000);

test("what a crash left of a clone says so, and is gone at the next start unless somebody is at work in it", async () => {
  const leave = (name: string) => {
    const folder = join(bench.folder, "home", "machines", name);
    mkdirSync(folder);
    writeFileSync(join(folder, "machine.unfinished.txt"), "");
    writeFileSync(join(folder, "disk.img"), "half a disk");
    return folder;
  };
  const dead = leave("Dead");
  const busy = leave("Busy");
  const lock = await LockFile.acquire(join(busy, ".lock"), "a clone");
  const next = await openTestHost(join(bench.folder, "home"));
  expect([existsSync(dead), existsSync(busy), existsSync(machine.folder)]).toEqual([false, true, true]);
  expect(readdirSync(machine.folder).sort()).toEqual(["disk.vdi", "machine.json"]);
  await next.close();
  await lock.release();
});
