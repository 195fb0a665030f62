import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { connectTo, HostBench, openTestHost } from "../../tests/fixtures/HostBench.ts";
import type { ConsoleFrame } from "../api/binaryMessage.ts";
import { HostClient } from "../api/HostClient.ts";
import { defaultMachineDraft, draftOf, type MachineDraft } from "../api/MachineConfig.ts";
import { memoryEndpointPair } from "../api/memoryEndpointPair.ts";
import { ControlSocket, connectToHost } from "./ControlSocket.ts";
import { builtFile } from "./installation.ts";

let folder: string;
let bench: HostBench;
let client: HostClient;

beforeEach(async () => {
  bench = await HostBench.open();
  ({ folder, client } = bench);
});
afterEach(() => bench.close());

async function create(name: string, change: Partial<MachineDraft> = {}): Promise<string> {
  const draft = { ...defaultMachineDraft(name), ...change };
  return (await client.call("library.create", { draft, newDisks: [] })).machine.id;
}

async function stateOf(id: string) {
  const { machines } = await client.call("library.list", {});
  return machines.find((machine) => machine.id === id)!.state;
}

/** Opens the serial port and gathers its text. */
async function terminal(id: string) {
  let text = "";
  const port = await client.openSerial(id, 0, ({ bytes }) => {
    text += Buffer.from(bytes).toString("latin1");
  });
  return { type: (line: string) => port.write(Buffer.from(line)), text: () => text };
}

describe("the library", () => {
  test("machines are created with new disks, updated, renamed and listed, and others hear of it", async () => {
    const other = connectTo(bench.host);
    const heard: string[] = [];
    other.on("library.changed", ({ changed }) => heard.push(...changed.map(({ name }) => name)));
    await other.ready;
    const draft = defaultMachineDraft("One");
    const { machine } = await client.call("library.create", { draft, newDisks: [{ sizeBytes: 1024 ** 2 }] });
    expect(machine.config?.storage.disks).toEqual([{ path: "disk.img", format: "raw" }]);
    expect(existsSync(join(machine.folder, "disk.img"))).toBe(true);
    await client.call("library.update", { id: machine.id, draft: { ...draftOf(machine.config!), memoryMiB: 16 } });
    await client.call("library.rename", { id: machine.id, name: "Two" });
    expect(heard).toEqual(["One", "One", "Two"]);
    expect(await client.call("library.checkName", { name: "two", exceptId: null })).toEqual({
      taken: true,
      suggestion: "two 2",
    });
  });

  test("removing with files deletes the folder, without keeps it", async () => {
    const first = await create("First");
    const second = await create("Second");
    const { files } = await client.call("library.files", { id: first });
    expect(files.map(({ path }) => path)).toEqual([join(folder, "machines", "First", "machine.json")]);
    await client.call("library.remove", { id: first, withFiles: true });
    await client.call("library.remove", { id: second, withFiles: false });
    expect(readdirSync(join(folder, "machines"))).toEqual(["Second"]);
    expect((await client.call("library.list", {})).machines).toEqual([]);
    const { jobs } = await client.call("jobs.list", {});
    expect(jobs).toMatchObject([{ kind: "removeFiles", state: "finished" }]);
  });

  test("an inaccessible machine is listed with its reason, cannot start, and can be removed", async () => {
    const file = join(folder, "machines", "Broken", "machine.json");
    mkdirSync(join(file, ".."));
    writeFileSync(file, '{"version": 99}');
    const { machines } = await client.call("library.list", {});
    expect(machines).toMatchObject([{ name: "Broken", config: null, state: { kind: "inaccessible", file } }]);
    const { id } = machines[0]!;
    await expect(client.call("machine.start", { id })).rejects.toMatchObject({ kind: "illegal-state" });
    expect(readFileSync(file, "utf8")).toBe('{"version": 99}');
    await client.call("library.remove", { id, withFiles: false });
    expect((await client.call("library.list", {})).machines).toEqual([]);
  });
});

const tour = builtFile("guest/tour.img");

test.skipIf(!existsSync(tour))(
  "the built-in guest gets a machine with a diskette of its own (skipped when not built)",
  async () => {
    const { machine } = await client.call("builtinGuest.create", {});
    const second = await client.call("builtinGuest.create", {});
    expect([machine.name, second.machine.name]).toEqual(["Guesthouse tour", "Guesthouse tour 2"]);
    const copy = join(machine.folder, machine.config?.storage.floppies[0]?.path ?? "");
    expect(readFileSync(copy).equals(readFileSync(tour))).toBe(true);
  },
);

