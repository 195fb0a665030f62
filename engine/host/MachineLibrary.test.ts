import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { defaultMachineDraft, draftOf } from "../api/MachineConfig.ts";
import { MachineLibrary } from "./MachineLibrary.ts";

let folder: string;
let library: MachineLibrary;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "guesthouse-test-"));
  library = new MachineLibrary(folder);
  await library.load();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const create = (name: string) => library.create(defaultMachineDraft(name), async () => defaultMachineDraft(name));
const reload = async () => {
  const other = new MachineLibrary(folder);
  await other.load();
  return other;
};

test("what was created is there after a restart", async () => {
  const { id, config } = await create("Debian: the “first”/second?");
  const found = (await reload()).get(id);
  expect(found.config).toEqual(config);
  expect(readdirSync(library.folder)).toEqual(["Debian_ the “first”_second_"]);
});

test.each(["..", "con", "...", "a".repeat(110), "x/../../y"])(
  "the name %s stays inside of the library",
  async (name) => {
    const { folder: machineFolder } = await create(name);
    expect(readdirSync(library.folder)).toHaveLength(1);
    expect(machineFolder.startsWith(library.folder)).toBe(true);
  },
);

test("names are taken without regard to case, and a free one is suggested", async () => {
  const { id } = await create("Alpine");
  await expect(create("alpine")).rejects.toMatchObject({ kind: "name-taken" });
  expect(library.freeName("ALPINE")).toBe("ALPINE 2");
  expect(library.nameTaken("alpine", id)).toBe(false);
});

test("a draft that makes no sense is refused with the field", async () => {
  const draft = { ...defaultMachineDraft("x"), memoryMiB: 0 };
  await expect(library.create(draft, async () => draft)).rejects.toMatchObject({
    kind: "invalid-config",
    context: { field: "memoryMiB" },
  });
});

test("a creation that fails leaves nothing", async () => {
  await expect(
    library.create(defaultMachineDraft("x"), async () => {
      throw new Error("no space for the disk");
    }),
  ).rejects.toThrow("no space");
  expect(readdirSync(library.folder)).toEqual([]);
  expect(library.list()).toEqual([]);
});

test("an update is written, and keeps id and folder", async () => {
  const record = await create("Old");
  await library.update(record.id, { ...draftOf(library.config(record.id)), name: " New ", memoryMiB: 32 });
  const found = (await reload()).get(record.id);
  expect(found).toMatchObject({ folder: record.folder, config: { name: "New", memoryMiB: 32 } });
});

test.each([
  ["broken JSON", "{", "not valid JSON"],
  ["a newer version", JSON.stringify({ version: 2, id: "x", whatever: [] }), "version 2"],
  ["a missing setting", JSON.stringify({ version: 1 }), "damaged"],
  ["something else", JSON.stringify([1, 2, 3]), "damaged"],
  ["an empty file", "", "not valid JSON"],
])("%s makes the machine inaccessible and stays as it is", async (_name, text, reason) => {
  const file = join(library.folder, "Broken", "machine.json");
  mkdirSync(join(file, ".."));
  writeFileSync(file, text);
  await create("Good");
  const other = await reload();
  const broken = other.list().find(({ config }) => config === null);
  expect(broken).toMatchObject({ file, reason: expect.stringContaining(reason) });
  expect(readFileSync(file, "utf8")).toBe(text);
  expect(other.list()).toHaveLength(2);
  expect(() => other.config(broken!.id)).toThrow(expect.objectContaining({ kind: "inaccessible" }));
});

test("a copied folder does not take the original's place", async () => {
  const { id, folder: original } = await create("Twin");
  cpSync(original, `${original} copy`, { recursive: true });
  const other = await reload();
  expect(other.list()).toHaveLength(2);
  expect(other.list().filter(({ config }) => config !== null)).toHaveLength(1);
  expect(other.has(id)).toBe(true);
});

test("removing keeps the files and can be undone by hand", async () => {
  const { id, folder: machineFolder } = await create("Gone");
  await library.removeKeepingFiles(id);
  expect(library.list()).toEqual([]);
  expect((await reload()).list()).toEqual([]);
  expect(existsSync(join(machineFolder, "machine.removed.json"))).toBe(true);
});

test("folders without a configuration are no machines, unknown ids are said so", async () => {
  mkdirSync(join(library.folder, "holiday pictures"));
  const other = await reload();
  expect(other.list()).toEqual([]);
  expect(() => other.get("nobody")).toThrow(expect.objectContaining({ kind: "no-such-machine" }));
});

test("a machine that was removed with its files kept is taken back, under a name that is free", async () => {
  const { id, folder: machineFolder } = await create("Alpine");
  await library.removeKeepingFiles(id);
  const file = join(machineFolder, "machine.removed.json");
  await create("alpine");
  const back = await library.takeBack(file);
  expect([back.id, back.config?.name]).toEqual([id, "Alpine 2"]);
  expect(existsSync(file)).toBe(false);
  expect((await reload()).config(id).name).toBe("Alpine 2");
  await expect(library.takeBack(join(machineFolder, "machine.json"))).rejects.toMatchObject({ kind: "file-exists" });
  await expect(library.takeBack(file)).rejects.toMatchObject({ kind: "file-exists" });
  await expect(library.takeBack(join(folder, "machine.json"))).rejects.toMatchObject({ kind: "outside-library" });
  await expect(library.takeBack(join(library.folder, "None", "machine.json"))).rejects.toMatchObject({
    kind: "file-missing",
  });
  const spoilt = join(library.folder, "Spoilt");
  mkdirSync(spoilt);
  writeFileSync(join(spoilt, "machine.removed.json"), "{");
  await expect(library.takeBack(join(spoilt, "machine.removed.json"))).rejects.toMatchObject({ kind: "inaccessible" });
});
