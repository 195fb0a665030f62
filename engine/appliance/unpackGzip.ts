/** Unpacks a gzip member (RFC 1952) of an appliance in a stream. What grows beyond `maxBytes` is a bomb, or damaged. */
import { Gunzip } from "fflate";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { ByteStore } from "../contracts/BlockDevice.ts";
import type { LongWork } from "../contracts/DiskImage.ts";
import { applianceError } from "./applianceError.ts";

/** Deflate makes at most a thousand bytes of one, so this is what bounds the memory. */
const PIECE_BYTES = 16 * 1024;

/** Fails with "appliance-truncated", "appliance-too-large" and "cancelled"; the target is then to be removed by the caller. */
export async function unpackGzip(
  source: ByteStore,
  target: ByteStore,
  maxBytes: number,
  work: LongWork = {},
): Promise<void> {
  const sizeBytes = await source.size();
  let written = 0;
  let ready: Uint8Array[] = [];
  const gunzip = new Gunzip((chunk) => void ready.push(chunk));
  const piece = new Uint8Array(PIECE_BYTES);
  for (let at = 0; at < sizeBytes; ) {
    if (work.signal?.aborted === true) throw new GuesthouseError("cancelled", "The import was cancelled.");
    const count = await source.read(at, piece);
    if (count === 0) throw damaged();
    at += count;
    try {
      gunzip.push(piece.slice(0, count), at >= sizeBytes);
    } catch (error) {
      throw damaged(error);
    }
    for (const chunk of ready) {
      if (written + chunk.length > maxBytes) {
        throw applianceError(
          "too-large",
          "A compressed file of the appliance unpacks to far more than its disk holds.",
          { maxBytes },
        );
      }
      await target.write(written, chunk);
      written += chunk.length;
    }
    ready = [];
    work.onProgress?.(at / sizeBytes);
  }
}

function damaged(cause?: unknown): Error {
  return applianceError("truncated", "A compressed file of the appliance is damaged or ends too early.", {}, cause);
}
