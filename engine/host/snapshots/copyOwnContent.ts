/** Copies what an image itself holds, its own zeros included, to where the other one holds what `wanted` says. */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { DiskImage, ExtentKind, LongWork } from "../../contracts/DiskImage.ts";

const PIECE_BYTES = 1024 * 1024;

export async function copyOwnContent(
  source: DiskImage,
  target: DiskImage,
  wanted: (kind: ExtentKind) => boolean,
  work: LongWork,
): Promise<void> {
  const end = Math.min(source.sizeBytes, target.sizeBytes);
  for (let at = 0; at < end; ) {
    if (work.signal?.aborted === true) throw new GuesthouseError("cancelled", "Cancelled.");
    work.onProgress?.(at / end);
    const extent = await source.extentAt(at);
    const there = await target.extentAt(at);
    const length = Math.min(extent.length, there.length, end - at);
    if (extent.kind !== "absent" && wanted(there.kind)) await copyRange(source, target, extent.kind, at, length);
    at += length;
  }
}

async function copyRange(
  source: DiskImage,
  target: DiskImage,
  kind: ExtentKind,
  offset: number,
  length: number,
): Promise<void> {
  if (kind === "zero") {
    await target.writeZeroes(offset, length);
    return;
  }
  for (let at = 0; at < length; at += PIECE_BYTES) {
    const bytes = new Uint8Array(Math.min(PIECE_BYTES, length - at));
    await source.read(offset + at, bytes);
    await target.write(offset + at, bytes);
  }
}
