import { describe, expect, test } from "vitest";
import { diskServices } from "../../tests/fixtures/diskServices.ts";
import { compareDisks } from "./compareDisks.ts";
import { convertDisk } from "./convertDisk.ts";
import { qcow2Format } from "./formats/qcow/qcow2Format.ts";
import { rawFormat } from "./formats/raw/RawDisk.ts";
import { diskFormat, openDisk, probeDisk } from "./openDisk.ts";
import { MemoryFiles } from "./stores/MemoryFiles.ts";

const services = diskServices();
const sizeBytes = 4 << 20;
const reading = { access: "read", services } as const;
const writing = { access: "write", services } as const;

/** An overlay that says what it rests on. */
async function overlay(files: MemoryFiles, name: string, behind: string, format: "raw" | "qcow2" = "qcow2") {
  const backing = { reference: { names: [behind], format, identity: undefined } };
  await (await qcow2Format.create(files, name, { sizeBytes, services, backing })).close();
}

async function rawDisk(files: MemoryFiles, name: string, fill: number): Promise<void> {
  const disk = await rawFormat.create(files, name, { sizeBytes, services });
  await disk.write(512, new Uint8Array(512).fill(fill));
  await disk.close();
}

async function firstBytes(files: MemoryFiles, name: string): Promise<number[]> {
  const disk = await openDisk(files, name, reading);
  const bytes = new Uint8Array(1024);
  await disk.read(0, bytes);
  await disk.close();
  return [bytes[0]!, bytes[512]!];
}

describe("opening a disk with all it rests on", () => {
  test("reads through a chain across folders, and writes the top only", async () => {
    const files = new MemoryFiles();
    await rawDisk(files, "base/base.raw", 5);
    await overlay(files, "base/one.qcow2", "base.raw", "raw");
    await overlay(files, "vm/two.qcow2", "../base/one.qcow2");
    const below = [...files.files].slice(0, 2).map(([, store]) => store.bytes.slice());
    const disk = await openDisk(files, "vm/two.qcow2", writing);
    await disk.write(0, new Uint8Array(512).fill(6));
    await disk.close();
    expect(await firstBytes(files, "vm/two.qcow2")).toEqual([6, 5]);
    expect(await firstBytes(files, "base/one.qcow2")).toEqual([0, 5]);
    [...files.files].slice(0, 2).forEach(([, store], index) => {
      expect(Buffer.compare(store.bytes, below[index]!)).toBe(0);
    });
  });

  test("refuses a chain that bites its own tail", async () => {
    const files = new MemoryFiles();
    await overlay(files, "one.qcow2", "two.qcow2");
    await overlay(files, "two.qcow2", "x/../one.qcow2");
    await expect(openDisk(files, "one.qcow2", reading)).rejects.toMatchObject({ kind: "backing-loop" });
    const alone = await openDisk(files, "one.qcow2", { ...reading, alone: true });
    expect(await alone.info()).toMatchObject({ backing: { names: ["two.qcow2"], format: "qcow2" } });
    await alone.close();
  });

  test("refuses a chain that is longer than anybody needs", async () => {
    const files = new MemoryFiles();
    await overlay(files, "0", "missing");
    const image = files.files.get("/0")!.bytes;
    for (let index = 1; index < 300; index++) {
      const name = String(index);
      await overlay(files, name, String(index - 1));
    }
    expect(image.length).toBeGreaterThan(0);
    await expect(openDisk(files, "299", reading)).rejects.toMatchObject({ kind: "backing-too-deep" });
    await expect(openDisk(files, "200", reading)).rejects.toMatchObject({ kind: "backing-missing" });
  });

  test("says what is missing, and knows what is no file", async () => {
    const files = new MemoryFiles();
    await rawDisk(files, "base.raw", 1);
    await overlay(files, "missing.qcow2", "nowhere.raw", "raw");
    await overlay(files, "remote.qcow2", "nbd://localhost:10809", "raw");
    await overlay(files, "json.qcow2", 'json:{"driver":"raw"}', "raw");
    await overlay(files, "prefixed.qcow2", "file:base.raw", "raw");
    const missing = { kind: "backing-missing", context: { name: "nowhere.raw" } };
    await expect(openDisk(files, "missing.qcow2", reading)).rejects.toMatchObject(missing);
    await expect(openDisk(files, "remote.qcow2", reading)).rejects.toMatchObject({ kind: "unsupported-image" });
    await expect(openDisk(files, "json.qcow2", reading)).rejects.toMatchObject({ kind: "unsupported-image" });
    await expect(openDisk(files, "absent.qcow2", reading)).rejects.toMatchObject({ kind: "file-missing" });
    expect(await firstBytes(files, "prefixed.qcow2")).toEqual([0, 1]);
  });

  test("finds formats by content, unless told", async () => {
    const files = new MemoryFiles();
    await overlay(files, "one.qcow2", "base.raw", "raw");
    await files.create("empty");
    expect(await probeDisk(files, "one.qcow2")).toBe("qcow2");
    await expect(probeDisk(files, "empty")).rejects.toMatchObject({ kind: "empty-image" });
    const raw = await openDisk(files, "one.qcow2", { ...reading, format: "raw" });
    expect((await raw.info()).format).toBe("raw");
    await raw.close();
    expect(() => diskFormat("floppy" as "raw")).toThrow(expect.objectContaining({ kind: "unknown-format" }));
  });
});

