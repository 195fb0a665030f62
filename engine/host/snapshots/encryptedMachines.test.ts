import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { diskByte, fillDisk } from "../../../tests/fixtures/diskBytes.ts";
import { HostBench } from "../../../tests/fixtures/HostBench.ts";
import type { HostClient } from "../../api/HostClient.ts";
import { defaultMachineDraft } from "../../api/MachineConfig.ts";
import type { MachineSummary } from "../../api/MachineSummary.ts";

// Guessing a passphrase is to be slow for everybody but these tests.
vi.mock(import("../diskServices.ts"), async (original) => {
  const { diskServices } = await original();
  return { diskServices: { ...diskServices, pbkdf2Iterations: 1000 } };
});

const MiB = 1024 ** 2;
const passphrase = "open sesame";
const passphrases = [{ slot: 0, passphrase }];

let bench: HostBench;
let client: HostClient;
let machine: MachineSummary;

beforeEach(async () => {
  bench = await HostBench.open();
  client = bench.client;
  const newDisks = [{ sizeBytes: 4 * MiB, format: "qcow2" as const, passphrase }];
  machine = (await client.call("library.create", { draft: defaultMachineDraft("One"), newDisks })).machine;
});
afterEach(() => bench.close());

async function summary(id = machine.id): Promise<MachineSummary> {
  const { machines } = await client.call("library.list", {});
  return machines.find((candidate) => candidate.id === id)!;
}

async function disk(id = machine.id): Promise<string> {
  const { config, folder } = await summary(id);
  return resolve(folder, config!.storage.disks[0]!.path);
}

const write = async (value: number, id = machine.id): Promise<void> =>
  await fillDisk(await disk(id), value, 0, 65_536, passphrase);
const read = async (id = machine.id): Promise<number | undefined> => await diskByte(await disk(id), 0, passphrase);

/** Does a run of one value stand anywhere in a machine's folder? */
function isReadable(folder: string, value: number): boolean {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.some((entry) => readFileSync(join(entry.parentPath, entry.name)).includes(Buffer.alloc(256, value)));
}

const refusal = { kind: "passphrase-needed", context: { slot: 0, name: "disk.qcow2" } };
const texts = (name: string) => ({ name, description: "" });

test("snapshots are taken, restored and deleted with the passphrase, and refused without it before anything is begun", async () => {
  const { id } = machine;
  const jobs: string[] = [];
  client.on("job.changed", ({ job }) => jobs.push(job.kind));
  await write(0xa1);
  await expect(client.call("snapshot.take", { id, ...texts("one") })).rejects.toMatchObject(refusal);
  expect(jobs).toEqual([]);
  const one = (await client.call("snapshot.take", { id, ...texts("one"), passphrases })).snapshot.id;
  await write(0xb2);
  const restore = { id, snapshotId: one, takeCurrent: texts("two") };
  await expect(client.call("snapshot.restore", restore)).rejects.toMatchObject(refusal);
  const wrong = [{ slot: 0, passphrase: "open barley" }];
  await expect(client.call("snapshot.restore", { ...restore, passphrases: wrong })).rejects.toMatchObject({
    ...refusal,
    kind: "passphrase-wrong",
  });
  expect((await client.call("snapshot.list", { id })).snapshots).toHaveLength(1);
  await client.call("snapshot.restore", { ...restore, passphrases });
  expect(await read()).toBe(0xa1);
  const two = (await client.call("snapshot.list", { id })).snapshots[1]!.id;
  // Nothing rests on it that could be joined.
  await client.call("snapshot.delete", { id, snapshotId: two });
  await expect(client.call("snapshot.delete", { id, snapshotId: one })).rejects.toMatchObject(refusal);
  expect((await client.call("snapshot.list", { id })).snapshots).toHaveLength(1);
  await client.call("snapshot.delete", { id, snapshotId: one, passphrases });
  expect(await read()).toBe(0xa1);
  expect(await disk()).toBe(join(machine.folder, "disk.qcow2"));
  for (const value of [0xa1, 0xb2]) expect(isReadable(machine.folder, value)).toBe(false);
}, 120_000);

