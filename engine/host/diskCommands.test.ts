import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { HostBench } from "../../tests/fixtures/HostBench.ts";
import type { HostClient } from "../api/HostClient.ts";
import { type DiskConfig, defaultMachineDraft } from "../api/MachineConfig.ts";
import { diskFormat } from "../storage/openDisk.ts";
import { diskServices } from "./diskServices.ts";
import { FileOpener } from "./FileOpener.ts";
import { isFileLocked } from "./FileStore.ts";

const MiB = 1024 ** 2;
const PASSPHRASE = "open sesame, and close again";

let bench: HostBench;
let client: HostClient;
beforeEach(async () => {
  bench = await HostBench.open("home");
  ({ client } = bench);
});
afterEach(() => bench.close());

const at = (name: string) => join(bench.folder, name);

function rawDisk(name: string): string {
  writeFileSync(at(name), Buffer.alloc(MiB));
  return at(name);
}

async function secretDisk(name: string): Promise<string> {
  const services = { ...diskServices, pbkdf2Iterations: 1000 };
  const options = { sizeBytes: MiB, services, passphrase: PASSPHRASE };
  const image = await diskFormat("qcow2").create(new FileOpener({ folder: bench.folder }), name, options);
  await image.close();
  return at(name);
}

async function machine(disks: DiskConfig[], name = "M"): Promise<string> {
  const base = defaultMachineDraft(name);
  const draft = { ...base, storage: { ...base.storage, disks } };
  return (await client.call("library.create", { draft, newDisks: [] })).machine.id;
}

async function disksOf(id: string): Promise<DiskConfig[]> {
  const { machines } = await client.call("library.list", {});
  return machines.find((candidate) => candidate.id === id)!.config!.storage.disks;
}

test("disks come and go while a machine is off", async () => {
  const id = await machine([{ path: rawDisk("a.img"), format: "raw" }]);
  const disk: DiskConfig = { path: rawDisk("b.img"), interface: "nvme" };
  expect(await client.call("machine.attachDisk", { id, disk })).toEqual({ slot: 1 });
  expect(await disksOf(id)).toMatchObject([{ path: at("a.img") }, { ...disk, format: "raw" }]);
  await expect(client.call("machine.attachDisk", { id, disk })).rejects.toMatchObject({ kind: "invalid-config" });
  await expect(client.call("machine.attachDisk", { id, disk: { path: at("none.img") } })).rejects.toMatchObject({
    kind: "file-missing",
  });
  await client.call("machine.detachDisk", { id, slot: 0 });
  expect(await disksOf(id)).toEqual([{ ...disk, format: "raw" }]);
  await expect(client.call("machine.detachDisk", { id, slot: 1 })).rejects.toMatchObject({ kind: "no-such-drive" });
});

test("disks come and go while a machine runs, and the settings say where they are", async () => {
  const ahci = (name: string): DiskConfig => ({ path: rawDisk(name), interface: "ahci", format: "raw" });
  const id = await machine([ahci("a.img"), ahci("b.img")]);
  await client.call("machine.start", { id });
  expect(await client.call("machine.attachDisk", { id, disk: ahci("c.img") })).toEqual({ slot: 2 });
  expect((await disksOf(id)).map(({ port }) => port)).toEqual([0, 1, 2]);
  expect(await isFileLocked(at("c.img"))).toBe(true);
  await client.call("machine.detachDisk", { id, slot: 0 });
  expect(await isFileLocked(at("a.img"))).toBe(false);
  // Those that moved up keep their places and the names that the guest knows them by.
  expect(await disksOf(id)).toMatchObject([
    { path: at("b.img"), port: 1, serial: "GH-D0001" },
    { path: at("c.img"), port: 2, serial: "GH-D0002" },
  ]);
  const nvme: DiskConfig = { path: rawDisk("d.img"), interface: "nvme" };
  await expect(client.call("machine.attachDisk", { id, disk: nvme })).rejects.toMatchObject({
    kind: "not-hot-pluggable",
  });
  expect(await isFileLocked(at("d.img"))).toBe(false);
  await client.call("machine.detachDisk", { id, slot: 0 });
  await client.call("machine.detachDisk", { id, slot: 0 });
  const { machines } = await client.call("library.list", {});
  expect(machines[0]!.config!.storage).toMatchObject({ disks: [], controllers: ["ahci"] });
  await client.call("machine.powerOff", { id });
});

test("disks in PCI slots stay until the guest gives them up or somebody insists, and the settings say what the guest saw", async () => {
  const virtio = (name: string): DiskConfig => ({ path: rawDisk(name), interface: "virtio-blk", format: "raw" });
  const storageOf = async (id: string) => {
    const { machines } = await client.call("library.list", {});
    return machines.find((candidate) => candidate.id === id)!.config!.storage;
  };
  const plain = await machine([]);
  await client.call("machine.start", { id: plain });
  expect(await client.call("machine.attachDisk", { id: plain, disk: virtio("a.img") })).toEqual({ slot: 0 });
  expect(await storageOf(plain)).toMatchObject({ disks: [{ port: 8 }], entropyDevice: false });
  await expect(client.call("machine.detachDisk", { id: plain, slot: 0 })).rejects.toMatchObject({
    kind: "guest-keeps-disk",
  });
  expect(await disksOf(plain)).toMatchObject([{ path: at("a.img") }]);
  expect(await isFileLocked(at("a.img"))).toBe(true);
  // The machine made of these settings is the one that ran.
  await client.call("machine.powerOff", { id: plain });
  await client.call("machine.start", { id: plain });
  await client.call("machine.detachDisk", { id: plain, slot: 0, force: true });
  const after = await storageOf(plain);
  expect([after.disks, after.entropyDevice]).toEqual([[], undefined]);
  await client.call("machine.powerOff", { id: plain });
  const other = await machine([virtio("b.img"), virtio("c.img")], "N");
  await client.call("machine.start", { id: other });
  for (const _ of ["b.img", "c.img"]) await client.call("machine.detachDisk", { id: other, slot: 0, force: true });
  expect(await storageOf(other)).toMatchObject({ disks: [], entropyDevice: true });
  await client.call("machine.powerOff", { id: other });
});

