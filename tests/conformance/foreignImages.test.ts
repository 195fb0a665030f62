import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { openDisk, probeDisk } from "../../engine/storage/openDisk.ts";
import { MemoryFiles } from "../../engine/storage/stores/MemoryFiles.ts";
import { MemoryStore } from "../../engine/storage/stores/MemoryStore.ts";
import { diskServices } from "../fixtures/diskServices.ts";
import { QemuFolder, qemuImgInstalled } from "../fixtures/qemuImg.ts";

/** VMDK and VHD disks that other tools made, beside the project; skipped where they are not there. */
const folder = join(import.meta.dirname, "../../../shared/media/disks");
const present = existsSync(folder);
const names = present ? readdirSync(folder).filter((name) => /\.(vmdk|vhd)$/.test(name)) : [];
const services = diskServices();

describe.skipIf(!present)("images that other tools made", () => {
  const work = new QemuFolder();
  afterAll(() => work.remove());

  const whole = names.filter((name) => !name.includes("differential"));
  test.each(whole)("%s reads like in qemu-img", async (name) => {
    const path = join(folder, name);
    const files = new MemoryFiles(new Map([[`/${name}`, new MemoryStore(new Uint8Array(readFileSync(path)))]]));
    expect(await probeDisk(files, name)).toBe(name.endsWith("vmdk") ? "vmdk" : "vhd");
    const disk = await openDisk(files, name, { access: "read", services });
    expect((await disk.check(false)).errors).toEqual([]);
    // One is an empty disk of 8 GiB, which has no place in memory.
    if (qemuImgInstalled && disk.sizeBytes <= 2 ** 30) {
      work.run("convert", "-O", "raw", path, "theirs.raw");
      const theirs = work.read("theirs.raw");
      expect(disk.sizeBytes).toBe(theirs.length);
      const piece = new Uint8Array(8 * 1024 * 1024);
      for (let at = 0; at < disk.sizeBytes; ) {
        const extent = await disk.extentAt(at);
        const part = piece.subarray(0, Math.min(piece.length, extent.length));
        await disk.read(at, part);
        expect(Buffer.compare(theirs.subarray(at, at + part.length), part)).toBe(0);
        at += part.length;
      }
    }
    await disk.close();
  });

  test.skipIf(!names.includes("dfvfs-fat-differential.vhd"))("a differencing VHD names its parent", async () => {
    const name = "dfvfs-fat-differential.vhd";
    const bytes = new Uint8Array(readFileSync(join(folder, name)));
    const files = new MemoryFiles(new Map([[`/${name}`, new MemoryStore(bytes)]]));
    const disk = await openDisk(files, name, { access: "read", services, alone: true });
    const info = await disk.info();
    expect(info).toMatchObject({ format: "vhd", subformat: "differencing", sizeBytes: 4 * 1024 * 1024 });
    expect(info.backing?.names).toEqual(["fat-parent.vhd", "C:/Projects/dfvfs/test_data/fat-parent.vhd"]);
    expect(info.backing?.identity).toBe("5fa21a55-f394-aa4d-9958-1951a67d5540");
    expect(await disk.check(false)).toEqual({ errors: [], leakedBytes: 0, repaired: 0 });
    const missing = openDisk(files, name, { access: "read", services });
    await expect(missing).rejects.toMatchObject({ kind: "backing-missing" });
    await disk.close();
  });
});
