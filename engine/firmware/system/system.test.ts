import { describe, expect, test } from "vitest";
import { FirmwareBench } from "../../../tests/fixtures/FirmwareBench.ts";

describe("INT 15h", () => {
  test("E820 lists ranges that do not overlap and end", async () => {
    const bench = new FirmwareBench();
    const ranges: { start: number; end: number; type: number }[] = [];
    let ebx = 0;
    do {
      const result = await bench.call(0x15, { eax: 0xe820, edx: 0x534d4150, ecx: 20, ebx, es: 0x300, di: 0 });
      expect([result.carry, result.eax, result.ecx]).toEqual([false, 0x534d4150, 20]);
      const start = bench.memory.read32(0x3000);
      ranges.push({ start, end: start + bench.memory.read32(0x3008), type: bench.memory.read32(0x3010) });
      ebx = result.ebx;
    } while (ebx !== 0);
    const sorted = [...ranges].sort((left, right) => left.start - right.start);
    for (let index = 1; index < sorted.length; index++)
      expect(sorted[index]!.start).toBeGreaterThanOrEqual(sorted[index - 1]!.end);
    expect(ranges.filter(({ type }) => type === 1)).toEqual([
      { start: 0, end: 0x9fc00, type: 1 },
      { start: 0x100000, end: 0xff0000, type: 1 },
    ]);
  });

  test("88h, E801h and INT 12h agree with the map", async () => {
    const bench = new FirmwareBench();
    expect((await bench.call(0x15, { ax: 0x8800 })).ax).toBe(15 * 1024 - 64);
    expect((await bench.call(0x15, { ax: 0xe801 })).cx).toBe(15 * 1024 - 64);
    expect((await bench.call(0x12)).ax).toBe(639);
  });

  test("87h moves blocks between any addresses", async () => {
    const bench = new FirmwareBench();
    bench.memory.write(0x200000, Uint8Array.of(1, 2, 3, 4));
    const table = new Uint8Array(0x30);
    table.set([0xff, 0xff, 0x00, 0x00, 0x20, 0x93], 0x10);
    table.set([0xff, 0xff, 0x00, 0x00, 0x30, 0x93], 0x18);
    bench.memory.write(0x3000, table);
    const result = await bench.call(0x15, { ax: 0x8700, cx: 2, es: 0x300, si: 0 });
    expect([result.carry, result.ah]).toEqual([false, 0]);
    expect(bench.memory.read32(0x300000)).toBe(0x04030201);
  });

  test("24xxh switches A20 at port 92h", async () => {
    const bench = new FirmwareBench();
    bench.ports.values.set(0x92, 0x02);
    await bench.call(0x15, { ax: 0x2400 });
    expect(bench.ports.values.get(0x92)! & 2).toBe(0);
    expect((await bench.call(0x15, { ax: 0x2402 })).al).toBe(0);
    await bench.call(0x15, { ax: 0x2401 });
    expect((await bench.call(0x15, { ax: 0x2402 })).al).toBe(1);
  });

  test("86h waits as long as it is told", async () => {
    const bench = new FirmwareBench();
    await bench.call(0x15, { ax: 0x8600, cx: 0x0003, dx: 0x0d40 });
    expect(bench.clock.nowNs()).toBeGreaterThanOrEqual(200_000_000);
    expect(bench.clock.nowNs()).toBeLessThan(260_000_000);
  });

  test("power off by APM", async () => {
    const bench = new FirmwareBench();
    expect((await bench.call(0x15, { ax: 0x5300, bx: 0 })).bx).toBe(0x504d);
    await bench.call(0x15, { ax: 0x5307, bx: 1, cx: 3 });
    expect(bench.ports.writes).toContainEqual({ port: 0x604, value: 0x2000 });
  });

  test("what is not there answers 86h with carry", async () => {
    const bench = new FirmwareBench();
    const result = await bench.call(0x15, { ax: 0xd800 });
    expect([result.carry, result.ah]).toEqual([true, 0x86]);
  });
});

