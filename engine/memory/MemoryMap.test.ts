import { describe, expect, test } from "vitest";
import { pagesOnDemand } from "../../tests/fixtures/SteadyMachine.ts";
import { Bus } from "./Bus.ts";
import { MemoryMap } from "./MemoryMap.ts";

const layout = {
  physMap: 0x1_0000,
  dirtyMap: 0x2_0000,
  physPages: 0x1000,
  bits: { readable: 1, writable: 2, hasCode: 4, trackDirty: 8, frozen: 16, absent: 32 },
};
const ramOffset = 0x10_0000;
const windows = [{ address: 0, length: 0x1_0000 }];

function build() {
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 64, shared: true });
  const mmio = new Bus("memory");
  const map = new MemoryMap(memory, layout, mmio);
  const events: string[] = [];
  map.listen({
    mapChanged: () => void events.push("map"),
    codeWritten: (address, length) => void events.push(`code ${address}+${length}`),
  });
  map.mapMemory(0, ramOffset, 0x1_0000, { writable: true });
  events.length = 0;
  return { map, mmio, events, pages: new Uint32Array(memory.buffer, layout.physMap, layout.physPages) };
}

test("RAM keeps what is written, in every width and across pages", () => {
  const { map } = build();
  map.write32(0xffe, 0x1234_5678);
  expect(map.read16(0x1000)).toBe(0x1234);
  expect(map.read32(0xffe)).toBe(0x1234_5678);
  map.write(0x1ffe, Uint8Array.of(1, 2, 3, 4));
  const back = new Uint8Array(4);
  map.read(0x1ffe, back);
  expect([...back]).toEqual([1, 2, 3, 4]);
});

test("ROM swallows writes", () => {
  const { map } = build();
  map.bytes[ramOffset + 0x2_0000] = 0x55;
  map.mapMemory(0xf_0000, ramOffset + 0x2_0000, 0x1000, { writable: false });
  map.write8(0xf_0000, 0xaa);
  map.write(0xf_0000, Uint8Array.of(0xaa));
  expect(map.read8(0xf_0000)).toBe(0x55);
});

test("holes read as ones, device windows reach their handler", () => {
  const { map, mmio } = build();
  expect(map.read32(0x20_0000)).toBe(0xffff_ffff);
  const written: number[] = [];
  mmio.map({ start: 0x20_0000, length: 16 }, { read: (o) => o + 7, write: (o, v) => void written.push(o, v) }, [4]);
  expect(map.read32(0x20_0004)).toBe(11);
  map.write32(0x20_0008, 99);
  expect(written).toEqual([8, 99]);
});

test("a block for a device window comes in aligned dwords, its ends in bytes", () => {
  const { map, mmio } = build();
  const written: string[] = [];
  const note = (offset: number, value: number, width: number) =>
    written.push(`${offset} ${value.toString(16)} ${width}`);
  mmio.map({ start: 0xa_0000, length: 0x1000 }, { read: () => 0, write: (...access) => void note(...access) });
  map.write(0xa_0003, Uint8Array.of(1, 2, 3, 4, 0xf5, 6));
  expect(written).toEqual(["3 1 1", "4 f5040302 4", "8 6 1"]);
});

test("writes by DMA tell the code cache, only on pages with code", () => {
  const { map, events, pages } = build();
  pages[2] = pages[2]! | layout.bits.hasCode;
  map.write8(0x2010, 1);
  map.write(0x1fff, Uint8Array.of(1, 2));
  map.write8(0x3000, 1);
  expect(events).toEqual(["code 8208+1", "code 8192+1"]);
});

test("the frame buffer's dirty pages are told once and armed again", () => {
  const { map, events } = build();
  const video = map.videoMemory(ramOffset + 0x3_0000, 0x1_0000);
  video.place(0x80_0000);
  events.length = 0;
  map.write8(0x80_2000, 1);
  const bitmap = new Uint8Array(2);
  expect(video.takeDirty(bitmap)).toBe(true);
  expect([...bitmap]).toEqual([0b100, 0]);
  expect(events).toEqual(["map"]);
  expect(video.takeDirty(new Uint8Array(2))).toBe(false);
  map.write8(0x80_2fff, 1);
  expect(video.takeDirty(new Uint8Array(2))).toBe(true);
});

test("a frame buffer moved away is no longer there", () => {
  const { map } = build();
  const video = map.videoMemory(ramOffset + 0x3_0000, 0x1_0000);
  video.place(0x80_0000);
  map.write8(0x80_0000, 7);
  video.place(undefined);
  expect(map.read8(0x80_0000)).toBe(0xff);
  expect(video.bytes[0]).toBe(7);
});

