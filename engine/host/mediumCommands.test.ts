import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { diskByte, fillDisk } from "../../tests/fixtures/diskBytes.ts";
import { HostBench } from "../../tests/fixtures/HostBench.ts";
import type { HostClient } from "../api/HostClient.ts";
import { defaultMachineDraft, draftOf, type MachineDraft } from "../api/MachineConfig.ts";
import type { Medium } from "../api/mediumProtocol.ts";
import { newDiskFormats } from "../api/mediumProtocol.ts";
import { diskFormat } from "../storage/openDisk.ts";

const MiB = 1024 ** 2;

let folder: string;
let bench: HostBench;
let client: HostClient;

beforeEach(async () => {
  bench = await HostBench.open();
  ({ folder, client } = bench);
});
afterEach(() => bench.close());

const at = (name: string) => join(folder, name);

async function create(
  name: string,
  more: { format?: "qcow2" | "vmdk" | "raw"; subformat?: string; parent?: string } = {},
) {
  return (
    await client.call("media.create", {
      path: at(name),
      format: more.format ?? "qcow2",
      subformat: more.subformat ?? null,
      sizeBytes: more.parent === undefined ? 4 * MiB : null,
      parentPath: more.parent === undefined ? null : at(more.parent),
    })
  ).medium;
}

async function machine(name: string, storage: Partial<MachineDraft["storage"]>): Promise<string> {
  const base = defaultMachineDraft(name);
  const draft = { ...base, storage: { ...base.storage, ...storage } };
  return (await client.call("library.create", { draft, newDisks: [] })).machine.id;
}

async function listed(): Promise<Map<string, Medium>> {
  const { media } = await client.call("media.list", {});
  return new Map(media.map((medium) => [medium.name, medium]));
}

test("the formats that interfaces offer are those that can be made", () => {
  for (const { format, subformats } of newDiskFormats) {
    expect(diskFormat(format).subformats).toEqual(expect.arrayContaining([...subformats]));
    expect(diskFormat(format).subformats[0]).toBe(subformats[0]);
  }
});

test("diskettes are made, formatted or blank, and are on the list as such", async () => {
  const make = (name: string, formatted: boolean) =>
    client.call("media.createDiskette", { path: at(name), size: "1.44 MB", formatted });
  const { medium } = await make("data.img", true);
  expect(medium).toMatchObject({ kind: "floppy", sizeBytes: 1_474_560, added: true, state: { kind: "ready" } });
  await make("blank.img", false);
  expect(readFileSync(at("data.img")).subarray(510, 516).toString("hex")).toBe("55aaf0ffff00");
  expect(readFileSync(at("blank.img")).equals(Buffer.alloc(1_474_560))).toBe(true);
  await expect(make("data.img", false)).rejects.toMatchObject({ kind: "file-exists" });
  expect([...(await listed()).keys()].sort()).toEqual(["blank.img", "data.img"]);
});

