import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { physMapBits } from "../layout/memoryPlan.ts";
import { enablePaging, enterProtectedMode, enterUser, idt, pageDirectory, pageTable, setPage } from "./testing/protectedMode.ts";
import { SystemUnitHarness } from "./testing/SystemUnitHarness.ts";

let unit: SystemUnitHarness;
beforeAll(async () => {
  unit = await SystemUnitHarness.create();
}, 120_000);
beforeEach(() => enterProtectedMode(unit));

const wp = 0x10000;
const at = 0x20_0000;

describe("32-bit paging", () => {
  beforeEach(() => enablePaging(unit));

  test("a read sets the accessed bits and not the dirty bit", () => {
    unit.call("loadSlow32", BigInt(at));
    expect(unit.r32(pageDirectory) & 0x60).toBe(0x20);
    expect(unit.r32(pageTable + (at >>> 12) * 4) & 0x60).toBe(0x20);
  });
  test("a write sets the dirty bit of the page", () => {
    unit.call("storeSlow32", BigInt(at), 0x1234);
    expect(unit.r32(pageTable + (at >>> 12) * 4) & 0x60).toBe(0x60);
    expect(unit.r32(pageDirectory) & 0x40).toBe(0);
    expect(unit.r32(at)).toBe(0x1234);
  });
  test("a read of a clean page admits reads and fetches only", () => {
    unit.call("loadSlow32", BigInt(at));
    expect(unit.tags(at)).toEqual({ read: true, write: false, execute: true });
    unit.call("storeSlow8", BigInt(at), 1);
    expect(unit.tags(at)).toEqual({ read: true, write: true, execute: true });
  });
  test("an absent page: error code 0 and CR2", () => {
    setPage(unit, at, 0);
    expect(unit.fault("loadSlow8", BigInt(at + 5))).toEqual({ vector: 14, errorCode: 0 });
    expect(unit.state.get64("cr2")).toBe(BigInt(at + 5));
  });
  test("an absent directory entry, written by the supervisor: error code 2", () => {
    expect(unit.fault("storeSlow8", 0x40_0000n, 1)).toEqual({ vector: 14, errorCode: 2 });
  });
  test("the supervisor may write a read-only page while WP is clear", () => {
    setPage(unit, at, at | 5);
    unit.call("storeSlow8", BigInt(at), 7);
    expect(unit.r8(at)).toBe(7);
  });
  test("with WP it may not: error code 3", () => {
    unit.call("writeControl", 0, BigInt(0x8001_0011));
    setPage(unit, at, at | 5);
    expect(unit.fault("storeSlow8", BigInt(at), 7)).toEqual({ vector: 14, errorCode: 3 });
    expect(unit.r32(pageTable + (at >>> 12) * 4) & 0x60).toBe(0);
  });
  test("user code faults on supervisor pages: error codes 5 and 7", () => {
    enterUser(unit);
    setPage(unit, at, at | 3);
    expect(unit.fault("loadSlow8", BigInt(at))).toEqual({ vector: 14, errorCode: 5 });
    expect(unit.fault("storeSlow8", BigInt(at), 0)).toEqual({ vector: 14, errorCode: 7 });
  });
  test("user code faults on read-only pages even without WP", () => {
    enterUser(unit);
    setPage(unit, at, at | 5);
    expect(unit.fault("storeSlow8", BigInt(at), 0)).toEqual({ vector: 14, errorCode: 7 });
  });
  test("rights are those of both levels", () => {
    unit.w32(pageDirectory, pageTable | 5);
    unit.call("writeControl", 3, BigInt(pageDirectory));
    unit.call("writeControl", 0, BigInt(0x8000_0011 + wp));
    expect(unit.fault("storeSlow8", BigInt(at), 0)).toEqual({ vector: 14, errorCode: 3 });
  });
  test("a store over a page boundary writes nothing when the second page faults", () => {
    setPage(unit, at + 0x1000, 0);
    unit.w32(at + 0xffc, 0x55555555);
    expect(unit.fault("storeSlow32", BigInt(at + 0xffe), 0)).toEqual({ vector: 14, errorCode: 2 });
    expect(unit.state.get64("cr2")).toBe(BigInt(at + 0x1000));
    expect(unit.r32(at + 0xffc)).toBe(0x55555555);
  });
  test("a load over a page boundary takes bytes of both frames", () => {
    setPage(unit, at + 0x1000, 0x30_0000 | 7);
    unit.w8(at + 0xfff, 0x11);
    unit.w8(0x30_0000, 0x22);
    expect(unit.call("loadSlow16", BigInt(at + 0xfff))).toBe(0x2211);
  });
  test("a load at the top of the linear space wraps to its bottom", () => {
    unit.call("writeControl", 0, 0x11n);
    unit.mapPage(0xfffff, 0x50, physMapBits.readable);
    unit.w8(0x50fff, 0x33);
    unit.w8(0, 0x44);
    expect(unit.call("loadSlow16", 0xffffffffn)).toBe(0x4433);
  });
  test("4 MiB pages: translation, dirty bit in the directory, reserved bits", () => {
    unit.call("writeControl", 4, 0x10n);
    unit.w32(pageDirectory + 4, 0x0000_0087);
    unit.call("storeSlow32", 0x40_1234n, 0xabcd);
    expect(unit.r32(0x1234)).toBe(0xabcd);
    expect(unit.r32(pageDirectory + 4) & 0x60).toBe(0x60);
    unit.w32(pageDirectory + 8, 0x0020_0087);
    expect(unit.fault("loadSlow8", 0x80_0000n)).toEqual({ vector: 14, errorCode: 9 });
  });
  test("bits 13 to 20 of a 4 MiB page are address bits 32 to 39, where PSE-36 is on offer", () => {
    unit.call("writeControl", 4, 0x10n);
    unit.w32(pageDirectory + 8, 0x0011_e087);
    expect(unit.callBig("translateForDebugger", 0x80_1234n)).toBe(0x8f_0000_1234n);
    unit.state.set32("featureEdx", 0);
    expect(unit.fault("loadSlow8", 0x80_0000n)).toEqual({ vector: 14, errorCode: 9 });
  });
  test("MOV to CR3 forgets translations, global ones excepted", () => {
    unit.call("writeControl", 4, 0x80n);
    setPage(unit, at, at | 0x107);
    unit.call("loadSlow8", BigInt(at));
    unit.call("loadSlow8", BigInt(at + 0x1000));
    unit.call("writeControl", 3, BigInt(pageDirectory));
    expect([unit.tags(at).read, unit.tags(at + 0x1000).read]).toEqual([true, false]);
    unit.call("writeControl", 4, 0n);
    expect(unit.tags(at).read).toBe(false);
  });
  test("INVLPG forgets one page, and every part of a large one", () => {
    unit.call("writeControl", 4, 0x10n);
    unit.w32(pageDirectory + 4, 0x0000_0087);
    unit.call("loadSlow8", 0x40_1000n);
    unit.call("loadSlow8", BigInt(at));
    unit.call("invlpg", 0x40_0000n);
    expect([unit.tags(0x40_1000).read, unit.tags(at).read]).toEqual([false, true]);
    unit.call("invlpg", BigInt(at));
    expect(unit.tags(at).read).toBe(false);
  });
  test("system tables are read with the supervisor's rights from CPL 3", () => {
    enterUser(unit);
    setPage(unit, 0x1000, 0x1003);
    unit.load("es", 0x23);
    expect(unit.selector("es")).toBe(0x23);
    expect(unit.fault("loadSlow8", 0x1000n)).toEqual({ vector: 14, errorCode: 5 });
  });
  test("the debugger's translation leaves no trace", () => {
    setPage(unit, at, 0x30_0000 | 7);
    expect(unit.call("translateForDebugger", BigInt(at + 1))).toBe(0x30_0001);
    expect(unit.r32(pageTable + (at >>> 12) * 4) & 0x60).toBe(0);
    expect(unit.tags(at).read).toBe(false);
    setPage(unit, at, 0);
    expect(unit.call("translateForDebugger", BigInt(at))).toBe(2 ** 64);
  });
});

