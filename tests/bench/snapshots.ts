/**
 * What snapshots of a running machine cost: `node tests/bench/snapshots.ts [rounds]`. A machine of 512 MiB with Debian's installer at a question
 * is snapshotted twice, switched off and brought back. Printed are the time that the guest stood still, what the second snapshot added on
 * disk beside the first, and the time from "Start" of the restored machine until its guest runs and until it has answered a key. After `npm run build`.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultMachineDraft } from "../../engine/api/MachineConfig.ts";
import { MiB } from "../../engine/base/units.ts";
import { forkEngine } from "../../engine/host/forkEngine.ts";
import { HostService } from "../../engine/host/HostService.ts";
import { builtFile } from "../../engine/host/installation.ts";
import { connectTo } from "../fixtures/HostBench.ts";
import { guestsUnavailable, installerKernel } from "../guests/debianGuests.ts";

const MEMORY_MIB = 512;
const BOOT_MS = 10 * 60_000;
const ANSWER_MS = 60_000;
const ENTER = "\r";
const ARROW_UP = "\x1b[A";
const ARROW_DOWN = "\x1b[B";
const rounds = Number(process.argv[2] ?? 3);

const why = guestsUnavailable();
if (why !== undefined) {
  console.error(why);
  process.exit(1);
}

const dataFolder = mkdtempSync(join(tmpdir(), "guesthouse-bench-"));
// As users have it: from sources every process and thread would begin with stripping types.
const spawnEngine = (name: string | undefined) => forkEngine(name, builtFile("host/engineProcess.js"));
const host = await HostService.open({ dataFolder, shell: "cli", spawnEngine, keepEngineReady: true });
const client = connectTo(host);
let said = "";
const logged: { message: string; milliseconds: number }[] = [];

const pause = (milliseconds: number) => new Promise((resume) => setTimeout(resume, milliseconds));

async function heard(what: RegExp, limitMs: number): Promise<void> {
  const end = performance.now() + limitMs;
  while (!what.test(said)) {
    if (performance.now() > end) throw new Error(`The guest did not say ${what}: ${said.slice(-400)}`);
    await pause(5);
  }
}

const since = (beganMs: number): string => `${Math.round(performance.now() - beganMs)} ms`;

async function timed(work: () => Promise<unknown>): Promise<string> {
  const began = performance.now();
  await work();
  return since(began);
}

const lastOf = (message: string): string => {
  const line = logged.filter((candidate) => candidate.message === message).at(-1);
  return line === undefined ? "unknown" : `${line.milliseconds} ms`;
};

try {
  const { kernel, initrd } = installerKernel("amd64");
  const draft = {
    ...defaultMachineDraft("Snapshots"),
    memoryMiB: MEMORY_MIB,
    directBoot: { kernel, initrd, commandLine: "console=ttyS0 TERM=vt102" },
  };
  const { machine } = await client.call("library.create", { draft, newDisks: [{ sizeBytes: 64 * MiB }] });
  const { id } = machine;
  client.on("log.line", ({ line }) => {
    const facts = line.facts === "" ? {} : (JSON.parse(line.facts) as { milliseconds?: number });
    if (facts.milliseconds !== undefined) logged.push({ message: line.message, milliseconds: facts.milliseconds });
  });
  const serial = await client.openSerial(id, 0, ({ bytes }) => {
    said += new TextDecoder("latin1").decode(bytes);
  });
  const stateBytes = (): number => {
    const folder = join(machine.folder, "states");
    return readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
  };

  const press = (key: string): void => serial.write(new TextEncoder().encode(key));
  let keys = 0;
  /** The selection moves by one line, down or up again. */
  const answer = async (): Promise<void> => {
    said = "";
    press(keys++ % 2 === 0 ? ARROW_DOWN : ARROW_UP);
    await heard(/./, ANSWER_MS);
  };

  await client.call("machine.start", { id });
  await heard(/Select a language|Low memory/i, BOOT_MS);
  press(ENTER);
  await heard(/Central America/, BOOT_MS);
  await pause(3000);
  // It is not woken from a long sleep then.
  for (let times = 0; times < 3; times++) console.log(`a running guest answers a key in ${await timed(answer)}`);
  for (let round = 0; round < rounds; round++) {
    const taken: { id: string; bytes: number }[] = [];
    for (const name of ["first", "second"]) {
      const before = round === 0 && name === "first" ? 0 : stateBytes();
      let snapshotId = "";
      const took = await timed(async () => {
        snapshotId = (await client.call("snapshot.take", { id, name, description: "" })).snapshot.id;
      });
      taken.push({ id: snapshotId, bytes: stateBytes() - before });
      const stood = lastOf("The state of the machine was captured.");
      console.log(`${name}: the guest stood still ${stood}; done in ${took}; ${taken.at(-1)!.bytes} bytes`);
      await pause(3000);
    }
    if (round === 0)
      console.log(`second on disk: ${((100 * taken[1]!.bytes) / taken[0]!.bytes).toFixed(1)} % of the first`);
    await client.call("machine.powerOff", { id });
    await client.call("snapshot.restore", { id, snapshotId: taken[1]!.id, takeCurrent: null });
    await pause(2000);
    const began = performance.now();
    await client.call("machine.start", { id });
    const started = since(began);
    await answer();
    const answered = since(began);
    const loaded = lastOf("The saved state was loaded.");
    await pause(2000);
    console.log(
      `restored: memory read in ${loaded}, unpacked ${lastOf("All memory of the saved state is unpacked.")}; runs ${started} after Start, has answered a key ${answered} after Start`,
    );
    await pause(2000);
  }
  await client.call("machine.powerOff", { id });
} finally {
  await host.close();
  rmSync(dataFolder, { recursive: true, force: true });
}
