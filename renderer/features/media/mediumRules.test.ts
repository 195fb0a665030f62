import { expect, test } from "vitest";
import { fakeMedium } from "../../platform/FakeMedia.ts";
import { freePath, possibleDeeds, withExtension } from "./mediumRules.ts";

const use = { machineId: "1", machineName: "Debian", slot: 0, snapshotId: null, snapshotName: null };

test("a free disk allows everything but being released", () => {
  const disk = fakeMedium("/d.qcow2", "disk");
  expect([...possibleDeeds(disk, [disk])].sort()).toEqual(["check", "compact", "copy", "move", "remove", "resize"]);
});

test("what others rest on keeps its size and its file", () => {
  const base = fakeMedium("/base.qcow2", "disk");
  const overlay = fakeMedium("/o.qcow2", "disk", { parentPath: "/base.qcow2", attachedTo: [use] });
  expect([...possibleDeeds(base, [base, overlay])].sort()).toEqual(["check", "copy", "move"]);
  expect(possibleDeeds(overlay, [base, overlay]).has("release")).toBe(true);
  expect(possibleDeeds(overlay, [base, overlay]).has("remove")).toBe(false);
});

test("a disk of a running machine is left alone, a missing one can be taken off the list", () => {
  const busy = fakeMedium("/b.qcow2", "disk", { state: { kind: "inUse" }, attachedTo: [use] });
  expect([...possibleDeeds(busy, [busy])]).toEqual([]);
  const missing = fakeMedium("/m.qcow2", "disk", { state: { kind: "missing" } });
  expect([...possibleDeeds(missing, [missing])]).toEqual(["remove"]);
  expect([...possibleDeeds(undefined, [])]).toEqual([]);
});

test("a snapshot's disk cannot be released", () => {
  const kept = fakeMedium("/k.qcow2", "disk", { attachedTo: [{ ...use, snapshotId: "s", snapshotName: "Clean" }] });
  expect(possibleDeeds(kept, [kept]).has("release")).toBe(false);
});

test("discs are copied as they are", () => {
  const disc = fakeMedium("/d.iso", "optical");
  expect([...possibleDeeds(disc, [disc])].sort()).toEqual(["copy", "move", "remove"]);
});

test("names follow the format", () => {
  expect(withExtension("/d/disk.qcow2", "vdi")).toBe("/d/disk.vdi");
  expect(withExtension("/d/debian-12.5", "raw")).toBe("/d/debian-12.5.img");
  expect(withExtension("C:\\d\\DISK.VHD", "vmdk")).toBe("C:\\d\\DISK.vmdk");
});

test("a new disk gets the first free name, in the manner of its host", async () => {
  const taken = new Set(["/m/disk.qcow2", "/m/disk2.qcow2"]);
  expect(await freePath("/m", "disk", "qcow2", async (path) => taken.has(path))).toBe("/m/disk3.qcow2");
  expect(await freePath("C:\\m", "disk", "vdi", async () => false)).toBe("C:\\m\\disk.vdi");
});
