import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CommandFolder } from "../../tests/fixtures/CommandFolder.ts";
import { type ImportArguments, importEdits } from "./applianceActions.ts";

let commands: CommandFolder;
beforeEach(() => {
  commands = new CommandFolder();
});
afterEach(() => commands.remove());

const guesthouse = (...args: string[]) => commands.run(...args);

test("a machine goes out and comes back with edits", async () => {
  expect(await guesthouse("create", "Box", "--type", "debian64", "--new-disk", "8")).toMatchObject({ status: 0 });
  const exported = await guesthouse("export", "Box", "--output", "box.ova", "--product", "Box", "--json");
  expect(JSON.parse(exported.output)).toMatchObject({ path: commands.at("box.ova"), files: ["box.ova"] });
  expect(readFileSync(commands.at("box.ova")).toString("latin1", 0, 7)).toBe("box.ovf");
  const dryRun = await guesthouse("import", "box.ova", "--dry-run", "--name", "Case", "--json");
  const { machines } = JSON.parse(dryRun.output);
  expect(machines[0]).toMatchObject({ name: "Case", osType: "debian64", product: { name: "Box" } });
  const text = await guesthouse("import", "box.ova", "--dry-run");
  expect(text.output).toMatch(
    /machine 0: Box[\s\S]*mapped +disk[\s\S]*box-disk1.vmdk \(8 MiB\) -> box-disk1.qcow2 on ide/,
  );
  const disk = machines[0].items.find(({ kind }: { kind: string }) => kind === "disk").id;
  const item = `${disk},format=vdi,file=case.vdi`;
  const imported = await guesthouse("import", "box.ova", "--name", "Case", "--item", item, "--json");
  const [made] = JSON.parse(imported.output);
  expect(made.config).toMatchObject({ name: "Case", storage: { disks: [{ path: "case.vdi", format: "vdi" }] } });
  expect(existsSync(join(made.folder, "case.vdi"))).toBe(true);
  expect(await guesthouse("export", "Nobody", "--output", "x.ova")).toMatchObject({ status: 2 });
  expect(await guesthouse("import", "nothing.ova")).toMatchObject({
    status: 8,
    errors: expect.stringContaining("does not exist"),
  });
}, 120_000);

test("words of the command line become edits", () => {
  const given: ImportArguments = {
    machine: "1",
    item: ["4,if=nvme", "5,network=lab"],
    skip: ["6"],
    skipMachine: ["0"],
    mac: "new",
    format: "vhd",
  };
  expect(importEdits({ ...given, memory: "64", inPlace: true, acceptLicence: true })).toEqual({
    machines: [
      {
        index: 1,
        memoryMiB: 64,
        items: [
          { id: "4", interface: "nvme" },
          { id: "5", network: "lab" },
          { id: "6", include: false },
        ],
      },
      { index: 0, include: false },
    ],
    diskFormat: "vhd",
    macPolicy: "new",
    inPlace: true,
    acceptLicences: true,
  });
  expect(() => importEdits({ ...given, item: ["4,color=red"] })).toThrow(/--item/);
  expect(() => importEdits({ ...given, item: ["4,if=scsi"] })).toThrow(/--item/);
  expect(() => importEdits({ ...given, format: "zip" })).toThrow(/--format/);
  expect(() => importEdits({ ...given, memory: "much" })).toThrow(/--memory/);
});
