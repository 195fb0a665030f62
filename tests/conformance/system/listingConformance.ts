/**
 * A guest's cases against their listing, which is checked in: on our executors, and, where this host has it, on QEMU's translator, which leaves some
 * unchecked or does it otherwise. QEMU's KVM is not asked: where KVM is nested, such guests hang in it.
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { runQemu } from "./runQemu.ts";
import { bootImage, runHere } from "./SystemGuest.ts";

export interface ListedGuest {
  /** Beside this file; one line a case. */
  readonly listing: string;
  /** The source of the guest with all cases. */
  readonly guest: string;
  /** The guest with the cases that QEMU survives, which come first, and their number. */
  readonly forQemu: { readonly guest: string; readonly cases: number };
  /** Whether QEMU does as the processor in this line's case. */
  isCompared(line: string): boolean;
  /** A line without what QEMU always reports otherwise. */
  comparable?(line: string): string;
}

/** All lines but those of the cases that QEMU takes otherwise than the manual. */
export const allBut =
  (otherInQemu: readonly (readonly [names: RegExp, why: string])[]) =>
  (line: string): boolean =>
    !otherInQemu.some(([names]) => names.test(line));

export function listingConformance({ listing, guest, forQemu, isCompared, comparable }: ListedGuest): void {
  const linesOf = (text: string): string[] => text.trimEnd().split("\n");
  const expected = linesOf(readFileSync(new URL(listing, import.meta.url), "latin1"));

  test.each([
    ["interpreter", false],
    ["translator", true],
  ] as const)("%s", { timeout: 60_000 }, async (_name, translate) => {
    const { serial, end } = await runHere(bootImage(guest), translate);
    expect(linesOf(serial)).toEqual(expected);
    expect(end).toBe("exit 1");
  });

  test("QEMU", { timeout: 90_000 }, (context) => {
    const serial = runQemu(bootImage(forQemu.guest), "tcg");
    if (serial === undefined) return context.skip("this host has no qemu-system-x86_64");
    const compared = (lines: string[]): string[] => {
      const kept = lines.filter(isCompared);
      return comparable === undefined ? kept : kept.map(comparable);
    };
    expect(compared(linesOf(serial))).toEqual(compared(expected.slice(0, forQemu.cases)));
  });
}
