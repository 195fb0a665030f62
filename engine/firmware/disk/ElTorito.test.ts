import { describe, expect, test } from "vitest";
import { FirmwareBench, memoryBlocks } from "../../../tests/fixtures/FirmwareBench.ts";
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import { bootCatalogueSector, chooseBootEntry } from "./ElTorito.ts";

const SECTOR = 2048;
const ascii = (text: string) => new TextEncoder().encode(text);

function validation(platform: number): Uint8Array {
  const entry = new Uint8Array(32);
  entry[0] = 1;
  entry[1] = platform;
  entry[30] = 0x55;
  entry[31] = 0xaa;
  const view = new DataView(entry.buffer);
  let sum = 0;
  for (let at = 0; at < 32; at += 2) sum += view.getUint16(at, true);
  view.setUint16(28, -sum & 0xffff, true);
  return entry;
}

function bootEntry(media: number, sectors: number, lba: number): Uint8Array {
  const entry = new Uint8Array(32);
  const view = new DataView(entry.buffer);
  entry[0] = 0x88;
  entry[1] = media;
  view.setUint16(6, sectors, true);
  view.setUint32(8, lba, true);
  return entry;
}

/** A disc with its boot record at 17, catalogue at 20 and image at 30. */
function disc(media: number, program: Uint8Array, loadSectors = 4): Uint8Array {
  const bytes = new Uint8Array(900 * SECTOR);
  bytes.set(ascii("\0CD001\x01EL TORITO SPECIFICATION"), 17 * SECTOR);
  new DataView(bytes.buffer).setUint32(17 * SECTOR + 0x47, 20, true);
  bytes.set(validation(0), 20 * SECTOR);
  bytes.set(bootEntry(media, loadSectors, 30), 20 * SECTOR + 32);
  bytes.set(program, 30 * SECTOR);
  return bytes;
}

function benchWith(image: Uint8Array): FirmwareBench {
  const medium = { name: "disc.iso", blocks: memoryBlocks(image, { blockSize: SECTOR, readOnly: true }) };
  return new FirmwareBench({ drives: [{ kind: "cdrom", name: "CD", drive: { medium } }], bootOrder: ["cdrom"] });
}

describe("the boot catalogue", () => {
  test("a section entry for this platform is found behind an initial entry for another", () => {
    const catalogue = new Uint8Array(SECTOR);
    catalogue.set(validation(0xef));
    catalogue.set(bootEntry(0, 1, 5), 32);
    catalogue.set([0x91, 0x00, 1, 0], 64);
    catalogue.set(bootEntry(0, 8, 77), 96);
    expect(chooseBootEntry(catalogue)).toMatchObject({
      emulation: "none",
      sector: 77,
      loadSectors: 8,
      loadSegment: 0x7c0,
    });
  });

  test("a disc without a boot record, and a damaged catalogue, are refused", () => {
    expect(() => bootCatalogueSector(new Uint8Array(SECTOR))).toThrow("no boot record");
    const catalogue = new Uint8Array(SECTOR);
    catalogue.set(validation(0));
    catalogue[5] = 1;
    expect(() => chooseBootEntry(catalogue)).toThrow("damaged");
  });

  test("random catalogues are read or refused, never worse", () => {
    let seed = 1;
    const random = () => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return seed >>> 24;
    };
    for (let round = 0; round < 2000; round++) {
      const catalogue = new Uint8Array(SECTOR).map(() => random());
      catalogue.set(validation(random() & 1));
      if (random() & 1) catalogue[32] = 0x88;
      try {
        expect(chooseBootEntry(catalogue).loadSectors).toBeGreaterThan(0);
      } catch (error) {
        expect(error).toBeInstanceOf(GuesthouseError);
      }
    }
  });
});

describe("booting a disc", () => {
  test("no emulation: the image is loaded and read in 2048-byte sectors", async () => {
    const program = new Uint8Array(SECTOR).fill(0x90);
    const bench = benchWith(disc(0, program));
    const entered = await bench.call(0x19);
    expect([entered.cs, entered.ip, entered.dx & 0xff]).toEqual([0, 0x7c00, 0xe0]);
    expect(bench.memory.read8(0x7c00 + SECTOR - 1)).toBe(0x90);
    await bench.call(0x13, { ax: 0x4b01, dx: 0xe0, ds: 0x300, si: 0 });
    expect([bench.memory.read8(0x3000), bench.memory.read8(0x3002), bench.memory.read32(0x3004)]).toEqual([
      0x13, 0xe0, 30,
    ]);
    const packet = new Uint8Array(16);
    new DataView(packet.buffer).setUint32(0, 0x00010010, true);
    new DataView(packet.buffer).setUint32(4, 0x20000000, true);
    new DataView(packet.buffer).setUint32(8, 17, true);
    bench.memory.write(0x4000, packet);
    await bench.call(0x13, { ax: 0x4200, dx: 0xe0, ds: 0x400, si: 0 });
    expect(bench.memory.read8(0x20001)).toBe("C".charCodeAt(0));
  });

  test("floppy emulation: drive 00 is the image until 4B00 ends it", async () => {
    const image = new Uint8Array(1440 * 1024).map((_, index) => index >> 9);
    const bench = benchWith(disc(2, image, 1));
    const entered = await bench.call(0x19);
    expect([entered.ip, entered.dx & 0xff]).toEqual([0x7c00, 0]);
    const read = await bench.call(0x13, { ax: 0x0201, bx: 0, cx: 0x0105, dx: 0x0000, es: 0x2000 });
    expect([read.carry, bench.memory.read8(0x20000)]).toEqual([false, 40]);
    expect((await bench.call(0x13, { ax: 0x0800, dx: 0 })).cx).toBe(0x4f12);
    await bench.call(0x13, { ax: 0x4b00, dx: 0, ds: 0x300, si: 0 });
    expect((await bench.call(0x13, { ax: 0x0201, bx: 0, cx: 0x0105, dx: 0, es: 0x2000 })).carry).toBe(true);
  });

  test("hard disk emulation takes its geometry from the partition", async () => {
    const image = new Uint8Array(100 * SECTOR);
    image.set([0x80, 1, 1, 0, 6, 3, 16, 1], 0x1be);
    image.set([0x55, 0xaa], 510);
    const bench = benchWith(disc(4, image, 1));
    const entered = await bench.call(0x19);
    expect(entered.dx & 0xff).toBe(0x80);
    const parameters = await bench.call(0x13, { ax: 0x0800, dx: 0x80 });
    expect([parameters.cx, parameters.dx >> 8]).toEqual([0x0110, 3]);
  });
});
