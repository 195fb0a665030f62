import { existsSync, readdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { diskByte, fillDisk } from "../../../tests/fixtures/diskBytes.ts";
import { connectTo, HostBench, openTestHost } from "../../../tests/fixtures/HostBench.ts";
import { decodeBinaryMessage, encodeSerialInput } from "../../api/binaryMessage.ts";
import type { HostClient } from "../../api/HostClient.ts";
import { defaultMachineDraft, draftOf } from "../../api/MachineConfig.ts";
import type { MachineSummary } from "../../api/MachineSummary.ts";

const MiB = 1024 ** 2;
/** Takes a while to be written. */
const LARGE_MIB = 3072;

let bench: HostBench;
let client: HostClient;
let id: string;
/** What the machine has said on its serial port. */
let said: string;

beforeEach(async () => {
  bench = await HostBench.open();
  client = bench.client;
  said = "";
});
afterEach(() => bench.close());

async function makeMachine(memoryMiB = 16): Promise<void> {
  const draft = { ...defaultMachineDraft("One"), memoryMiB };
  const order = { draft, newDisks: [{ sizeBytes: 4 * MiB, format: "vdi" as const }] };
  id = (await client.call("library.create", order)).machine.id;
}

async function summary(): Promise<MachineSummary> {
  return (await client.call("library.list", {})).machines.find((machine) => machine.id === id)!;
}

async function state(): Promise<string> {
  return (await summary()).state.kind;
}

async function disk(): Promise<string> {
  const { config, folder } = await summary();
  return resolve(folder, config!.storage.disks[0]!.path);
}

let tell: (line: string) => void;

async function start(): Promise<void> {
  await client.call("machine.start", { id });
  const { channel } = await client.call("serial.open", { id, port: 0 });
  const forget = client.binary.subscribe((bytes) => {
    const message = decodeBinaryMessage(bytes);
    if (message.kind === "serialOutput" && message.channel === channel) said += new TextDecoder().decode(message.bytes);
  });
  void forget;
  client.post("serial.credit", { channel, bytes: 100_000 });
  tell = (line) => client.sendBinary(encodeSerialInput(channel, new TextEncoder().encode(`${line}\n`)));
}

async function order(line: string, answer: string): Promise<void> {
  said = "";
  tell(line);
  await expect.poll(() => said, { timeout: 20_000 }).toContain(answer);
}

async function lines(): Promise<readonly string[]> {
  return (await client.call("console.text", { id })).lines!;
}

async function stateFiles(): Promise<string[]> {
  const folder = join((await summary()).folder, "states");
  return existsSync(folder) ? readdirSync(folder) : [];
}

async function snapshots() {
  return (await client.call("snapshot.list", { id })).snapshots;
}

const take = async (name: string) => (await client.call("snapshot.take", { id, name, description: "" })).snapshot;

function whenJob(kind: string, action: (jobId: string, done: number) => void): void {
  client.on("job.changed", ({ job }) => {
    if (job.kind === kind && job.state === "running") action(job.id, job.done);
  });
}

describe("a machine that is saved", { timeout: 90_000 }, () => {
  test("goes on where it was, also in another host; its state is forgotten then, whatever happens later", async () => {
    await makeMachine();
    await start();
    await order("show from the run before", "");
    await order("write 0 5", "written 0");
    await client.call("machine.saveState", { id });
    expect(await state()).toBe("saved");
    expect(await stateFiles()).toHaveLength(2);
    await bench.host.close();
    const host = await openTestHost(bench.folder);
    client = connectTo(host);
    expect(await state()).toBe("saved");
    const { config } = await summary();
    const changed = { ...draftOf(config!), memoryMiB: 64 };
    await expect(client.call("library.update", { id, draft: changed })).rejects.toMatchObject({
      kind: "not-while-running",
      context: { field: "memoryMiB" },
    });
    await client.call("library.rename", { id, name: "Two" });
    expect(await diskByte(await disk())).toBe(5);
    await start();
    expect([await state(), await lines()]).toEqual(["running", ["ready", "from the run before"]]);
    expect(await stateFiles()).toEqual([]);
    tell("die");
    await expect.poll(state).toBe("aborted");
    await start();
    expect(await lines()).toEqual(["ready"]);
    await host.close();
  });

  test("is off when its state is discarded; a paused machine can be saved too", async () => {
    await makeMachine();
    await start();
    await client.call("machine.pause", { id });
    await client.call("machine.saveState", { id });
    const picture = async () => (await client.call("snapshot.thumbnail", { id, snapshotId: null })).pngBase64;
    expect(
      Buffer.from((await picture())!, "base64")
        .subarray(1, 4)
        .toString(),
    ).toBe("PNG");
    await expect(client.call("machine.saveState", { id })).rejects.toMatchObject({ kind: "illegal-state" });
    await client.call("machine.discardState", { id });
    expect([await state(), await stateFiles(), await picture()]).toEqual(["poweredOff", [], null]);
    await expect(client.call("machine.discardState", { id })).rejects.toMatchObject({ kind: "illegal-state" });
  });

  test("keeps a state that cannot be loaded, and says why", async () => {
    await makeMachine();
    await start();
    await client.call("machine.saveState", { id });
    const { folder } = await summary();
    const file = join(folder, "states", (await stateFiles()).find((name) => name.endsWith(".state"))!);
    const good = await readFile(file);
    await writeFile(file, good.subarray(0, 100));
    await expect(client.call("machine.start", { id })).rejects.toMatchObject({
      kind: expect.stringMatching(/^state-/),
    });
    expect(await state()).toBe("saved");
    await writeFile(file, good);
    await start();
    expect(await state()).toBe("running");
  });

  test("keeps what its run wrote to a disk that begins every run as it was made", async () => {
    await makeMachine();
    const { config, folder } = await summary();
    const draft = draftOf(config!);
    const disks = draft.storage.disks.map((present) => ({ ...present, kind: "immutable" as const }));
    await client.call("library.update", { id, draft: { ...draft, storage: { ...draft.storage, disks } } });
    const overlay = () => diskByte(join(folder, ".run", readdirSync(join(folder, ".run"))[0]!));
    await start();
    await order("write 0 7", "written 0");
    await client.call("machine.saveState", { id });
    expect([await overlay(), await diskByte(await disk())]).toEqual([7, 0]);
    await start();
    await client.call("machine.saveState", { id });
    expect(await overlay()).toBe(7);
    await client.call("machine.discardState", { id });
    await start();
    await client.call("machine.powerOff", { id });
    expect([existsSync(join(folder, ".run")), await diskByte(await disk())]).toEqual([false, 0]);
  });

  test("goes on when saving is cancelled", async () => {
    await makeMachine(LARGE_MIB);
    await start();
    whenJob("saveState", (jobId) => void client.call("jobs.cancel", { jobId }));
    await expect(client.call("machine.saveState", { id })).rejects.toMatchObject({ kind: "cancelled" });
    expect([await state(), await stateFiles()]).toEqual(["running", []]);
    await order("write 3 4", "written 3");
  });
});

describe("snapshots of a machine that runs", { timeout: 90_000 }, () => {
  test("hold what was, while it goes on; restoring one gives a saved machine", async () => {
    await makeMachine();
    await start();
    await order("show old", "");
    await order("write 0 1", "written 0");
    const one = await take("one");
    expect(one).toMatchObject({ withState: true, memory: "kept", hasThumbnail: true });
    const { pngBase64 } = await client.call("snapshot.thumbnail", { id, snapshotId: one.id });
    expect(Buffer.from(pngBase64!, "base64").subarray(1, 4).toString()).toBe("PNG");
    expect((await summary()).config!.storage.disks[0]).toMatchObject({ format: "qcow2" });
    await order("show new", "");
    await order("write 0 2", "written 0");
    await order("flush", "flushed");
    await client.call("machine.pause", { id });
    const two = await take("two");
    expect([await state(), two.parentId]).toEqual(["paused", one.id]);
    expect(await stateFiles()).toHaveLength(4);
    await client.call("machine.powerOff", { id });
    expect([await state(), await diskByte(await disk())]).toEqual(["poweredOff", 2]);
    const takeCurrent = { name: "three", description: "" };
    await client.call("snapshot.restore", { id, snapshotId: one.id, takeCurrent });
    expect([await state(), await diskByte(await disk())]).toEqual(["saved", 1]);
    await start();
    expect(await lines()).toEqual(["ready", "old"]);
    await client.call("machine.powerOff", { id });
    for (const { id: snapshotId } of await snapshots()) await client.call("snapshot.delete", { id, snapshotId });
    expect([await diskByte(await disk()), await stateFiles(), (await disk()).endsWith(".vdi")]).toEqual([1, [], true]);
  });

  test("leave the list when their memory is cancelled, and the machine goes on; the next one is whole", async () => {
    await makeMachine(LARGE_MIB);
    await start();
    await order("write 0 1", "written 0");
    let arriving = 0;
    client.on("snapshots.changed", async () => {
      for (const { memory } of await snapshots()) if (memory === "arriving") arriving++;
    });
    let cancelled = false;
    whenJob("takeSnapshot", (jobId, done) => {
      if (done > 0 && !cancelled) void client.call("jobs.cancel", { jobId });
      if (done > 0) cancelled = true;
    });
    await expect(take("one")).rejects.toMatchObject({ kind: "cancelled" });
    // The layer that it left is joined at once.
    expect([await snapshots(), (await disk()).endsWith(".vdi")]).toEqual([[], true]);
    await order("write 0 2", "written 0");
    await expect(take("two")).resolves.toMatchObject({ memory: "kept", parentId: null });
    expect(arriving).toBeGreaterThan(0);
    await order("write 0 3", "written 0");
    await client.call("machine.powerOff", { id });
    const [two] = await snapshots();
    await client.call("snapshot.delete", { id, snapshotId: two!.id });
    expect([await diskByte(await disk()), (await disk()).endsWith(".vdi")]).toEqual([3, true]);
  });

  test("keep the disks when the engine dies before memory is there, and say so", async () => {
    await makeMachine(LARGE_MIB);
    await start();
    await order("write 0 1", "written 0");
    let died = false;
    whenJob("takeSnapshot", (_jobId, done) => {
      if (done > 0 && !died) tell("die");
      if (done > 0) died = true;
    });
    await expect(take("one")).rejects.toMatchObject({ kind: "memory-not-kept" });
    await expect.poll(state).toBe("aborted");
    expect(await snapshots()).toMatchObject([{ name: "one", withState: false, memory: "lost" }]);
    await fillDisk(await disk(), 9);
    await client.call("snapshot.restore", { id, snapshotId: (await snapshots())[0]!.id, takeCurrent: null });
    expect([await state(), await diskByte(await disk())]).toEqual(["aborted", 1]);
  });

  test("are refused, like saving, while the run's changes are to be forgotten", async () => {
    await makeMachine();
    await client.call("machine.start", { id, disposable: true });
    await expect(take("one")).rejects.toMatchObject({ kind: "not-available" });
    await expect(client.call("machine.saveState", { id })).rejects.toMatchObject({ kind: "not-available" });
    expect([await state(), await snapshots()]).toEqual(["running", []]);
    await client.call("machine.powerOff", { id });
    await start();
    await client.call("machine.saveState", { id });
    const order = { id, disposable: true };
    await expect(client.call("machine.start", order)).rejects.toMatchObject({ kind: "not-available" });
    expect(await state()).toBe("saved");
  });
});
