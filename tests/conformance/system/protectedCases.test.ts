/**
 * The cases of `protectedCases.ts`, whose listing is checked in, on our executors and, where this host has it, on QEMU. What QEMU's own translator leaves
 * unchecked is left out of the comparison.
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { protectedGuest } from "./protectedCases.ts";
import { runQemu } from "./runQemu.ts";
import { bootImage, runHere } from "./SystemGuest.ts";

const listing = readFileSync(new URL("protectedCases.txt", import.meta.url), "latin1")
  .trimEnd()
  .split("\n");
const image = bootImage(protectedGuest());

/** Limits and rights of data segments, and DR7.GD. */
const uncheckedByQemu = [
  "null data segment",
  "write to read-only",
  "one beyond a segment",
  "across a segment's end",
  "below an expand-down segment",
  "push beyond the stack",
  "general detect",
];
const isCompared = (line: string): boolean => !uncheckedByQemu.some((name) => line.endsWith(` ${name}`));

test.each([
  ["interpreter", false],
  ["translator", true],
] as const)("%s", { timeout: 60_000 }, async (_name, translate) => {
  const { serial, end } = await runHere(image, translate);
  expect(serial.trimEnd().split("\n")).toEqual(listing);
  expect(end).toBe("exit 1");
});

test("QEMU", { timeout: 90_000 }, (context) => {
  const serial = runQemu(image, "tcg");
  if (serial === undefined) return context.skip("this host has no qemu-system-x86_64");
  expect(serial.trimEnd().split("\n").filter(isCompared)).toEqual(listing.filter(isCompared));
});
