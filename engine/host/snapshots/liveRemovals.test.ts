import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { diskByte, fillDisk } from "../../../tests/fixtures/diskBytes.ts";
import { HostBench } from "../../../tests/fixtures/HostBench.ts";
import { decodeBinaryMessage, encodeSerialInput } from "../../api/binaryMessage.ts";
import type { HostClient } from "../../api/HostClient.ts";
import { defaultMachineDraft } from "../../api/MachineConfig.ts";
import type { MachineSummary } from "../../api/MachineSummary.ts";

const MiB = 1024 ** 2;

let bench: HostBench;
let client: HostClient;
let id: string;
let said: string;
let tell: (line: string) => void;

beforeEach(async () => {
  bench = await HostBench.open();
  client = bench.client;
  said = "";
  const order = {
    draft: { ...defaultMachineDraft("One"), memoryMiB: 16 },
    newDisks: [{ sizeBytes: 4 * MiB, format: "vdi" as const }],
  };
  id = (await client.call("library.create", order)).machine.id;
});
afterEach(() => bench.close());

async function summary(): Promise<MachineSummary> {
  return (await client.call("library.list", {})).machines.find((machine) => machine.id === id)!;
}

async function start(how: { disposable?: boolean } = {}): Promise<void> {
  await client.call("machine.start", { id, ...how });
  const { channel } = await client.call("serial.open", { id, port: 0 });
  client.binary.subscribe((bytes) => {
    const message = decodeBinaryMessage(bytes);
    if (message.kind === "serialOutput" && message.channel === channel) said += new TextDecoder().decode(message.bytes);
  });
  client.post("serial.credit", { channel, bytes: 100_000 });
  tell = (line) => client.sendBinary(encodeSerialInput(channel, new TextEncoder().encode(`${line}\n`)));
}

/** One byte value at the start of a 512-byte block of the first disk. */
async function write(block: number, value: number): Promise<void> {
  said = "";
  tell(`write ${block} ${value}`);
  await expect.poll(() => said, { timeout: 20_000 }).toContain(`written ${block}`);
}

async function disk(): Promise<string> {
  const { config, folder } = await summary();
  return resolve(folder, config!.storage.disks[0]!.path);
}

async function layers(): Promise<string[]> {
  const folder = join((await summary()).folder, "snapshots");
  return existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".qcow2")) : [];
}

const take = async (name: string) => (await client.call("snapshot.take", { id, name, description: "" })).snapshot.id;
const remove = async (snapshotId: string) => await client.call("snapshot.delete", { id, snapshotId });
const names = async () => (await client.call("snapshot.list", { id })).snapshots.map(({ name }) => name);

async function values(...blocks: number[]): Promise<(number | undefined)[]> {
  const found: (number | undefined)[] = [];
  for (const block of blocks) found.push(await diskByte(await disk(), block * 512));
  return found;
}

