import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DiskConfig } from "../api/MachineConfig.ts";
import type { BlockDevice } from "../contracts/BlockDevice.ts";
import type { DiskFormatId } from "../contracts/DiskImage.ts";
import { diskFormat } from "../storage/openDisk.ts";
import { diskServices } from "./diskServices.ts";
import { FileOpener } from "./FileOpener.ts";
import { openMachineDisk } from "./openMachineDisk.ts";

const SIZE = 1024 * 1024;
/** A passphrase of a test may be guessed. */
const quick = { ...diskServices, pbkdf2Iterations: 1000 };

let folder: string;
const open: BlockDevice[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "guesthouse-test-"));
});
afterEach(async () => {
  for (const disk of open.splice(0)) await disk.close();
  await rm(folder, { recursive: true, force: true });
});

async function make(name: string, format: DiskFormatId, backing?: { name: string; format: DiskFormatId }) {
  const opener = new FileOpener({ folder });
  const image = await diskFormat(format).create(opener, name, {
    sizeBytes: SIZE,
    services: diskServices,
    ...(backing === undefined
      ? {}
      : { backing: { reference: { names: [backing.name], format: backing.format, identity: undefined } } }),
  });
  await image.close();
}

async function attach(
  disk: DiskConfig,
  change: { disposable?: boolean; mayUse?: (path: string) => boolean; passphrase?: string } = {},
) {
  const { passphrase, ...place } = change;
  const where = { folder, runFolder: join(folder, ".run"), disposable: false, services: quick, ...place };
  const blocks = await openMachineDisk(disk, where, passphrase);
  open.push(blocks);
  return blocks;
}

async function detach(disk: BlockDevice) {
  open.splice(open.indexOf(disk), 1);
  await disk.close();
}

const sector = (value: number) => new Uint8Array(512).fill(value);

async function firstByte(disk: BlockDevice): Promise<number | undefined> {
  const bytes = new Uint8Array(512);
  await disk.read(0, bytes);
  return bytes[0];
}

describe("formats", () => {
  test.each<DiskFormatId>(["raw", "qcow2", "vdi", "vmdk", "vhd", "vhdx"])(
    "%s keeps what is written",
    async (format) => {
      await make("disk", format);
      const disk = await attach({ path: "disk" });
      await disk.write(0, sector(7));
      await detach(disk);
      expect(await firstByte(await attach({ path: "disk", format }))).toBe(7);
    },
  );

  test("a disk that is said to be raw is raw, whatever its guest has written", async () => {
    await make("inner", "qcow2");
    const disk = await attach({ path: "inner", format: "raw" });
    const bytes = new Uint8Array(512);
    await disk.read(0, bytes);
    expect([...bytes.subarray(0, 4)]).toEqual([0x51, 0x46, 0x49, 0xfb]);
  });
});

describe("kinds", () => {
  test("immutable forgets, multi-attach keeps to itself, read-only refuses; the file stays as it was", async () => {
    await make("disk.qcow2", "qcow2");
    const before = readFileSync(join(folder, "disk.qcow2"));
    for (const kind of ["immutable", "multiAttach"] as const) {
      const disk = await attach({ path: "disk.qcow2", kind });
      await disk.write(0, sector(9));
      expect(await firstByte(disk)).toBe(9);
      await detach(disk);
      await rm(join(folder, ".run"), { recursive: true, force: true });
      const again = await attach({ path: "disk.qcow2", kind });
      expect(await firstByte(again)).toBe(kind === "immutable" ? 0 : 9);
      await detach(again);
      await rm(join(folder, ".run"), { recursive: true, force: true });
    }
    const fixed = await attach({ path: "disk.qcow2", kind: "readOnly" });
    await expect(fixed.write(0, sector(1))).rejects.toMatchObject({ kind: "read-only" });
    await detach(fixed);
    expect(readFileSync(join(folder, "disk.qcow2")).equals(before)).toBe(true);
  });

  test("a disposable run changes nothing, with an overlay of its own or none", async () => {
    await make("disk.vdi", "vdi");
    const before = readFileSync(join(folder, "disk.vdi"));
    const disk = await attach({ path: "disk.vdi" }, { disposable: true });
    await disk.write(0, sector(3));
    await detach(disk);
    expect(readFileSync(join(folder, "disk.vdi")).equals(before)).toBe(true);
    const many = await attach({ path: "disk.vdi", kind: "multiAttach" });
    await many.write(0, sector(4));
    await detach(many);
    const once = await attach({ path: "disk.vdi", kind: "multiAttach" }, { disposable: true });
    expect(await firstByte(once)).toBe(4);
    await once.write(0, sector(5));
    await detach(once);
    expect(await firstByte(await attach({ path: "disk.vdi", kind: "multiAttach" }))).toBe(4);
  });

  test("several share a raw disk and no other; who wants it alone is refused", async () => {
    await make("disk.img", "raw");
    await make("disk.vhdx", "vhdx");
    const shared: DiskConfig = { path: "disk.img", kind: "shareable" };
    const [one, two] = [await attach(shared), await attach(shared)];
    await one.write(0, sector(2));
    expect(await firstByte(two)).toBe(2);
    await expect(attach({ path: "disk.img" })).rejects.toMatchObject({ kind: "in-use" });
    await expect(attach({ path: "disk.vhdx", kind: "shareable" })).rejects.toMatchObject({
      kind: "unsupported-operation",
    });
    await detach(one);
    await detach(two);
    expect(readdirSync(folder).sort()).toEqual(["disk.img", "disk.vhdx"]);
  });
});

