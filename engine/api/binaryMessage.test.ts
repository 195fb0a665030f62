import { expect, test } from "vitest";
import { decodeBinaryMessage, encodeConsoleFrame, encodeSerialInput, encodeSerialOutput } from "./binaryMessage.ts";

const frame = {
  channel: 7,
  width: 640,
  height: 480,
  mode: "graphics",
  rects: [
    { x: 1, y: 2, width: 2, height: 1 },
    { x: 638, y: 479, width: 2, height: 1 },
  ],
  deflated: false,
  pixelBytes: 16,
  pixels: Uint8Array.from({ length: 16 }, (_byte, index) => index),
} as const;

test("a frame comes back as it was", () => {
  expect(decodeBinaryMessage(encodeConsoleFrame(frame))).toEqual({ kind: "frame", ...frame });
});

test("serial bytes come back as they were", () => {
  const bytes = new Uint8Array([104, 105]);
  expect(decodeBinaryMessage(encodeSerialOutput(3, 99, bytes))).toEqual({
    kind: "serialOutput",
    channel: 3,
    forgotten: 99,
    bytes,
  });
  expect(decodeBinaryMessage(encodeSerialInput(4, bytes))).toEqual({ kind: "serialInput", channel: 4, bytes });
});

test.each([
  ["nothing", new Uint8Array(0)],
  ["an unknown kind", new Uint8Array(20).fill(9)],
  ["missing pixels", encodeConsoleFrame({ ...frame, pixels: new Uint8Array(15) })],
  ["a rectangle outside", encodeConsoleFrame({ ...frame, width: 639 })],
  ["a wrong pixel count", encodeConsoleFrame({ ...frame, pixelBytes: 12 })],
  ["a cut list of rectangles", encodeConsoleFrame(frame).subarray(0, 30)],
  ["a cut serial header", encodeSerialOutput(1, 2, new Uint8Array(0)).subarray(0, 10)],
])("%s is refused", (_name, bytes) => {
  expect(() => decodeBinaryMessage(bytes)).toThrow(expect.objectContaining({ kind: "malformed-message" }));
});
