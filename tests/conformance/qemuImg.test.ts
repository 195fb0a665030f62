import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DiskImage } from "../../engine/contracts/DiskImage.ts";
import { compareDisks } from "../../engine/storage/compareDisks.ts";
import { convertDisk } from "../../engine/storage/convertDisk.ts";
import { createQcow2, type Qcow2Layout, qcow2Format } from "../../engine/storage/formats/qcow/qcow2Format.ts";
import { openDisk } from "../../engine/storage/openDisk.ts";
import type { MemoryFiles } from "../../engine/storage/stores/MemoryFiles.ts";
import { diskServices } from "../fixtures/diskServices.ts";
import { QemuFolder, qemuImgInstalled } from "../fixtures/qemuImg.ts";
import { RandomValues } from "../fixtures/RandomValues.ts";

/** Both ways against QEMU's own tool: what it writes reads equal, what we write passes its check and its comparison. */
const services = diskServices();
const SECTORS = 6001;
const SECTOR_BYTES = 512;
const PASSPHRASE = "correct horse";
const secret = ["--object", `secret,id=key,data=${PASSPHRASE}`];

/** Runs of random bytes, of text that compresses well, and of nothing. */
function content(seed: number): Uint8Array {
  const random = new RandomValues(seed);
  const bytes = new Uint8Array(SECTORS * SECTOR_BYTES);
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + (1 + random.below(300)) * SECTOR_BYTES);
    const kind = random.below(3);
    for (let index = at; index < end && kind !== 0; index++)
      bytes[index] = kind === 1 ? random.below(256) : index >> 10;
    at = end;
  }
  return bytes;
}

async function expectReads(files: MemoryFiles, name: string, expected: Uint8Array, passphrase?: string): Promise<void> {
  const options = passphrase === undefined ? {} : { passphrase };
  const disk = await openDisk(files, name, { access: "read", services, ...options });
  const found = new Uint8Array(disk.sizeBytes);
  for (let at = 0; at < found.length; at += 1 << 20) await disk.read(at, found.subarray(at, at + (1 << 20)));
  expect(Buffer.compare(found.subarray(0, expected.length), expected)).toBe(0);
  expect(found.subarray(expected.length).every((byte) => byte === 0)).toBe(true);
  expect(await disk.check(false)).toEqual({ errors: [], leakedBytes: 0, repaired: 0 });
  await disk.close();
}

/** Changes to a disk and to the bytes it should hold. */
async function change(disk: DiskImage, bytes: Uint8Array, random: RandomValues, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    const sectors = 1 + random.below(200);
    const offset = random.below(SECTORS - sectors) * SECTOR_BYTES;
    const length = sectors * SECTOR_BYTES;
    const piece = bytes.subarray(offset, offset + length);
    switch (random.below(5)) {
      case 0:
        piece.fill(0);
        await disk.writeZeroes(offset, length);
        break;
      case 1:
        await disk.discard(offset, length);
        await disk.read(offset, piece);
        break;
      case 2:
        piece.fill(random.below(256));
        await (disk.writeCompressed ?? disk.write).call(disk, offset, piece);
        break;
      default:
        piece.set(random.bytes(length));
        await disk.write(offset, piece);
    }
    if (random.below(10) === 0) await disk.flush();
  }
}

