import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { buildTour } from "./buildGuest.ts";
import { enlargeGlyph } from "./enlargeGlyph.ts";

test("the image is a 1.44 MB floppy with a boot sector that knows the length of the program", () => {
  const image = buildTour();
  expect(image.length).toBe(1474560);
  expect([image[510], image[511]]).toEqual([0x55, 0xaa]);
  const sectors = image[508]! | (image[509]! << 8);
  expect(sectors).toBeGreaterThan(200);
  expect(image.subarray((sectors + 1) * 512).every((byte) => byte === 0)).toBe(true);
});

test("an enlarged glyph keeps its area and has soft edges", () => {
  const slope = Uint8Array.from({ length: 16 }, (_, row) => (row < 8 ? 0xff >> row : 0));
  const large = enlargeGlyph(slope, 4);
  expect(large.length).toBe(32 * 64);
  const area = large.reduce((sum, value) => sum + value / 255, 0);
  expect(area).toBeGreaterThan(16 * 36 * 0.9);
  expect(area).toBeLessThan(16 * 36 * 1.1);
  expect(large.some((value) => value > 0 && value < 255)).toBe(true);
});

/** The tour on another virtual machine, which proves that it is right before it judges ours. */
test("the tour passes on QEMU, where one is installed", { timeout: 90_000 }, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "tour-"));
  const image = join(folder, "tour.img");
  writeFileSync(image, buildTour());
  const output = await new Promise<string | undefined>((resolve) => {
    let text = "";
    const drive = `file=${image},if=floppy,format=raw`;
    const options = [
      "-display",
      "none",
      "-m",
      "64",
      "-drive",
      drive,
      "-serial",
      "stdio",
      "-monitor",
      "none",
      "-net",
      "none",
    ];
    const child = execFile("qemu-system-x86_64", options, () => resolve(text || undefined));
    child.stdout?.on("data", (piece: string) => {
      text += piece;
      if (/TOUR done[^\n]*\n/.test(text)) child.kill();
    });
    setTimeout(() => child.kill(), 80_000).unref();
  });
  rmSync(folder, { recursive: true });
  if (output === undefined) context.skip("qemu-system-x86_64 is not installed");
  expect(output).not.toContain("FAIL");
  expect(output).toMatch(/TOUR done 13 passed, 0 failed, 2 skipped/);
});
