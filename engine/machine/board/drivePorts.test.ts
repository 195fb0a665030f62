import { expect, test } from "vitest";
import { drivePorts } from "./drivePorts.ts";

test.each([
  ["nobody asks", [undefined, undefined], 0, 6, [0, 1]],
  ["one asks for what the first would get", [undefined, 0], 0, 6, [1, 0]],
  ["two ask for the same", [2, 2, undefined], 0, 6, [2, 0, 1]],
  ["a port that is not there", [9, undefined], 0, 6, [0, 1]],
  ["too many", [undefined, 1, undefined], 0, 2, [0, 1, undefined]],
  ["places that do not begin at 0", [3, 9, undefined, undefined], 8, 3, [8, 9, 10, undefined]],
])("%s", (_name, wanted, first, count, found) => {
  expect(drivePorts(wanted, { first, count })).toEqual(found);
});
