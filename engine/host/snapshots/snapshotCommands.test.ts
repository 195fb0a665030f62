import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { diskByte, fillDisk } from "../../../tests/fixtures/diskBytes.ts";
import { HostBench } from "../../../tests/fixtures/HostBench.ts";
import type { HostClient } from "../../api/HostClient.ts";
import { defaultMachineDraft } from "../../api/MachineConfig.ts";
import type { MachineSummary } from "../../api/MachineSummary.ts";

const MiB = 1024 ** 2;

let bench: HostBench;
let client: HostClient;
let machine: MachineSummary;

beforeEach(async () => {
  bench = await HostBench.open();
  client = bench.client;
  const order = { draft: defaultMachineDraft("One"), newDisks: [{ sizeBytes: 4 * MiB, format: "vdi" as const }] };
  machine = (await client.call("library.create", order)).machine;
});
afterEach(() => bench.close());

async function summary(id = machine.id): Promise<MachineSummary> {
  const { machines } = await client.call("library.list", {});
  return machines.find((candidate) => candidate.id === id)!;
}

async function disk(id = machine.id): Promise<string> {
  const { config, folder: place } = await summary(id);
  return resolve(place, config!.storage.disks[0]!.path);
}

async function write(value: number, id = machine.id): Promise<void> {
  await fillDisk(await disk(id), value);
}

async function read(id = machine.id): Promise<number | undefined> {
  return await diskByte(await disk(id));
}

async function take(name: string): Promise<string> {
  return (await client.call("snapshot.take", { id: machine.id, name, description: "why" })).snapshot.id;
}

test("take, list, restore with a snapshot of what there is, edit, delete; everybody hears of it", async () => {
  const { id } = machine;
  const heard: string[] = [];
  client.on("snapshots.changed", (event) => heard.push(event.id));
  client.on("job.changed", ({ job }) => job.state === "finished" && heard.push(job.kind));
  await write(1);
  const one = await take("one");
  await write(2);
  expect(await client.call("snapshot.list", { id })).toMatchObject({
    snapshots: [{ id: one, parentId: null, name: "one", description: "why", withState: false }],
    currentId: one,
    changed: true,
  });
  const takeCurrent = { name: "two", description: "" };
  await client.call("snapshot.restore", { id, snapshotId: one, takeCurrent });
  expect(await read()).toBe(1);
  const { snapshots, currentId, changed } = await client.call("snapshot.list", { id });
  expect([snapshots.map(({ name }) => name), currentId, changed]).toEqual([["one", "two"], one, false]);
  const two = snapshots[1]!.id;
  await client.call("snapshot.edit", { id, snapshotId: two, name: "second", description: "later" });
  const cost = await client.call("snapshot.deleteCost", { id, snapshotId: one });
  expect(cost.availableBytes).toBeGreaterThan(cost.neededBytes);
  await client.call("machine.start", { id });
  await expect(client.call("snapshot.restore", { id, snapshotId: one, takeCurrent: null })).rejects.toMatchObject({
    kind: "illegal-state",
  });
  await client.call("machine.powerOff", { id });
  await client.call("snapshot.delete", { id, snapshotId: one });
  await client.call("snapshot.restore", { id, snapshotId: two, takeCurrent: null });
  expect(await read()).toBe(2);
  await client.call("snapshot.delete", { id, snapshotId: two });
  expect((await client.call("snapshot.list", { id })).snapshots).toEqual([]);
  expect(await read()).toBe(2);
  expect((await summary()).config!.storage.disks).toEqual([{ path: "disk.vdi", format: "vdi" }]);
  expect(readdirSync(join(machine.folder, "snapshots"))).toEqual([]);
  expect(heard.filter((word) => word !== id)).toEqual([
    "takeSnapshot",
    "restoreSnapshot",
    "deleteSnapshot",
    "restoreSnapshot",
    "deleteSnapshot",
  ]);
});

test("clones are whole, or linked and then keep what they rest on", async () => {
  const { id } = machine;
  await write(5);
  const order = { id, snapshotId: null, scope: "state" as const };
  const full = (await client.call("machine.clone", { ...order, name: "Full", linked: false })).machine;
  const linked = (await client.call("machine.clone", { ...order, name: "Linked", linked: true })).machine;
  await write(6);
  expect([await read(full.id), await read(linked.id), await read()]).toEqual([5, 5, 6]);
  await write(7, linked.id);
  expect([await read(linked.id), await read()]).toEqual([7, 6]);
  expect(full.config!.storage.disks).toEqual([{ path: "disk.vdi", format: "vdi" }]);
  expect(linked.config!.storage.disks).toEqual([{ path: "disk.qcow2", format: "qcow2" }]);
  const { snapshots } = await client.call("snapshot.list", { id });
  expect(snapshots.map(({ name }) => name)).toEqual(["Linked base for Linked"]);
  await expect(client.call("snapshot.delete", { id, snapshotId: snapshots[0]!.id })).rejects.toMatchObject({
    kind: "has-children",
  });
  await expect(client.call("library.remove", { id, withFiles: true })).rejects.toMatchObject({ kind: "has-children" });
  await client.call("machine.start", { id: linked.id });
  await client.call("machine.powerOff", { id: linked.id });
  await expect(client.call("machine.clone", { ...order, name: "Full", linked: false })).rejects.toMatchObject({
    kind: "name-taken",
  });
});

test("a disposable run leaves the disk as it was and nothing beside it", async () => {
  const { id } = machine;
  await client.call("machine.start", { id, disposable: true });
  expect(existsSync(join(machine.folder, ".run"))).toBe(true);
  await client.call("machine.powerOff", { id });
  expect(existsSync(join(machine.folder, ".run"))).toBe(false);
  const { media } = await client.call("media.list", {});
  expect(media.map(({ name }) => name)).toEqual(["disk.vdi"]);
});

test("the media of snapshots are known and cannot be taken away", async () => {
  const one = await take("one");
  const { media } = await client.call("media.list", {});
  const frozen = media.find(({ name }) => name === "disk.vdi")!;
  expect(frozen.attachedTo).toMatchObject([{ snapshotId: one, snapshotName: "one" }]);
  await expect(client.call("media.remove", { path: frozen.path, withFile: true })).rejects.toMatchObject({
    kind: "attached",
  });
});
