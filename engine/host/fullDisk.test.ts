import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { diskByte, fillDisk } from "../../tests/fixtures/diskBytes.ts";
import { fakeParts } from "../../tests/fixtures/FakeMachine.ts";
import { fullDisk } from "../../tests/fixtures/fullDisk.ts";
import { connectTo } from "../../tests/fixtures/HostBench.ts";
import type { HostClient } from "../api/HostClient.ts";
import { defaultMachineDraft } from "../api/MachineConfig.ts";
import type { MachineSummary } from "../api/MachineSummary.ts";
import { memoryEndpointPair } from "../api/memoryEndpointPair.ts";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import { parseDocument } from "../snapshot/tree/parseDocument.ts";
import type { SnapshotDocument } from "../snapshot/tree/SnapshotDocument.ts";
import { EngineSession } from "./EngineSession.ts";
import type { EngineChild } from "./EngineSpawner.ts";
import { HostService } from "./HostService.ts";

vi.mock("node:fs/promises", async (original) => {
  const { fullDiskFiles } = await import("../../tests/fixtures/fullDisk.ts");
  return await fullDiskFiles(original as () => Promise<typeof import("node:fs/promises")>);
});

/**
 * Does everything that people store with, and lets each single write of host and engine meet a full disk in turn. What comes of it is a sentence of the kind
 * "disk-full", the old or the new, and no file that nobody needs. The engine lives in this process, so that its writes are met, too.
 * GUESTHOUSE_FULL_DISK_STEP=1 takes every write; otherwise every eighth has its turn.
 */
const STEP = Number(process.env.GUESTHOUSE_FULL_DISK_STEP ?? 8);
const MiB = 1024 ** 2;

let base: string;
let folder: string;

function engineHere(): EngineChild {
  const [ours, theirs] = memoryEndpointPair();
  const exits: ((code: number | null, signal: string | null) => void)[] = [];
  const end = (code: number | null, signal: string | null): void => {
    for (const listener of exits.splice(0)) listener(code, signal);
  };
  const session = new EngineSession(theirs, fakeParts(), () => end(0, null));
  return {
    endpoint: ours,
    onExit: (listener) => void exits.push(listener),
    onOutput: () => void session,
    kill: () => end(null, "SIGKILL"),
  };
}

interface Bench {
  readonly host: HostService;
  readonly client: HostClient;
  readonly machine: MachineSummary;
  readonly ids: readonly string[];
}

async function open(dataFolder: string): Promise<Bench> {
  const host = await HostService.open({ dataFolder, shell: "cli", spawnEngine: engineHere });
  const client = connectTo(host);
  const machine = (await client.call("library.list", {})).machines.find(({ name }) => name === "One")!;
  const { snapshots } = await client.call("snapshot.list", { id: machine.id });
  return { host, client, machine, ids: snapshots.map(({ id }) => id) };
}

const disk = ({ config, folder: place }: MachineSummary): string => resolve(place, config!.storage.disks[0]!.path);

/** Two snapshots, whose disks begin with 1 and 2; the machine's begins with 3. */
beforeAll(async () => {
  base = realpathSync(mkdtempSync(join(tmpdir(), "guesthouse-test-")));
  const host = await HostService.open({ dataFolder: base, shell: "cli", spawnEngine: engineHere });
  const client = connectTo(host);
  const draft = { ...defaultMachineDraft("One"), memoryMiB: 16 };
  const order = { draft, newDisks: [{ sizeBytes: MiB, format: "raw" as const }] };
  const { id } = (await client.call("library.create", order)).machine;
  const present = async () => (await client.call("library.list", {})).machines[0]!;
  for (const value of [1, 2]) {
    await fillDisk(disk(await present()), value);
    await client.call("snapshot.take", { id, name: String(value), description: "" });
  }
  await fillDisk(disk(await present()), 3);
  const path = join(base, "pack.ova");
  await client.call("appliance.export", {
    machineIds: [id],
    path,
    ovfVersion: "1.0",
    variant: "standard",
    manifest: true,
    media: true,
    macPolicy: "keepAll",
  });
  await host.close();
}, 60_000);
afterAll(() => rmSync(base, { recursive: true, force: true }));

interface Flow {
  /** Before the disk is full. */
  readonly before?: (bench: Bench) => Promise<void>;
  readonly act: (bench: Bench) => Promise<unknown>;
  /** What the machine's disk may begin with afterwards. */
  readonly values?: readonly number[];
  /** Names of snapshots that must be there whatever happens. */
  readonly stay?: readonly string[];
  readonly kinds?: readonly string[];
}

const start = async ({ client, machine: { id } }: Bench): Promise<void> =>
  void (await client.call("machine.start", { id }));
const take =
  (name: string) =>
  ({ client, machine: { id } }: Bench) =>
    client.call("snapshot.take", { id, name, description: "" });
const remove =
  (index: number) =>
  ({ client, machine: { id }, ids }: Bench) =>
    client.call("snapshot.delete", { id, snapshotId: ids[index]! });
const clone =
  (linked: boolean, scope: "state" | "all", index?: number) =>
  ({ client, machine: { id }, ids }: Bench) =>
    client.call("machine.clone", {
      id,
      snapshotId: index === undefined ? null : ids[index]!,
      name: "Two",
      linked,
      scope,
    });

