/**
 * The binary messages: a header, then bytes. Little-endian throughout.
 *   0 u8 kind (1 console frame, 2 serial output, 3 serial input), 1 u8 flags, 2 u16 zero, 4 u32 channel
 * Console frame, from 8: u16 width, u16 height, u8 mode (0 text, 1 graphics), u8 zero, u16 count of rectangles, u32 bytes of
 * pixels before compression, then per rectangle u16 x, y, width, height, then the rectangles' pixels one after the other,
 * RGBA, row after row. Flag bit 0: the pixels are one raw DEFLATE stream (RFC 1951). A frame without rectangles only tells the
 * size; 0 x 0 means that no machine is running.
 * Serial output, from 8: u32 bytes that were forgotten before these, then the bytes. Serial input: the bytes from 8.
 */
import { GuesthouseError } from "../base/GuesthouseError.ts";

export interface PixelRect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface FrameContent {
  readonly channel: number;
  readonly width: number;
  readonly height: number;
  readonly mode: "text" | "graphics";
  readonly rects: readonly PixelRect[];
  /** True when `pixels` must be inflated first (to `pixelBytes`). */
  readonly deflated: boolean;
  readonly pixelBytes: number;
  readonly pixels: Uint8Array;
}

export interface ConsoleFrame extends FrameContent {
  readonly kind: "frame";
}

export interface SerialOutput {
  readonly kind: "serialOutput";
  readonly channel: number;
  /** Bytes lost before these because the viewer was slow. */
  readonly forgotten: number;
  readonly bytes: Uint8Array;
}

export interface SerialInput {
  readonly kind: "serialInput";
  readonly channel: number;
  readonly bytes: Uint8Array;
}

export type BinaryMessage = ConsoleFrame | SerialOutput | SerialInput;

const KIND_FRAME = 1;
const KIND_SERIAL_OUTPUT = 2;
const KIND_SERIAL_INPUT = 3;
const FLAG_DEFLATED = 1;
const HEADER_BYTES = 8;
const FRAME_HEADER_BYTES = 20;
const RECT_BYTES = 8;

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function refuse(why: string, length: number): never {
  throw new GuesthouseError("malformed-message", `A binary message is malformed: ${why}.`, { length });
}

/** `room` gives memory of at least so many bytes, which the message then lies in; new memory when absent. */
export function encodeConsoleFrame(
  frame: FrameContent,
  room: (byteLength: number) => Uint8Array<ArrayBuffer> = (byteLength) => new Uint8Array(byteLength),
): Uint8Array<ArrayBuffer> {
  const pixelsAt = FRAME_HEADER_BYTES + frame.rects.length * RECT_BYTES;
  const bytes = room(pixelsAt + frame.pixels.length).subarray(0, pixelsAt + frame.pixels.length);
  bytes.fill(0, 0, FRAME_HEADER_BYTES);
  const view = viewOf(bytes);
  view.setUint8(0, KIND_FRAME);
  view.setUint8(1, frame.deflated ? FLAG_DEFLATED : 0);
  view.setUint32(4, frame.channel, true);
  view.setUint16(8, frame.width, true);
  view.setUint16(10, frame.height, true);
  view.setUint8(12, frame.mode === "text" ? 0 : 1);
  view.setUint16(14, frame.rects.length, true);
  view.setUint32(16, frame.pixelBytes, true);
  frame.rects.forEach((rect, index) => {
    const at = FRAME_HEADER_BYTES + index * RECT_BYTES;
    view.setUint16(at, rect.x, true);
    view.setUint16(at + 2, rect.y, true);
    view.setUint16(at + 4, rect.width, true);
    view.setUint16(at + 6, rect.height, true);
  });
  bytes.set(frame.pixels, pixelsAt);
  return bytes;
}

export function encodeSerialOutput(channel: number, forgotten: number, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_BYTES + 4 + data.length);
  const view = viewOf(bytes);
  view.setUint8(0, KIND_SERIAL_OUTPUT);
  view.setUint32(4, channel, true);
  view.setUint32(HEADER_BYTES, forgotten, true);
  bytes.set(data, HEADER_BYTES + 4);
  return bytes;
}

export function encodeSerialInput(channel: number, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_BYTES + data.length);
  const view = viewOf(bytes);
  view.setUint8(0, KIND_SERIAL_INPUT);
  view.setUint32(4, channel, true);
  bytes.set(data, HEADER_BYTES);
  return bytes;
}

/** Throws "malformed-message". The result shares the memory of `bytes`. */
export function decodeBinaryMessage(bytes: Uint8Array): BinaryMessage {
  if (bytes.length < HEADER_BYTES) refuse("no room for the header", bytes.length);
  const view = viewOf(bytes);
  const channel = view.getUint32(4, true);
  switch (view.getUint8(0)) {
    case KIND_FRAME:
      return decodeFrame(bytes, view, channel);
    case KIND_SERIAL_OUTPUT: {
      if (bytes.length < HEADER_BYTES + 4) refuse("no room for the header", bytes.length);
      const forgotten = view.getUint32(HEADER_BYTES, true);
      return { kind: "serialOutput", channel, forgotten, bytes: bytes.subarray(HEADER_BYTES + 4) };
    }
    case KIND_SERIAL_INPUT:
      return { kind: "serialInput", channel, bytes: bytes.subarray(HEADER_BYTES) };
    default:
      return refuse("unknown kind", bytes.length);
  }
}

function decodeFrame(bytes: Uint8Array, view: DataView, channel: number): ConsoleFrame {
  if (bytes.length < FRAME_HEADER_BYTES) refuse("no room for the header", bytes.length);
  const width = view.getUint16(8, true);
  const height = view.getUint16(10, true);
  const count = view.getUint16(14, true);
  const pixelBytes = view.getUint32(16, true);
  const deflated = (view.getUint8(1) & FLAG_DEFLATED) !== 0;
  const pixelsAt = FRAME_HEADER_BYTES + count * RECT_BYTES;
  if (bytes.length < pixelsAt) refuse("rectangles are missing", bytes.length);
  const rects: PixelRect[] = [];
  let expectedBytes = 0;
  for (let at = FRAME_HEADER_BYTES; at < pixelsAt; at += RECT_BYTES) {
    const rect = {
      x: view.getUint16(at, true),
      y: view.getUint16(at + 2, true),
      width: view.getUint16(at + 4, true),
      height: view.getUint16(at + 6, true),
    };
    if (rect.x + rect.width > width || rect.y + rect.height > height) refuse("a rectangle is outside", bytes.length);
    expectedBytes += rect.width * rect.height * 4;
    rects.push(rect);
  }
  const pixels = bytes.subarray(pixelsAt);
  if (expectedBytes !== pixelBytes) refuse("rectangles and pixels disagree", bytes.length);
  if (!deflated && pixels.length !== pixelBytes) refuse("pixels are missing", bytes.length);
  const mode = view.getUint8(12) === 0 ? "text" : "graphics";
  return { kind: "frame", channel, width, height, mode, rects, deflated, pixelBytes, pixels };
}
