import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CreateDiskOptions, DiskFormatId, DiskImage } from "../../engine/contracts/DiskImage.ts";
import { diskFormat, openDisk } from "../../engine/storage/openDisk.ts";
import { MemoryFiles } from "../../engine/storage/stores/MemoryFiles.ts";
import { diskServices } from "../fixtures/diskServices.ts";
import { QemuFolder, qemuImgInstalled } from "../fixtures/qemuImg.ts";
import { RandomValues } from "../fixtures/RandomValues.ts";

/** VDI, VMDK, VHD and VHDX both ways against QEMU's own tool: what it writes reads equal and can be changed, what we write it reads equal. */
const services = diskServices();
const SECTOR_BYTES = 512;
const SECTORS = 5 * 2048 + 9;
const SIZE = SECTORS * SECTOR_BYTES;

interface Foreign {
  readonly name: string;
  readonly format: DiskFormatId;
  /** For `qemu-img convert`. */
  readonly options: readonly string[];
  readonly readOnly?: boolean;
  readonly subformat: string;
}

const foreign: readonly Foreign[] = [
  { name: "VDI", format: "vdi", options: ["-O", "vdi"], subformat: "dynamic" },
  { name: "static VDI", format: "vdi", options: ["-O", "vdi", "-o", "static=on"], subformat: "fixed" },
  ...["monolithicSparse", "monolithicFlat", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat", "streamOptimized"].map(
    (subformat) => ({
      name: `${subformat} VMDK`,
      format: "vmdk" as const,
      options: ["-O", "vmdk", "-o", `subformat=${subformat}`],
      subformat,
      readOnly: subformat === "streamOptimized",
    }),
  ),
  {
    name: "VMDK with zeroed grains",
    format: "vmdk",
    options: ["-O", "vmdk", "-o", "zeroed_grain=on"],
    subformat: "monolithicSparse",
  },
  { name: "dynamic VHD", format: "vhd", options: ["-O", "vpc", "-o", "force_size=on"], subformat: "dynamic" },
  { name: "VHD of whole cylinders", format: "vhd", options: ["-O", "vpc"], subformat: "dynamic" },
  {
    name: "fixed VHD",
    format: "vhd",
    options: ["-O", "vpc", "-o", "subformat=fixed,force_size=on"],
    subformat: "fixed",
  },
  { name: "VHDX", format: "vhdx", options: ["-O", "vhdx"], subformat: "dynamic" },
  { name: "fixed VHDX", format: "vhdx", options: ["-O", "vhdx", "-o", "subformat=fixed"], subformat: "fixed" },
  {
    name: "VHDX of small blocks",
    format: "vhdx",
    options: ["-O", "vhdx", "-o", "block_size=1M,block_state_zero=off,log_size=2M"],
    subformat: "dynamic",
  },
];

const own: readonly (readonly [DiskFormatId, string])[] = [
  ["vdi", "dynamic"],
  ["vdi", "fixed"],
  ["vmdk", "monolithicSparse"],
  ["vmdk", "monolithicFlat"],
  ["vmdk", "twoGbMaxExtentSparse"],
  ["vmdk", "twoGbMaxExtentFlat"],
  ["vmdk", "streamOptimized"],
  ["vhd", "dynamic"],
  ["vhd", "fixed"],
  ["vhdx", "dynamic"],
  ["vhdx", "fixed"],
];

/** Runs of random bytes, of one value, and of nothing. */
function content(seed: number): Uint8Array {
  const random = new RandomValues(seed);
  const bytes = new Uint8Array(SIZE);
  for (let at = 0; at < SIZE; ) {
    const end = Math.min(SIZE, at + (1 + random.below(3000)) * SECTOR_BYTES);
    const kind = random.below(3);
    if (kind === 1) bytes.set(random.bytes(end - at), at);
    if (kind === 2) bytes.fill(1 + random.below(255), at, end);
    at = end;
  }
  return bytes;
}

async function expectReads(disk: DiskImage, expected: Uint8Array): Promise<void> {
  const found = new Uint8Array(disk.sizeBytes);
  await disk.read(0, found);
  expect(Buffer.compare(found.subarray(0, SIZE), expected)).toBe(0);
  expect(found.subarray(SIZE).every((byte) => byte === 0)).toBe(true);
}

async function change(disk: DiskImage, bytes: Uint8Array, seed: number): Promise<void> {
  const random = new RandomValues(seed);
  for (let count = 0; count < 60; count++) {
    const sectors = 1 + random.below(random.below(5) === 0 ? 6000 : 100);
    const first = random.below(SECTORS - sectors);
    const [offset, length] = [first * SECTOR_BYTES, sectors * SECTOR_BYTES];
    const piece = bytes.subarray(offset, offset + length);
    if (random.below(4) === 0) {
      piece.fill(0);
      await disk.writeZeroes(offset, length);
    } else {
      piece.set(random.bytes(length));
      await disk.write(offset, piece);
    }
  }
}