test("a disk whose changes are forgotten is as it was when it comes again", async () => {
  const id = await machine([{ path: rawDisk("a.img"), interface: "ahci" }]);
  await client.call("machine.start", { id });
  const disk: DiskConfig = { path: rawDisk("b.img"), interface: "ahci", kind: "immutable" };
  const { machines } = await client.call("library.list", {});
  const run = join(machines[0]!.folder, ".run");
  for (let times = 0; times < 2; times++) {
    expect(await client.call("machine.attachDisk", { id, disk })).toEqual({ slot: 1 });
    expect(readdirSync(run).filter((name) => name.endsWith(".qcow2"))).toHaveLength(1);
    await client.call("machine.detachDisk", { id, slot: 1 });
    expect(readdirSync(run)).toEqual([]);
  }
  await expect(client.call("machine.attachDisk", { id, disk: { ...disk, interface: "nvme" } })).rejects.toMatchObject({
    kind: "not-hot-pluggable",
  });
  expect(readdirSync(run)).toEqual([]);
  await client.call("machine.powerOff", { id });
});

test("an encrypted disk keeps a machine from starting until its passphrase is there, which nothing keeps", async () => {
  const id = await machine([
    { path: rawDisk("a.img"), format: "raw" },
    { path: await secretDisk("b.qcow2"), interface: "ahci" },
  ]);
  const start = (passphrase?: string) =>
    client.call("machine.start", {
      id,
      ...(passphrase === undefined ? {} : { passphrases: [{ slot: 1, passphrase }] }),
    });
  const context = { slot: 1, path: at("b.qcow2"), name: "b.qcow2" };
  await expect(start()).rejects.toMatchObject({ kind: "passphrase-needed", context });
  await expect(start("open barley")).rejects.toMatchObject({ kind: "passphrase-wrong", context });
  await start(PASSPHRASE);
  const disk: DiskConfig = { path: await secretDisk("c.qcow2"), interface: "ahci" };
  await expect(client.call("machine.attachDisk", { id, disk })).rejects.toMatchObject({
    kind: "passphrase-needed",
    context: { slot: 2, name: "c.qcow2" },
  });
  expect(await client.call("machine.attachDisk", { id, disk, passphrase: PASSPHRASE })).toEqual({ slot: 2 });
  await client.call("machine.powerOff", { id });
  const files = readdirSync(at("home"), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(files.length).toBeGreaterThan(1);
  for (const { parentPath, name } of files) {
    expect(readFileSync(join(parentPath, name)).includes(PASSPHRASE), name).toBe(false);
  }
});

test("media are made, looked at, copied and changed under a passphrase", async () => {
  const plain = { subformat: null, sizeBytes: MiB, parentPath: null };
  const passphrase = PASSPHRASE;
  const path = await secretDisk("a.qcow2");
  const { medium } = await client.call("media.add", { path, kind: "disk" });
  expect(medium).toMatchObject({ encrypted: true, sizeBytes: MiB, state: { kind: "ready" } });
  await expect(client.call("media.info", { path, passphrase: "no" })).rejects.toMatchObject({
    kind: "passphrase-wrong",
  });
  await client.call("media.info", { path, passphrase });
  expect(await client.call("media.check", { path, repair: false })).toMatchObject({ errors: [] });
  await expect(client.call("media.compact", { path })).rejects.toMatchObject({ kind: "passphrase-needed" });
  await client.call("media.compact", { path, passphrase });
  await client.call("media.resize", { path, sizeBytes: 2 * MiB, truncate: false, passphrase });
  const copy = { path, format: null, subformat: null, compress: false, passphrase };
  expect((await client.call("media.copy", { ...copy, target: at("b.qcow2") })).medium.encrypted).toBe(true);
  const open = { ...copy, target: at("c.raw"), format: "raw", targetPassphrase: null } as const;
  expect((await client.call("media.copy", open)).medium.encrypted).toBe(false);
  await expect(
    client.call("media.create", { ...plain, path: at("d.vdi"), format: "vdi", passphrase }),
  ).rejects.toMatchObject({ kind: "unsupported-operation" });
  expect(existsSync(at("d.vdi"))).toBe(false);
  const child = { path: at("e.qcow2"), format: "qcow2", subformat: null, sizeBytes: null, parentPath: path } as const;
  await expect(client.call("media.create", child)).rejects.toMatchObject({ kind: "passphrase-needed" });
  expect((await client.call("media.create", { ...child, passphrase })).medium.encrypted).toBe(true);
}, 120_000);

test("new disks are made in any format", async () => {
  const order = { sizeBytes: MiB, format: "vmdk", subformat: "monolithicFlat" } as const;
  await client.call("media.createDisk", { path: at("a.vmdk"), ...order });
  expect((await client.call("media.info", { path: at("a.vmdk") })).medium).toMatchObject(order);
  const { machine: made } = await client.call("library.create", {
    draft: defaultMachineDraft("New"),
    newDisks: [order],
  });
  const path = join(made.folder, made.config!.storage.disks[0]!.path);
  expect((await client.call("media.info", { path })).medium).toMatchObject(order);
});