describe("a machine's life", () => {
  test("starts, pauses, resumes, answers on its serial port and stops", async () => {
    const states: string[] = [];
    client.on("machine.state", ({ state }) => states.push(state.kind));
    const id = await create("Alive", { directBoot: null });
    await client.call("machine.start", { id });
    const serial = await terminal(id);
    serial.type("hello\n");
    await expect.poll(serial.text).toContain("HELLO");
    await client.call("machine.pause", { id });
    await expect(client.call("machine.pause", { id })).rejects.toMatchObject({ kind: "illegal-state" });
    await client.call("machine.resume", { id });
    await expect(client.call("machine.start", { id })).rejects.toMatchObject({ kind: "illegal-state" });
    await client.call("machine.powerOff", { id });
    expect(states).toEqual(["starting", "running", "paused", "running", "stopping", "poweredOff"]);
    expect(await stateOf(id)).toEqual({ kind: "poweredOff" });
  });

  test("keyboard, text screen and screenshot", async () => {
    const id = await create("Screen");
    await client.call("machine.start", { id });
    client.post("console.input", { id, events: [{ kind: "key", usage: 4, pressed: true }] });
    await client.call("console.type", { id, text: "b" });
    expect((await client.call("console.text", { id })).lines).toEqual(["ready", "key 4", "key 5"]);
    const { width, height, pngBase64 } = await client.call("console.screenshot", { id });
    expect([width, height]).toEqual([4, 2]);
    const { decode } = await import("fast-png");
    const png = decode(Buffer.from(pngBase64, "base64"));
    expect([...png.data.slice(0, 6)]).toEqual([0, 0, 0, 1, 0, 0]);
  });

  test("a viewer sees blank, picture, blank, picture over two runs", async () => {
    const id = await create("Watched");
    const frames: ConsoleFrame[] = [];
    const viewer = await client.openConsole(id, (frame) => frames.push(frame));
    const widths = () => frames.map(({ width }) => width);
    viewer.requestFrames(1);
    await client.call("machine.start", { id });
    await expect.poll(() => widths().at(-1)).toBe(4);
    await client.call("machine.powerOff", { id });
    await expect.poll(() => widths().at(-1)).toBe(0);
    viewer.requestFrames(1);
    await client.call("machine.start", { id });
    await expect.poll(() => widths().at(-1)).toBe(4);
    viewer.close();
  });

  test("media change while it runs and while it is off", async () => {
    const floppy = join(folder, "floppy.img");
    writeFileSync(floppy, new Uint8Array(1_474_560));
    const id = await create("Drives");
    const attach = { id, drive: "floppy", slot: 0, path: floppy, force: false } as const;
    await client.call("machine.start", { id });
    await client.call("media.attach", attach);
    await client.call("media.eject", { id, drive: "floppy", slot: 0, force: false });
    await expect(client.call("media.attach", { ...attach, slot: 5 })).rejects.toMatchObject({ kind: "no-such-drive" });
    await expect(client.call("media.attach", { ...attach, path: "/nowhere" })).rejects.toMatchObject({
      kind: "file-missing",
    });
    await client.call("media.attach", attach);
    await client.call("machine.powerOff", { id });
    const { machines } = await client.call("library.list", {});
    expect(machines[0]?.config?.storage.floppies).toEqual([{ path: floppy }]);
    await expect(client.call("media.attach", { ...attach, path: "/nowhere" })).rejects.toMatchObject({
      kind: "file-missing",
    });
    expect(readdirSync(folder).sort()).toEqual(["floppy.img", "machines"]);
  });

  test("what cannot change while it runs is refused with the setting", async () => {
    const id = await create("Fixed");
    await client.call("machine.start", { id });
    const draft = { ...defaultMachineDraft("Fixed"), memoryMiB: 8 };
    await expect(client.call("library.update", { id, draft })).rejects.toMatchObject({
      kind: "not-while-running",
      context: { field: "memoryMiB" },
    });
    await client.call("library.rename", { id, name: "Renamed" });
    await expect(client.call("library.remove", { id, withFiles: true })).rejects.toMatchObject({
      kind: "illegal-state",
    });
  });

  test("a medium that is missing leaves it off and says which", async () => {
    const storage = { disks: [{ path: "missing.img" }], opticals: [], floppies: [] };
    const id = await create("No disk", { storage });
    await expect(client.call("machine.start", { id })).rejects.toMatchObject({ kind: "file-missing" });
    expect(await stateOf(id)).toEqual({ kind: "poweredOff" });
    const { lines } = await client.call("logs.read", { id, run: null });
    expect(lines.some(({ message }) => message.includes("missing.img"))).toBe(true);
  });
});

