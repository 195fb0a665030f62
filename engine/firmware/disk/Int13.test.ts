import { describe, expect, test } from "vitest";
import { FirmwareBench, memoryBlocks } from "../../../tests/fixtures/FirmwareBench.ts";
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { FirmwareDrive } from "./FirmwareDrive.ts";

const FLOPPY_BYTES = 1440 * 1024;

function floppyBench(readOnly = false) {
  const bytes = new Uint8Array(FLOPPY_BYTES).map((_, index) => index >> 9);
  const slot = {
    medium: { name: "disk.img", blocks: memoryBlocks(bytes, { readOnly }) } as
      | { name: string; blocks: ReturnType<typeof memoryBlocks> }
      | undefined,
  };
  const drive: FirmwareDrive = { kind: "floppy", name: "A", drive: slot };
  return { bytes, slot, bench: new FirmwareBench({ drives: [drive] }) };
}

function diskBench(sectors: number) {
  const bytes = new Uint8Array(sectors * 512);
  const drive: FirmwareDrive = { kind: "disk", name: "disk", blocks: memoryBlocks(bytes) };
  return { bytes, bench: new FirmwareBench({ drives: [drive] }) };
}

describe("floppies", () => {
  test("AH=02 reads by cylinder, head and sector", async () => {
    const { bench } = floppyBench();
    const result = await bench.call(0x13, { ax: 0x0203, bx: 0x100, cx: 0x0202, dx: 0x0100, es: 0x1000 });
    expect([result.carry, result.ah, result.al]).toEqual([false, 0, 3]);
    // Cylinder 2, head 1, sector 2 is number (2 * 2 + 1) * 18 + 1.
    expect(bench.memory.read8(0x10100)).toBe(91);
    expect(bench.memory.read8(0x10100 + 2 * 512)).toBe(93);
  });

  test("AH=03 writes, and a write-protected disk says 03", async () => {
    const writable = floppyBench();
    writable.bench.memory.write(0x20000, new Uint8Array(512).fill(0xab));
    await writable.bench.call(0x13, { ax: 0x0301, bx: 0, cx: 0x0001, dx: 0, es: 0x2000 });
    expect(writable.bytes[0]).toBe(0xab);
    const protectedDisk = floppyBench(true);
    const result = await protectedDisk.bench.call(0x13, { ax: 0x0301, bx: 0, cx: 0x0001, dx: 0, es: 0x2000 });
    expect([result.carry, result.ah]).toEqual([true, 0x03]);
    expect((await protectedDisk.bench.call(0x13, { ax: 0x0100, dx: 0 })).ah).toBe(0x03);
  });

  test("an exchanged disk answers 06 once, an empty drive 80", async () => {
    const { bench, slot } = floppyBench();
    const read = () => bench.call(0x13, { ax: 0x0201, bx: 0, cx: 0x0001, dx: 0, es: 0x2000 });
    expect((await read()).ah).toBe(0);
    slot.medium = { name: "other", blocks: memoryBlocks(new Uint8Array(FLOPPY_BYTES)) };
    expect((await read()).ah).toBe(0x06);
    expect((await read()).ah).toBe(0);
    slot.medium = undefined;
    expect((await read()).ah).toBe(0x80);
  });

  test("AH=08 describes the drive, absent drives have type 0", async () => {
    const { bench } = floppyBench();
    const present = await bench.call(0x13, { ax: 0x0800, dx: 0 });
    expect([present.bx, present.cx, present.dx]).toEqual([4, 0x4f12, 0x0101]);
    expect(bench.memory.read8(present.es * 16 + present.di + 4)).toBe(18);
    expect((await bench.call(0x13, { ax: 0x1500, dx: 0 })).ah).toBe(2);
    expect((await bench.call(0x13, { ax: 0x1500, dx: 1 })).ah).toBe(0);
  });

  test("sectors beyond the track are not found", async () => {
    const { bench } = floppyBench();
    const result = await bench.call(0x13, { ax: 0x0201, bx: 0, cx: 0x0013, dx: 0, es: 0x2000 });
    expect([result.carry, result.ah, result.al]).toEqual([true, 0x04, 0]);
  });
});

describe("hard disks", () => {
  test("EDD: 41 says what is there, 48 the size, 42 and 43 transfer by block number", async () => {
    const { bench, bytes } = diskBench(2_000_000);
    bytes[1_500_000 * 512] = 0x77;
    const there = await bench.call(0x13, { ax: 0x4100, bx: 0x55aa, dx: 0x80 });
    expect([there.carry, there.bx, there.cx & 1]).toEqual([false, 0xaa55, 1]);
    bench.memory.write16(0x3000, 30);
    await bench.call(0x13, { ax: 0x4800, dx: 0x80, ds: 0x300, si: 0 });
    expect(bench.memory.read32(0x3010)).toBe(2_000_000);
    const packet = new Uint8Array(16);
    new DataView(packet.buffer).setUint32(0, 0x00010010, true);
    new DataView(packet.buffer).setUint32(4, 0x20000000, true);
    new DataView(packet.buffer).setUint32(8, 1_500_000, true);
    bench.memory.write(0x4000, packet);
    expect((await bench.call(0x13, { ax: 0x4200, dx: 0x80, ds: 0x400, si: 0 })).carry).toBe(false);
    expect(bench.memory.read8(0x20000)).toBe(0x77);
    bench.memory.write8(0x20000, 0x99);
    await bench.call(0x13, { ax: 0x4300, dx: 0x80, ds: 0x400, si: 0 });
    expect(bytes[1_500_000 * 512]).toBe(0x99);
  });

  test("a block beyond the end fails and moves nothing", async () => {
    const { bench } = diskBench(1000);
    const packet = new Uint8Array(16);
    new DataView(packet.buffer).setUint32(0, 0x00020010, true);
    new DataView(packet.buffer).setUint32(4, 0x20000000, true);
    new DataView(packet.buffer).setUint32(8, 999, true);
    bench.memory.write(0x4000, packet);
    const result = await bench.call(0x13, { ax: 0x4200, dx: 0x80, ds: 0x400, si: 0 });
    expect([result.carry, result.ah, bench.memory.read16(0x4002)]).toEqual([true, 0x04, 0]);
  });

  test("errors of the host become disk errors", async () => {
    const blocks = memoryBlocks(new Uint8Array(1000 * 512));
    blocks.read = () => Promise.reject(new GuesthouseError("io-error", "broken"));
    blocks.write = () => Promise.reject(new GuesthouseError("disk-full", "full"));
    const bench = new FirmwareBench({ drives: [{ kind: "disk", name: "d", blocks }] });
    const registers = { bx: 0, cx: 1, dx: 0x80, es: 0x2000 };
    expect((await bench.call(0x13, { ax: 0x0201, ...registers })).ah).toBe(0x20);
    expect((await bench.call(0x13, { ax: 0x0301, ...registers })).ah).toBe(0xcc);
  });

  test("an unknown drive is refused", async () => {
    const { bench } = diskBench(1000);
    expect((await bench.call(0x13, { ax: 0x0201, cx: 1, dx: 0x81 })).carry).toBe(true);
    expect((await bench.call(0x13, { ax: 0x0800, dx: 0x81 })).carry).toBe(true);
  });
});
