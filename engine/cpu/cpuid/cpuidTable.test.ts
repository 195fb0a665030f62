import { describe, expect, test } from "vitest";
import { type CpuLevel, cpuLevels } from "../../contracts/CpuLevel.ts";
import { featureNames } from "../isa/features.ts";
import { rows } from "../isa/rows.ts";
import { cpuidRowsMax, memoryPlan } from "../layout/memoryPlan.ts";
import { cpuidTable, featuresIn, readCpuidTable, writeCpuidTable } from "./cpuidTable.ts";
import { cpuModel, decodedFeatures } from "./cpuLevels.ts";

const older: readonly (readonly [CpuLevel, CpuLevel])[] = [
  ["v1", "v2"],
  ["v2", "v3"],
  ["v3", "host"],
];

describe.each(cpuLevels)("level %s", (level) => {
  const model = cpuModel(level);
  const table = cpuidTable(model);
  test("promises no instruction that is not there", () => {
    const offered = new Set(rows.map((row) => row.feature));
    expect([...featuresIn(table)].filter((name) => !offered.has(name))).toEqual([]);
  });
  test("survives memory", () => {
    const buffer = new ArrayBuffer(memoryPlan.tlbJournal + 0x1_0000);
    writeCpuidTable(buffer, table);
    expect(readCpuidTable(buffer)).toEqual(table);
    expect(table.length).toBeLessThanOrEqual(cpuidRowsMax);
  });
  test("is a 64-bit processor under a hypervisor", () => {
    for (const name of ["lm", "nx", "syscall_bit", "hypervisor"]) expect(model.features).toContain(name);
  });
  test("has a brand string that fits", () => {
    expect(model.brand.length).toBeLessThan(48);
  });
});

test.each(older)("%s has nothing that %s lacks", (less, more) => {
  const features = cpuModel(more).features;
  expect([...cpuModel(less).features].filter((name) => !features.has(name))).toEqual([]);
});

test("a level withholds the instructions that it does not show, and no others", () => {
  const shown = cpuModel("v1").features;
  const decoded = decodedFeatures(shown);
  for (const name of cpuModel("host").features) {
    if (featureNames.has(name)) expect(decoded.has(name)).toBe(shown.has(name));
  }
  expect(decodedFeatures(cpuModel("host").features)).toEqual(featureNames);
});
