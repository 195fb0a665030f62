import { describe, expect, test } from "vitest";
import { diskImageConformance } from "../../../../tests/conformance/diskImageConformance.ts";
import { diskServices } from "../../../../tests/fixtures/diskServices.ts";
import { MemoryFiles } from "../../stores/MemoryFiles.ts";
import { rawFormat } from "./RawDisk.ts";

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