test("frozen memory keeps its content under every kind of write, and tells what was written", () => {
  const { map, events, pages } = build();
  for (let page = 0; page < 4; page++) map.write32(page * 0x1000, 0x1000 + page);
  const frozen = map.freeze(ramOffset, 0x4000, windows);
  expect(events).toEqual(["map"]);
  map.write8(0x10, 1);
  map.write(0x1ff0, new Uint8Array(32).fill(7));
  // The processor's slow path calls this, then writes.
  map.preservePage(3);
  map.bytes[ramOffset + 0x3000] = 9;
  const first = (index: number) =>
    new DataView(frozen.page(index).buffer, frozen.page(index).byteOffset).getUint32(0, true);
  expect([0, 1, 2, 3].map(first)).toEqual([0x1000, 0x1001, 0x1002, 0x1003]);
  expect([...frozen.page(1)].slice(0xff0)).toEqual(new Array(16).fill(0));
  expect([...frozen.written]).toEqual([1, 1, 1, 1]);
  expect([...pages.subarray(0, 5)].map((entry) => entry & layout.bits.frozen)).toEqual([0, 0, 0, 0, 0]);
});

test("pages that were taken are only watched, wherever they are mapped, and memory is frozen again", () => {
  const { map, pages } = build();
  const frozen = map.freeze(ramOffset, 0x2000, windows);
  expect(() => map.freeze(ramOffset, 0x2000, windows)).toThrow("frozen already");
  frozen.take(0);
  frozen.take(1);
  expect(frozen.holdsPages).toBe(false);
  map.mapMemory(0x8000, ramOffset + 0x1000, 0x1000, { writable: true });
  expect(pages[8]! & layout.bits.frozen).toBe(layout.bits.frozen);
  map.write8(0x8000, 5);
  expect([...frozen.written]).toEqual([0, 1]);
  expect(frozen.page(1)[0]).toBe(5);
  const next = map.freeze(ramOffset, 0x2000, windows);
  map.fill(ramOffset, 0x2000);
  expect(next.page(1)[0]).toBe(5);
  expect([...next.written]).toEqual([1, 1]);
});

describe("memory that is on its way", () => {
  /** Each page of RAM holds its number. */
  function buildArriving() {
    const built = build();
    const source = new Uint8Array(0x1_0000);
    for (let page = 0; page < 16; page++) source.fill(page, page * 0x1000, (page + 1) * 0x1000);
    const pages = pagesOnDemand(source, built.map.bytes.subarray(ramOffset, ramOffset + 0x1_0000));
    built.map.receive(ramOffset, pages, windows);
    expect(built.events).toEqual(["map"]);
    const absent = () => [...Array(16).keys()].filter((page) => pages.isAbsent(page));
    const marked = () => [...Array(16).keys()].filter((page) => (built.pages[page]! & layout.bits.absent) !== 0);
    return { ...built, source: pages, absent, marked };
  }
  const all = [...Array(16).keys()];

  test("is there for reads and writes of every kind, page by page", () => {
    const { map, absent, marked } = buildArriving();
    expect(map.read8(0x1fff)).toBe(1);
    expect(map.read16(0x2ffe)).toBe(0x0202);
    expect(map.read32(0x3ffe)).toBe(0x0404_0303);
    map.write8(0x5001, 0xff);
    expect(map.read32(0x5000)).toBe(0x0505_ff05);
    map.write(0x6ff0, new Uint8Array(32).fill(0xee));
    expect([map.read8(0x6fef), map.read8(0x6ff0), map.read8(0x700f), map.read8(0x7010)]).toEqual([6, 0xee, 0xee, 7]);
    const copied = new Uint8Array(0x2000);
    map.read(0x8800, copied);
    expect([copied[0], copied[0x800], copied[0x1fff]]).toEqual([8, 9, 10]);
    expect(absent()).toEqual([0, 11, 12, 13, 14, 15]);
    expect(marked()).toEqual(absent());
  });

  test("comes where it is mapped anew, and is marked no more when all of it is there", () => {
    const { map, source, marked } = buildArriving();
    map.mapMemory(0x8000, ramOffset + 0x1000, 0x1000, { writable: true });
    expect(marked()).toEqual(all);
    expect([map.read8(0x8000), map.read8(0x1000)]).toEqual([1, 1]);
    map.allArrived(pagesOnDemand(new Uint8Array(0), new Uint8Array(0)), windows);
    expect(marked()).toEqual(all.filter((page) => page !== 1 && page !== 8));
    map.allArrived(source, windows);
    expect(marked()).toEqual([]);
  });

  test("can be frozen, and comes when its content is asked for", () => {
    const { map, absent } = buildArriving();
    const frozen = map.freeze(ramOffset, 0x1_0000, windows);
    map.write8(0x2000, 0xaa);
    expect(absent()).toEqual(all.filter((page) => page !== 2));
    expect([frozen.page(2)[0], frozen.page(3)[0]]).toEqual([2, 3]);
    expect([...frozen.written].lastIndexOf(1)).toBe(2);
    map.fill(ramOffset, 0x1_0000);
    expect([frozen.page(2)[0], frozen.page(15)[0], map.read8(0x5000)]).toEqual([2, 15, 0]);
  });

  test("is forgotten when the memory is cleared", () => {
    const { map, absent } = buildArriving();
    map.fill(ramOffset, 0x1_0000);
    expect(absent()).toEqual([]);
    expect(map.read8(0x5000)).toBe(0);
  });
});
