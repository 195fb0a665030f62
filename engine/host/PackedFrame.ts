/**
 * Frames on the way from an engine process to the host service. The channel between the two takes a large message in many small pieces,
 * each of which waits for the guest's next pause, so large frames are packed by Zstandard at its fastest: that takes less of the
 * guest's thread than sending them whole, and they arrive at once. Pictures that do not get smaller (noise, film) go whole for a
 * while. Layout: u8 kind (4), u8 flags 0, u16 zero, u32 bytes of the message when unpacked, then one Zstandard frame (RFC 8878) of a
 * whole binary message.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { encodeConsoleFrame, type FrameContent } from "../api/binaryMessage.ts";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import { KiB, MiB } from "../base/units.ts";

const KIND_PACKED = 4;
const HEADER_BYTES = 8;
/** Smaller messages fit into the channel as they are. */
const LEAST_BYTES = 32 * KiB;
const MESSAGE_BYTES_MAX = 64 * MiB;
/** Packed frames must be smaller than this share of themselves to be worth it. */
const WORTHWHILE_SHARE = 0.7;
/** Frames that go whole after one that was not worth it. */
const WHOLE_FRAMES = 30;
const fastest = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

export class FramePacker {
  #wholeFrames = 0;
  /** Where frames lie until they are packed: new memory for each would keep the collector of garbage busy. */
  #desk = new Uint8Array(0);

  /** The frame as a message, packed where that pays. */
  pack(frame: FrameContent): Uint8Array {
    if (frame.deflated || frame.pixels.length < LEAST_BYTES) return encodeConsoleFrame(frame);
    if (this.#wholeFrames > 0) {
      this.#wholeFrames--;
      return encodeConsoleFrame(frame);
    }
    const message = encodeConsoleFrame(frame, (byteLength) => this.#room(byteLength));
    const content = zstdCompressSync(message, fastest);
    if (content.length > message.length * WORTHWHILE_SHARE) {
      this.#wholeFrames = WHOLE_FRAMES;
      return message.slice();
    }
    const packed = new Uint8Array(HEADER_BYTES + content.length);
    packed[0] = KIND_PACKED;
    new DataView(packed.buffer).setUint32(4, message.length, true);
    packed.set(content, HEADER_BYTES);
    return packed;
  }

  #room(byteLength: number): Uint8Array<ArrayBuffer> {
    if (this.#desk.length < byteLength) this.#desk = new Uint8Array(byteLength);
    return this.#desk;
  }
}

/** What went into `pack`; anything else as it is. Throws "malformed-message". */
export function unpackFrame(bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== KIND_PACKED) return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const messageBytes = bytes.length < HEADER_BYTES ? 0 : view.getUint32(4, true);
  if (messageBytes === 0 || messageBytes > MESSAGE_BYTES_MAX) refuse(bytes.length);
  try {
    const message = zstdDecompressSync(bytes.subarray(HEADER_BYTES), { maxOutputLength: messageBytes });
    if (message.length === messageBytes) return message;
  } catch {
    // Says no more than that it is damaged.
  }
  return refuse(bytes.length);
}

function refuse(length: number): never {
  throw new GuesthouseError("malformed-message", "A binary message is malformed: its packing is damaged.", { length });
}
