import { mkdtempSync, readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decode } from "fast-png";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FakeMachine, fakeParts } from "../../tests/fixtures/FakeMachine.ts";
import { diskServices } from "../host/diskServices.ts";
import { FileOpener } from "../host/FileOpener.ts";
import { diskFormat } from "../storage/openDisk.ts";
import { EphemeralRun } from "./EphemeralRun.ts";
import { parseRunOptions, type RunArguments } from "./RunOptions.ts";

const plain: RunArguments = { memory: "16", accel: "auto", disk: [], serial: "stdio", keys: [], screenshot: [] };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "guesthouse-test-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function start(change: Partial<RunArguments>, input = "") {
  let output = "";
  const said: string[] = [];
  let machine: FakeMachine | undefined;
  const parts = fakeParts((made) => {
    machine = made;
  });
  const run = new EphemeralRun(parseRunOptions({ ...plain, ...change }), parts, {
    output: (bytes) => {
      output += Buffer.from(bytes).toString("latin1");
    },
    say: (text) => said.push(text),
  });
  // Before power-on: nothing may be lost.
  run.sendSerial(Buffer.from(input));
  return { run, finished: run.run(), output: () => output, said, machine: () => machine };
}

test.each<[string, string, Partial<RunArguments>, number, string]>([
  ["power-off", "poweroff\n", {}, 0, "poweredOff"],
  ["a match on the serial port", "hello\n", { until: "HELLO" }, 0, "matched"],
  ["a match on port 0xE9", "debug ready\n", { until: "^ready" }, 0, "matched"],
  ["a match on the screen", "", { until: "ready" }, 0, "matched"],
  ["a match in the last words", "bye\npoweroff\n", { until: "BYE" }, 0, "matched"],
  ["a debug exit", "exit 3\n", { debugExit: true }, 7, "debugExit"],
  ["a triple fault", "crash\n", {}, 6, "crashed"],
  ["a failure of the engine", "fail\n", {}, 8, "failed"],
  ["the time", "", { timeout: "0.05" }, 4, "timeIsUp"],
])("%s ends the run", async (_name, input, change, status, end) => {
  const { finished } = start(change, input);
  expect(await finished).toMatchObject({ status, end });
});

test("serial output goes out whole, and the figures are the machine's", async () => {
  const { finished, output } = start({}, "one\ntwo\npoweroff\n");
  expect(await finished).toMatchObject({ instructions: 1000, guestSeconds: 2, exits: 3, mips: 1 });
  expect(output()).toBe("kernel command line: \nONE\nTWO\n");
});

test("keys are typed at their time and a screenshot is taken at the end", async () => {
  const path = join(folder, "end.png");
  const { finished } = start({ keys: ["a{enter}@0.05"], until: "key 40", screenshot: [path], timeout: "5" });
  expect(await finished).toMatchObject({ end: "matched" });
  const { width, height, data } = decode(readFileSync(path));
  expect([width, height]).toEqual([4, 2]);
  expect([...data.slice(3, 6)]).toEqual([1, 0, 0]);
});

test("a screenshot that cannot be written is said so and ends nothing", async () => {
  const { finished, said } = start({ screenshot: [join(folder, "no/where.png")] }, "poweroff\n");
  expect(await finished).toMatchObject({ status: 0 });
  expect(said.join()).toContain("No screenshot");
});

test("an interrupt powers the machine off", async () => {
  const { run, finished, machine } = start({});
  await expect.poll(machine).toBeDefined();
  run.interrupt();
  expect(await finished).toMatchObject({ status: 8, end: "interrupted" });
});

test("a medium that is missing is an error before power-on", async () => {
  const { finished } = start({ floppy: join(folder, "none.img") });
  await expect(finished).rejects.toMatchObject({ kind: "file-missing" });
});

test("a state saved at the end of one run is where the next goes on", async () => {
  const file = join(folder, "guest.state");
  const first = start({ until: "HELLO", saveState: file }, "hello\n");
  expect((await first.finished).status).toBe(0);
  const second = start({ loadState: file, timeout: "0.1" });
  expect((await second.finished).end).toBe("timeIsUp");
  expect(second.machine()?.calls.filter((call) => /start|restore|resume/.test(call))).toEqual([
    `restore ${file}`,
    "resume",
  ]);
  expect(second.machine()?.screen).toEqual(first.machine()?.screen);
});

test("a state of another machine, and what is none, is refused before the guest runs", async () => {
  const file = join(folder, "guest.state");
  await start({ timeout: "0.05", saveState: file }).finished;
  await expect(start({ loadState: file, memory: "32" }).finished).rejects.toMatchObject({
    kind: "state-other-machine",
  });
  await writeFile(file, "hello");
  await expect(start({ loadState: file }).finished).rejects.toMatchObject({ kind: "not-a-state" });
  await expect(start({ loadState: join(folder, "none") }).finished).rejects.toMatchObject({ kind: "file-missing" });
});

test("a state that cannot be saved is said, and the run has failed", async () => {
  const { finished, said } = start({ timeout: "0.05", saveState: join(folder, "guest.state", "no", "\0") });
  expect((await finished).status).not.toBe(0);
  expect(said.join()).toContain("No state in");
});

test("an encrypted disk is opened by the passphrase in a file", async () => {
  const options = {
    sizeBytes: 65_536,
    services: { ...diskServices, pbkdf2Iterations: 1000 },
    passphrase: "open sesame",
  };
  await (await diskFormat("qcow2").create(new FileOpener({ folder }), "a.qcow2", options)).close();
  const [disk, file] = [join(folder, "a.qcow2"), join(folder, "passphrase")];
  await writeFile(file, "open sesame\n");
  await expect(start({ disk: [disk] }).finished).rejects.toMatchObject({ kind: "passphrase-needed" });
  const { finished, machine } = start({ disk: [`${disk},passphrase-file=${file}`] }, "poweroff\n");
  expect(await finished).toMatchObject({ end: "poweredOff" });
  expect(machine()?.disks).toHaveLength(1);
});
