import { expect, test } from "vitest";
import { drivePorts } from "./drivePorts.ts";

test.each([
  ["nobody asks", [undefined, undefined], 6, [0, 1]],
  ["one asks for what the first would get", [undefined, 0], 6, [1, 0]],
  ["two ask for the same", [2, 2, undefined], 6, [2, 0, 1]],
  ["a port that is not there", [9, undefined], 6, [0, 1]],
  ["too many", [undefined, 1, undefined], 2, [0, 1, undefined]],
])("%s", (_name, wanted, places, found) => {
  expect(drivePorts(wanted, places)).toEqual(found);
});