const qemuName = (format: DiskFormatId) => (format === "vhd" ? "vpc" : format);

describe.skipIf(!qemuImgInstalled)("with qemu-img", () => {
  let folder: QemuFolder;
  const original = content(0x5eed_0600);
  beforeAll(() => {
    folder = new QemuFolder();
  });
  afterAll(() => folder.remove());

  /** What qemu-img says of the files that are in memory; "check" where it can. */
  function expectAccepted(files: MemoryFiles, name: string, format: DiskFormatId, expected: Uint8Array): void {
    const inside = new QemuFolder();
    try {
      inside.save(files);
      inside.write("model.raw", expected);
      const type = qemuName(format);
      if (format !== "vhd") expect(inside.run("check", "-f", type, name)).toContain("No errors were found");
      inside.run("compare", "-f", "raw", "-F", type, "model.raw", name);
    } finally {
      inside.remove();
    }
  }

  test.each(foreign)("its $name reads equal, and is still right after our changes", async (image) => {
    const work = new QemuFolder();
    try {
      work.write("original.raw", original);
      const name = `disk.${image.format}`;
      work.run("convert", "-f", "raw", ...image.options, "original.raw", name);
      const files = work.load();
      files.files.delete("/original.raw");
      const disk = await openDisk(files, name, { access: "write", services });
      const info = await disk.info();
      expect([info.format, info.subformat]).toEqual([image.format, image.subformat]);
      await expectReads(disk, original);
      expect(await disk.check(false)).toMatchObject({ errors: [] });
      expect(disk.readOnly).toBe(image.readOnly === true);
      if (image.readOnly !== true) {
        const bytes = original.slice();
        await change(disk, bytes, 0x5eed_0601);
        await expectReads(disk, bytes);
        const full = new Uint8Array(disk.sizeBytes);
        full.set(bytes);
        await disk.close();
        expectAccepted(files, name, image.format, full);
      } else {
        await disk.close();
      }
    } finally {
      work.remove();
    }
  });

  test.each(own)("our %s image (%s) passes its check and its comparison", async (format, subformat) => {
    const files = new MemoryFiles();
    const options: CreateDiskOptions = { sizeBytes: SIZE, services, subformat };
    const disk = await diskFormat(format).create(files, "own.img", options);
    const bytes = original.slice();
    for (let at = 0; at < SIZE; at += 1 << 20) await disk.write(at, bytes.subarray(at, Math.min(SIZE, at + (1 << 20))));
    if (subformat !== "streamOptimized") {
      await change(disk, bytes, 0x5eed_0602);
      await disk.discard(0, 4 << 20);
      await disk.writeZeroes(0, 4 << 20);
      bytes.fill(0, 0, 4 << 20);
      await disk.compact();
      await change(disk, bytes, 0x5eed_0603);
    }
    await disk.close();
    expectAccepted(files, "own.img", format, bytes);
  });

  test.each(own.filter(([, subformat]) => subformat !== "streamOptimized"))(
    "our %s image (%s) passes after it grew and shrank",
    async (format, subformat) => {
      const files = new MemoryFiles();
      const disk = await diskFormat(format).create(files, "own.img", { sizeBytes: SIZE, services, subformat });
      await disk.write(0, original);
      await disk.resize(SIZE * 12);
      await disk.write(SIZE * 11, original.subarray(0, 65536));
      await disk.resize(SIZE * 2, true);
      await disk.close();
      const bytes = new Uint8Array(SIZE * 2);
      bytes.set(original);
      expectAccepted(files, "own.img", format, bytes);
    },
  );

  test("VMDK chains, ours on its own and its own on ours", async () => {
    const files = new MemoryFiles();
    const vmdk = diskFormat("vmdk");
    const base = await vmdk.create(files, "base.vmdk", { sizeBytes: SIZE, services });
    await base.write(0, original);
    const { identity } = await base.info();
    await base.close();
    const reference = { names: ["base.vmdk"], format: "vmdk" as const, identity };
    await (await vmdk.create(files, "top.vmdk", { sizeBytes: SIZE, services, backing: { reference } })).close();
    const bytes = original.slice();
    const top = await openDisk(files, "top.vmdk", { access: "write", services });
    await change(top, bytes, 0x5eed_0604);
    await top.close();
    expectAccepted(files, "top.vmdk", "vmdk", bytes);

    folder.save(files);
    folder.run("create", "-f", "vmdk", "-b", "base.vmdk", "-F", "vmdk", "theirs.vmdk");
    const theirs = await openDisk(folder.load(), "theirs.vmdk", { access: "write", services });
    await expectReads(theirs, original);
    await theirs.close();
  });
});