describe("the list", () => {
  test("knows what machines use, what was added and what these rest on, with sizes, states and users", async () => {
    await create("base.qcow2");
    await create("child.qcow2", { parent: "base.qcow2" });
    writeFileSync(at("small.img"), new Uint8Array(1_474_560));
    writeFileSync(at("broken.vdi"), new Uint8Array(4096).fill(1));
    const id = await machine("User", {
      disks: [{ path: at("child.qcow2") }, { path: at("gone.img") }],
      floppies: [{ path: at("small.img") }],
    });
    const media = await listed();
    expect([...media.keys()]).toEqual(["base.qcow2", "child.qcow2", "gone.img", "small.img"]);
    expect(media.get("child.qcow2")).toMatchObject({
      kind: "disk",
      format: "qcow2",
      sizeBytes: 4 * MiB,
      parentPath: at("base.qcow2"),
      state: { kind: "ready" },
      attachedTo: [{ machineId: id, machineName: "User", slot: 0, snapshotId: null }],
      added: true,
    });
    expect(media.get("child.qcow2")!.allocatedBytes).toBeLessThan(MiB);
    expect(media.get("gone.img")).toMatchObject({ state: { kind: "missing" }, added: false });
    expect(media.get("small.img")).toMatchObject({ kind: "floppy", format: "floppy", sizeBytes: 1_474_560 });
    await rm(at("base.qcow2"));
    expect((await listed()).get("child.qcow2")).toMatchObject({ state: { kind: "parentMissing" } });
  });

  test("a medium in use is so, and everybody hears of changes", async () => {
    await create("disk.qcow2");
    const id = await machine("Runs", { disks: [{ path: at("disk.qcow2") }] });
    expect((await listed()).get("disk.qcow2")!.state).toEqual({ kind: "ready" });
    const heard: string[] = [];
    client.on("media.changed", ({ changed }) =>
      heard.push(...changed.map(({ name, state }) => `${name} ${state.kind}`)),
    );
    await client.call("machine.start", { id });
    await expect.poll(() => heard).toContain("disk.qcow2 inUse");
    await expect(client.call("media.compact", { path: at("disk.qcow2") })).rejects.toMatchObject({ kind: "in-use" });
    await client.call("machine.powerOff", { id });
    await expect.poll(() => heard.at(-1)).toBe("disk.qcow2 ready");
    const { machines } = await client.call("library.list", {});
    expect(machines[0]?.config?.storage.disks).toEqual([{ path: at("disk.qcow2"), format: "qcow2" }]);
  });
});

