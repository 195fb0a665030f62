/** Compression and checksums for saved states by Node's zlib: off the machine's thread, and zstd where this Node has it. */
import { promisify } from "node:util";
import * as zlib from "node:zlib";
import { pureSnapshotServices, type SnapshotServices } from "../snapshot/SnapshotServices.ts";

const FASTEST = 1;
/** How long a guest waits for pages to be looked at, at most, before it has its turn. */
const WORK_MS = 4;
let pausedMs = 0;
const deflate = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.deflateRaw);
const inflate = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.inflateRaw);

function zstd(): Pick<SnapshotServices, "codec" | "compress" | "decompress"> | undefined {
  // Absent before Node 22.15.
  if (typeof zlib.zstdCompress !== "function") return undefined;
  const compress = promisify<Uint8Array, zlib.ZstdOptions, Buffer>(zlib.zstdCompress);
  const decompress = promisify<Uint8Array, zlib.ZstdOptions, Buffer>(zlib.zstdDecompress);
  const params = { [zlib.constants.ZSTD_c_compressionLevel]: FASTEST };
  return {
    codec: "zstd",
    compress: (bytes) => compress(bytes, { params }),
    decompress: (_codec, bytes, sizeBytes) => decompress(bytes, { maxOutputLength: sizeBytes }),
  };
}

const native = zstd();

export const snapshotServices: SnapshotServices = {
  codec: "deflate",
  compress: (bytes) => deflate(bytes, { level: FASTEST }),
  ...native,
  decompress: (codec, bytes, sizeBytes) => {
    if (codec === "deflate") return inflate(bytes, { maxOutputLength: sizeBytes });
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
