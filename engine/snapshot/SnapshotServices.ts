import { deflateSync, inflateSync } from "fflate";
import { decompress } from "fzstd";
import type { PackedPages } from "./pages/PackedPages.ts";

/**
 * What saving and loading take from the platform: compression and checksums that are faster there and off the machine's thread, and a way to
 * let the machine go on. The fallbacks here are pure. A state says how each part of it is compressed, and every reader knows all ways.
 */
export type CodecId = "deflate" | "zstd";

export interface SnapshotServices {
  /** How new data is compressed. */
  readonly codec: CodecId;
  compress(bytes: Uint8Array): Promise<Uint8Array>;
  /**
   * The result may have another size than `sizeBytes` when the data is damaged; anything may be thrown then. Never much larger. On the
   * machine's thread, which waits for it.
   */
  decompress(codec: CodecId, bytes: Uint8Array, sizeBytes: number): Uint8Array;
  /** CRC-32 (IEEE 802.3) of `bytes` after `before`, which is 0 at the start. */
  crc32(bytes: Uint8Array, before: number): number;
  /** Lets the event loop run once; undefined when it is not time for that yet. Asked about every tenth of a millisecond. */
  pause(): Promise<void> | undefined;
  /** Absent where the platform has no threads. */
  readonly pageThreads?: PageThreads;
}

export interface PageThreads {
  /** Other threads unpack what nobody else does, into memory that is shared with them. Resolves when they have ended, well or not. */
  unpack(pages: PackedPages, target: Uint8Array<SharedArrayBuffer>): Promise<void>;
}

const FASTEST = 1;

export const pureSnapshotServices: SnapshotServices = {
  codec: "deflate",
  compress: async (bytes) => deflateSync(bytes, { level: FASTEST }),
  decompress: (codec, bytes, sizeBytes) => {
    // One byte more than right, so that too much data shows.
    const target = new Uint8Array(sizeBytes + 1);
    return codec === "zstd" ? decompress(bytes, target) : inflateSync(bytes, { out: target });
  },
  crc32,
  pause: () => undefined,
};

const table = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = (value & 1) !== 0 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1;
  return value >>> 0;
});

export function crc32(bytes: Uint8Array, before = 0): number {
  let value = ~before;
  for (let at = 0; at < bytes.length; at++) value = table[(value ^ bytes[at]!) & 0xff]! ^ (value >>> 8);
  return ~value >>> 0;
}
