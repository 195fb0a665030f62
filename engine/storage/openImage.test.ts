import { describe, expect, test } from "vitest";
import { type ImageUse, openImage, probeImage } from "./openImage.ts";
import { MemoryStore } from "./stores/MemoryStore.ts";

function image(sizeBytes: number, ...marks: [offset: number, text: string][]): MemoryStore {
  const bytes = new Uint8Array(sizeBytes);
  for (const [offset, text] of marks) bytes.set(new TextEncoder().encode(text), offset);
  return new MemoryStore(bytes);
}

const open = (store: MemoryStore, use: ImageUse) => openImage(store, { name: "thing", use, readOnly: false });

describe("probing an image", () => {
  test.each([
    ["iso", image(40960, [0x8001, "CD001"])],
    ["iso", image(40960, [0x8001, "BEA01"])],
    ["vmdk", image(4096, [0, "KDMV"])],
    ["vmdk", image(512, [0, "# Disk DescriptorFile\nversion=1"])],
    ["vhdx", image(4096, [0, "vhdxfile"])],
    ["vhd", image(4096, [4096 - 512, "conectix"])],
    ["floppy", image(1474560)],
    ["raw", image(1474560 + 512)],
    ["empty", image(0)],
  ])("finds %s", async (kind, store) => {
    expect(await probeImage(store)).toBe(kind);
  });

  test("survives any bytes", async () => {
    let seed = 0x2545f491;
    const random = () => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return seed >>> 8;
    };
    for (let round = 0; round < 200; round++) {
      const store = new MemoryStore(Uint8Array.from({ length: random() % 3000 }, () => random() & 0xff));
      const result = await open(store, "disk").catch((error: { kind: string }) => error.kind);
      if (typeof result === "string") expect(["empty-image", "unknown-format"]).toContain(result);
      else expect(result.blocks.sizeBytes).toBeGreaterThan(0);
    }
  });
});

describe("opening an image", () => {
  test("makes the medium that its drive takes", async () => {
    expect((await open(image(40960, [0x8001, "CD001"]), "optical")).blocks.blockSize).toBe(2048);
    expect((await open(image(40960), "disk")).blocks).toMatchObject({ blockSize: 512, sizeBytes: 40960 });
    expect((await open(image(700_000), "floppy")).blocks.sizeBytes).toBe(737280);
  });

  test("takes a hybrid ISO image for a disk when asked to", async () => {
    expect((await open(image(40960, [0x8001, "CD001"]), "disk")).blocks.blockSize).toBe(512);
  });

  test.each<[string, MemoryStore, ImageUse]>([
    ["empty-image", image(0), "disk"],
    ["unknown-format", image(40960), "optical"],
    ["unknown-format", image(4096, [0, "vhdxfile"]), "disk"],
    ["unknown-format", image(1474560, [0, "KDMV"]), "floppy"],
    ["unsupported-size", image(4_000_000), "floppy"],
  ])("refuses with %s", async (kind, store, use) => {
    await expect(open(store, use)).rejects.toMatchObject({ name: "GuesthouseError", kind });
  });
});
