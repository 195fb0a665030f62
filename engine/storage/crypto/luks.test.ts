import { describe, expect, test } from "vitest";
import { diskServices } from "../../../tests/fixtures/diskServices.ts";
import { createLuks, LUKS_HEADER_BYTES, openLuks, readPassphraseWork } from "./luks.ts";
import { rememberingKeys } from "./rememberingKeys.ts";

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

  test("of layers of one disk is opened by one piece of work, and no two have one key", async () => {
    const work = (await readPassphraseWork(reader(bytes)))!;
    const upper = await createLuks("open sesame", services, work);
    expect(await readPassphraseWork(reader(upper.bytes))).toEqual(work);
    let worked = 0;
    const counting = rememberingKeys({
      ...services,
      pbkdf2: (hash, password, salt, iterations, length) => {
        if (iterations === work.iterations && length === 64) worked++;
        return services.pbkdf2!(hash, password, salt, iterations, length);
      },
    });
    for (const header of [bytes, upper.bytes, bytes]) await openLuks(reader(header), "open sesame", counting);
    expect(worked).toBe(1);
    await expect(openLuks(reader(upper.bytes), "open barley", counting)).rejects.toMatchObject({
      kind: "passphrase-wrong",
    });
    const [one, other] = [new Uint8Array(512), new Uint8Array(512)];
    cipher.encrypt(one, 1);
    upper.cipher.encrypt(other, 1);
    expect(one).not.toEqual(other);
    const material = (from: Uint8Array) =>
      Buffer.from(from.subarray(4096, 4096 + 256_000))
        .toString("hex")
        .match(/.{32}/g)!;
    const known = new Set(material(bytes));
    expect(material(upper.bytes).filter((block) => known.has(block))).toEqual([]);
  });

  test("does not take over work that would be too easy for a new image", async () => {
    const easy = { ...(await readPassphraseWork(reader(bytes)))!, iterations: 999 };
    const made = await createLuks("open sesame", services, easy);
    expect(await readPassphraseWork(reader(made.bytes))).toMatchObject({ iterations: 1000 });
    expect((await readPassphraseWork(reader(made.bytes)))!.salt).not.toEqual(easy.salt);
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