describe("chains", () => {
  test("what lies below is kept from writers while it is used, and by readers not at all", async () => {
    await make("base.img", "raw");
    await make("one.qcow2", "qcow2", { name: "base.img", format: "raw" });
    await make("two.qcow2", "qcow2", { name: "base.img", format: "raw" });
    const one = await attach({ path: "one.qcow2" });
    await attach({ path: "two.qcow2" });
    await expect(attach({ path: "base.img" })).rejects.toMatchObject({ kind: "in-use" });
    await expect(attach({ path: "one.qcow2" })).rejects.toMatchObject({ kind: "in-use" });
    await detach(one);
    await detach(open[0]!);
    expect(await firstByte(await attach({ path: "base.img" }))).toBe(0);
  });

  test("a disk shows no file outside of its folder unless that is trusted", async () => {
    const secret = join(folder, "secret");
    writeFileSync(secret, new Uint8Array(512).fill(0x53));
    mkdirSync(join(folder, "machine"));
    await make("machine/disk.qcow2", "qcow2", { name: "../secret", format: "raw" });
    const disk: DiskConfig = { path: "machine/disk.qcow2" };
    await expect(attach(disk, { mayUse: () => false })).rejects.toMatchObject({
      kind: "file-forbidden",
      context: { path: secret },
    });
    const trusting = await attach(disk, { mayUse: (path) => path === secret });
    expect(await firstByte(trusting)).toBe(0x53);
  });
});

describe("an encrypted disk", () => {
  const passphrase = "open sesame";
  const disk: DiskConfig = { path: "secret.qcow2", format: "qcow2" };
  beforeEach(async () => {
    const options = { sizeBytes: SIZE, services: quick, passphrase };
    const image = await diskFormat("qcow2").create(new FileOpener({ folder }), disk.path, options);
    await image.write(0, sector(1));
    await image.close();
  });

  test("opens with its passphrase and no other", async () => {
    await expect(attach(disk)).rejects.toMatchObject({ kind: "passphrase-needed" });
    await expect(attach(disk, { passphrase: "open barley" })).rejects.toMatchObject({ kind: "passphrase-wrong" });
    expect(await firstByte(await attach(disk, { passphrase }))).toBe(1);
  });

  test.each([
    ["a disposable run", {}, { disposable: true }],
    ["an immutable disk", { kind: "immutable" }, {}],
    ["a disk with changes per machine", { kind: "multiAttach" }, {}],
  ] as const)("of %s has an overlay that nobody else can read", async (_name, kind, how) => {
    const blocks = await attach({ ...disk, ...kind }, { ...how, passphrase });
    const words = Buffer.alloc(512, "very secret words ");
    await blocks.write(0, words);
    await blocks.flush();
    const overlays = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
      /\.\w{12}\.qcow2$/.test(name),
    );
    expect(overlays).toHaveLength(1);
    const bytes = readFileSync(join(folder, overlays[0]!));
    expect([bytes.readUInt32BE(32), bytes.includes("very secret")]).toEqual([2, false]);
    await detach(blocks);
  });

  test("keeps what each machine changes under the same passphrase", async () => {
    const shared: DiskConfig = { ...disk, kind: "multiAttach" };
    const first = await attach(shared, { passphrase });
    await first.write(0, sector(9));
    await detach(first);
    await expect(attach(shared)).rejects.toMatchObject({ kind: "passphrase-needed" });
    expect(await firstByte(await attach(shared, { passphrase }))).toBe(9);
  });
});
