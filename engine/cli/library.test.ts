import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CommandFolder } from "../../tests/fixtures/CommandFolder.ts";

let commands: CommandFolder;
beforeEach(() => {
  commands = new CommandFolder();
});
afterEach(() => commands.remove());

test("a machine that was removed without its files is put back on the list", async () => {
  const { folder, id } = JSON.parse((await commands.run("create", "M", "--json")).output);
  expect(await commands.run("remove", "M")).toMatchObject({ status: 0 });
  expect(JSON.parse((await commands.run("list", "--json")).output)).toEqual([]);
  const added = await commands.run("add", join(folder, "machine.removed.json"), "--json");
  expect(JSON.parse(added.output)).toMatchObject({ id, name: "M" });
  expect(await commands.run("add", join(folder, "machine.removed.json"))).toMatchObject({ status: 8 });
}, 120_000);
