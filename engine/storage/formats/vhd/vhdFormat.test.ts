import { expect, test } from "vitest";
import { diskImageConformance } from "../../../../tests/conformance/diskImageConformance.ts";
import { diskServices } from "../../../../tests/fixtures/diskServices.ts";
import { MemoryFiles } from "../../stores/MemoryFiles.ts";
import { rawFormat } from "../raw/RawDisk.ts";
import { vhdChecksum } from "./VhdFooter.ts";
import { vhdFormat } from "./vhdFormat.ts";

const shape = { format: vhdFormat, sectorCount: 2 * 4096 + 9 };

diskImageConformance("a dynamic VHD image", { ...shape, subformat: "dynamic" });
diskImageConformance("a fixed VHD image", { ...shape, subformat: "fixed", without: ["zero"] });
diskImageConformance("a differencing VHD image", {
  ...shape,
  subformat: "differencing",
  differencing: true,
  backingIdentity: "00112233-4455-4677-8899-aabbccddeeff",
  // Its blocks cannot be zero without space.
  without: ["zero"],
});

test("a locator that claims gigabytes, in an image whose last footer a crash took, does not blow the file up", async () => {
  const services = diskServices();
  const files = new MemoryFiles();
  const sizeBytes = 4 << 20;
  const device = await rawFormat.create(files, "base.raw", { sizeBytes, services });
  const reference = { names: ["base.raw"], format: "raw", identity: undefined } as const;
  const create = { sizeBytes, services, subformat: "differencing", backing: { reference, device } };
  await (await vhdFormat.create(files, "disk", create)).close();
  const store = files.files.get("/disk")!;
  await store.truncate((await store.size()) - 512);
  const { bytes } = store;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  view.setUint32(512 + 576 + 4, 0xc000_0000);
  view.setUint32(512 + 36, vhdChecksum(bytes.subarray(512, 512 + 1024), 36));
  const openBacking = () => rawFormat.open(files, "base.raw", { access: "read", services });
  const disk = await vhdFormat.open(files, "disk", { access: "write", services, openBacking });
  await disk.write(0, new Uint8Array(512).fill(1));
  await disk.compact();
  await disk.close();
  expect(await files.files.get("/disk")!.size()).toBeLessThan(8 << 20);
});
