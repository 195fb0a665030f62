import { expect, test } from "vitest";
import { identifyDisk } from "./identifyData.ts";

const geometry = { cylinders: 16, heads: 16, sectorsPerTrack: 63 };
const facts = {
  model: "M",
  serialNumber: "S",
  firmwareRevision: "1",
  multiwordDma: 0,
  ultraDma: 0,
  sectors: 16_128,
  defaultGeometry: geometry,
  geometry,
  multipleMaximum: 16,
  multiple: 0,
  writeCache: true,
  lookAhead: true,
  serial: true,
  solidState: false,
};

test.each([
  ["fixed", false, 0x0040],
  ["removable", true, 0x0080],
])("word 0 of a %s disk", (_name, removable, word) => {
  const data = identifyDisk({ ...facts, removable });
  expect(data[0]! | (data[1]! << 8)).toBe(word);
});
