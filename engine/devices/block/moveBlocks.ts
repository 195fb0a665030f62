/**
 * Moves runs of bytes between a block device and memory of the guest, in chunks, so that no request needs more host memory than a
 * chunk. Nothing here rejects: false is "the medium could not". All offsets and lengths are multiples of the block size.
 */
import type { ActivitySink } from "../../contracts/ActivitySink.ts";
import type { BlockDevice } from "../../contracts/BlockDevice.ts";
import type { GuestBuffer } from "./GuestBuffer.ts";

const CHUNK_BYTES = 256 * 1024;

export interface BlockTarget {
  readonly blocks: BlockDevice;
  readonly activity: ActivitySink;
}

export interface BlockRun {
  /** On the disk. */
  readonly offset: number;
  readonly length: number;
  readonly buffer: GuestBuffer;
  /** Where the run's data begins in `buffer`. */
  readonly bufferOffset: number;
}

export async function readToGuest(target: BlockTarget, run: BlockRun, isCurrent: () => boolean): Promise<boolean> {
  for (let done = 0; done < run.length; ) {
    const chunk = new Uint8Array(Math.min(CHUNK_BYTES, run.length - done));
    const read = await succeeds(() => target.blocks.read(run.offset + done, chunk));
    if (!read || !isCurrent()) return false;
    run.buffer.write(run.bufferOffset + done, chunk);
    target.activity.read(chunk.length);
    done += chunk.length;
  }
  return true;
}

export async function writeFromGuest(target: BlockTarget, run: BlockRun, isCurrent: () => boolean): Promise<boolean> {
  for (let done = 0; done < run.length; ) {
    if (!isCurrent()) return false;
    const chunk = run.buffer.bytes(run.bufferOffset + done, Math.min(CHUNK_BYTES, run.length - done));
    if (!(await succeeds(() => target.blocks.write(run.offset + done, chunk)))) return false;
    target.activity.write(chunk.length);
    done += chunk.length;
  }
  return true;
}

/** Afterwards the run reads as zeros. Formats with zero clusters make it cheap. */
export async function writeZeroes({ blocks }: BlockTarget, offset: number, length: number): Promise<boolean> {
  const { writeZeroes: cheaply } = blocks;
  if (cheaply !== undefined) return await succeeds(() => cheaply.call(blocks, offset, length));
  const zeros = new Uint8Array(Math.min(CHUNK_BYTES, length));
  for (let done = 0; done < length; ) {
    const count = Math.min(zeros.length, length - done);
    if (!(await succeeds(() => blocks.write(offset + done, zeros.subarray(0, count))))) return false;
    done += count;
  }
  return true;
}

export function flushBlocks({ blocks }: BlockTarget): Promise<boolean> {
  return succeeds(() => blocks.flush());
}

export function discardBlocks({ blocks }: BlockTarget, offset: number, length: number): Promise<boolean> {
  return succeeds(() => blocks.discard(offset, length));
}

async function succeeds(operation: () => Promise<void>): Promise<boolean> {
  try {
    await operation();
    return true;
  } catch {
    return false;
  }
}
