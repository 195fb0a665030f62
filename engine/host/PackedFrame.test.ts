import { expect, test } from "vitest";
import { RandomValues } from "../../tests/fixtures/RandomValues.ts";
import { decodeBinaryMessage, encodeConsoleFrame } from "../api/binaryMessage.ts";
import { FramePacker, unpackFrame } from "./PackedFrame.ts";

function frame(pixels: Uint8Array): Uint8Array {
  const [width, height] = [128, pixels.length / 512];
  const rects = [{ x: 0, y: 0, width, height }];
  return encodeConsoleFrame({
    channel: 7,
    width,
    height,
    mode: "graphics",
    rects,
    deflated: false,
    pixelBytes: pixels.length,
    pixels,
  });
}

const plain = frame(new Uint8Array(65536).map((_, index) => index >> 8));

function noise(): Uint8Array {
  const random = new RandomValues(5);
  return frame(new Uint8Array(65536).map(() => random.below(256)));
}

test("a large frame travels small and arrives as it was", () => {
  const packed = new FramePacker().pack(plain);
  expect(packed.length).toBeLessThan(plain.length / 10);
  const message = unpackFrame(packed);
  expect(Buffer.compare(message, plain)).toBe(0);
  expect(decodeBinaryMessage(message)).toMatchObject({ kind: "frame", channel: 7, width: 128, height: 128 });
});

test("small messages, and noise for a while, go as they are", () => {
  const packer = new FramePacker();
  const small = frame(new Uint8Array(512));
  expect(packer.pack(small)).toBe(small);
  expect(unpackFrame(small)).toBe(small);
  const loud = noise();
  expect(packer.pack(loud)).toBe(loud);
  expect(packer.pack(plain)).toBe(plain);
  for (let count = 1; count < 30; count++) packer.pack(plain);
  expect(packer.pack(plain).length).toBeLessThan(plain.length);
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
      expect(unpackFrame(harmed).length).toBe(plain.length);
    } catch (error) {
      expect(error).toMatchObject({ kind: "malformed-message" });
    }
  }
});
