import { createCipheriv, createDecipheriv } from "node:crypto";
import { describe, expect, test } from "vitest";
import { RandomValues } from "../../../tests/fixtures/RandomValues.ts";
import { CbcCipher, plain64Vector, plainVector, XtsCipher } from "./sectorCiphers.ts";

const random = new RandomValues(0x5eed_0400);

function vector(sector: number): Uint8Array {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(sector), true);
  return bytes;
}

describe("sector ciphers agree with the platform's", () => {
  test.each([
    [32, "aes-128-xts"],
    [64, "aes-256-xts"],
  ])("XTS with a key of %i bytes", (keyBytes, name) => {
    for (const sector of [0, 1, 77, 2 ** 33 + 5]) {
      const key = random.bytes(keyBytes);
      const clear = random.bytes(1536);
      const bytes = clear.slice();
      new XtsCipher(key, plain64Vector).encrypt(bytes, sector);
      for (let at = 0; at < 3; at++) {
        const theirs = createCipheriv(name, key, vector(sector + at)).update(clear.subarray(at * 512, at * 512 + 512));
        expect(Buffer.compare(bytes.subarray(at * 512, at * 512 + 512), theirs)).toBe(0);
      }
      new XtsCipher(key, plain64Vector).decrypt(bytes, sector);
      expect(Buffer.compare(bytes, clear)).toBe(0);
    }
  });

  test.each([16, 24, 32])("CBC with a key of %i bytes", (keyBytes) => {
    const key = random.bytes(keyBytes);
    const clear = random.bytes(1024);
    const bytes = clear.slice();
    const cipher = new CbcCipher(key, plainVector);
    cipher.encrypt(bytes, 9);
    const theirs = createDecipheriv(`aes-${keyBytes * 8}-cbc`, key, vector(10)).setAutoPadding(false);
    expect(Buffer.compare(theirs.update(bytes.subarray(512)), clear.subarray(512))).toBe(0);
    cipher.decrypt(bytes, 9);
    expect(Buffer.compare(bytes, clear)).toBe(0);
  });
});
