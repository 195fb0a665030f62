/** Unpacks a gzip member (RFC 1952) of an appliance in a stream. What grows beyond `maxBytes` is a bomb, or damaged. */
import { Gunzip } from "fflate";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { ByteStore } from "../contracts/BlockDevice.ts";
import type { LongWork } from "../contracts/DiskImage.ts";
import { applianceError } from "./applianceError.ts";

const READ_BYTES = 64 * 1024;
/** Deflate makes at most a thousand bytes of one, so this is what bounds time and memory until a bomb is noticed. */
const PUSH_BYTES = 4 * 1024;

/** Fails with "appliance-truncated", "appliance-too-large" and "cancelled"; the target is then to be removed by the caller. */
export async function unpackGzip(
  source: ByteStore,
  target: ByteStore,
  maxBytes: number,
  work: LongWork = {},
): Promise<void> {
  const sizeBytes = await source.size();
  const ready: Uint8Array[] = [];
  const gunzip = new Gunzip((chunk) => void ready.push(chunk));
  const piece = new Uint8Array(READ_BYTES);
  let written = 0;
  for (let at = 0; at < sizeBytes; ) {
    if (work.signal?.aborted === true) throw new GuesthouseError("cancelled", "The import was cancelled.");
    const count = await source.read(at, piece);
    if (count === 0) throw damaged();
    for (let from = 0; from < count; from += PUSH_BYTES) {
      const to = Math.min(count, from + PUSH_BYTES);
      push(gunzip, piece.slice(from, to), at + to >= sizeBytes);
      for (const chunk of ready.splice(0)) {
        if (written + chunk.length > maxBytes) throw tooLarge(maxBytes);
        await target.write(written, chunk);
        written += chunk.length;
      }
    }
    at += count;
    work.onProgress?.(at / sizeBytes);
  }
}

function push(gunzip: Gunzip, bytes: Uint8Array<ArrayBuffer>, last: boolean): void {
  try {
    gunzip.push(bytes, last);
  } catch (error) {
    throw damaged(error);
  }
}

function damaged(cause?: unknown): Error {
  return applianceError("truncated", "A compressed file of the appliance is damaged or ends too early.", {}, cause);
}

function tooLarge(maxBytes: number): Error {
  const message = "A compressed file of the appliance unpacks to far more than its disk holds.";
  return applianceError("too-large", message, { maxBytes });
}
