import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { inNewFolder } from "./newFolder.ts";

let place: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), "guesthouse-new-"));
});
afterEach(() => rmSync(place, { recursive: true }));

const write = (name: string) => async (folder: string) => writeFileSync(join(folder, name), "new");

/** Makes a file in another process, which ends before it is done. */
async function killedMaker(target: string): Promise<void> {
  const source = `
    import { writeFileSync } from "node:fs";
    import { inNewFolder } from ${JSON.stringify(fileURLToPath(new URL("newFolder.ts", import.meta.url)))};
    await inNewFolder(${JSON.stringify(target)}, async (folder) => {
      writeFileSync(folder + "/part", "half");
      process.kill(process.pid, "SIGKILL");
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", source], { stdio: "inherit" });
  const signal = await new Promise((resolve) => child.on("exit", (_code, name) => resolve(name)));
  expect(signal).toBe("SIGKILL");
}

test("files come to their place, and nothing else does", async () => {
  await inNewFolder(join(place, "disk.vmdk"), async (folder) => {
    await write("disk-s001.vmdk")(folder);
    await write("disk.vmdk")(folder);
  });
  expect(readdirSync(place).sort()).toEqual(["disk-s001.vmdk", "disk.vmdk"]);
  await expect(inNewFolder(join(place, "disk.vmdk"), write("disk.vmdk"))).rejects.toMatchObject({
    kind: "file-exists",
  });
  await expect(inNewFolder(join(place, "other"), () => Promise.reject(new Error("no")))).rejects.toThrow();
  expect(readdirSync(place)).toHaveLength(2);
});

test("what a killed maker left is gone once somebody makes a file there; what others make is left alone", async () => {
  await killedMaker(join(place, "copy.img"));
  expect(readdirSync(place)).toHaveLength(2);
  // Of other origin: a file that is being replaced, and a folder of the user's.
  writeFileSync(join(place, ".machine.json.0123456789ab.new"), "");
  mkdirSync(join(place, ".mine.new"));
  await inNewFolder(join(place, "first"), async (folder) => {
    await inNewFolder(join(place, "second"), write("second"));
    await write("first")(folder);
  });
  expect(readdirSync(place).sort()).toEqual([".machine.json.0123456789ab.new", ".mine.new", "first", "second"]);
});