describe("PAE paging", () => {
  const pointers = 0x10_4020;
  const directory = 0x10_5000;
  const table = 0x10_6000;
  beforeEach(() => {
    unit.w64(pointers, BigInt(directory | 1));
    unit.w64(directory, BigInt(table | 7));
    unit.w64(directory + 8, BigInt(0x10_7000 | 7));
    for (let i = 0; i < 512; i++) unit.w64(table + i * 8, BigInt((i << 12) | 7));
    for (let i = 0; i < 512; i++) unit.w64(0x10_7000 + i * 8, BigInt(((i + 512) << 12) | 7));
    unit.call("writeControl", 3, BigInt(pointers));
    unit.call("writeControl", 4, 0x20n);
  });
  const start = (): void => void unit.call("writeControl", 0, BigInt(0x8000_0011));

  test("translates and sets accessed and dirty bits", () => {
    start();
    unit.call("storeSlow8", 0x3000n, 9);
    expect(unit.r32(table + 3 * 8) & 0x60).toBe(0x60);
    expect(unit.r32(directory) & 0x60).toBe(0x20);
  });
  test("reserved bits of a pointer make starting to page a #GP", () => {
    unit.w64(pointers, BigInt(directory | 3));
    expect(unit.fault("writeControl", 0, BigInt(0x8000_0011))).toEqual({ vector: 13, errorCode: 0 });
    expect(unit.state.get64("cr0") & 0x8000_0000n).toBe(0n);
  });
  test("the pointers are registers: memory counts at the next CR3 write", () => {
    start();
    unit.w64(pointers, 0n);
    unit.call("loadSlow8", 0x3000n);
    unit.call("writeControl", 3, BigInt(pointers));
    expect(unit.fault("loadSlow8", 0x3000n)).toEqual({ vector: 14, errorCode: 0 });
  });
  test("without NXE bit 63 is reserved: error code 9", () => {
    start();
    unit.w64(table + 3 * 8, 0x8000_0000_0000_3007n);
    expect(unit.fault("loadSlow8", 0x3000n)).toEqual({ vector: 14, errorCode: 9 });
  });
  test("with NXE it forbids fetches: error code 17, reads stay", () => {
    unit.setGpr(1, 0xc0000080);
    unit.setGpr(0, 0x800);
    unit.setGpr(2, 0);
    unit.call("wrmsr");
    start();
    unit.w64(table + 3 * 8, 0x8000_0000_0000_3007n);
    unit.call("loadSlow8", 0x3000n);
    expect(unit.tags(0x3000)).toMatchObject({ read: true, execute: false });
    expect(unit.fault("translateFetch", 0x3000n)).toEqual({ vector: 14, errorCode: 17 });
  });
  test("2 MiB pages and their reserved bits", () => {
    start();
    unit.w64(directory + 16, 0x20_0087n);
    unit.w64(directory + 24, 0x20_2087n);
    unit.w8(at + 0x12345, 0x66);
    expect(unit.call("loadSlow8", 0x41_2345n)).toBe(0x66);
    expect(unit.fault("loadSlow8", 0x60_0000n)).toEqual({ vector: 14, errorCode: 9 });
  });
  test("frames beyond the physical address width are reserved", () => {
    start();
    unit.w64(table + 3 * 8, 0x100_0000_0007n);
    expect(unit.fault("loadSlow8", 0x3000n)).toEqual({ vector: 14, errorCode: 9 });
  });
});

