import { describe, expect, test } from "vitest";
import { diskServices } from "../../../../tests/fixtures/diskServices.ts";
import { RandomValues } from "../../../../tests/fixtures/RandomValues.ts";
import { MemoryFiles } from "../../stores/MemoryFiles.ts";
import type { MemoryStore } from "../../stores/MemoryStore.ts";
import { createQcow2, qcow2Format } from "./qcow2Format.ts";

const services = diskServices();
const writing = { access: "write", services } as const;
const reading = { access: "read", services } as const;
const layout = { version: 3, clusterBits: 12, refcountOrder: 4, compression: "zlib" } as const;
const sizeBytes = 1 << 20;

/** A closed image with some content, and its bytes to be harmed. */
async function image(): Promise<{ files: MemoryFiles; store: MemoryStore; view: DataView; content: Uint8Array }> {
  const files = new MemoryFiles();
  const disk = await createQcow2(files, "a", { sizeBytes, services }, layout);
  const content = new RandomValues(0x5eed_0600).bytes(100 * 4096);
  await disk.write(0, content);
  await disk.close();
  const store = files.files.get("/a")!;
  const { bytes } = store;
  return { files, store, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), content };
}

const place = (view: DataView, at: number) => Number(view.getBigUint64(at) & 0x00ff_ffff_ffff_fe00n);

describe("a harmed QCOW2 image", () => {
  test("that was not closed cleanly is repaired when it is opened for writing", async () => {
    const { files, store, view, content } = await image();
    view.setBigUint64(72, 1n);
    // As after lazy refcounts: what was allocated last is not counted.
    const block = place(view, place(view, 48));
    store.bytes.fill(0, block + 40, block + 160);
    const look = await qcow2Format.open(files, "a", reading);
    expect(await look.info()).toMatchObject({ dirty: true });
    expect((await look.check(false)).errors.length).toBeGreaterThan(10);
    await look.close();
    const disk = await qcow2Format.open(files, "a", writing);
    expect(await disk.info()).toMatchObject({ dirty: false });
    expect(await disk.check(false)).toEqual({ errors: [], leakedBytes: 0, repaired: 0 });
    await disk.write(500_224, new Uint8Array(65536).fill(3));
    const found = new Uint8Array(content.length);
    await disk.read(0, found);
    expect(Buffer.compare(found, content)).toBe(0);
    await disk.close();
  });

  test("that is marked as damaged is written only after a repair", async () => {
    const { files, view } = await image();
    view.setBigUint64(72, 2n);
    const disk = await qcow2Format.open(files, "a", writing);
    await expect(disk.write(0, new Uint8Array(512))).rejects.toMatchObject({ kind: "corrupt-image" });
    expect(await disk.check(true)).toMatchObject({ errors: [], repaired: 1 });
    await disk.write(0, new Uint8Array(512));
    await disk.close();
  });

  test("gets back leaked space, and counts again when a whole refcount block is lost", async () => {
    const { files, view, content } = await image();
    const table = place(view, 48);
    view.setUint16(place(view, table) + 120 * 2, 1);
    let disk = await qcow2Format.open(files, "a", writing);
    expect(await disk.check(false)).toMatchObject({ errors: [], leakedBytes: 4096 });
    expect(await disk.check(true)).toEqual({ errors: [], leakedBytes: 0, repaired: 1 });
    await disk.close();
    const again = files.files.get("/a")!.bytes;
    new DataView(again.buffer, again.byteOffset).setBigUint64(table, 0x7ff_0000_0000n);
    disk = await qcow2Format.open(files, "a", writing);
    expect((await disk.check(false)).errors).not.toEqual([]);
    expect((await disk.check(true)).errors).toEqual([]);
    expect(await disk.check(false)).toEqual({ errors: [], leakedBytes: 0, repaired: 0 });
    await disk.write(700_416, new Uint8Array(65536));
    const found = new Uint8Array(content.length);
    await disk.read(0, found);
    expect(Buffer.compare(found, content)).toBe(0);
    await disk.close();
  });

  test("never has its own tables overwritten", async () => {
    const { files, store, view } = await image();
    const block = place(view, place(view, 48));
    store.bytes.fill(0, block, block + 4096);
    const disk = await qcow2Format.open(files, "a", writing);
    const before = store.bytes.slice(0, 4096 * 4);
    await expect(disk.write(700_416, new Uint8Array(4096).fill(1))).rejects.toMatchObject({ kind: "corrupt-image" });
    expect(Buffer.compare(store.bytes.subarray(0, 4096 * 4), before)).toBe(0);
  });

  test("with two clusters in one place keeps both apart after a repair", async () => {
    const { files, view, content } = await image();
    const l2 = place(view, place(view, 40));
    view.setBigUint64(l2 + 8, view.getBigUint64(l2));
    const disk = await qcow2Format.open(files, "a", writing);
    expect((await disk.check(false)).errors).not.toEqual([]);
    expect((await disk.check(true)).errors).toEqual([]);
    await disk.write(4096, new Uint8Array(512).fill(1));
    const found = new Uint8Array(4096);
    await disk.read(0, found);
    expect(Buffer.compare(found, content.subarray(0, 4096))).toBe(0);
    await disk.close();
  });

  test.each<[string, string, number, bigint]>([
    ["a foreign version", "unsupported-image", 4, 0x0000_0009_0000_0000n],
    ["an unknown feature", "unsupported-image", 72, 1n << 40n],
    ["an L1 table of gigabytes", "corrupt-image", 36, 0xffff_ffff_0000_0000n],
    ["an L1 table beyond the end", "corrupt-image", 40, 1n << 40n],
    ["an L1 table at an odd place", "corrupt-image", 40, 4097n],
    ["no refcount table", "corrupt-image", 48, 0n],
    ["a disk of exabytes", "corrupt-image", 24, 1n << 62n],
  ])("with %s is refused", async (_, kind, at, value) => {
    const { files, view } = await image();
    view.setBigUint64(at, value);
    await expect(qcow2Format.open(files, "a", reading)).rejects.toMatchObject({ kind });
    expect(await qcow2Format.probe(await files.open("a", "read"))).toBe(true);
  });

  test("forgets bitmaps that it does not keep, at its first change only", async () => {
    const { files, view } = await image();
    view.setBigUint64(88, 1n);
    const disk = await qcow2Format.open(files, "a", writing);
    await disk.flush();
    expect(view.getBigUint64(88)).toBe(1n);
    await disk.write(0, new Uint8Array(512));
    const { bytes } = files.files.get("/a")!;
    expect(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(88)).toBe(0n);
    await disk.close();
  });
});

