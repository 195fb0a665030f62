import { expect, test } from "vitest";
import { memoryBlocks } from "../../../tests/fixtures/FirmwareBench.ts";
import { StateReader } from "../../base/StateReader.ts";
import { StateWriter } from "../../base/StateWriter.ts";
import { DriveTable } from "./DriveTable.ts";
import type { FirmwareDrive } from "./FirmwareDrive.ts";

const disk = (name: string, sectors: number): FirmwareDrive => ({
  kind: "disk",
  name,
  devicePath: `/at/${name}`,
  blocks: memoryBlocks(new Uint8Array(sectors * 512)),
});

const names = (table: DriveTable) => [0x80, 0x81, 0x82].map((number) => table.find(number)?.drive.name);

function saved(table: DriveTable): Uint8Array {
  const writer = new StateWriter();
  table.save(writer);
  return writer.finish();
}

test("disks keep their numbers through a state, also where some went and others came, until the next self test", () => {
  const [one, two, three] = [disk("one", 100), disk("two", 200), disk("three", 300)];
  const before = new DriveTable([one, two]);
  expect(names(before)).toEqual(["one", "two", undefined]);
  const after = new DriveTable([two, three]);
  const reader = new StateReader(saved(before));
  after.read(reader)();
  reader.end();
  expect(names(after)).toEqual(["", "two", undefined]);
  expect([after.find(0x80)?.blocks, after.find(0x81)?.totalSectors, after.diskCount]).toEqual([undefined, 200, 2]);
  expect(saved(after)).toEqual(saved(before));
  after.reset();
  expect(names(after)).toEqual(["two", "three", undefined]);
});
