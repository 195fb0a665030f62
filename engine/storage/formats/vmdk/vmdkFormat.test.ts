import { describe, expect, test } from "vitest";
import { diskImageConformance } from "../../../../tests/conformance/diskImageConformance.ts";
import { diskServices } from "../../../../tests/fixtures/diskServices.ts";
import { RandomValues } from "../../../../tests/fixtures/RandomValues.ts";
import type { ByteStore } from "../../../contracts/BlockDevice.ts";
import { MemoryFiles } from "../../stores/MemoryFiles.ts";
import { vmdkFormat } from "./vmdkFormat.ts";

const shape = { format: vmdkFormat, sectorCount: 5001 };
const differencing = { differencing: true, backingIdentity: "12345678" } as const;

diskImageConformance("a sparse VMDK image", { ...shape, subformat: "monolithicSparse" });
diskImageConformance("a differencing VMDK image", {
  ...shape,
  ...differencing,
  subformat: "monolithicSparse",
  // Its grains cannot be zero without space.
  without: ["zero"],
});
diskImageConformance("a flat VMDK image", { ...shape, subformat: "monolithicFlat", without: ["zero"] });
diskImageConformance("a split sparse VMDK image", { ...shape, subformat: "twoGbMaxExtentSparse" });
diskImageConformance("a split flat VMDK image", { ...shape, subformat: "twoGbMaxExtentFlat", without: ["zero"] });

describe("a streamed VMDK image", () => {
  const services = diskServices();
  const sizeBytes = 40 * 1024 * 1024 + 512;
  const create = { sizeBytes, services, subformat: "streamOptimized" };

  test("is written from start to end, its file too, and reads back", async () => {
    const files = new MemoryFiles();
    let end = 0;
    const appending = (store: ByteStore): ByteStore => ({
      size: () => store.size(),
      read: (position, target) => store.read(position, target),
      write: async (position, source) => {
        expect(position).toBe(end);
        end += source.length;
        await store.write(position, source);
      },
      truncate: (size) => store.truncate(size),
      flush: () => store.flush(),
      close: () => store.close(),
    });
    const opener = {
      open: (name: string, access: "read" | "write") => files.open(name, access),
      create: async (name: string) => appending(await files.create(name)),
      remove: (name: string) => files.remove(name),
      identify: (name: string) => files.identify(name),
      beside: () => opener,
    };
    const random = new RandomValues(5);
    const model = new Uint8Array(sizeBytes);
    const image = await vmdkFormat.create(opener, "s.vmdk", create);
    for (let at = 0; at < sizeBytes; at += 512 * (1 + random.below(9000))) {
      const bytes = random.bytes(Math.min(512 * (1 + random.below(200)), sizeBytes - at));
      if (random.below(3) === 0) bytes.fill(7);
      model.set(bytes, at);
      await image.write(at, bytes);
      at += bytes.length;
    }
    await image.write(sizeBytes - 512, new Uint8Array(512).fill(9));
    model.fill(9, sizeBytes - 512);
    await expect(image.write(0, new Uint8Array(512).fill(1))).rejects.toMatchObject({ kind: "unsupported-operation" });
    await image.close();
    const again = await vmdkFormat.open(files, "s.vmdk", { access: "write", services });
    expect([again.readOnly, again.sizeBytes]).toEqual([true, sizeBytes]);
    const found = new Uint8Array(sizeBytes);
    await again.read(0, found);
    expect(Buffer.compare(found, model)).toBe(0);
    expect(await again.check(false)).toEqual({ errors: [], leakedBytes: 0, repaired: 0 });
    expect(await again.info()).toMatchObject({ format: "vmdk", subformat: "streamOptimized" });
    await again.close();
  });

  test("is no image before it is closed", async () => {
    const files = new MemoryFiles();
    const image = await vmdkFormat.create(files, "s.vmdk", create);
    await image.write(0, new Uint8Array(65536 * 3).fill(1));
    await image.flush();
    const early = vmdkFormat.open(files, "s.vmdk", { access: "read", services });
    await expect(early).rejects.toMatchObject({ kind: "corrupt-image" });
    await image.close();
  });
});

