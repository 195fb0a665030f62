/**
 * Compression and checksums for saved states by Node's zlib, zstd where this Node has it. Compression is off the machine's thread, which has a
 * guest to run; decompression is not: the machine waits for it.
 */
import { promisify } from "node:util";
import * as zlib from "node:zlib";
import { pureSnapshotServices, type SnapshotServices } from "../snapshot/SnapshotServices.ts";

const FASTEST = 1;
/** Node takes no less. */
const LEAST_CHUNK_BYTES = 64;
/** How long a guest waits for pages to be looked at, at most, before it has its turn. */
const WORK_MS = 4;
let pausedMs = 0;
const deflate = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.deflateRaw);

/** Otherwise the result is put together from pieces of 16 KiB. */
function atOneStroke(sizeBytes: number): { maxOutputLength: number; chunkSize: number } {
  return { maxOutputLength: sizeBytes, chunkSize: Math.max(sizeBytes, LEAST_CHUNK_BYTES) };
}

function zstd(): Pick<SnapshotServices, "codec" | "compress" | "decompress"> | undefined {
  // Absent before Node 22.15.
  if (typeof zlib.zstdCompress !== "function") return undefined;
  const compress = promisify<Uint8Array, zlib.ZstdOptions, Buffer>(zlib.zstdCompress);
  const params = { [zlib.constants.ZSTD_c_compressionLevel]: FASTEST };
  return {
    codec: "zstd",
    compress: (bytes) => compress(bytes, { params }),
    decompress: (_codec, bytes, sizeBytes) => zlib.zstdDecompressSync(bytes, atOneStroke(sizeBytes)),
  };
}

const native = zstd();

export const snapshotServices: SnapshotServices = {
  codec: "deflate",
  compress: (bytes) => deflate(bytes, { level: FASTEST }),
  ...native,
  decompress: (codec, bytes, sizeBytes) => {
    if (codec === "deflate") return zlib.inflateRawSync(bytes, atOneStroke(sizeBytes));
    return (native ?? pureSnapshotServices).decompress(codec, bytes, sizeBytes);
  },
  crc32: (bytes, before) =>
    typeof zlib.crc32 === "function" ? zlib.crc32(bytes, before) : pureSnapshotServices.crc32(bytes, before),
  pause: () => {
    if (performance.now() - pausedMs < WORK_MS) return undefined;
    return new Promise((resume) => {
      setImmediate(() => {
        pausedMs = performance.now();
        resume();
      });
    });
  },
};