describe.skipIf(!qemuImgInstalled)("with qemu-img", () => {
  let folder: QemuFolder;
  const original = content(0x5eed_0500);
  beforeAll(() => {
    folder = new QemuFolder();
    folder.write("original.raw", original);
  });
  afterAll(() => folder.remove());

  test.each([
    ["version 2", "compat=0.10", ""],
    ["version 3", "compat=1.1", ""],
    ["tiny clusters", "cluster_size=512", ""],
    ["huge clusters", "cluster_size=2M", ""],
    ["one-bit refcounts", "refcount_bits=1", ""],
    ["two-bit refcounts", "refcount_bits=2,cluster_size=1k", ""],
    ["byte refcounts", "refcount_bits=8", ""],
    ["wide refcounts", "refcount_bits=64,cluster_size=4k", ""],
    ["lazy refcounts", "lazy_refcounts=on", ""],
    ["preallocated metadata", "preallocation=metadata", ""],
    ["preallocated space", "preallocation=falloc", ""],
    ["full preallocation", "preallocation=full", ""],
    ["deflate", "compression_type=zlib", "-c"],
    ["deflate in tiny clusters", "cluster_size=512", "-c"],
    ["deflate in huge clusters", "cluster_size=2M", "-c"],
    ["Zstandard", "compression_type=zstd", "-c"],
    ["Zstandard in huge clusters", "compression_type=zstd,cluster_size=2M", "-c"],
  ])("reads QCOW2 with %s, and changes it", async (_, options, flag) => {
    const flags = flag === "" ? [] : [flag];
    folder.run("convert", "-f", "raw", "-O", "qcow2", ...flags, "-o", options, "original.raw", "made.qcow2");
    const files = folder.load();
    await expectReads(files, "made.qcow2", original);
    const disk = await openDisk(files, "made.qcow2", { access: "write", services });
    const changed = original.slice();
    await change(disk, changed, new RandomValues(0x5eed_0501), 60);
    await disk.compact();
    await change(disk, changed, new RandomValues(0x5eed_0502), 20);
    await disk.close();
    await expectReads(files, "made.qcow2", changed);
    folder.save(files);
    folder.write("changed.raw", changed);
    folder.run("check", "made.qcow2");
    folder.run("compare", "changed.raw", "made.qcow2");
  });

  test.each([
    ["LUKS as it comes", "encrypt.format=luks,encrypt.iter-time=10"],
    ["LUKS with AES-128", "encrypt.format=luks,encrypt.iter-time=10,encrypt.cipher-alg=aes-128"],
    ["LUKS with CBC", "encrypt.format=luks,encrypt.iter-time=10,encrypt.cipher-mode=cbc,encrypt.ivgen-alg=plain"],
    [
      "LUKS with ESSIV and SHA-1",
      "encrypt.format=luks,encrypt.iter-time=10,encrypt.hash-alg=sha1,encrypt.cipher-mode=cbc,encrypt.ivgen-alg=essiv,encrypt.ivgen-hash-alg=sha256",
    ],
    ["LUKS with SHA-512", "encrypt.format=luks,encrypt.iter-time=10,encrypt.hash-alg=sha512"],
    ["the older encryption", "encrypt.format=aes"],
  ])("reads and changes %s", async (_, options) => {
    const target = `${options},encrypt.key-secret=key`;
    folder.run("convert", ...secret, "-f", "raw", "-O", "qcow2", "-o", target, "original.raw", "made.qcow2");
    const files = folder.load();
    await expectReads(files, "made.qcow2", original, PASSPHRASE);
    const disk = await openDisk(files, "made.qcow2", { access: "write", services, passphrase: PASSPHRASE });
    const changed = original.slice();
    await change(disk, changed, new RandomValues(0x5eed_0503), 40);
    await disk.compact();
    await disk.close();
    folder.save(files);
    folder.write("changed.raw", changed);
    compareEncrypted(folder, "made.qcow2", options.includes("luks") ? "luks" : "aes");
  });

  test("refuses ciphers by name", async () => {
    const options = "encrypt.format=luks,encrypt.iter-time=10,encrypt.cipher-alg=serpent-256,encrypt.key-secret=key";
    folder.run("create", ...secret, "-f", "qcow2", "-o", options, "serpent.qcow2", "1M");
    const opening = openDisk(folder.load(), "serpent.qcow2", { access: "read", services, passphrase: PASSPHRASE });
    await expect(opening).rejects.toMatchObject({
      kind: "unsupported-image",
      message: expect.stringContaining("serpent"),
    });
  });

  test.each([
    ["an external data file", "data_file=outside.raw"],
    ["subclusters", "extended_l2=on"],
  ])("refuses %s by name", async (feature, options) => {
    folder.run("create", "-f", "qcow2", "-o", options, "refused.qcow2", "1M");
    const opening = openDisk(folder.load(), "refused.qcow2", { access: "read", services });
    await expect(opening).rejects.toMatchObject({
      kind: "unsupported-image",
      message: expect.stringContaining(feature),
    });
  });

  test.each([
    ["plain", [], []],
    ["encrypted", [], ["-o", "encrypt.format=aes,encrypt.key-secret=key"]],
  ])("reads QCOW version 1, %s", async (kind, flags, options) => {
    folder.run("convert", ...secret, "-f", "raw", "-O", "qcow", ...flags, ...options, "original.raw", "made.qcow");
    await expectReads(folder.load(), "made.qcow", original, kind === "encrypted" ? PASSPHRASE : undefined);
    const writing = openDisk(folder.load(), "made.qcow", { access: "write", services, passphrase: PASSPHRASE });
    await expect(writing).rejects.toMatchObject({ kind: "unsupported-operation" });
  });

  test("reads a chain of four formats, and writes on top of it", async () => {
    folder.run("create", "-f", "qcow2", "-b", "original.raw", "-F", "raw", "one.qcow2");
    folder.run("create", "-f", "qcow", "-b", "one.qcow2", "-F", "qcow2", "two.qcow");
    folder.run("create", "-f", "qcow2", "-o", "compat=0.10", "-b", "two.qcow", "-F", "qcow", "three.qcow2");
    const files = folder.load();
    await expectReads(files, "three.qcow2", original);
    const disk = await openDisk(files, "three.qcow2", { access: "write", services });
    const changed = original.slice();
    await change(disk, changed, new RandomValues(0x5eed_0504), 40);
    await disk.close();
    folder.save(files);
    folder.write("changed.raw", changed);
    folder.run("check", "three.qcow2");
    folder.run("compare", "changed.raw", "three.qcow2");
  });

  test("leaves internal snapshots as they are", async () => {
    folder.run("convert", "-f", "raw", "-O", "qcow2", "-o", "cluster_size=4k", "original.raw", "snapped.qcow2");
    folder.run("snapshot", "-c", "before", "snapped.qcow2");
    const files = folder.load();
    const disk = await openDisk(files, "snapped.qcow2", { access: "write", services });
    expect((await disk.info()).snapshots).toMatchObject([{ name: "before", sizeBytes: original.length }]);
    const changed = original.slice();
    await change(disk, changed, new RandomValues(0x5eed_0505), 80);
    await disk.compact();
    await expect(disk.resize(1 << 20, true)).rejects.toMatchObject({ kind: "unsupported-operation" });
    expect(await disk.check(false)).toEqual({ errors: [], leakedBytes: 0, repaired: 0 });
    await disk.close();
    folder.save(files);
    folder.write("changed.raw", changed);
    folder.run("check", "snapped.qcow2");
    folder.run("compare", "changed.raw", "snapped.qcow2");
    folder.run("snapshot", "-a", "before", "snapped.qcow2");
    folder.run("check", "snapped.qcow2");
    folder.run("compare", "original.raw", "snapped.qcow2");
  });

  const layouts: [string, Qcow2Layout][] = [
    ["version 2", { version: 2, clusterBits: 16, refcountOrder: 4, compression: "zlib" }],
    ["version 3", { version: 3, clusterBits: 16, refcountOrder: 4, compression: "zlib" }],
    ["tiny clusters", { version: 3, clusterBits: 9, refcountOrder: 6, compression: "zlib" }],
    ["huge clusters", { version: 3, clusterBits: 21, refcountOrder: 0, compression: "zlib" }],
    ["Zstandard", { version: 3, clusterBits: 12, refcountOrder: 3, compression: "zstd" }],
  ];
  test.each(layouts)("finds no fault in ours: %s", async (_, layout) => {
    const files = folder.load();
    files.files.delete("/ours.qcow2");
    const disk = await createQcow2(files, "ours.qcow2", { sizeBytes: original.length, services }, layout);
    const bytes = new Uint8Array(original.length);
    await change(disk, bytes, new RandomValues(0x5eed_0506), 120);
    await disk.resize(original.length * 2);
    await disk.resize(original.length + SECTOR_BYTES, true);
    await disk.close();
    folder.save(files);
    const longer = new Uint8Array(original.length + SECTOR_BYTES);
    longer.set(bytes);
    folder.write("changed.raw", longer);
    folder.run("check", "ours.qcow2");
    folder.run("compare", "changed.raw", "ours.qcow2");
  });

  test("opens what we encrypted", async () => {
    const files = folder.load();
    const disk = await qcow2Format.create(files, "ours-luks.qcow2", {
      sizeBytes: original.length,
      services,
      passphrase: PASSPHRASE,
    });
    await disk.write(0, original);
    await disk.close();
    folder.save(files);
    folder.write("changed.raw", original);
    compareEncrypted(folder, "ours-luks.qcow2", "luks");
  });

  test("follows our overlay to its backing image", async () => {
    const files = folder.load();
    const reference = { names: ["original.raw"], format: "raw", identity: undefined } as const;
    const options = { sizeBytes: original.length, services, backing: { reference } };
    await (await qcow2Format.create(files, "over.qcow2", options)).close();
    const disk = await openDisk(files, "over.qcow2", { access: "write", services });
    const changed = original.slice();
    await change(disk, changed, new RandomValues(0x5eed_0507), 40);
    await disk.close();
    folder.save(files);
    folder.write("changed.raw", changed);
    folder.run("check", "over.qcow2");
    folder.run("compare", "changed.raw", "over.qcow2");
    expect(JSON.parse(folder.run("info", "--output=json", "over.qcow2"))).toMatchObject({
      "backing-filename": "original.raw",
      "backing-filename-format": "raw",
    });
  });

  test("reads what we converted, plain and compressed", async () => {
    const files = folder.load();
    const source = await openDisk(files, "original.raw", { access: "read", services, format: "raw" });
    for (const compress of [false, true]) {
      const name = compress ? "packed.qcow2" : "plain.qcow2";
      const target = await qcow2Format.create(files, name, { sizeBytes: source.sizeBytes, services });
      await convertDisk(source, target, { compress });
      expect(await compareDisks(source, target)).toMatchObject({ equal: true, sameSize: true });
      await target.close();
    }
    folder.save(files);
    for (const name of ["packed.qcow2", "plain.qcow2"]) {
      folder.run("check", name);
      folder.run("compare", "original.raw", name);
    }
    expect(folder.read("packed.qcow2").length).toBeLessThan(folder.read("plain.qcow2").length);
  });
});

/** qemu-img takes no passphrase for `compare`, so it converts first. */
function compareEncrypted(folder: QemuFolder, name: string, format: string): void {
  const options = `driver=qcow2,encrypt.format=${format},encrypt.key-secret=key,file.filename=${name}`;
  folder.run("check", ...secret, "--image-opts", options);
  folder.run("convert", ...secret, "--image-opts", "-O", "raw", options, "opened.raw");
  folder.run("compare", "-f", "raw", "changed.raw", "opened.raw");
}
