import { describe, expect, test } from "vitest";
import { baseName, folderOf, formatBytes, formatClock, formatMiB, formatRate } from "./formatQuantities.ts";

describe("formatQuantities", () => {
  test("binary units with their own names", () => {
    expect(formatBytes(0, "en")).toBe("0 B");
    expect(formatBytes(1023, "en")).toBe("1,023 B");
    expect(formatBytes(1536, "en")).toBe("1.5 KiB");
    expect(formatMiB(512, "en")).toBe("512 MiB");
    expect(formatMiB(20480, "en")).toBe("20 GiB");
    expect(formatRate(2 * 1024 * 1024, "en")).toBe("2 MiB/s");
  });

  test("a clock grows hours only when it needs them", () => {
    expect(formatClock(7_000)).toBe("0:07");
    expect(formatClock(754_000)).toBe("12:34");
    expect(formatClock(11_045_000)).toBe("3:04:05");
    expect(formatClock(-5)).toBe("0:00");
  });

  test("names and folders of paths of either kind of host", () => {
    expect(baseName("/home/ada/debian.iso")).toBe("debian.iso");
    expect(baseName("C:\\Images\\dos.img")).toBe("dos.img");
    expect(folderOf("/home/ada/debian.iso")).toBe("/home/ada");
    expect(folderOf("C:\\Images\\dos.img")).toBe("C:\\Images");
    expect(folderOf("/debian.iso")).toBe("/");
  });
});
