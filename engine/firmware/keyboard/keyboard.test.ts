import { describe, expect, test } from "vitest";
import { FirmwareBench } from "../../../tests/fixtures/FirmwareBench.ts";

async function typed(...scanCodes: number[]): Promise<FirmwareBench> {
  const bench = new FirmwareBench();
  await bench.type(...scanCodes);
  return bench;
}
const key = async (bench: FirmwareBench, ah = 0x10) => (await bench.call(0x16, { ax: ah << 8 })).ax;

describe("INT 09h and 16h", () => {
  test("letters with and without Shift, Caps Lock and Ctrl", async () => {
    const bench = await typed(0x1e, 0x9e, 0x2a, 0x1e, 0xaa, 0x1d, 0x1e, 0x9d);
    expect([await key(bench), await key(bench), await key(bench)]).toEqual([0x1e61, 0x1e41, 0x1e01]);
    await bench.type(0x3a, 0xba, 0x1e, 0x2a, 0x1e, 0xaa, 0x02);
    expect([await key(bench), await key(bench), await key(bench)]).toEqual([0x1e41, 0x1e61, 0x0231]);
    expect((await bench.call(0x16, { ax: 0x0200 })).al & 0x40).toBe(0x40);
  });

  test("AH=01 peeks without taking, zero flag when there is nothing", async () => {
    const bench = await typed(0x1c);
    const peek = await bench.call(0x16, { ax: 0x0100 });
    expect([peek.zero, peek.ax]).toEqual([false, 0x1c0d]);
    await bench.call(0x16, { ax: 0x0000 });
    expect((await bench.call(0x16, { ax: 0x0100 })).zero).toBe(true);
  });

  test("cursor keys: E0 codes for AH=10h, plain for AH=00h; F11 only for AH=10h", async () => {
    const bench = await typed(0xe0, 0x48, 0xe0, 0x48, 0x57, 0x39, 0x57);
    expect(await key(bench, 0x10)).toBe(0x48e0);
    expect(await key(bench, 0x00)).toBe(0x4800);
    expect(await key(bench, 0x00)).toBe(0x3920);
    expect(await key(bench, 0x10)).toBe(0x8500);
  });

  test("the keypad follows Num Lock and Shift, Alt composes a character", async () => {
    const bench = await typed(0x47, 0x45, 0xc5, 0x47, 0x2a, 0x47, 0xaa);
    expect([await key(bench), await key(bench), await key(bench)]).toEqual([0x4700, 0x4737, 0x4700]);
    await bench.type(0x38, 0x4f, 0xcf, 0x4c, 0xcc, 0xb8);
    expect(await key(bench)).toBe(15);
  });

  test("AH=00h waits for the interrupt", async () => {
    const bench = new FirmwareBench();
    let idles = 0;
    bench.onIdle = () => {
      if (++idles === 3) bench.memory.write16(0x41e, 0x1e61);
      if (idles === 3) bench.memory.write16(0x41c, 0x20);
    };
    expect(await key(bench, 0)).toBe(0x1e61);
    expect(idles).toBe(3);
  });

  test("Ctrl-Alt-Del resets, Print Screen calls INT 05h, Ctrl-Break INT 1Bh, and 4Fh is offered every code", async () => {
    const bench = await typed(0x1d, 0x38, 0x53);
    expect(bench.ports.writes).toContainEqual({ port: 0x64, value: 0xfe });
    expect(bench.memory.read16(0x472)).toBe(0x1234);
    const other = await typed(0xe0, 0x37, 0xe0, 0x46);
    expect(other.called.map(({ vector }) => vector)).toEqual([0x15, 0x15, 0x05, 0x15, 0x15, 0x1b]);
    expect(other.called[1]?.ax).toBe(0x4f37);
    expect(other.memory.read8(0x471)).toBe(0x80);
  });

  test("Pause holds the program until a key", async () => {
    const bench = new FirmwareBench();
    let idles = 0;
    bench.onIdle = () => {
      if (++idles === 2) bench.memory.write8(0x418, bench.memory.read8(0x418) & ~8);
    };
    await bench.type(0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5);
    expect(idles).toBe(2);
  });

  test("every interrupt is ended", async () => {
    const bench = await typed(0x1e, 0x9e);
    expect(bench.ports.writes.filter(({ port, value }) => port === 0x20 && value === 0x20)).toHaveLength(2);
  });

  test("the lamps follow the toggle keys", async () => {
    const bench = await typed(0x3a, 0xfa, 0xfa, 0xba);
    const sent = bench.ports.writes.filter(({ port }) => port === 0x60).map(({ value }) => value);
    expect(sent).toEqual([0xed, 0x04]);
  });
});
