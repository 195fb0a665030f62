import { describe, expect, test } from "vitest";
import { FirmwareBench } from "../../../tests/fixtures/FirmwareBench.ts";

async function inMode(mode: number): Promise<FirmwareBench> {
  const bench = new FirmwareBench();
  await bench.call(0x10, { ax: mode });
  return bench;
}

describe("text mode 3", () => {
  test("AH=00 fills the data area, loads the font and clears the screen", async () => {
    const bench = await inMode(3);
    const { memory } = bench;
    expect(memory.read8(0x449)).toBe(3);
    expect(memory.read16(0x44a)).toBe(80);
    expect([memory.read16(0x463), memory.read8(0x484), memory.read16(0x485)]).toEqual([0x3d4, 24, 16]);
    expect(memory.read16(0xb8000)).toBe(0x0720);
    expect(bench.ports.indexed.get("980:19")).toBe(0x28);
    const mode = await bench.call(0x10, { ax: 0x0f00 });
    expect([mode.al, mode.ah, mode.bx >> 8]).toEqual([3, 80, 0]);
  });

  test("teletype wraps, feeds lines and scrolls", async () => {
    const bench = await inMode(3);
    for (const character of "one\r\ntwo") await bench.call(0x10, { ax: 0x0e00 | character.charCodeAt(0) });
    expect(bench.screen().slice(0, 3)).toEqual(["one", "two", ""]);
    await bench.call(0x10, { ax: 0x0200, dx: 0x184f });
    await bench.call(0x10, { ax: 0x0e58 });
    expect(bench.screen()[0]).toBe("two");
    expect(bench.screen()[23]?.at(79)).toBe("X");
    const cursor = await bench.call(0x10, { ax: 0x0300 });
    expect(cursor.dx).toBe(0x1800);
  });

  test("AH=09 repeats with an attribute, AH=08 reads it back, AH=0A keeps the attribute", async () => {
    const bench = await inMode(3);
    await bench.call(0x10, { ax: 0x0200, dx: 0x0105 });
    await bench.call(0x10, { ax: 0x092a, bx: 0x001e, cx: 3 });
    expect(bench.screen()[1]).toBe("     ***");
    expect((await bench.call(0x10, { ax: 0x0800 })).ax).toBe(0x1e2a);
    await bench.call(0x10, { ax: 0x0a2b, cx: 1 });
    expect((await bench.call(0x10, { ax: 0x0800 })).ax).toBe(0x1e2b);
  });

  test("AH=06 and 07 scroll a window", async () => {
    const bench = await inMode(3);
    for (let row = 0; row < 4; row++) {
      await bench.call(0x10, { ax: 0x0200, dx: row << 8 });
      await bench.call(0x10, { ax: 0x0961 + row, bx: 7, cx: 4 });
    }
    await bench.call(0x10, { ax: 0x0601, bx: 0x7000, cx: 0x0001, dx: 0x0302 });
    expect(bench.screen().slice(0, 4)).toEqual(["abba", "bccb", "cddc", "d  d"]);
    expect(bench.memory.read8(0xb8000 + (3 * 80 + 1) * 2 + 1)).toBe(0x70);
    await bench.call(0x10, { ax: 0x0702, bx: 0x0700, cx: 0x0000, dx: 0x0303 });
    expect(bench.screen().slice(0, 4)).toEqual(["", "", "abba", "bccb"]);
  });

  test("AH=13 writes a string with attributes and leaves the cursor when told to", async () => {
    const bench = await inMode(3);
    bench.memory.write(0x2000, Uint8Array.of(0x48, 0x1f, 0x69, 0x2f));
    await bench.call(0x10, { ax: 0x1302, cx: 2, dx: 0x0203, es: 0x0200, bp: 0 });
    expect(bench.screen()[2]).toBe("   Hi");
    expect(bench.memory.read8(0xb8000 + (2 * 80 + 4) * 2 + 1)).toBe(0x2f);
    expect((await bench.call(0x10, { ax: 0x0300 })).dx).toBe(0);
  });

  test("AX=1112 makes 50 lines of the 8-line font, 1130 tells where fonts are", async () => {
    const bench = await inMode(3);
    await bench.call(0x10, { ax: 0x1112, bx: 0 });
    expect([bench.memory.read8(0x484), bench.memory.read16(0x485)]).toEqual([49, 8]);
    const font = await bench.call(0x10, { ax: 0x1130, bx: 0x0600 });
    const pointer = font.es * 16 + font.bp;
    expect(font.dx & 0xff).toBe(49);
    // The glyph of a full block.
    expect(bench.memory.read8(pointer + 0xdb * 16)).toBe(0xff);
  });
});

