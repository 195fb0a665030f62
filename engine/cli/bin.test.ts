import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CommandFolder } from "../../tests/fixtures/CommandFolder.ts";

const processor = fileURLToPath(new URL("../../dist/cpu/system.wasm", import.meta.url));
// The real engine needs the processor's units, which `npm test` builds first.
const built = existsSync(processor);

let commands: CommandFolder;
beforeAll(() => {
  commands = new CommandFolder();
});
afterAll(() => commands.remove());

const guesthouse = (...args: string[]) => commands.run(...args);

describe("the command", () => {
  test.each([
    [["frobnicate"], "unknown command"],
    [["run", "--frobnicate"], "unknown option"],
    [["run", "--memory", "lots"], "--memory"],
    [["run", "--keys", "no time"], "--keys"],
    [["run", "--floppy", "/nowhere/floppy.img"], "/nowhere/floppy.img"],
    [["create", "X", "--type", "toaster"], "--type"],
    [["start", "nobody"], "nobody"],
  ])("%j ends with 2 and says why", async (args, why) => {
    const { status, errors } = await guesthouse(...args);
    expect(status).toBe(2);
    expect(errors).toContain(why);
  });

  test("help and version end with 0", async () => {
    expect(await guesthouse("--help")).toMatchObject({ status: 0, output: expect.stringContaining("run") });
    expect(await guesthouse("--version")).toMatchObject({ status: 0, output: expect.stringMatching(/^\d+\.\d+\.\d+/) });
  });
});

describe.skipIf(!built)("with the real engine (skipped when dist/cpu is not built)", () => {
  test("an empty machine says on its screen that it has nothing to boot", async () => {
    const picture = commands.at("post.png");
    const args = ["run", "--memory", "16", "--until", "No bootable medium", "--timeout", "60", "--json"];
    const { status, output } = await guesthouse(...args, "--screenshot", picture);
    expect(status).toBe(0);
    const figures = JSON.parse(output.trim().split("\n").at(-1) ?? "") as Record<string, unknown>;
    expect(figures).toMatchObject({ end: "matched", status: 0, engine: expect.any(String) });
    expect(figures.instructions).toBeGreaterThan(0);
    expect(existsSync(picture)).toBe(true);
  });

  test("a run ends in time", async () => {
    const { status } = await guesthouse("run", "--memory", "16", "--timeout", "0.2");
    expect(status).toBe(4);
  });

  // Eight processes, one after the other.
  test("a machine of the library runs on in the background until it is stopped", { timeout: 90_000 }, async () => {
    expect(await guesthouse("create", "Box", "--memory", "16", "--new-disk", "1")).toMatchObject({ status: 0 });
    expect(await guesthouse("start", "box")).toMatchObject({ status: 0, output: "Box runs.\n" });
    const { output } = await guesthouse("list", "--json");
    expect(JSON.parse(output)).toMatchObject([{ name: "Box", state: { kind: "running" } }]);
    expect(await guesthouse("gdb", "Box")).toMatchObject({
      status: 0,
      output: expect.stringMatching(/^target remote 127\.0\.0\.1:\d+\n$/),
    });
    expect(await guesthouse("remove", "Box")).toMatchObject({ status: 8 });
    expect(await guesthouse("stop", "Box", "--force")).toMatchObject({ status: 0, output: "Box is off.\n" });
    expect(await guesthouse("remove", "Box", "--with-files")).toMatchObject({ status: 0 });
    expect(await guesthouse("list", "--json")).toMatchObject({ output: "[]\n" });
  });
});