describe("physical memory", () => {
  test("device accesses arrive in aligned pieces", () => {
    unit.call("storeSlow32", 0xc000_0000n, 0x44332211);
    unit.call("storeSlow32", 0xc000_0002n, 0x44332211);
    unit.call("storeSlow16", 0xc000_0001n, 0x2211);
    unit.call("storeSlow64", 0xc000_0008n, 0x8877665544332211n);
    expect(unit.log).toEqual([
      "mmioWrite c0000000 4 44332211",
      "mmioWrite c0000002 2 2211",
      "mmioWrite c0000004 2 4433",
      "mmioWrite c0000001 1 11",
      "mmioWrite c0000002 1 22",
      "mmioWrite c0000008 4 44332211",
      "mmioWrite c000000c 4 88776655",
    ]);
  });
  test("device reads are put together from theirs", () => {
    unit.deviceValue = 0xab;
    expect(unit.call("loadSlow16", 0xc000_0003n)).toBe(0xabab);
    expect(unit.call("loadSlow8", 0xc000_0003n)).toBe(0xab);
    expect(unit.log).toHaveLength(3);
  });
  test("a write to a page with code is reported and never becomes fast", () => {
    unit.mapPage(0x50, 0x50, physMapBits.readable | physMapBits.writable | physMapBits.hasCode);
    unit.call("storeSlow32", 0x50010n, 1);
    expect(unit.log).toEqual(["code 50 10 4"]);
    expect(unit.tags(0x50000)).toEqual({ read: true, write: false, execute: true });
  });
  test("the first write to a tracked page is noted, the next is fast", () => {
    unit.mapPage(0x50, 0x50, physMapBits.readable | physMapBits.writable | physMapBits.trackDirty);
    unit.call("storeSlow8", 0x50010n, 1);
    expect([unit.dirtyMap[0x50], unit.tags(0x50000).write]).toEqual([1, false]);
    unit.call("storeSlow8", 0x50010n, 1);
    expect(unit.tags(0x50000).write).toBe(true);
  });
  test("a frozen page is put aside before its first write, the next write is fast", () => {
    unit.ram.setUint32(0x50000, 0x1234, true);
    unit.mapPage(0x50, 0x50, physMapBits.readable | physMapBits.writable | physMapBits.frozen);
    unit.call("loadSlow8", 0x50000n);
    expect(unit.tags(0x50000)).toMatchObject({ read: true, write: false });
    unit.call("storeSlow32", 0x50000n, 0x5678);
    expect(unit.log).toEqual(["preserve 50 1234"]);
    unit.call("storeSlow32", 0x50000n, 0x9abc);
    expect([unit.log.length, unit.tags(0x50000).write]).toEqual([1, true]);
  });
  test.each(["loadSlow32", "storeSlow32", "translateFetch"])("%s of an absent page waits for its content, once", (access) => {
    const absent = physMapBits.readable | physMapBits.writable | physMapBits.absent;
    unit.mapPage(0x50, 0x50, absent);
    unit.arrive = (page) => unit.ram.setUint32(page * 4096, 0x1234, true);
    unit.call(access, 0x50000n, 0x5678);
    unit.call(access, 0x50004n, 0x5678);
    expect(unit.log).toEqual(["bring 50"]);
    expect(unit.r32(0x50000)).toBe(access === "storeSlow32" ? 0x5678 : 0x1234);
    expect(unit.tags(0x50000).read).toBe(true);
  });
  test("a page table that is absent is walked when it has come", () => {
    enablePaging(unit);
    const entries = Array.from({ length: 1024 }, (_, index) => unit.r32(pageTable + index * 4));
    const page = pageTable >> 12;
    unit.mapPage(page, page, physMapBits.readable | physMapBits.writable | physMapBits.absent);
    for (let index = 0; index < 1024; index++) unit.ram.setUint32(pageTable + index * 4, 0, true);
    unit.arrive = () => entries.forEach((entry, index) => unit.ram.setUint32(pageTable + index * 4, entry, true));
    unit.ram.setUint32(at, 0xcafe, true);
    expect(unit.call("loadSlow32", BigInt(at))).toBe(0xcafe);
    expect(unit.log).toEqual([`bring ${page.toString(16)}`]);
  });
  test("page-table updates are seen by the trackers", () => {
    enablePaging(unit);
    unit.mapPage(pageTable >> 12, pageTable >> 12, physMapBits.readable | physMapBits.writable | physMapBits.trackDirty);
    unit.call("loadSlow8", BigInt(at));
    expect(unit.dirtyMap[pageTable >> 12]).toBe(1);
  });
  test("ROM reads are fast, writes go to the outside", () => {
    unit.mapPage(0xf0, 0xf0, physMapBits.readable);
    unit.call("storeSlow8", 0xf0000n, 1);
    expect(unit.log).toEqual(["mmioWrite f0000 1 1"]);
    expect(unit.tags(0xf0000)).toMatchObject({ read: true, write: false });
  });
  test("protecting a physical page drops the write tags that reach it", () => {
    unit.call("storeSlow8", 0x50000n, 1);
    unit.call("storeSlow8", 0x51000n, 1);
    unit.call("protectPage", 0x50);
    expect([unit.tags(0x50000).write, unit.tags(0x51000).write]).toEqual([false, true]);
    unit.call("protectWrites");
    expect(unit.tags(0x51000)).toEqual({ read: true, write: false, execute: true });
  });
});

describe("page faults in delivery", () => {
  test("without an interrupt table a page fault ends in shutdown", () => {
    enablePaging(unit);
    unit.w32(pageTable + (idt >>> 12) * 4, 0);
    unit.call("flushTlb");
    expect(unit.fault("loadSlow8", 0x40_0000n)).toMatchObject({ vector: 14 });
    unit.deliver();
    expect(unit.state.get32("activity")).toBe(2);
  });
});
