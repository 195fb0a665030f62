import { expect, test } from "vitest";
import { diskImageConformance } from "../../../../tests/conformance/diskImageConformance.ts";
import { diskServices } from "../../../../tests/fixtures/diskServices.ts";
import { MemoryFiles } from "../../stores/MemoryFiles.ts";
import { rawFormat } from "../raw/RawDisk.ts";
import { vhdxFormat } from "./vhdxFormat.ts";

const shape = { format: vhdxFormat, sectorCount: 4 * 4096 + 9 };

diskImageConformance("a dynamic VHDX image", { ...shape, subformat: "dynamic" });
diskImageConformance("a fixed VHDX image", { ...shape, subformat: "fixed", without: ["zero"] });
diskImageConformance("a differencing VHDX image", {
  ...shape,
  subformat: "differencing",
  differencing: true,
  backingIdentity: "00112233-4455-4677-8899-aabbccddeeff",
});

test("a bitmap of sectors that is said to lie gigabytes away is no place to write to, and a repair makes another", async () => {
  const services = diskServices();
  const files = new MemoryFiles();
  const sizeBytes = 1 << 20;
  const device = await rawFormat.create(files, "base.raw", { sizeBytes, services });
  const reference = { names: ["base.raw"], format: "raw", identity: undefined } as const;
  const create = { sizeBytes, services, subformat: "differencing", backing: { reference, device } };
  const made = await vhdxFormat.create(files, "disk", create);
  await made.write(0, new Uint8Array(512).fill(1));
  await made.close();
  const { bytes } = files.files.get("/disk")!;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const isBitmap = (at: number) => {
    const low = view.getUint32(at, true);
    return low % 2 ** 20 === 6 && low > 2 ** 20 && view.getUint32(at + 4, true) === 0;
  };
  const entries = Array.from({ length: bytes.length / 8 }, (_, index) => index * 8).filter(isBitmap);
  const entry = entries.find((at) => at >= 1 << 20)!;
  view.setBigUint64(entry, (3n << 30n) | 6n, true);
  const openBacking = () => rawFormat.open(files, "base.raw", { access: "read", services });
  const disk = await vhdxFormat.open(files, "disk", { access: "write", services, openBacking });
  await expect(disk.write(1024, new Uint8Array(512))).rejects.toMatchObject({ kind: "corrupt-image" });
  expect(await disk.check(false)).toMatchObject({ errors: ["Block 0 is partly there and has no bitmap."] });
  expect(await disk.check(true)).toMatchObject({ errors: [], repaired: 1 });
  await disk.write(1024, new Uint8Array(512).fill(2));
  await disk.close();
  expect(files.files.get("/disk")!.bytes.length).toBeLessThan(128 << 20);
});
