/**
 * The cases of `taskCases.ts`, whose listing is checked in, on our executors and, where this host has it, on QEMU's translator, which leaves some
 * unchecked or does it otherwise: see `otherInQemu`.
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { runQemu } from "./runQemu.ts";
import { bootImage, runHere } from "./SystemGuest.ts";
import { taskGuest } from "./taskCases.ts";

const listing = readFileSync(new URL("taskCases.txt", import.meta.url), "latin1")
  .trimEnd()
  .split("\n");

/** Where QEMU 7.2 differs, and the manual's (SDM) word. */
const otherInQemu: readonly (readonly [names: RegExp, why: string])[] = [
  [/ clears local breakpoints$/, "LE stays: 80386 manual, 12.2.2, cleared"],
  [
    / new task (without|with (data as|another|a null|bad data|absent|a bad)|beyond)/,
    "the new task's EIP is the JMP's: vol. 3, 7.3, its own",
  ],
  [/ in a debugger's eye$/, "T in the TSS is ignored: vol. 3, 7.2.1, a trap"],
];
const isCompared = (line: string): boolean => !otherInQemu.some(([names]) => names.test(line));

/** QEMU's translator pushes RF as it was; we as the SDM has it (vol. 3, 17.3.1.1). */
const withoutResumeFlag = (line: string): string =>
  line.replace(/^(.. .{4} .{8} .{4} 000)1(.{4} .{8} .{4} .{8} )/, "$10$2");

test.each([
  ["interpreter", false],
  ["translator", true],
] as const)("%s", { timeout: 60_000 }, async (_name, translate) => {
  const { serial, end } = await runHere(bootImage(taskGuest()), translate);
  expect(serial.trimEnd().split("\n")).toEqual(listing);
  expect(end).toBe("exit 1");
});

test("QEMU", { timeout: 90_000 }, (context) => {
  const serial = runQemu(bootImage(taskGuest(false)), "tcg");
  if (serial === undefined) return context.skip("this host has no qemu-system-x86_64");
  const theirs = serial.trimEnd().split("\n");
  const ours = listing.slice(0, theirs.length);
  expect(theirs.filter(isCompared).map(withoutResumeFlag)).toEqual(ours.filter(isCompared).map(withoutResumeFlag));
});