describe("a VMDK disk of several files", () => {
  const services = diskServices();
  const MiB = 1024 * 1024;

  test("grows and shrinks by files", async () => {
    const files = new MemoryFiles();
    const create = { sizeBytes: 3 * MiB, services, subformat: "twoGbMaxExtentSparse" };
    const image = await vmdkFormat.create(files, "a/d.vmdk", create);
    await image.write(0, new Uint8Array(512).fill(3));
    await image.resize(5000 * MiB);
    expect([...files.files.keys()].sort()).toEqual(["/a/d-s001.vmdk", "/a/d-s002.vmdk", "/a/d-s003.vmdk", "/a/d.vmdk"]);
    await image.write(4999 * MiB, new Uint8Array(512).fill(4));
    await image.write(2047 * MiB - 512, new Uint8Array(1024).fill(5));
    await image.close();
    const again = await vmdkFormat.open(files, "a/d.vmdk", { access: "write", services });
    const sectors = new Uint8Array(2048);
    await again.read(2047 * MiB - 1024, sectors);
    expect([sectors[0], sectors[512], sectors[1024], sectors[1536]]).toEqual([0, 5, 5, 0]);
    await expect(again.resize(2 * MiB)).rejects.toMatchObject({ kind: "truncation-needed" });
    await again.resize(2 * MiB, true);
    expect([...files.files.keys()].sort()).toEqual(["/a/d-s001.vmdk", "/a/d.vmdk"]);
    await again.read(0, sectors);
    expect(sectors[0]).toBe(3);
    await again.close();
  });

  test("is not opened when a file of it may not be", async () => {
    const files = new MemoryFiles();
    await (await vmdkFormat.create(files, "d.vmdk", { sizeBytes: MiB, services, subformat: "monolithicFlat" })).close();
    await files.remove("d-flat.vmdk");
    const open = vmdkFormat.open(files, "d.vmdk", { access: "read", services });
    await expect(open).rejects.toMatchObject({ kind: "file-missing" });
  });

  test.each(["SESPARSE", "VMFSRDM"])("refuses an extent of type %s", async (type) => {
    const files = new MemoryFiles();
    const text = `# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\nRW 8 ${type} "x"\n`;
    await (await files.create("d.vmdk")).write(0, new TextEncoder().encode(text));
    const open = vmdkFormat.open(files, "d.vmdk", { access: "read", services });
    await expect(open).rejects.toMatchObject({ kind: "unsupported-image" });
  });
});

describe("an ESX sparse extent", () => {
  const services = diskServices();

  test("is read through its descriptor, over its parent, and not written", async () => {
    const files = new MemoryFiles();
    const extent = new Uint8Array(0x10000);
    const view = new DataView(extent.buffer);
    extent.set(new TextEncoder().encode("COWD"));
    for (const [at, value] of [
      [4, 1],
      [8, 3],
      [12, 64],
      [16, 1],
      [20, 4],
      [24, 1],
    ] as const) {
      view.setUint32(at, value, true);
    }
    // The directory in sector 4 names the table in sector 8, whose fourth grain of one sector lies in sector 60.
    view.setUint32(4 * 512, 8, true);
    view.setUint32(8 * 512 + 3 * 4, 60, true);
    extent.fill(0x77, 60 * 512, 61 * 512);
    await (await files.create("d-delta.vmdk")).write(0, extent);
    const text = [
      "# Disk DescriptorFile",
      "version=1",
      "CID=0badcafe",
      "parentCID=12345678",
      'createType="vmfsSparse"',
      'parentFileNameHint="base.vmdk"',
      'RW 64 VMFSSPARSE "d-delta.vmdk"',
    ];
    await (await files.create("d.vmdk")).write(0, new TextEncoder().encode(text.join("\n")));
    const base = await vmdkFormat.create(files, "base.vmdk", { sizeBytes: 64 * 512, services });
    await base.write(0, new Uint8Array(64 * 512).fill(0x11));
    const openBacking = async () => base;
    const disk = await vmdkFormat.open(files, "d.vmdk", { access: "write", services, openBacking });
    expect([disk.readOnly, disk.sizeBytes]).toEqual([true, 64 * 512]);
    const backing = { names: ["base.vmdk"], format: undefined, identity: "12345678" };
    expect(await disk.info()).toMatchObject({ subformat: "vmfsSparse", identity: "0badcafe", backing });
    const found = new Uint8Array(5 * 512);
    await disk.read(0, found);
    expect([0, 1, 2, 3, 4].map((sector) => found[sector * 512])).toEqual([0x11, 0x11, 0x11, 0x77, 0x11]);
    await disk.close();
  });
});