describe("ends that nobody wished for", () => {
  test.each([
    ["die", "unexpectedly with status 3"],
    ["crash", "triple fault"],
    ["fail", "engine failed"],
  ])("%s aborts with the reason, keeps the log, and the machine starts again", async (command, reason) => {
    const bystander = await create("Bystander");
    await client.call("machine.start", { id: bystander });
    const id = await create("Victim");
    await client.call("machine.start", { id });
    (await terminal(id)).type(`${command}\n`);
    await expect.poll(() => stateOf(id)).toMatchObject({ kind: "aborted", reason: expect.stringContaining(reason) });
    expect(await stateOf(bystander)).toEqual({ kind: "running" });
    const { lines } = await client.call("logs.read", { id, run: null });
    expect(lines.at(-1)).toMatchObject({ level: "error", message: expect.stringContaining(reason) });
    await client.call("machine.start", { id });
    expect(await stateOf(id)).toEqual({ kind: "running" });
  });

  test.each([
    ["dies at start", "status 7"],
    ["dies at boot", "status 9"],
  ])("an engine that %s is aborted and the start says so", async (name, reason) => {
    const id = await create(name);
    await expect(client.call("machine.start", { id })).rejects.toMatchObject({
      kind: "engine-crashed",
      message: expect.stringContaining(reason),
    });
    expect(await stateOf(id)).toMatchObject({ kind: "aborted" });
  });

  test("the guest powers itself off or ends by the debug port", async () => {
    const id = await create("Ends");
    await client.call("machine.start", { id });
    (await terminal(id)).type("exit 5\n");
    await expect.poll(() => stateOf(id)).toEqual({ kind: "poweredOff" });
    const { machines } = await client.call("library.list", {});
    expect(machines[0]?.lastStop).toMatchObject({ kind: "debugExit", exitValue: 5 });
  });
});

describe("several hosts and clients", () => {
  test("a machine that runs in one app instance is refused by another", async () => {
    const id = await create("Mine");
    await client.call("machine.start", { id });
    const second = await openTestHost(folder);
    const other = connectTo(second);
    // Both hosts of this test live in one process, as two windows of one person do not; the lock does not mind.
    await expect(other.call("machine.start", { id })).rejects.toMatchObject({ kind: "in-use" });
    await expect(other.call("library.rename", { id, name: "Yours" })).rejects.toMatchObject({ kind: "in-use" });
    await second.close();
    expect(await stateOf(id)).toEqual({ kind: "running" });
  });

  test("nonsense from one client does not disturb another", async () => {
    const [ours, theirs] = memoryEndpointPair();
    bench.host.serve(theirs);
    const answers: unknown[] = [];
    ours.onMessage((message) => answers.push(message));
    ours.send({ type: "hello", protocol: "guesthouse", version: 1 });
    ours.send({ type: "call", id: 1, command: "machine.start", params: { id: 5 } });
    await expect.poll(() => answers.length).toBe(3);
    expect(answers[1]).toMatchObject({ type: "failure", id: 1, error: { kind: "malformed-message" } });
    expect((await client.call("library.list", {})).machines).toEqual([]);
  });

  test("the control socket serves the same host and is taken once", async () => {
    const socket = await ControlSocket.listen(folder, (endpoint) => bench.host.serve(endpoint));
    expect(socket).toBeDefined();
    expect(await ControlSocket.listen(folder, () => {})).toBeUndefined();
    const endpoint = await connectToHost(folder);
    const remote = new HostClient(endpoint!);
    const id = await create("Seen");
    expect((await remote.call("library.list", {})).machines.map((machine) => machine.id)).toEqual([id]);
    remote.close();
    await socket?.close();
    expect(await connectToHost(folder)).toBeUndefined();
  });
});

describe("looking around", () => {
  test("host, catalogue and files", async () => {
    const info = await client.call("host.info", {});
    expect(info).toMatchObject({ dataFolder: folder, shell: "cli", processors: expect.any(Number) });
    expect((await client.call("catalogue.osTypes", {})).osTypes.length).toBeGreaterThan(20);
    writeFileSync(join(folder, "a.iso"), "x");
    const listing = await client.call("files.list", { path: folder });
    expect(listing.entries.map(({ name, kind }) => `${kind} ${name}`)).toEqual(["folder machines", "file a.iso"]);
    expect(await client.call("files.stat", { path: join(folder, "no") })).toMatchObject({
      exists: false,
      readable: false,
    });
    await expect(client.call("files.list", { path: "relative" })).rejects.toMatchObject({ kind: "file-missing" });
    await expect(client.call("files.list", { path: join(folder, "a.iso") })).rejects.toMatchObject({
      kind: "not-a-folder",
    });
  });
});
