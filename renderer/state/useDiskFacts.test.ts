import { expect, test } from "vitest";
import { knownName } from "./useDiskFacts.ts";

test("a disk is known by the file below what snapshots put upon it", () => {
  const upper = "/m/snapshots/25f5badd-862b-4a16-8ef0-9abdf6823ced.qcow2";
  const lower = "/m/snapshots/0145de30-7d83-4afb-b79e-6e2fbca9f60d.qcow2";
  expect(knownName(upper, [{ path: lower }, { path: "/m/disk.qcow2" }])).toBe("disk.qcow2");
  expect(knownName("/m/disk.qcow2", [{ path: "/base.vdi" }])).toBe("disk.qcow2");
  expect(knownName(upper, [])).toBe("25f5badd-862b-4a16-8ef0-9abdf6823ced.qcow2");
});