describe("the mouse, INT 15h C2h and INT 74h", () => {
  test("a complete packet calls the handler with its bytes", async () => {
    const bench = new FirmwareBench();
    await bench.call(0x15, { ax: 0xc207, es: 0x1234, bx: 0x5678 });
    const inSequence = [0x08, 0x05, 0xfb];
    const status = bench.ports.in8.bind(bench.ports);
    bench.ports.in8 = (port) => (port === 0x64 ? 0x21 : port === 0x60 ? inSequence.shift()! : status(port));
    for (let byte = 0; byte < 3; byte++) await bench.call(0x74);
    expect(bench.called).toEqual([{ vector: 0x100, ax: 0x08 }]);
    expect([bench.memory.read16(0x9fc32), bench.memory.read16(0x9fc34)]).toEqual([0x05, 0xfb]);
    expect([bench.memory.read16(0x9fc22), bench.memory.read16(0x9fc24)]).toEqual([0x5678, 0x1234]);
  });

  test("commands to a mouse that is not there fail in time", async () => {
    const bench = new FirmwareBench();
    const result = await bench.call(0x15, { ax: 0xc200, bx: 0 });
    expect([result.carry, result.ah]).toEqual([true, 3]);
  });
});

describe("time", () => {
  test("INT 08h counts, calls 1Ch, and turns at midnight", async () => {
    const bench = new FirmwareBench();
    bench.memory.write32(0x46c, 0x1800ae);
    await bench.call(0x08);
    await bench.call(0x08);
    expect(bench.called.map(({ vector }) => vector)).toEqual([0x1c, 0x1c]);
    expect([bench.memory.read32(0x46c), bench.memory.read8(0x470)]).toEqual([0, 1]);
    const ticks = await bench.call(0x1a, { ax: 0 });
    expect([ticks.cx, ticks.dx, ticks.al]).toEqual([0, 0, 1]);
    expect((await bench.call(0x1a, { ax: 0 })).al).toBe(0);
  });

  test("INT 1Ah reads and sets the clock chip", async () => {
    const bench = new FirmwareBench();
    await bench.call(0x1a, { ax: 0x0300, cx: 0x1259, dx: 0x4500 });
    await bench.call(0x1a, { ax: 0x0500, cx: 0x2026, dx: 0x1121 });
    const time = await bench.call(0x1a, { ax: 0x0200 });
    const date = await bench.call(0x1a, { ax: 0x0400 });
    expect([time.cx, time.dx >> 8, date.cx, date.dx]).toEqual([0x1259, 0x45, 0x2026, 0x1121]);
  });
});

describe("PCI BIOS", () => {
  test("finds functions and reads their registers", async () => {
    const bench = new FirmwareBench();
    const registers = new Uint8Array(256);
    registers.set([0x86, 0x80, 0x37, 0x12]);
    registers.set([0x00, 0x00, 0x06], 9);
    bench.ports.pci.set(0, registers);
    expect((await bench.call(0x1a, { ax: 0xb101 })).edx).toBe(0x20494350);
    const found = await bench.call(0x1a, { ax: 0xb102, cx: 0x1237, dx: 0x8086, si: 0 });
    expect([found.carry, found.bx]).toEqual([false, 0]);
    expect((await bench.call(0x1a, { ax: 0xb102, cx: 0x1237, dx: 0x8086, si: 1 })).ah).toBe(0x86);
    expect((await bench.call(0x1a, { ax: 0xb103, ecx: 0x060000, si: 0 })).carry).toBe(false);
    expect((await bench.call(0x1a, { ax: 0xb10a, bx: 0, di: 0 })).ecx).toBe(0x12378086);
    expect((await bench.call(0x1a, { ax: 0xb109, bx: 0, di: 1 })).ah).toBe(0x87);
  });
});
