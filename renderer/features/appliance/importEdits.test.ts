import { describe, expect, test } from "vitest";
import { fakeAppliance } from "../../platform/FakeAppliances.ts";
import { type ImportChoices, importEdits, importProblem, initialChoices, mayLeaveOut } from "./importEdits.ts";

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

test("what is skipped anyway, and controllers, cannot be left out", () => {
  const free = appliance.machines[0]?.items.filter(mayLeaveOut).map(({ kind }) => kind);
  expect(free).toEqual(["disk", "optical"]);
});