describe("graphics modes", () => {
  test("mode 13h: pixels, and characters drawn and read", async () => {
    const bench = await inMode(0x13);
    await bench.call(0x10, { ax: 0x0c2a, cx: 10, dx: 5 });
    expect(bench.memory.read8(0xa0000 + 5 * 320 + 10)).toBe(0x2a);
    expect((await bench.call(0x10, { ax: 0x0d00, cx: 10, dx: 5 })).al).toBe(0x2a);
    await bench.call(0x10, { ax: 0x0200, dx: 0x0203 });
    await bench.call(0x10, { ax: 0x0941, bx: 0x0c, cx: 1 });
    expect((await bench.call(0x10, { ax: 0x0800 })).al).toBe(0x41);
  });

  test("mode 6: the CGA layout", async () => {
    const bench = await inMode(6);
    await bench.call(0x10, { ax: 0x0c01, cx: 9, dx: 1 });
    expect(bench.memory.read8(0xb8000 + 0x2000 + 1)).toBe(0x40);
    await bench.call(0x10, { ax: 0x0c81, cx: 9, dx: 1 });
    expect(bench.memory.read8(0xb8000 + 0x2000 + 1)).toBe(0);
  });

  test("mode 4: a scroll moves both banks", async () => {
    const bench = await inMode(4);
    await bench.call(0x10, { ax: 0x0c03, cx: 0, dx: 9 });
    await bench.call(0x10, { ax: 0x0601, bx: 0, cx: 0, dx: 0x1827 });
    expect((await bench.call(0x10, { ax: 0x0d00, cx: 0, dx: 1 })).al).toBe(3);
    expect((await bench.call(0x10, { ax: 0x0d00, cx: 0, dx: 9 })).al).toBe(0);
  });
});

describe("VBE", () => {
  test("4F00 names the adapter and lists modes that 4F01 describes", async () => {
    const bench = await inMode(3);
    bench.memory.write(0x3000, new TextEncoder().encode("VBE2"));
    expect((await bench.call(0x10, { ax: 0x4f00, es: 0x300, di: 0 })).ax).toBe(0x004f);
    expect(bench.memory.read32(0x3000)).toBe(0x41534556);
    expect(bench.memory.read16(0x3012)).toBe(256);
    const list = bench.memory.read16(0x300e) + bench.memory.read16(0x3010) * 16;
    const modes: number[] = [];
    for (let at = list; bench.memory.read16(at) !== 0xffff; at += 2) modes.push(bench.memory.read16(at));
    expect(modes).toContain(0x118);
    expect(modes.length).toBeLessThan(200);
    for (const mode of modes) {
      expect((await bench.call(0x10, { ax: 0x4f01, cx: mode, es: 0x400, di: 0 })).ax).toBe(0x004f);
      const [pitch, width, bits] = [
        bench.memory.read16(0x4010),
        bench.memory.read16(0x4012),
        bench.memory.read8(0x4019),
      ];
      expect(pitch).toBe(width * ((bits + 7) >> 3));
    }
    expect((await bench.call(0x10, { ax: 0x4f01, cx: 0x155, es: 0x400, di: 0 })).ax).toBe(0x014f);
  });

  test("4F02 programs the display interface, 4F03 tells the mode, AH=00 leaves it", async () => {
    const bench = await inMode(3);
    expect((await bench.call(0x10, { ax: 0x4f02, bx: 0x4144 })).ax).toBe(0x004f);
    const dispi = (index: number) => bench.ports.indexed.get(`dispi:${index}`);
    expect([dispi(1), dispi(2), dispi(3), dispi(4)]).toEqual([1024, 768, 32, 0x41]);
    expect((await bench.call(0x10, { ax: 0x4f03 })).bx).toBe(0x4144);
    await bench.call(0x10, { ax: 3 });
    expect(dispi(4)).toBe(0);
    expect((await bench.call(0x10, { ax: 0x4f03 })).bx).toBe(3);
    expect((await bench.call(0x10, { ax: 0x4f0a })).ax).toBe(0x010a);
  });
});
