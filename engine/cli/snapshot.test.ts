import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CommandFolder } from "../../tests/fixtures/CommandFolder.ts";

let commands: CommandFolder;
beforeAll(() => {
  commands = new CommandFolder();
});
afterAll(() => commands.remove());

const guesthouse = (...args: string[]) => commands.run(...args);

test("take, list, restore, edit, delete and clone, without an app", async () => {
  await guesthouse("create", "M", "--new-disk", "4");
  const taken = await guesthouse("snapshot", "take", "M", "first", "--description", "why", "--json");
  expect(JSON.parse(taken.output)).toMatchObject({ name: "first", description: "why", parentId: null });
  expect(await guesthouse("snapshot", "restore", "M", "first", "--keep-current", "second")).toMatchObject({
    status: 0,
  });
  const { output } = await guesthouse("snapshot", "list", "M");
  expect(output.split("\n").map((line) => line.replace(/ {2}\d{4}.*/, ""))).toEqual([
    "first",
    "  second",
    "  Current state",
    "",
  ]);
  expect(await guesthouse("snapshot", "edit", "M", "second", "--name", "other")).toMatchObject({ status: 0 });
  expect(await guesthouse("clone", "M", "Twin", "--snapshot", "other")).toMatchObject({ status: 0 });
  expect(await guesthouse("snapshot", "delete", "M", "other")).toMatchObject({ status: 0 });
  const left = JSON.parse((await guesthouse("snapshot", "list", "M", "--json")).output);
  expect(left.snapshots.map(({ name }: { name: string }) => name)).toEqual(["first"]);
  const machines = JSON.parse((await guesthouse("list", "--json")).output);
  expect(machines.map(({ name }: { name: string }) => name).sort()).toEqual(["M", "Twin"]);
  expect(await guesthouse("snapshot", "delete", "M", "none")).toMatchObject({ status: 2 });
  expect(await guesthouse("save", "M")).toMatchObject({ status: 8 });
  expect(await guesthouse("discard", "M")).toMatchObject({ status: 8 });
}, 120_000);

test("machines with encrypted disks take the passphrase out of a file", async () => {
  writeFileSync(commands.at("key"), "open sesame\n");
  writeFileSync(commands.at("wrong"), "open barley\n");
  const key = ["--passphrase-file", "key"];
  await guesthouse("create", "Vault", "--new-disk", "4", "--disk-format", "qcow2", ...key);
  expect(await guesthouse("snapshot", "take", "Vault", "one")).toMatchObject({
    status: 8,
    errors: expect.stringContaining("“disk.qcow2” is encrypted"),
  });
  expect(await guesthouse("snapshot", "take", "Vault", "one", "--passphrase-file", "wrong")).toMatchObject({
    status: 8,
    errors: expect.stringContaining("does not open"),
  });
  expect(await guesthouse("snapshot", "take", "Vault", "one", ...key)).toMatchObject({ status: 0 });
  expect(await guesthouse("snapshot", "restore", "Vault", "one", ...key)).toMatchObject({ status: 0 });
  expect(await guesthouse("clone", "Vault", "Copy", ...key)).toMatchObject({ status: 0 });
  expect(await guesthouse("snapshot", "delete", "Vault", "one", ...key)).toMatchObject({ status: 0 });
  const out = ["export", "Vault", "--output", "vault.ova"];
  expect(await guesthouse(...out, ...key)).toMatchObject({ status: 8, errors: expect.stringContaining("everybody") });
  expect(await guesthouse(...out, ...key, "--decrypt")).toMatchObject({ status: 0 });
}, 240_000);