test("clones stay encrypted under the passphrase: byte for byte, whole, with all snapshots, or linked", async () => {
  const { id } = machine;
  await write(0xa1);
  const order = { id, snapshotId: null, linked: false, scope: "state" as const };
  const alike = (await client.call("machine.clone", { ...order, name: "Alike" })).machine;
  expect(readFileSync(await disk(alike.id)).equals(readFileSync(await disk()))).toBe(true);
  const one = (await client.call("snapshot.take", { id, ...texts("one"), passphrases })).snapshot.id;
  await write(0xb2);
  const clone = async (name: string, how: { snapshotId?: string; linked?: boolean }): Promise<string> => {
    await expect(client.call("machine.clone", { ...order, ...how, name })).rejects.toMatchObject(refusal);
    expect((await client.call("library.list", {})).machines.map((known) => known.name)).not.toContain(name);
    return (await client.call("machine.clone", { ...order, ...how, name, passphrases })).machine.id;
  };
  const full = await clone("Full", {});
  const old = await clone("Old", { snapshotId: one, linked: true });
  const linked = await clone("Linked", { linked: true });
  const all = (await client.call("machine.clone", { ...order, scope: "all", name: "All" })).machine.id;
  expect([await read(full), await read(old), await read(linked), await read(all)]).toEqual([0xb2, 0xa1, 0xb2, 0xb2]);
  await write(0xc3, linked);
  expect([await read(linked), await read()]).toEqual([0xc3, 0xb2]);
  for (const { folder } of (await client.call("library.list", {})).machines) {
    for (const value of [0xa1, 0xb2, 0xc3]) expect(isReadable(folder, value)).toBe(false);
  }
}, 120_000);

test("layers that a machine which runs does not use are joined with the passphrase of the command", async () => {
  const { id } = machine;
  const take = async (name: string): Promise<string> =>
    (await client.call("snapshot.take", { id, ...texts(name), passphrases })).snapshot.id;
  const one = await take("one");
  await write(0xa1);
  const two = await take("two");
  await write(0xb2);
  const three = await take("three");
  await client.call("snapshot.restore", { id, snapshotId: one, takeCurrent: null, passphrases });
  await client.call("machine.start", { id, passphrases });
  await expect(client.call("snapshot.delete", { id, snapshotId: two })).rejects.toMatchObject(refusal);
  expect((await client.call("snapshot.list", { id })).snapshots).toHaveLength(3);
  await client.call("snapshot.delete", { id, snapshotId: two, passphrases });
  await client.call("machine.powerOff", { id });
  // Of the first, the third and the machine.
  const images = readdirSync(machine.folder, { recursive: true }).filter((name) => String(name).endsWith(".qcow2"));
  expect(images).toHaveLength(3);
  await client.call("snapshot.restore", { id, snapshotId: three, takeCurrent: null, passphrases });
  expect(await read()).toBe(0xb2);
  for (const value of [0xa1, 0xb2]) expect(isReadable(machine.folder, value)).toBe(false);
}, 120_000);

test("an appliance holds an encrypted disk only when everybody may read it", async () => {
  const { id } = machine;
  await write(0xa1);
  const one = (await client.call("snapshot.take", { id, ...texts("one"), passphrases })).snapshot.id;
  await write(0xb2);
  const path = join(bench.folder, "out.ova");
  const order = {
    machineIds: [id],
    path,
    ovfVersion: "1.0" as const,
    variant: "standard" as const,
    manifest: true,
    media: false,
    macPolicy: "new" as const,
  };
  const place = { machineId: id, slot: 0, name: "disk.qcow2" };
  await expect(client.call("appliance.export", order)).rejects.toMatchObject({
    kind: "encrypted-disk",
    context: place,
  });
  const agreed = { ...order, decrypt: true };
  await expect(client.call("appliance.export", agreed)).rejects.toMatchObject({
    kind: "passphrase-needed",
    context: place,
  });
  expect(readdirSync(bench.folder)).not.toContain("out.ova");
  await client.call("appliance.export", { ...agreed, passphrases: [{ machineId: id, slot: 0, passphrase }] });
  const imported = (await client.call("appliance.import", { path, configuration: null, edits: { machines: [] } }))
    .machines[0]!;
  expect(await diskByte(await disk(imported.id))).toBe(0xb2);
  await client.call("snapshot.delete", { id, snapshotId: one, passphrases });
}, 120_000);
