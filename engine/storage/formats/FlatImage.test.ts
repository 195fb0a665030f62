import { describe, expect, test } from "vitest";
import { MemoryStore } from "../stores/MemoryStore.ts";
import { FloppyImage } from "./FloppyImage.ts";
import { IsoImage } from "./IsoImage.ts";

const kind = (wanted: string) => expect.objectContaining({ name: "GuesthouseError", kind: wanted });
const pattern = (length: number) => Uint8Array.from({ length }, (_, index) => (index * 7 + 1) & 0xff);

describe("an ISO image", () => {
  test("has read-only sectors of 2048 bytes, the last one padded", async () => {
    const image = await IsoImage.open(new MemoryStore(pattern(3000)));
    expect([image.sizeBytes, image.blockSize, image.readOnly]).toEqual([4096, 2048, true]);
    const sector = new Uint8Array(2048).fill(1);
    await image.read(2048, sector);
    expect(sector[951]).toBe(pattern(3000)[2999]);
    expect(sector[952]).toBe(0);
    await expect(image.write(0, sector)).rejects.toEqual(kind("read-only"));
  });
});

describe("a diskette image", () => {
  test.each([
    [163840, 40, 1, 8],
    [184320, 40, 1, 9],
    [327680, 40, 2, 8],
    [368640, 40, 2, 9],
    [737280, 80, 2, 9],
    [1228800, 80, 2, 15],
    [1474560, 80, 2, 18],
    [1720320, 80, 2, 21],
    [2949120, 80, 2, 36],
  ])("of %i bytes has %i cylinders, %i heads, %i sectors", async (size, cylinders, heads, sectorsPerTrack) => {
    const image = await FloppyImage.open(new MemoryStore(new Uint8Array(size)), { readOnly: false });
    expect(image.geometry).toMatchObject({ cylinders, heads, sectorsPerTrack });
    expect(image.sizeBytes).toBe(size);
  });

  test("that was cut short is padded, and grows when it is written", async () => {
    const store = new MemoryStore(pattern(1_000_000));
    const image = await FloppyImage.open(store, { readOnly: false });
    expect(image.geometry.sectorsPerTrack).toBe(15);
    const sector = new Uint8Array(512).fill(9);
    await image.read(1_228_800 - 512, sector);
    expect(sector.every((byte) => byte === 0)).toBe(true);
    await image.write(1_228_800 - 512, new Uint8Array(512).fill(3));
    expect(await store.size()).toBe(1_228_800);
    await image.read(1_228_800 - 512, sector);
    expect(sector[511]).toBe(3);
  });

  test("that no drive could hold is refused", async () => {
    const open = FloppyImage.open(new MemoryStore(new Uint8Array(2949121)), { readOnly: true });
    await expect(open).rejects.toEqual(kind("unsupported-size"));
  });
});
