import { describe, expect, test } from "vitest";
import { diskServices } from "../../../tests/fixtures/diskServices.ts";
import { createLuks, LUKS_HEADER_BYTES, openLuks } from "./luks.ts";

const services = diskServices(0x5eed_0401);

const { bytes, cipher } = await createLuks("open sesame", services);

describe("LUKS", () => {
  const reader = (from: Uint8Array) => async (offset: number, length: number) => from.slice(offset, offset + length);

  test("opens with its passphrase and no other", async () => {
    const sector = new Uint8Array(512).fill(5);
    cipher.encrypt(sector, 3);
    const opened = await openLuks(reader(bytes), "open sesame", services);
    opened.decrypt(sector, 3);
    expect(sector.every((byte) => byte === 5)).toBe(true);
    await expect(openLuks(reader(bytes), "open barley", services)).rejects.toMatchObject({ kind: "passphrase-wrong" });
    await expect(openLuks(reader(bytes), undefined, services)).rejects.toMatchObject({ kind: "passphrase-needed" });
  });

  test("opens without the platform's key derivation", async () => {
    const { entropy, wallClock } = services;
    const sector = new Uint8Array(512);
    (await openLuks(reader(bytes), "open sesame", { entropy, wallClock })).encrypt(sector, 1);
    cipher.decrypt(sector, 1);
    expect(sector.every((byte) => byte === 0)).toBe(true);
  });

  test.each<[string, number, number[]]>([
    ["corrupt-image", 0, [1]],
    ["unsupported-image", 8, [...new TextEncoder().encode("twofish")]],
    ["unsupported-image", 40, [...new TextEncoder().encode("ctr-plain64")]],
    ["unsupported-image", 72, [...new TextEncoder().encode("md4\0")]],
    ["corrupt-image", 108, [0xff, 0, 0, 0]],
    ["unsupported-image", 164, [0xff, 0xff, 0xff, 0xff]],
    ["corrupt-image", 208 + 44, [0xff, 0, 0, 0]],
  ])("refuses a header with %s at byte %i", async (kind, at, changed) => {
    const bad = bytes.slice();
    bad.set(changed, at);
    new DataView(bad.buffer).setUint32(208 + 4, 10);
    await expect(openLuks(reader(bad), "open sesame", services)).rejects.toMatchObject({ kind });
    expect(bad.length).toBeGreaterThan(LUKS_HEADER_BYTES);
  });
});