describe("snapshots of a machine that runs are deleted", { timeout: 60_000 }, () => {
  test("down to the disk that it began with, and the guest writes on there", async () => {
    await start();
    await write(0, 1);
    const one = await take("one");
    await write(1, 2);
    expect((await disk()).endsWith(".vdi")).toBe(false);
    const cost = await client.call("snapshot.deleteCost", { id, snapshotId: one });
    expect(cost.freedBytes).toBeGreaterThan(0);
    await remove(one);
    expect([await names(), await layers(), (await disk()).endsWith(".vdi")]).toEqual([[], [], true]);
    await write(2, 3);
    await write(1, 4);
    const two = await take("two");
    await write(3, 5);
    await client.call("machine.pause", { id });
    await remove(two);
    expect([await names(), await layers()]).toEqual([[], []]);
    await client.call("machine.powerOff", { id });
    expect(await values(0, 1, 2, 3)).toEqual([1, 4, 3, 5]);
  });

  test("between others, also when their layers were opened by an earlier start", async () => {
    await start();
    const ids: string[] = [];
    for (const [index, name] of ["one", "two", "three", "four"].entries()) {
      await write(index, index + 1);
      ids.push(await take(name));
    }
    await write(9, 9);
    await remove(ids[1]!);
    expect(await layers()).toHaveLength(3);
    await client.call("machine.powerOff", { id });
    await start();
    await write(8, 8);
    await remove(ids[2]!);
    expect(await layers()).toHaveLength(2);
    await remove(ids[0]!);
    await write(7, 7);
    expect([await names(), await layers()]).toEqual([["four"], [expect.any(String)]]);
    await client.call("machine.powerOff", { id });
    expect(await values(0, 1, 2, 3, 7, 8, 9)).toEqual([1, 2, 3, 4, 7, 8, 9]);
    await client.call("snapshot.restore", { id, snapshotId: ids[3]!, takeCurrent: null });
    expect(await values(0, 1, 2, 3, 7, 8, 9)).toEqual([1, 2, 3, 4, 0, 0, 0]);
  });

  test("on a branch that the guest does not see, and where branches meet", async () => {
    await start();
    await write(0, 1);
    const root = await take("root");
    await write(0, 2);
    const left = await take("left");
    await write(0, 3);
    const leaf = await take("leaf");
    await client.call("machine.powerOff", { id });
    await client.call("snapshot.restore", { id, snapshotId: root, takeCurrent: null });
    await client.call("machine.discardState", { id });
    await start();
    await write(1, 4);
    await remove(left);
    await remove(root);
    expect(await names()).toEqual(["leaf"]);
    await write(2, 5);
    await client.call("machine.powerOff", { id });
    expect(await values(0, 1, 2)).toEqual([1, 4, 5]);
    await client.call("snapshot.restore", { id, snapshotId: leaf, takeCurrent: null });
    expect(await values(0, 1, 2)).toEqual([3, 0, 0]);
  });

  test("and a run whose changes are forgotten leaves their layers for later", async () => {
    await start();
    await write(0, 1);
    const one = await take("one");
    await write(0, 2);
    await client.call("machine.powerOff", { id });
    await start({ disposable: true });
    await write(0, 3);
    await remove(one);
    expect([await names(), await layers()]).toEqual([[], [expect.any(String)]]);
    await client.call("machine.powerOff", { id });
    expect(await values(0)).toEqual([2]);
    await remove(await take("two"));
    expect([await layers(), await values(0)]).toEqual([[], [2]]);
  });

  test("and what a linked clone rests on stays, also when it could have been joined before there was one", async () => {
    await start();
    await write(0, 1);
    const one = await take("one");
    await write(0, 2);
    const two = await take("two");
    await client.call("machine.powerOff", { id });
    await start({ disposable: true });
    await remove(one);
    await client.call("machine.powerOff", { id });
    const order = { id, snapshotId: two, name: "Twin", linked: true, scope: "state" as const };
    const { machine: twin } = await client.call("machine.clone", order);
    await client.call("snapshot.restore", { id, snapshotId: two, takeCurrent: null });
    expect(await layers()).toHaveLength(2);
    await expect(remove(two)).rejects.toMatchObject({ kind: "has-children" });
    await client.call("machine.discardState", { id });
    await start();
    await expect(remove(two)).rejects.toMatchObject({ kind: "has-children" });
    await write(0, 3);
    await client.call("machine.powerOff", { id });
    expect(await diskByte(resolve(twin.folder, twin.config!.storage.disks[0]!.path))).toBe(2);
    await client.call("library.remove", { id: twin.id, withFiles: true });
    await remove(two);
    expect([await layers(), await values(0)]).toEqual([[], [3]]);
  });

  test("until somebody cancels it: the snapshot is gone then, and the next one that is deleted takes its layer along", async () => {
    const LARGE = 64 * MiB;
    const order = {
      draft: { ...defaultMachineDraft("Two"), memoryMiB: 16 },
      newDisks: [{ sizeBytes: LARGE, format: "raw" as const }],
    };
    id = (await client.call("library.create", order)).machine.id;
    const one = await take("one");
    await fillDisk(await disk(), 7, 0, LARGE);
    await start();
    await write(1, 2);
    let jobId = "";
    client.on("job.changed", ({ job }) => {
      if (job.kind === "deleteSnapshot" && jobId === "") jobId = job.id;
    });
    client.on("snapshots.changed", () => void client.call("jobs.cancel", { jobId }).catch(() => undefined));
    await expect(remove(one)).rejects.toMatchObject({ kind: "cancelled" });
    expect([await names(), await layers()]).toEqual([[], [expect.any(String)]]);
    await write(2, 3);
    const two = await take("two");
    await write(3, 4);
    await remove(two);
    expect([await names(), await layers()]).toEqual([[], []]);
    await client.call("machine.powerOff", { id });
    expect(await values(0, 1, 2, 3)).toEqual([7, 2, 3, 4]);
  });

  test("and go on when the machine is switched off or its engine dies meanwhile", async () => {
    await start();
    await write(0, 1);
    const one = await take("one");
    await write(1, 2);
    tell("flush");
    await expect.poll(() => said).toContain("flushed");
    client.on("snapshots.changed", () => tell("die"));
    await remove(one).catch(() => undefined);
    await expect.poll(async () => (await summary()).state.kind).toBe("aborted");
    expect([await names(), await values(0, 1)]).toEqual([[], [1, 2]]);
  });
});
