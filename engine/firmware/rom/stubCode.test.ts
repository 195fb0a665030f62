import { describe, expect, test } from "vitest";
import { assemble } from "../../../resources/assembler/assemble.ts";
import { STUB_ORIGIN, stubImage, stubListing } from "./stubCode.ts";
import { buildSystemRom } from "./systemRom.ts";
import { buildVideoRom, sealRom } from "./videoRom.ts";

describe("the stub's listing", () => {
  test("its bytes are what its source assembles to", () => {
    const source = [`org ${STUB_ORIGIN}`, ...stubListing.map((line) => line.source)].join("\n");
    const assembly = assemble(source);
    stubListing.forEach((line, index) => {
      const place = assembly.lines[index + 1]!;
      const bytes = assembly.bytes.subarray(place.offset, place.offset + place.length);
      expect([...bytes].map((byte) => byte.toString(16).padStart(2, "0").toUpperCase()).join(""), line.source).toBe(
        line.bytes,
      );
    });
    expect(stubImage().bytes).toEqual(assembly.bytes);
    for (const [label, offset] of stubImage().labels) expect(assembly.labels.get(label), label).toBe(BigInt(offset));
  });
});

describe("the system ROM", () => {
  const rom = buildSystemRom();

  test("the reset vector jumps to F000:E05B, the model byte says AT", () => {
    expect([...rom.bytes.subarray(0xfff0, 0xfff5)]).toEqual([0xea, 0x5b, 0xe0, 0x00, 0xf0]);
    expect(String.fromCharCode(...rom.bytes.subarray(0xfff5, 0xfffd))).toMatch(/^\d\d\/\d\d\/\d\d$/);
    expect(rom.bytes[0xfffe]).toBe(0xfc);
  });

  test("every entry pushes its service and reaches common", () => {
    const common = stubImage().labels.get("common")!;
    for (const [service, offset] of rom.entries) {
      if (service === 0x19 || service === 0x18) continue;
      expect(rom.bytes[offset], `entry ${service.toString(16)}`).toBe(0x6a);
      expect(rom.bytes[offset + 1]).toBe(service);
      const distance = rom.bytes[offset + 3]! | (rom.bytes[offset + 4]! << 8);
      expect((offset + 5 + distance) & 0xffff).toBe(common);
    }
  });

  test("no entry overlaps another or the tables between them", () => {
    const starts = [...rom.entries.values()].sort((left, right) => left - right);
    for (let index = 1; index < starts.length; index++)
      expect(starts[index]! - starts[index - 1]!).toBeGreaterThanOrEqual(5);
    expect([...rom.bytes.subarray(0xefc7, 0xefcb)]).toEqual([0xdf, 0x02, 0x25, 0x02]);
    expect(rom.bytes[0xff53]).toBe(0xcf);
  });
});

describe("the video ROM", () => {
  test("has the option ROM signature and adds up to zero", () => {
    const rom = buildVideoRom();
    sealRom(rom);
    expect([rom[0], rom[1], rom[2]! * 512]).toEqual([0x55, 0xaa, rom.length]);
    expect(rom.reduce((sum, byte) => (sum + byte) & 0xff, 0)).toBe(0);
  });
});
