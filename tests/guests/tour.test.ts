import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildTour } from "../../resources/guest/buildGuest.ts";
import { bootGuest, type GuestMedia } from "./bootGuest.ts";
import { debianFile, guestsUnavailable } from "./debianGuests.ts";

/** The guest that comes with the product tries everything the machine has, keyboard and mouse included. */
const MINUTE = 60_000;
let folder: string;
let floppy: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "guesthouse-tour-"));
  floppy = join(folder, "tour.img");
  writeFileSync(floppy, buildTour());
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function takeTour(media: Omit<GuestMedia, "floppy">): Promise<string> {
  using guest = await bootGuest({ ...media, floppy, memoryMiB: 64 });
  await guest.waitForSerial(/TOUR display\.vbe /, 2 * MINUTE);
  await guest.runFor(500);
  await guest.type("hello");
  for (let step = 0; step < 10; step++) {
    guest.machine.pointer.move(5, 3, 0);
    await guest.runFor(30);
  }
  await guest.type("{enter}");
  await guest.waitForSerial(/TOUR done[^\n]*\n/, MINUTE);
  return guest.serial;
}

test("passes every test under the built-in BIOS", { timeout: 4 * MINUTE }, async () => {
  const report = await takeTour({});
  expect(report).not.toContain("FAIL");
  for (const part of ["cpu.real", "cpu.virtual86", "cpu.paging", "disk.floppy", "input.keyboard", "input.mouse"]) {
    expect(report).toContain(`TOUR ${part} PASS`);
  }
  expect(report).toMatch(/TOUR done 1[45] passed, 0 failed/);
});

const unavailable = guestsUnavailable();
test.skipIf(unavailable !== undefined)(`and under SeaBIOS${unavailable ?? ""}`, { timeout: 4 * MINUTE }, async () => {
  const report = await takeTour({ firmware: debianFile("seabios", "usr/share/seabios/bios-256k.bin") });
  expect(report).not.toContain("FAIL");
  expect(report).toMatch(/TOUR done 1[45] passed, 0 failed/);
});
