import { execFileSync } from "node:child_process";
import { mkdtempSync, realpathSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { buildCpu } from "../../resources/build/buildCpu.ts";
import { type Mishap, MistreatedMachine } from "./MistreatedMachine.ts";

/**
 * Kills the engine process or the host service at random moments, or lets the disk be full, while a guest writes numbered sectors and a driver takes,
 * restores and deletes snapshots (also under the guest), saves states, clones and converts. Afterwards the library opens, each snapshot and the machine hold one unbroken story
 * with everything in it that was flushed or promised, and the list says whether the change under way is done or not. Needs Linux.
 * GUESTHOUSE_KILLS=200 sets how often, GUESTHOUSE_KILL_SEED where chance begins.
 */
const KILLS = Number(process.env.GUESTHOUSE_KILLS ?? 8);
const SEED = Number(process.env.GUESTHOUSE_KILL_SEED ?? 1);
const timeout = 120_000 + KILLS * 60_000;
const newFolder = () => realpathSync(mkdtempSync(join(tmpdir(), "guesthouse-killed-")));

async function mistreat(folder: string, rounds: number, mishaps: readonly Mishap[]): Promise<void> {
  await buildCpu();
  const machine = new MistreatedMachine(folder, SEED);
  await machine.create();
  try {
    for (let round = 1; round <= rounds; round++) await machine.round(round, mishaps);
  } catch (error) {
    const story = [`seed ${SEED}, in ${folder}`, ...machine.log, machine.host.output].join("\n");
    throw new Error(story, { cause: error });
  } finally {
    await machine.close();
  }
  console.info([...machine.counts].map(([what, count]) => `${what}: ${count}`).join(", "));
  expect(machine.counts.size).toBeGreaterThan(0);
}

test.skipIf(process.platform !== "linux")(
  `${KILLS} kills of engine or host lose nothing that was flushed or promised`,
  { timeout },
  async () => {
    const folder = newFolder();
    await mistreat(folder, KILLS, ["engine", "host"]);
    await rm(folder, { recursive: true, force: true });
  },
);

/** A file system of its own for `action`, small enough to be filled. False when it cannot be had. */
async function onSmallDisk(action: (folder: string) => Promise<void>): Promise<boolean> {
  const folder = newFolder();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=96m", "tmpfs", folder], { stdio: "ignore" });
  } catch {
    await rm(folder, { recursive: true, force: true });
    return false;
  }
  try {
    await action(folder);
  } finally {
    execFileSync("umount", ["--lazy", folder]);
    await rm(folder, { recursive: true, force: true });
  }
  return true;
}

test.skipIf(process.platform !== "linux")("nor does a full disk", { timeout }, async ({ skip }) => {
  const rounds = Math.ceil(KILLS / 2);
  const could = await onSmallDisk((folder) => mistreat(folder, rounds, ["full"]));
  if (!could) skip("A small file system cannot be mounted here.");
});
