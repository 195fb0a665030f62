/**
 * Compressed clusters of QCOW2: one raw deflate stream (RFC 1951) or one Zstandard frame (RFC 8878) per cluster, followed by bytes that belong to
 * somebody else. The output is never longer than a cluster, whatever the input claims. Compressing to Zstandard is absent: such
 * images take new clusters uncompressed.
 */
import { deflateSync, inflateSync } from "fflate";
import { decompress } from "fzstd";
import { GuesthouseError } from "../../../base/GuesthouseError.ts";

const ZSTD_MAGIC = 0xfd2fb528;
const WINDOW_LOG_MAX = 23;

/** Undefined when the result would not be smaller. */
export function deflateCluster(cluster: Uint8Array): Uint8Array | undefined {
  const deflated = deflateSync(cluster, { level: 6 });
  return deflated.length < cluster.length ? deflated : undefined;
}

/** Fails with "corrupt-image". */
export function expandCluster(bytes: Uint8Array, kind: "zlib" | "zstd", clusterBytes: number): Uint8Array {
  const cluster = new Uint8Array(clusterBytes);
  let expanded: Uint8Array;
  try {
    expanded =
      kind === "zlib" ? inflateSync(bytes, { out: cluster }) : decompress(zstdFrame(bytes, clusterBytes), cluster);
  } catch (cause) {
    throw new GuesthouseError("corrupt-image", "A compressed cluster cannot be expanded.", {}, { cause });
  }
  if (expanded.length !== clusterBytes) {
    throw new GuesthouseError("corrupt-image", "A compressed cluster is too short.", { bytes: expanded.length });
  }
  return expanded;
}

/** The frame alone, without what follows it. */
function zstdFrame(bytes: Uint8Array, clusterBytes: number): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== ZSTD_MAGIC) throw new RangeError("no Zstandard frame");
  const descriptor = view.getUint8(4);
  const single = (descriptor & 0x20) !== 0;
  const checksum = (descriptor & 4) !== 0;
  const sizeBytes = [single ? 1 : 0, 2, 4, 8][descriptor >> 6]!;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!;
  if (!single && view.getUint8(5) >> 3 > WINDOW_LOG_MAX - 10) throw new RangeError("the window is too large");
  let at = 5 + (single ? 0 : 1) + dictionaryBytes;
  let size = 0;
  for (let index = 0; index < sizeBytes; index++) size += view.getUint8(at + index) * 2 ** (8 * index);
  if (sizeBytes === 2) size += 256;
  if (size > clusterBytes) throw new RangeError("the frame is larger than a cluster");
  at += sizeBytes;
  for (let last = false; !last; ) {
    const header = view.getUint8(at) | (view.getUint8(at + 1) << 8) | (view.getUint8(at + 2) << 16);
    last = (header & 1) !== 0;
    // A run has one byte, however long it becomes.
    at += 3 + (((header >> 1) & 3) === 1 ? 1 : header >> 3);
  }
  at += checksum ? 4 : 0;
  if (at > bytes.length) throw new RangeError("the frame is cut short");
  return bytes.subarray(0, at);
}
