import { expect, test } from "vitest";
import { diskServices } from "../../../../tests/fixtures/diskServices.ts";
import { MemoryFiles } from "../../stores/MemoryFiles.ts";
import { MemoryStore } from "../../stores/MemoryStore.ts";
import { ImageFile } from "../sparse/ImageFile.ts";
import { crc32c } from "./crc32c.ts";
import { readVhdxHeader, writeVhdxHeader } from "./VhdxHeaders.ts";
import { vhdxFormat } from "./vhdxFormat.ts";

const services = diskServices();
const SECTOR_BYTES = 4096;
const guid = new Uint8Array(16).fill(0x17);

/** One entry with a data sector of `value`, and a zero range, by MS-VHDX 2.3.1. */
function entry(sequence: number, tail: number, dataAt: number, value: number, zeroAt: number): Uint8Array {
  const bytes = new Uint8Array(2 * SECTOR_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode("loge"));
  view.setUint32(8, bytes.length, true);
  view.setUint32(12, tail, true);
  view.setBigUint64(16, BigInt(sequence), true);
  view.setUint32(24, 2, true);
  bytes.set(guid, 32);
  bytes.set(new TextEncoder().encode("desc"), 64);
  bytes.fill(value, 68, 80);
  view.setBigUint64(80, BigInt(dataAt), true);
  view.setBigUint64(88, BigInt(sequence), true);
  bytes.set(new TextEncoder().encode("zero"), 96);
  view.setBigUint64(104, BigInt(SECTOR_BYTES), true);
  view.setBigUint64(112, BigInt(zeroAt), true);
  view.setBigUint64(120, BigInt(sequence), true);
  bytes.fill(value, SECTOR_BYTES);
  bytes.set(new TextEncoder().encode("data"), SECTOR_BYTES);
  view.setUint32(SECTOR_BYTES + 4, 0, true);
  view.setUint32(2 * SECTOR_BYTES - 4, sequence, true);
  view.setUint32(4, crc32c(bytes, 4), true);
  return bytes;
}

/** A disk of ones whose file was left with a log of two entries, which lie across the end of the log's ring. */
async function imageWithLog(): Promise<{ files: MemoryFiles; dataAt: number }> {
  const files = new MemoryFiles();
  const disk = await vhdxFormat.create(files, "d.vhdx", { sizeBytes: 2 * 1024 * 1024, services });
  await disk.write(0, new Uint8Array(2 * 1024 * 1024).fill(1));
  await disk.close();
  const store = files.files.get("/d.vhdx") ?? new MemoryStore();
  const file = await ImageFile.open(store, "d.vhdx", true);
  const header = await readVhdxHeader(file);
  const dataAt = store.bytes.indexOf(1, 4 * 1024 * 1024);
  const firstAt = header.logLength - SECTOR_BYTES;
  const first = entry(7, firstAt, dataAt, 5, dataAt + SECTOR_BYTES);
  await file.write(header.logOffset + firstAt, first.subarray(0, SECTOR_BYTES));
  await file.write(header.logOffset, first.subarray(SECTOR_BYTES));
  await file.write(header.logOffset + SECTOR_BYTES, entry(8, firstAt, dataAt, 6, dataAt + 2 * SECTOR_BYTES));
  header.logGuid = guid;
  await writeVhdxHeader(file, header);
  return { files, dataAt };
}

const replayed = [6, 0, 0, 1];

test("a log is replayed in memory when the image is only read", async () => {
  const { files } = await imageWithLog();
  const store = files.files.get("/d.vhdx") ?? new MemoryStore();
  const before = store.bytes.slice();
  const disk = await vhdxFormat.open(files, "d.vhdx", { access: "read", services });
  expect((await disk.info()).dirty).toBe(true);
  const found = new Uint8Array(4 * SECTOR_BYTES);
  await disk.read(0, found);
  expect([0, 1, 2, 3].map((sector) => found[sector * SECTOR_BYTES])).toEqual(replayed);
  expect(found.subarray(0, SECTOR_BYTES).every((byte) => byte === 6)).toBe(true);
  await disk.close();
  expect(Buffer.compare(store.bytes, before)).toBe(0);
});

test("a log is replayed in the file when the image is written, once", async () => {
  const { files } = await imageWithLog();
  await (await vhdxFormat.open(files, "d.vhdx", { access: "write", services })).close();
  const disk = await vhdxFormat.open(files, "d.vhdx", { access: "read", services });
  expect((await disk.info()).dirty).toBe(false);
  const found = new Uint8Array(4 * SECTOR_BYTES);
  await disk.read(0, found);
  expect([0, 1, 2, 3].map((sector) => found[sector * SECTOR_BYTES])).toEqual(replayed);
  await disk.close();
});

test("a log that is damaged is told, not guessed", async () => {
  const { files } = await imageWithLog();
  const bytes = files.files.get("/d.vhdx")?.bytes ?? new Uint8Array(0);
  bytes.fill(0xee, 1024 * 1024 + SECTOR_BYTES + 100, 1024 * 1024 + SECTOR_BYTES + 104);
  bytes.fill(0xee, 1024 * 1024 + 100, 1024 * 1024 + 104);
  const open = vhdxFormat.open(files, "d.vhdx", { access: "write", services });
  await expect(open).rejects.toMatchObject({ kind: "corrupt-image" });
});
