/**
 * Copies a disk's content into a new image of any format. Zeros, and what the source does not hold, are left out of the target, which must be new
 * and rest on nothing. Writes go upwards, one at a time, as formats that are written in one go need it; the next piece is read
 * meanwhile.
 */
import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { BlockDevice } from "../contracts/BlockDevice.ts";
import type { DiskImage, LongWork } from "../contracts/DiskImage.ts";
import { isZero, refuseIfCancelled } from "./DiskImageBase.ts";

const PIECE_BYTES = 2 * 1024 * 1024;
/** Holes of this size are kept. */
const GRAIN_BYTES = 64 * 1024;

export interface ConvertDiskWork extends LongWork {
  /** Stores content compressed where the target can. */
  readonly compress?: boolean;
}

/** Fails with "cancelled"; the target is then to be closed and removed by the caller, who made it. */
export async function convertDisk(source: BlockDevice, target: DiskImage, work: ConvertDiskWork = {}): Promise<void> {
  if (target.sizeBytes < source.sizeBytes) {
    throw new GuesthouseError("unsupported-size", "The new disk is smaller than the old one.", {
      sizeBytes: target.sizeBytes,
      needed: source.sizeBytes,
    });
  }
  let writing: Promise<void> = Promise.resolve();
  try {
    for await (const { offset, bytes } of contentOf(source)) {
      await writing;
      refuseIfCancelled(work);
      work.onProgress?.(offset / source.sizeBytes);
      writing = writeGrains(target, offset, bytes, work.compress === true);
      // Whoever awaits it next hears of a failure; until then it is not an unhandled one.
      writing.catch(() => undefined);
    }
  } finally {
    await writing;
  }
  refuseIfCancelled(work);
  await target.flush();
  work.onProgress?.(1);
}

interface Piece {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** The pieces that may be other than zeros, upwards. */
export async function* contentOf(source: BlockDevice): AsyncGenerator<Piece> {
  for (let at = 0; at < source.sizeBytes; ) {
    const { zero, end } = await rangeAt(source, at);
    if (zero) {
      at = end;
      continue;
    }
    const bytes = new Uint8Array(Math.min(end, nextPiece(at)) - at);
    await source.read(at, bytes);
    yield { offset: at, bytes };
    at += bytes.length;
  }
}

function nextPiece(offset: number): number {
  return (Math.floor(offset / PIECE_BYTES) + 1) * PIECE_BYTES;
}

/** What the source says of a range, through all that it rests on. */
async function rangeAt(source: BlockDevice, offset: number): Promise<{ zero: boolean; end: number }> {
  if (offset >= source.sizeBytes) return { zero: true, end: Number.POSITIVE_INFINITY };
  if (!isImage(source)) return { zero: false, end: source.sizeBytes };
  const { kind, length } = await source.extentAt(offset);
  const end = offset + length;
  if (kind === "data") return { zero: false, end };
  if (kind === "zero") return { zero: true, end };
  if (source.backing === undefined) {
    // An image whose backing image is not there says so when it is read.
    const { backing } = await source.info();
    return { zero: backing === undefined, end };
  }
  const behind = await rangeAt(source.backing, offset);
  return { zero: behind.zero, end: Math.min(end, behind.end) };
}

function isImage(device: BlockDevice): device is DiskImage {
  return "extentAt" in device;
}

async function writeGrains(target: DiskImage, offset: number, bytes: Uint8Array, compress: boolean): Promise<void> {
  const grainEnd = (at: number) => Math.min(bytes.length, at + GRAIN_BYTES - ((offset + at) % GRAIN_BYTES));
  for (let at = 0; at < bytes.length; ) {
    let end = grainEnd(at);
    if (isZero(bytes.subarray(at, end))) {
      at = end;
      continue;
    }
    while (end < bytes.length && !isZero(bytes.subarray(end, grainEnd(end)))) end = grainEnd(end);
    const piece = bytes.subarray(at, end);
    if (compress && target.writeCompressed !== undefined) await target.writeCompressed(offset + at, piece);
    else await target.write(offset + at, piece);
    at = end;
  }
}
