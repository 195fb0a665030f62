import { writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CommandFolder } from "../../tests/fixtures/CommandFolder.ts";

let commands: CommandFolder;
beforeEach(() => {
  commands = new CommandFolder();
});
afterEach(() => commands.remove());

async function disks(): Promise<unknown> {
  const { output } = await commands.run("list", "--json");
  return JSON.parse(output)[0].config.storage.disks;
}

test("a machine gets disks and loses them by file or number", async () => {
  writeFileSync(commands.at("a.img"), Buffer.alloc(1024));
  const made = await commands.run("create", "M", "--new-disk", "1", "--disk-format", "vhdx", "--json");
  expect(JSON.parse(made.output).config.storage.disks).toEqual([{ path: "disk.vhdx", format: "vhdx" }]);
  const attached = await commands.run("attach-disk", "M", "a.img", "--if", "virtio-scsi", "--removable", "--json");
  expect(JSON.parse(attached.output)).toEqual({ slot: 1 });
  expect(await disks()).toEqual([
    { path: "disk.vhdx", format: "vhdx" },
    { path: commands.at("a.img"), interface: "virtio-scsi", format: "raw", removable: true },
  ]);
  expect(await commands.run("detach-disk", "M", "1")).toMatchObject({ status: 0 });
  expect(JSON.parse((await commands.run("detach-disk", "M", "a.img", "--json")).output)).toEqual({
    detached: commands.at("a.img"),
  });
  expect(await disks()).toEqual([]);
}, 120_000);

test("a machine's first disks hang on what was asked for", async () => {
  writeFileSync(commands.at("a.img"), Buffer.alloc(1024));
  await commands.run("create", "M", "--new-disk", "1", "--disk", "a.img", "--if", "virtio");
  expect(await disks()).toMatchObject([
    { path: commands.at("a.img"), interface: "virtio-blk" },
    { path: "disk.img", interface: "virtio-blk" },
  ]);
  expect(await commands.run("create", "N", "--new-disk", "1", "--if", "usb")).toMatchObject({ status: 2 });
}, 120_000);

test("what makes no sense about disks and clones ends with 2", async () => {
  await commands.run("create", "M");
  expect(await commands.run("detach-disk", "M", "1")).toMatchObject({ status: 2 });
  expect(await commands.run("attach-disk", "M", "a.img", "--if", "usb")).toMatchObject({ status: 2 });
  expect(await commands.run("start", "M", "--passphrase-file", "none")).toMatchObject({
    status: 2,
    errors: expect.stringContaining("No passphrase in none"),
  });
  expect(await commands.run("clone", "M", "N", "--all", "--linked")).toMatchObject({ status: 2 });
}, 120_000);
