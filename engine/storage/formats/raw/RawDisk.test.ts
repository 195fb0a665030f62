import { describe, expect, test } from "vitest";
import { diskImageConformance } from "../../../../tests/conformance/diskImageConformance.ts";
import { diskServices } from "../../../../tests/fixtures/diskServices.ts";
import type { ByteStore } from "../../../contracts/BlockDevice.ts";
import { MemoryFiles } from "../../stores/MemoryFiles.ts";
import { MemoryStore } from "../../stores/MemoryStore.ts";
import { RawDisk, rawFormat } from "./RawDisk.ts";

diskImageConformance("a raw disk", { format: rawFormat, without: ["zero", "compact"] });

describe("a raw disk", () => {
  const services = diskServices();

  test("pads a last sector that is only partly there, and never grows by a write", async () => {
    const files = new MemoryFiles();
    const store = await files.create("odd.img");
    await store.write(0, new Uint8Array(700).fill(7));
    const disk = await rawFormat.open(files, "odd.img", { access: "write", services });
    expect(disk.sizeBytes).toBe(1024);
    const sector = new Uint8Array(512);
    await disk.read(512, sector);
    expect([sector[187], sector[188]]).toEqual([7, 0]);
    await disk.write(512, new Uint8Array(512).fill(9));
    expect(await store.size()).toBe(700);
  });

  test("punches holes where the host can", async () => {
    const files = new MemoryFiles();
    await (await rawFormat.create(files, "a.img", { sizeBytes: 1 << 20, services })).close();
    const holes: number[][] = [];
    const punching = {
      open: async (name: string, access: "read" | "write") =>
        Object.assign(await files.open(name, access), {
          punchHole: async (offset: number, length: number) => void holes.push([offset, length]),
        }),
      create: (name: string) => files.create(name),
      remove: (name: string) => files.remove(name),
      identify: (name: string) => files.identify(name),
      beside: (name: string) => files.beside(name),
    };
    const disk = await rawFormat.open(punching, "a.img", { access: "write", services });
    await disk.write(65536, new Uint8Array(65536 * 14).fill(1));
    await disk.compact();
    await disk.discard(512, 1024);
    expect(holes).toEqual([
      [0, 65536],
      [65536 * 15, 65536],
      [512, 1024],
    ]);
  });

  test("refuses a parent and a passphrase", async () => {
    const files = new MemoryFiles();
    const backing = { reference: { names: ["b"], format: undefined, identity: undefined } };
    const refused = { kind: "unsupported-operation" };
    await expect(rawFormat.create(files, "c", { sizeBytes: 512, services, backing })).rejects.toMatchObject(refused);
    await expect(rawFormat.create(files, "c", { sizeBytes: 512, services, passphrase: "x" })).rejects.toMatchObject(
      refused,
    );
    expect(files.files.size).toBe(0);
  });
});

const kind = (wanted: string) => expect.objectContaining({ name: "GuesthouseError", kind: wanted });
const pattern = (length: number) => Uint8Array.from({ length }, (_, index) => (index * 7 + 1) & 0xff);

describe("a raw disk over a store", () => {
  test("pads its last partial sector with zeros and never grows", async () => {
    const store = new MemoryStore(pattern(700));
    const image = await RawDisk.open(store, { readOnly: false });
    expect(image.sizeBytes).toBe(1024);
    const sector = new Uint8Array(512).fill(0xee);
    await image.read(512, sector);
    expect(sector[187]).toBe(pattern(700)[699]);
    expect(sector.subarray(188).every((byte) => byte === 0)).toBe(true);
    await image.write(512, new Uint8Array(512).fill(0x55));
    expect(await store.size()).toBe(700);
    expect(store.bytes[699]).toBe(0x55);
  });

  test("refuses what lies outside", async () => {
    const image = await RawDisk.open(new MemoryStore(pattern(1024)), { readOnly: false });
    await expect(image.read(1024, new Uint8Array(512))).rejects.toEqual(kind("out-of-range"));
    await expect(image.write(512, new Uint8Array(1024))).rejects.toEqual(kind("out-of-range"));
    await expect(image.discard(512, 1024)).rejects.toEqual(kind("out-of-range"));
  });

  test("refuses writes when it is read-only, everything when it is closed, and an empty store", async () => {
    const image = await RawDisk.open(new MemoryStore(pattern(512)), { readOnly: true });
    await expect(image.write(0, new Uint8Array(512))).rejects.toEqual(kind("read-only"));
    await image.close();
    await expect(image.read(0, new Uint8Array(512))).rejects.toEqual(kind("closed"));
    await expect(RawDisk.open(new MemoryStore(), { readOnly: false })).rejects.toEqual(kind("empty-image"));
  });

  test("notices that its file shrank", async () => {
    const store = new MemoryStore(pattern(1024));
    const image = await RawDisk.open(store, { readOnly: false });
    await store.truncate(600);
    await expect(image.read(512, new Uint8Array(512))).rejects.toEqual(kind("medium-shrunk"));
  });

  test("turns any failure of the host into an I/O error with its cause", async () => {
    const store: ByteStore = new MemoryStore(pattern(512));
    const image = await RawDisk.open(store, { readOnly: false });
    const cause = new Error("EIO: i/o error");
    store.read = () => Promise.reject(cause);
    await expect(image.read(0, new Uint8Array(512))).rejects.toMatchObject({ kind: "io-error", cause });
  });
});
