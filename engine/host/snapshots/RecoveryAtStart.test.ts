import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { connectTo, HostBench, openTestHost } from "../../../tests/fixtures/HostBench.ts";
import type { HostClient } from "../../api/HostClient.ts";
import { defaultMachineDraft } from "../../api/MachineConfig.ts";
import { planDelete, planTake } from "../../snapshot/tree/planSnapshots.ts";
import type { SnapshotDocument } from "../../snapshot/tree/SnapshotDocument.ts";
import type { HostService } from "../HostService.ts";

const MiB = 1024 ** 2;
const ORPHAN = "snapshots/orphan.qcow2";

let bench: HostBench;
let host: HostService | undefined;
let client: HostClient;
let id: string;
let folder: string;

beforeEach(async () => {
  bench = await HostBench.open();
  client = bench.client;
  const newDisks = [{ sizeBytes: 4 * MiB, format: "qcow2" as const }];
  const { machine } = await client.call("library.create", { draft: defaultMachineDraft("One"), newDisks });
  ({ id, folder } = machine);
  await client.call("snapshot.take", { id, name: "one", description: "" });
  await bench.host.close();
});
afterEach(async () => {
  await host?.close();
  host = undefined;
  await bench.close();
});

const file = (name: string): string => join(folder, name);
const document = async (): Promise<SnapshotDocument> => JSON.parse(await readFile(file("snapshots.json"), "utf8"));

/** A journal as a host leaves it that dies while it takes another snapshot, with its overlay made. */
async function interruptTake(): Promise<void> {
  const facts = { id: "two", name: "two", description: "", takenAtMs: 1, settings: "{}" };
  const plan = planTake(await document(), facts, () => ({ id: "orphan", file: ORPHAN }));
  await writeFile(file(ORPHAN), "half an overlay");
  await writeFile(file("snapshots.journal.json"), JSON.stringify({ plan, begun: false }));
}

async function reopen(): Promise<void> {
  host = await openTestHost(bench.folder);
  client = connectTo(host);
}

async function lastLog(): Promise<string> {
  const { lines } = await client.call("logs.read", { id, run: null });
  return lines.map(({ message }) => message).join("\n");
}

test("what was interrupted before it counted is undone as the library opens, and everybody is told", async () => {
  await interruptTake();
  await reopen();
  const { snapshots } = await client.call("snapshot.list", { id });
  expect(snapshots.map(({ name }) => name)).toEqual(["one"]);
  expect([existsSync(file(ORPHAN)), existsSync(file("snapshots.journal.json"))]).toEqual([false, false]);
  expect((await client.call("jobs.list", {})).jobs).toMatchObject([{ kind: "undoInterrupted", state: "finished" }]);
  expect(await lastLog()).toContain("everything is as it was before");
});

test("what counted already is finished", async () => {
  const before = await document();
  const plan = planDelete(before, before.nodes[0]!.id);
  await writeFile(file("snapshots.json"), JSON.stringify(plan.document));
  await writeFile(file(ORPHAN), "a layer that nobody needs");
  const journal = { plan: { ...plan, last: [{ kind: "removeFile", file: ORPHAN }, ...plan.last] }, begun: false };
  await writeFile(file("snapshots.journal.json"), JSON.stringify(journal));
  await reopen();
  expect((await client.call("snapshot.list", { id })).snapshots).toEqual([]);
  expect([existsSync(file(ORPHAN)), existsSync(file("snapshots.journal.json"))]).toEqual([false, false]);
  expect((await client.call("jobs.list", {})).jobs).toMatchObject([{ kind: "finishInterrupted", state: "finished" }]);
  expect(await lastLog()).toContain("is finished now");
});

test("a machine that another instance uses is left alone; a damaged journal is said by the next change", async () => {
  await interruptTake();
  await writeFile(file(".lock"), JSON.stringify({ pid: process.ppid, started: "", nonce: "other" }));
  await reopen();
  expect((await client.call("snapshot.list", { id })).snapshots).toHaveLength(1);
  expect(existsSync(file(ORPHAN))).toBe(true);
  expect((await client.call("jobs.list", {})).jobs).toEqual([]);
  await host!.close();
  await rm(file(".lock"));
  await writeFile(file("snapshots.journal.json"), "{");
  await reopen();
  expect((await client.call("snapshot.list", { id })).snapshots).toHaveLength(1);
  await expect(client.call("snapshot.take", { id, name: "two", description: "" })).rejects.toMatchObject({
    kind: "snapshots-damaged",
  });
});