describe("converting a disk", () => {
  async function source(files: MemoryFiles) {
    await rawDisk(files, "base.raw", 5);
    await overlay(files, "top.qcow2", "base.raw", "raw");
    const disk = await openDisk(files, "top.qcow2", writing);
    await disk.write(3 << 20, new Uint8Array(65536).fill(7));
    await disk.writeZeroes(512, 512);
    return disk;
  }

  test("flattens a chain, leaves out zeros, says how far it is", async () => {
    const files = new MemoryFiles();
    const disk = await source(files);
    const target = await qcow2Format.create(files, "flat.qcow2", { sizeBytes, services });
    const seen: number[] = [];
    await convertDisk(disk, target, { onProgress: (fraction) => seen.push(fraction) });
    expect(await compareDisks(disk, target)).toEqual({ equal: true, firstDifferentSector: undefined, sameSize: true });
    expect((await target.extentAt(1 << 20)).kind).toBe("absent");
    expect((await target.extentAt(3 << 20)).kind).toBe("data");
    expect(seen.at(-1)).toBe(1);
    expect(seen.toSorted((one, other) => one - other)).toEqual(seen);
    expect((await target.info()).allocatedBytes).toBeLessThan(600_000);
    await target.close();
    await disk.close();
  });

  test("stops when cancelled, and refuses a target that is too small", async () => {
    const files = new MemoryFiles();
    const disk = await source(files);
    const target = await rawFormat.create(files, "flat.raw", { sizeBytes, services });
    const controller = new AbortController();
    const onProgress = () => controller.abort();
    const cancelled = convertDisk(disk, target, { signal: controller.signal, onProgress });
    await expect(cancelled).rejects.toMatchObject({ kind: "cancelled" });
    await target.resize(1 << 20, true);
    await expect(convertDisk(disk, target)).rejects.toMatchObject({ kind: "unsupported-size" });
  });

  test("hears of a full disk", async () => {
    const files = new MemoryFiles();
    const disk = await source(files);
    const target = await rawFormat.create(files, "flat.raw", { sizeBytes, services });
    await target.close();
    await expect(convertDisk(disk, target)).rejects.toMatchObject({ kind: "closed" });
  });
});

describe("comparing disks", () => {
  test("finds the first difference from either side, and takes zeros for the end", async () => {
    const files = new MemoryFiles();
    const one = await rawFormat.create(files, "one", { sizeBytes, services });
    const other = await qcow2Format.create(files, "other", { sizeBytes: sizeBytes * 2, services });
    expect(await compareDisks(one, other)).toEqual({ equal: true, firstDifferentSector: undefined, sameSize: false });
    await other.write(512 * 9000, new Uint8Array(512).fill(1));
    expect(await compareDisks(one, other)).toMatchObject({ equal: false, firstDifferentSector: 9000 });
    await other.write(512 * 77, new Uint8Array(512).fill(1));
    expect(await compareDisks(one, other)).toMatchObject({ equal: false, firstDifferentSector: 77 });
    await one.write(512 * 8, new Uint8Array(512).fill(1));
    expect(await compareDisks(one, other)).toMatchObject({ equal: false, firstDifferentSector: 8 });
  });
});
