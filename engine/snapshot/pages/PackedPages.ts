import { STATE_PAGE_BYTES } from "../../contracts/MachineStateParts.ts";
import { unpack } from "../codecNumbers.ts";
import type { SnapshotServices } from "../SnapshotServices.ts";

/**
 * Pages of a saved state that were read and compared with their checksums, and are to be unpacked into the memory of a machine. Everything lies
 * in shared memory: whichever thread comes first takes a chunk, and nobody unpacks one twice, since a guest may have written to it meanwhile.
 */
export interface PackedPages {
  readonly stored: Uint8Array<SharedArrayBuffer>;
  /** For each chunk where in `stored` it starts. */
  readonly offsets: Float64Array<SharedArrayBuffer>;
  /** For each chunk `CHUNK_WORDS`, see `chunkWord`. */
  readonly chunks: Int32Array<SharedArrayBuffer>;
  /** For each run of pages `RUN_WORDS`, see `runWord`. */
  readonly runs: Uint32Array<SharedArrayBuffer>;
}

export const CHUNK_WORDS = 6;
export const chunkWord = { progress: 0, storedBytes: 1, codec: 2, pages: 3, firstRun: 4, endRun: 5 } as const;
/** Pages that follow each other in memory as in their chunk. */
export const RUN_WORDS = 3;
export const runWord = { page: 0, inChunk: 1, pages: 2 } as const;

/** How far a chunk is. */
export const progress = { packed: 0, taken: 1, unpacked: 2, harmed: 3 } as const;

const WAIT_MS = 1000;
/** A thread that was stopped with all the others is not given up: only one wait in a row ends without it then. */
const WAITS_MAX = 10;

export function chunkCount({ offsets }: PackedPages): number {
  return offsets.length;
}

export function progressOf({ chunks }: PackedPages, chunk: number): number {
  return Atomics.load(chunks, chunk * CHUNK_WORDS + chunkWord.progress);
}

function setProgress({ chunks }: PackedPages, chunk: number, value: number): void {
  Atomics.store(chunks, chunk * CHUNK_WORDS + chunkWord.progress, value);
  Atomics.notify(chunks, chunk * CHUNK_WORDS + chunkWord.progress);
}

/** True for the one who is to `unpackChunk` now. */
export function takeChunk({ chunks }: PackedPages, chunk: number): boolean {
  const at = chunk * CHUNK_WORDS + chunkWord.progress;
  return Atomics.compareExchange(chunks, at, progress.packed, progress.taken) === progress.packed;
}

/** Writes the pages of a chunk that the caller took to their places in memory. Throws "state-damaged". */
export function unpackChunk(packed: PackedPages, chunk: number, target: Uint8Array, services: SnapshotServices): void {
  let result: number = progress.harmed;
  try {
    copyPages(packed, chunk, target, services);
    result = progress.unpacked;
  } finally {
    setProgress(packed, chunk, result);
  }
}

/** Takes a chunk for which no memory is left. */
export function dropChunk(packed: PackedPages, chunk: number): void {
  if (takeChunk(packed, chunk)) setProgress(packed, chunk, progress.unpacked);
}

/** Waits for another thread that has taken the chunk. Throws when that does not get on. */
export function awaitChunk({ chunks }: PackedPages, chunk: number): void {
  const at = chunk * CHUNK_WORDS + chunkWord.progress;
  for (let waits = 0; Atomics.load(chunks, at) === progress.taken; waits++) {
    if (waits === WAITS_MAX) throw new Error("A thread that unpacks a saved state does not get on.");
    Atomics.wait(chunks, at, progress.taken, WAIT_MS);
  }
}

function copyPages(packed: PackedPages, chunk: number, target: Uint8Array, services: SnapshotServices): void {
  const { stored, offsets, chunks, runs } = packed;
  const word = (which: keyof typeof chunkWord): number => chunks[chunk * CHUNK_WORDS + chunkWord[which]]!;
  const start = offsets[chunk]!;
  const bytes = unpack(
    { codec: word("codec"), bytes: stored.subarray(start, start + word("storedBytes")) },
    word("pages") * STATE_PAGE_BYTES,
    services,
  );
  for (let run = word("firstRun"); run < word("endRun"); run++) {
    const at = run * RUN_WORDS;
    const from = runs[at + runWord.inChunk]! * STATE_PAGE_BYTES;
    const pages = bytes.subarray(from, from + runs[at + runWord.pages]! * STATE_PAGE_BYTES);
    target.set(pages, runs[at + runWord.page]! * STATE_PAGE_BYTES);
  }
}