const flows: Readonly<Record<string, Flow>> = {
  "taking a snapshot": { act: take("3") },
  "taking one of a machine that runs": { before: start, act: take("3"), kinds: ["disk-full", "memory-not-kept"] },
  restoring: {
    act: ({ client, machine: { id }, ids }) =>
      client.call("snapshot.restore", { id, snapshotId: ids[0]!, takeCurrent: { name: "3", description: "" } }),
    values: [3, 1],
  },
  "deleting the first": { act: remove(0), stay: ["2"] },
  "deleting the last": { act: remove(1), stay: ["1"] },
  "deleting the first while it runs": { before: start, act: remove(0), stay: ["2"] },
  "deleting the last while it runs": { before: start, act: remove(1), stay: ["1"] },
  "saving the state": {
    before: start,
    act: ({ client, machine: { id } }) => client.call("machine.saveState", { id }),
  },
  "starting a saved machine": {
    before: async (bench) => {
      await start(bench);
      await bench.client.call("machine.saveState", { id: bench.machine.id });
    },
    act: start,
  },
  "cloning it whole": { act: clone(false, "state") },
  "cloning a snapshot, linked": { act: clone(true, "state", 1) },
  "cloning it as it is, linked": { act: clone(true, "state") },
  "cloning all": { act: clone(false, "all") },
  importing: {
    act: ({ client }) =>
      client.call("appliance.import", {
        path: join(folder, "pack.ova"),
        configuration: null,
        edits: { machines: [] },
      }),
  },
};

const cases = Object.keys(flows).flatMap((name) => [
  { name, lasting: false, how: "one write meets a full disk" },
  { name, lasting: true, how: "the disk is full from some write on" },
]);

test.each(cases)(
  "$name leaves the old or the new when $how, and says so",
  async ({ name, lasting }) => {
    const flow = flows[name]!;
    const stay = flow.stay ?? ["1", "2"];
    let refused = 0;
    for (let left = 0; ; left += STEP) {
      folder = `${base}-${left}`;
      cpSync(base, folder, { recursive: true });
      try {
        const bench = await open(folder);
        await flow.before?.(bench);
        Object.assign(fullDisk, { folder, left, lasting, met: "" });
        const error: unknown = await flow.act(bench).then(
          () => undefined,
          (reason: unknown) => reason,
        );
        const met = fullDisk.met;
        fullDisk.left = Number.POSITIVE_INFINITY;
        const where = `write ${left}: ${met}: ${error instanceof Error ? error.message : "done"}`;
        if (error !== undefined) {
          refused++;
          expect(error, where).toBeInstanceOf(GuesthouseError);
          expect(flow.kinds ?? ["disk-full"], where).toContain((error as GuesthouseError).kind);
          expect(met, where).not.toBe("");
        }
        await judge(bench, stay, flow.values ?? [3], where);
        await bench.host.close();
        if (met === "") break;
      } finally {
        fullDisk.left = Number.POSITIVE_INFINITY;
        rmSync(folder, { recursive: true, force: true });
      }
    }
    expect(refused).toBeGreaterThan(STEP === 1 ? 3 : 0);
  },
  480_000 / STEP,
);

/** With room again: everything can be used, and nothing lies about. */
async function judge(
  { client, machine, ids }: Bench,
  stay: readonly string[],
  values: readonly number[],
  where: string,
) {
  const { id } = machine;
  const list = async () => (await client.call("library.list", {})).machines;
  const present = async () => (await list()).find((candidate) => candidate.id === id)!;
  if (["running", "paused"].includes((await present()).state.kind)) await client.call("machine.powerOff", { id });
  const kept = ids.find((snapshotId, index) => stay.includes(String(index + 1)) && snapshotId !== "")!;
  const name = stay.at(0)!;
  await client.call("snapshot.edit", { id, snapshotId: kept, name, description: "looked at" });
  const { snapshots } = await client.call("snapshot.list", { id });
  for (const wanted of stay)
    expect(
      snapshots.map((snapshot) => snapshot.name),
      where,
    ).toContain(wanted);
  expect(values, where).toContain(await diskByte(disk(await present())));
  for (const twin of (await list()).filter((candidate) => candidate.id !== id)) {
    expect([1, 2, 3], `${where}: ${twin.name}`).toContain(await diskByte(disk(twin)));
  }
  const document = parseDocument(readFileSync(join(machine.folder, "snapshots.json"), "utf8"));
  for (const node of document.nodes) {
    const file = document.layers.find((layer) => layer.id === Object.values(node.layers)[0])!.file;
    expect(await diskByte(resolve(machine.folder, file)), `${where}: snapshot ${node.name}`).toBe(
      Number(node.name.at(-1)) || 3,
    );
  }
  expectNothingElse(machine.folder, document, where);
  const folders = readdirSync(join(folder, "machines")).sort();
  expect(folders, where).toEqual((await list()).map((one) => one.folder.split("/").at(-1)).sort());
}

function expectNothingElse(place: string, { layers, nodes, current }: SnapshotDocument, where: string): void {
  const files = (inside: string) => (existsSync(join(place, inside)) ? readdirSync(join(place, inside)) : []);
  const known = ["machine.json", "disk.img", "snapshots.json", "snapshots", "states", "logs"];
  expect(
    files("").filter((file) => !known.includes(file)),
    where,
  ).toEqual([]);
  const overlays = layers.map(({ file }) => file).filter((file) => file.startsWith("snapshots/"));
  const pictures = [...nodes.map(({ thumbnail }) => thumbnail), `snapshots/${current.state}.png`];
  const extra = files("snapshots").filter((file) => !overlays.includes(`snapshots/${file}`));
  expect(
    extra.filter((file) => !pictures.includes(`snapshots/${file}`)),
    where,
  ).toEqual([]);
  const states = [...nodes, current].flatMap(({ state }) =>
    state === undefined ? [] : [`${state}.state`, `${state}.pages`],
  );
  expect(
    files("states").filter((file) => !states.includes(file)),
    where,
  ).toEqual([]);
}
