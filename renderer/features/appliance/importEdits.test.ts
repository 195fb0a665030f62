import { describe, expect, test } from "vitest";
import { fakeAppliance } from "../../platform/FakeAppliances.ts";
import {
  fileNameProblem,
  type ImportChoices,
  importEdits,
  importProblem,
  initialChoices,
  mayLeaveOut,
  withFormat,
} from "./importEdits.ts";

const appliance = fakeAppliance("/a.ova");
const initial = initialChoices(appliance);
const plain = { acceptLicences: false, inPlace: false };
const first = initial[0];
if (first === undefined) throw new Error("no machine");

describe("edits of an import", () => {
  test("are none for an untouched dry run", () => {
    expect(importEdits(appliance, initial, plain)).toEqual({ machines: [] });
  });

  test("name what differs and nothing else", () => {
    const disk = first.items["7"];
    if (disk === undefined) throw new Error("no disk");
    const choices: ImportChoices = {
      0: { ...first, name: " Shop ", memoryMiB: 512, items: { ...first.items, "7": { ...disk, interface: "nvme" } } },
    };
    expect(importEdits(appliance, choices, { acceptLicences: true, inPlace: true })).toEqual({
      machines: [{ index: 0, name: "Shop", memoryMiB: 512, items: [{ id: "7", interface: "nvme" }] }],
      acceptLicences: true,
      inPlace: true,
    });
  });
});

test("machines that come along have a name of their own and a sensible size", () => {
  expect(importProblem(initial, 0)).toBeUndefined();
  expect(importProblem({ 0: { ...first, name: " " } }, 0)).toBe("name-empty");
  expect(importProblem({ 0: first, 1: first }, 1)).toBe("name-repeats");
  expect(importProblem({ 0: first, 1: { ...first, include: false } }, 0)).toBeUndefined();
  expect(importProblem({ 0: { ...first, memoryMiB: 1e6 } }, 0)).toBe("memory-too-large");
  expect(importProblem({ 0: { ...first, memoryMiB: 0 } }, 0)).toBe("memory-too-small");
});

test("more memory than a machine can have is what it can have", () => {
  const [machine] = appliance.machines;
  if (machine === undefined) throw new Error("no machine");
  const large = { ...appliance, machines: [{ ...machine, memoryMiB: 8192 }] };
  const choices = initialChoices(large);
  expect(choices[0]?.memoryMiB).toBe(3072);
  expect(importProblem(choices, 0)).toBeUndefined();
  expect(importEdits(large, choices, plain)).toEqual({ machines: [] });
});

describe("files of disks", () => {
  const [machine] = appliance.machines;
  const disk = machine?.items.find(({ kind }) => kind === "disk");
  const chosen = disk === undefined ? undefined : first.items[disk.id];
  if (machine === undefined || disk === undefined || chosen === undefined) throw new Error("no disk");
  const called = (fileName: string, more = {}) => ({
    ...first,
    items: { ...first.items, [disk.id]: { ...chosen, fileName, ...more } },
  });

  test("are called as their formats are, until they get another name", () => {
    expect(withFormat(chosen, "vhdx").fileName).toBe("web-disk001.vhdx");
    expect(withFormat({ ...chosen, fileName: "system.disk" }, "vhdx").fileName).toBe("system.disk");
    expect(importEdits(appliance, { 0: called(" system.qcow2 ") }, plain)).toEqual({
      machines: [{ index: 0, items: [{ id: disk.id, fileName: "system.qcow2" }] }],
    });
  });

  test("have a name of their own that files can have", () => {
    expect(fileNameProblem(machine, first, disk)).toBeUndefined();
    expect(fileNameProblem(machine, called(" "), disk)).toBe("file-name-empty");
    for (const name of ["a/b", "../a", "con", "machine.json", ".hidden"]) {
      expect(fileNameProblem(machine, called(name), disk), name).toBe("file-name-impossible");
    }
    const twin = { ...disk, id: "twin" };
    const two = { ...machine, items: [...machine.items, twin] };
    const both = { ...first, items: { ...first.items, twin: { ...chosen, fileName: "WEB-disk001.qcow2" } } };
    expect(fileNameProblem(two, both, twin)).toBe("file-name-repeats");
    expect(fileNameProblem(machine, called("", { include: false }), disk)).toBeUndefined();
    expect(fileNameProblem(machine, { ...called(""), include: false }, disk)).toBeUndefined();
  });
});

test("what is skipped anyway, and controllers, cannot be left out", () => {
  const free = appliance.machines[0]?.items.filter(mayLeaveOut).map(({ kind }) => kind);
  expect(free).toEqual(["disk", "optical"]);
});