describe("work", () => {
  test("a copy is whole, in any format, with a job that tells its progress", async () => {
    await create("base.qcow2");
    await fillDisk(at("base.qcow2"), 1);
    await create("child.qcow2", { parent: "base.qcow2" });
    await fillDisk(at("child.qcow2"), 2, MiB);
    const kinds = new Set<string>();
    client.on("job.changed", ({ job }) => kinds.add(`${job.kind} ${job.subject} ${job.state}`));
    for (const { format, subformats } of newDiskFormats) {
      for (const subformat of subformats) {
        const target = at(`copy-${subformat}.${format}`);
        const order = { path: at("child.qcow2"), target, format, subformat, compress: false };
        const { medium } = await client.call("media.copy", order);
        expect(medium).toMatchObject({ format, parentPath: null, sizeBytes: 4 * MiB, added: true });
        expect([await diskByte(target), await diskByte(target, MiB), await diskByte(target, 2 * MiB)]).toEqual([
          1, 2, 0,
        ]);
      }
    }
    expect([...kinds]).toEqual(["copyMedium child.qcow2 running", "copyMedium child.qcow2 finished"]);
    expect(readdirSync(folder).filter((name) => name.startsWith("."))).toEqual([]);
    const again = { path: at("child.qcow2"), target: at("base.qcow2"), format: null, subformat: null, compress: false };
    await expect(client.call("media.copy", again)).rejects.toMatchObject({ kind: "file-exists" });
  });

  test("a cancelled copy leaves nothing", async () => {
    await client.call("media.create", {
      path: at("large.img"),
      format: "raw",
      subformat: null,
      sizeBytes: 512 * MiB,
      parentPath: null,
    });
    client.on("job.changed", ({ job }) => {
      if (job.state === "running" && job.done > 0) client.call("jobs.cancel", { jobId: job.id }).catch(() => {});
    });
    const order = { path: at("large.img"), target: at("copy.qcow2"), format: "qcow2", subformat: null } as const;
    await expect(client.call("media.copy", { ...order, compress: false })).rejects.toMatchObject({ kind: "cancelled" });
    expect(readdirSync(folder).sort()).toEqual(["large.img", "machines", "media.json"]);
  });

  test("resize, compact and check; what others rest on is left alone", async () => {
    await create("disk.qcow2");
    await fillDisk(at("disk.qcow2"), 1, 3 * MiB);
    const resize = (sizeBytes: number, truncate = false) =>
      client.call("media.resize", { path: at("disk.qcow2"), sizeBytes, truncate });
    expect((await resize(8 * MiB)).medium.sizeBytes).toBe(8 * MiB);
    await expect(resize(2 * MiB)).rejects.toMatchObject({ kind: "truncation-needed" });
    expect((await resize(2 * MiB, true)).medium.sizeBytes).toBe(2 * MiB);
    await expect(resize(1000)).rejects.toMatchObject({ kind: "invalid-size" });
    await client.call("media.compact", { path: at("disk.qcow2") });
    expect(await client.call("media.check", { path: at("disk.qcow2"), repair: true })).toEqual({
      errors: [],
      leakedBytes: 0,
      repaired: 0,
    });
    await create("child.qcow2", { parent: "disk.qcow2" });
    await expect(resize(16 * MiB)).rejects.toMatchObject({ kind: "has-children" });
    await expect(client.call("media.remove", { path: at("disk.qcow2"), withFile: true })).rejects.toMatchObject({
      kind: "has-children",
    });
  });

  test("a moved disk is followed by its machine and its overlays", async () => {
    mkdirSync(at("elsewhere"));
    await create("base.qcow2");
    await fillDisk(at("base.qcow2"), 5);
    await create("child.qcow2", { parent: "base.qcow2" });
    const id = await machine("Follows", { disks: [{ path: at("base.qcow2"), serial: "S1" }] });
    const move = (from: string, to: string) => client.call("media.move", { path: at(from), target: at(to) });
    await move("base.qcow2", "elsewhere/moved.qcow2");
    expect(await diskByte(at("child.qcow2"))).toBe(5);
    await move("child.qcow2", "elsewhere/child.qcow2");
    expect(await diskByte(at("elsewhere/child.qcow2"))).toBe(5);
    const { machines } = await client.call("library.list", {});
    const found = machines.find((entry) => entry.id === id)!;
    expect(draftOf(found.config!).storage.disks[0]).toEqual({ path: at("elsewhere/moved.qcow2"), serial: "S1" });
    expect([...(await listed()).keys()].sort()).toEqual(["child.qcow2", "moved.qcow2"]);
    await create("flat.vmdk", { format: "vmdk", subformat: "monolithicFlat" });
    await fillDisk(at("flat.vmdk"), 6);
    await move("flat.vmdk", "elsewhere/other.vmdk");
    expect(await diskByte(at("elsewhere/other.vmdk"))).toBe(6);
    expect(readdirSync(folder).filter((name) => name.includes("flat"))).toEqual([]);
  });

  test("release, then remove with all files", async () => {
    await create("disk.vmdk", { format: "vmdk", subformat: "twoGbMaxExtentFlat" });
    const path = at("disk.vmdk");
    // The machine alone knows it.
    await client.call("media.remove", { path, withFile: false });
    const id = await machine("Holds", { disks: [{ path }], opticals: [] });
    await expect(client.call("media.remove", { path, withFile: true })).rejects.toMatchObject({ kind: "attached" });
    await client.call("media.release", { path, machineId: id });
    expect((await listed()).get("disk.vmdk")?.attachedTo).toEqual([]);
    await client.call("media.remove", { path, withFile: true });
    expect(existsSync(path)).toBe(false);
    expect(readdirSync(folder).sort()).toEqual(["machines", "media.json"]);
    expect((await listed()).size).toBe(0);
  });

  test("information about any file, with its chain", async () => {
    await create("a.qcow2");
    await create("b.qcow2", { parent: "a.qcow2" });
    await create("c.qcow2", { parent: "b.qcow2" });
    const { medium, chain } = await client.call("media.info", { path: at("c.qcow2") });
    expect(medium.format).toBe("qcow2");
    expect(chain.map(({ path }) => path)).toEqual([at("b.qcow2"), at("a.qcow2")]);
    await expect(client.call("media.add", { path: at("none"), kind: "disk" })).rejects.toMatchObject({
      kind: "file-missing",
    });
    await expect(client.call("media.add", { path: at("a.qcow2"), kind: "optical" })).rejects.toMatchObject({
      kind: "not-a-medium",
    });
  });
});
