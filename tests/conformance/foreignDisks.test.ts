import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { openDisk, probeDisk } from "../../engine/storage/openDisk.ts";
import { MemoryFiles } from "../../engine/storage/stores/MemoryFiles.ts";
import { MemoryStore } from "../../engine/storage/stores/MemoryStore.ts";
import { diskServices } from "../fixtures/diskServices.ts";
import { QemuFolder, qemuImgInstalled } from "../fixtures/qemuImg.ts";

/** Disks that other tools made, beside the project; skipped where they are not there. */
const media = join(import.meta.dirname, "../../../shared/media");
const present = existsSync(media);
if (!present) console.warn("../shared/media is not there: disks of other tools are not tried.");
const services = diskServices();

function filesIn(folder: string, end: string): string[] {
  return present ? readdirSync(join(media, folder)).filter((name) => name.endsWith(end)) : [];
}

function load(folder: string, name: string): MemoryFiles {
  const bytes = new Uint8Array(readFileSync(join(media, folder, name)));
  return new MemoryFiles(new Map([[`/${name}`, new MemoryStore(bytes)]]));
}

describe.skipIf(!present)("disks that other tools made", () => {
  const folder = new QemuFolder();
  afterAll(() => folder.remove());

  test.each(filesIn("disks", ".qcow2"))("%s reads like in qemu-img", async (name) => {
    const files = load("disks", name);
    expect(await probeDisk(files, name)).toBe("qcow2");
    const disk = await openDisk(files, name, { access: "read", services });
    const content = new Uint8Array(disk.sizeBytes);
    await disk.read(0, content);
    expect((await disk.check(false)).errors).toEqual([]);
    await disk.close();
    if (!qemuImgInstalled) return;
    folder.run("convert", "-O", "raw", join(media, "disks", name), "theirs.raw");
    expect(Buffer.compare(folder.read("theirs.raw"), content)).toBe(0);
  });
});
