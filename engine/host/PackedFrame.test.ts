import { expect, test } from "vitest";
import { RandomValues } from "../../tests/fixtures/RandomValues.ts";
import { decodeBinaryMessage, encodeConsoleFrame } from "../api/binaryMessage.ts";
import { FramePacker, unpackFrame } from "./PackedFrame.ts";

function frame(pixels: Uint8Array) {
  const [width, height] = [128, pixels.length / 512];
  const rects = [{ x: 0, y: 0, width, height }];
  const mode = "graphics" as const;
  return { channel: 7, width, height, mode, rects, deflated: false, pixelBytes: pixels.length, pixels };
}

const plain = frame(new Uint8Array(65536).map((_, index) => index >> 8));
const plainMessage = encodeConsoleFrame(plain);

function noise() {
  const random = new RandomValues(5);
  return frame(new Uint8Array(65536).map(() => random.below(256)));
}

test("a large frame travels small and arrives as it was", () => {
  const packed = new FramePacker().pack(plain);
  expect(packed.length).toBeLessThan(plainMessage.length / 10);
  const message = unpackFrame(packed);
  expect(Buffer.compare(message, plainMessage)).toBe(0);
  expect(decodeBinaryMessage(message)).toMatchObject({ kind: "frame", channel: 7, width: 128, height: 128 });
});

test("small messages, and noise for a while, go as they are", () => {
  const packer = new FramePacker();
  const small = frame(new Uint8Array(512));
  const whole = packer.pack(small);
  expect(whole).toEqual(encodeConsoleFrame(small));
  expect(unpackFrame(whole)).toBe(whole);
  const loud = noise();
  const loudMessage = packer.pack(loud);
  expect(packer.pack(plain)).toEqual(plainMessage);
  expect(loudMessage).toEqual(encodeConsoleFrame(loud));
  for (let count = 1; count < 30; count++) packer.pack(plain);
  expect(packer.pack(plain).length).toBeLessThan(plainMessage.length);
});

test("damaged packing is refused, whatever is damaged", () => {
  const packed = new FramePacker().pack(plain);
  const refused = (bytes: Uint8Array) => expect(() => unpackFrame(bytes)).toThrow(/packing is damaged/);
  refused(packed.subarray(0, 5));
  refused(packed.subarray(0, packed.length - 1));
  refused(packed.with(5, 1));
  refused(packed.with(7, 0xff));
  refused(packed.with(4, (packed[4]! + 1) & 0xff));
  const random = new RandomValues(6);
  for (let round = 0; round < 300; round++) {
    const harmed = packed.with(8 + random.below(packed.length - 8), random.below(256));
    try {
      expect(unpackFrame(harmed).length).toBe(plainMessage.length);
    } catch (error) {
      expect(error).toMatchObject({ kind: "malformed-message" });
    }
  }
});
