import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { disketteSizes } from "../../api/mediumProtocol.ts";
import { emptyDiskette } from "./emptyDiskette.ts";

const mtools = ["/usr/bin/mcopy", "/usr/bin/minfo", "/usr/bin/mdir"].every((tool) => existsSync(tool));

describe.each(disketteSizes)("an empty diskette of $label", ({ sizeBytes }) => {
  test("has room for each of its clusters in its FAT", () => {
    const image = emptyDiskette(sizeBytes, 0x1234_5678);
    const view = new DataView(image.buffer);
    const [perCluster, perFat, root] = [view.getUint8(13), view.getUint16(22, true), view.getUint16(17, true)];
    const clusters = Math.floor((sizeBytes / 512 - 1 - 2 * perFat - (root * 32) / 512) / perCluster);
    expect((root * 32) % 512).toBe(0);
    expect((clusters + 2) * 1.5).toBeLessThanOrEqual(perFat * 512);
    // FAT12 by its number of clusters, as systems decide.
    expect(clusters).toBeLessThan(4085);
    for (const fat of [1, 1 + perFat]) {
      expect([...image.subarray(fat * 512, fat * 512 + 4)]).toEqual([view.getUint8(21), 0xff, 0xff, 0]);
    }
  });

  test.skipIf(!mtools)("takes files, as mtools see it", () => {
    const folder = mkdtempSync(join(tmpdir(), "guesthouse-diskette-"));
    try {
      const path = join(folder, "empty.img");
      writeFileSync(path, emptyDiskette(sizeBytes, 0x1234_5678));
      const run = (tool: string, ...words: string[]) =>
        execFileSync(tool, ["-i", path, ...words], { encoding: "utf8" });
      expect(run("mdir", "::")).toMatch(/No files/);
      expect(run("minfo", "::")).toMatch(/12345678/i);
      const file = join(folder, "full.bin");
      const free = Number(/([\d ]+) bytes free/.exec(run("mdir", "::"))?.[1]?.replaceAll(" ", ""));
      expect(free).toBeGreaterThan(sizeBytes * 0.95);
      writeFileSync(file, new Uint8Array(free).fill(0x5a));
      run("mcopy", file, "::FULL.BIN");
      rmSync(file);
      run("mcopy", "::FULL.BIN", file);
      expect(readFileSync(file).equals(Buffer.alloc(free, 0x5a))).toBe(true);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

test("other sizes are refused", () => {
  expect(() => emptyDiskette(1_000_000, 0)).toThrow(RangeError);
  expect(() => emptyDiskette(163_840, 0)).toThrow(RangeError);
});