describe("a new QCOW2 image", () => {
  test("of a size or kind that cannot be leaves no file", async () => {
    const files = new MemoryFiles();
    const kinds: [object, string][] = [
      [{ sizeBytes: 0 }, "unsupported-size"],
      [{ sizeBytes: 1000 }, "unsupported-size"],
      [{ sizeBytes: 2 ** 53 }, "unsupported-size"],
      [{ subformat: "v9" }, "unsupported-operation"],
      [
        { backing: { reference: { names: ["n".repeat(2000)], format: undefined, identity: undefined } } },
        "invalid-name",
      ],
    ];
    for (const [options, kind] of kinds) {
      await expect(qcow2Format.create(files, "a", { sizeBytes, services, ...options })).rejects.toMatchObject({ kind });
    }
    expect(files.files.size).toBe(0);
  });

  test("of terabytes is small, and its far end can be written", async () => {
    const files = new MemoryFiles();
    const disk = await qcow2Format.create(files, "a", { sizeBytes: 4 * 2 ** 40, services });
    await disk.write(4 * 2 ** 40 - 4096, new Uint8Array(4096).fill(1));
    expect((await disk.extentAt(0)).kind).toBe("absent");
    await disk.close();
    expect(files.files.get("/a")!.bytes.length).toBeLessThan(1 << 20);
  });
});
