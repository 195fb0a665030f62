import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RawDisk } from "../storage/formats/raw/RawDisk.ts";
import { checkDiskSize } from "./diskSize.ts";
import { FileStore } from "./FileStore.ts";
import { LockFile } from "./LockFile.ts";
import { createDisk } from "./mediumWork.ts";
import { writeFileAtomically } from "./writeFileAtomically.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "guesthouse-test-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const isRoot = process.getuid?.() === 0;

test("who has a file open for reading may open it for writing beside that, and back; nobody else may", async () => {
  const path = join(folder, "disk");
  writeFileSync(path, new Uint8Array(10));
  const reader = await FileStore.open(path, "read", "shared");
  await expect(FileStore.open(path, "write")).rejects.toMatchObject({ kind: "in-use" });
  const writer = await FileStore.open(path, "write", "exclusive", true);
  await reader.close();
  await expect(FileStore.open(path, "read", "shared")).rejects.toMatchObject({ kind: "in-use" });
  const again = await FileStore.open(path, "read", "shared", true);
  await writer.close();
  await expect(FileStore.open(path, "write")).rejects.toMatchObject({ kind: "in-use" });
  const other = { pid: process.ppid, started: "", nonce: "other" };
  const foreign = join(folder, ".disk.lock.shared-other");
  writeFileSync(foreign, JSON.stringify(other));
  await expect(FileStore.open(path, "write", "exclusive", true)).rejects.toMatchObject({ kind: "in-use" });
  await rm(foreign);
  await again.close();
  await (await FileStore.open(path, "write")).close();
});

describe("FileStore", () => {
  test("reads what it wrote, at any offset, and keeps it", async () => {
    const path = join(folder, "disk");
    writeFileSync(path, new Uint8Array(10));
    const store = await FileStore.open(path, "write");
    await store.write(8, new Uint8Array([1, 2, 3, 4]));
    await store.flush();
    expect(await store.size()).toBe(12);
    const target = new Uint8Array(8);
    expect(await store.read(7, target)).toBe(5);
    expect([...target]).toEqual([0, 1, 2, 3, 4, 0, 0, 0]);
    await store.truncate(9);
    await store.close();
    expect([...readFileSync(path)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 1]);
  });

  test("one writer at a time, readers beside it, and nothing left behind", async () => {
    const path = join(folder, "disk");
    writeFileSync(path, "x");
    const writer = await FileStore.open(path, "write");
    await expect(FileStore.open(path, "write")).rejects.toMatchObject({ kind: "in-use" });
    const reader = await FileStore.open(path, "read");
    await reader.close();
    await writer.close();
    await (await FileStore.open(path, "write")).close();
    expect(readdirSync(folder)).toEqual(["disk"]);
  });

  test.each([
    ["a missing file", "nowhere", "file-missing"],
    ["a folder", ".", "not-a-file"],
  ])("%s is refused", async (_name, path, kind) => {
    await expect(FileStore.open(join(folder, path), "read")).rejects.toMatchObject({ kind });
  });

  test.skipIf(isRoot)("a file that may not be read is refused", async () => {
    const path = join(folder, "secret");
    writeFileSync(path, "x");
    chmodSync(path, 0);
    await expect(FileStore.open(path, "read")).rejects.toMatchObject({ kind: "file-forbidden" });
  });

  test("use after close is refused", async () => {
    const path = join(folder, "disk");
    writeFileSync(path, "x");
    const store = await FileStore.open(path, "read");
    await store.close();
    await expect(store.size()).rejects.toMatchObject({ kind: "closed" });
  });

  test("an image that shrinks under a machine is noticed", async () => {
    const path = join(folder, "disk");
    writeFileSync(path, new Uint8Array(4096));
    const image = await RawDisk.open(await FileStore.open(path, "write"), { readOnly: false });
    truncateSync(path, 1024);
    await expect(image.read(2048, new Uint8Array(512))).rejects.toMatchObject({ kind: "medium-shrunk" });
    await image.close();
  });

  test.runIf(process.platform === "linux")("a full disk is said to be full", async () => {
    // /dev/full is no regular file, so the handle under the store is exchanged, not the store's opening.
    const path = join(folder, "disk");
    writeFileSync(path, "x");
    const store = await FileStore.open(path, "write");
    const { open } = await import("node:fs/promises");
    const full = await open("/dev/full", "r+");
    await expect(full.write(new Uint8Array(1), 0, 1, 0)).rejects.toMatchObject({ code: "ENOSPC" });
    const { fileError } = await import("./fileError.ts");
    const error = await full.write(new Uint8Array(1), 0, 1, 0).catch((cause: unknown) => fileError(cause, path));
    expect(error).toMatchObject({ kind: "disk-full" });
    await full.close();
    await store.close();
  });
});

describe("LockFile", () => {
  const owner = () =>
    spawnSync(process.execPath, ["-e", "console.log(process.pid)"], { encoding: "utf8" }).stdout.trim();

  test("a lock of a process that is gone is taken over", async () => {
    const path = join(folder, ".lock");
    writeFileSync(path, JSON.stringify({ pid: Number(owner()), started: "1", nonce: "old" }));
    const lock = await LockFile.acquire(path, "The machine");
    await expect(LockFile.acquire(path, "The machine")).rejects.toMatchObject({
      kind: "in-use",
      context: { pid: process.pid },
    });
    await lock.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  test.runIf(process.platform === "linux")("a process id that was given away does not count", async () => {
    const path = join(folder, ".lock");
    writeFileSync(path, JSON.stringify({ pid: process.pid, started: "1", nonce: "old" }));
    await (await LockFile.acquire(path, "The machine")).release();
  });

  test("a damaged lock belongs to nobody", async () => {
    const path = join(folder, ".lock");
    writeFileSync(path, "{");
    await (await LockFile.acquire(path, "The machine")).release();
  });

  test("of many that try at once one succeeds", async () => {
    const path = join(folder, ".lock");
    writeFileSync(path, JSON.stringify({ pid: Number(owner()), started: "1", nonce: "old" }));
    const tries = await Promise.allSettled(Array.from({ length: 8 }, () => LockFile.acquire(path, "It")));
    expect(tries.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });
});

describe("new files", () => {
  test("a new disk is sparse, and never replaces a file", async () => {
    const path = join(folder, "disk.img");
    await createDisk(path, { format: "raw", sizeBytes: 1024 ** 3 });
    expect(statSync(path).size).toBe(1024 ** 3);
    if (process.platform !== "win32") expect(statSync(path).blocks).toBeLessThan(1000);
    await expect(createDisk(path, { format: "raw", sizeBytes: 1024 ** 2 })).rejects.toMatchObject({
      kind: "file-exists",
    });
    expect(readdirSync(folder)).toEqual(["disk.img"]);
    expect(() => checkDiskSize(1000)).toThrow(expect.objectContaining({ kind: "invalid-size" }));
  });

  test("an atomic write replaces the whole and leaves no temporary file", async () => {
    const path = join(folder, "machine.json");
    await writeFileAtomically(path, "long content");
    await writeFileAtomically(path, "short");
    expect(readFileSync(path, "utf8")).toBe("short");
    expect(readdirSync(folder)).toEqual(["machine.json"]);
  });

  test("a write into a missing folder is a typed error", async () => {
    await expect(writeFileAtomically(join(folder, "no/file"), "x")).rejects.toMatchObject({ kind: "file-missing" });
  });
});
