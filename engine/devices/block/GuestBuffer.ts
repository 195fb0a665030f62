/**
 * Memory of the guest that a storage request names in pieces (physical regions, descriptors, pages), seen as one run of bytes.
 * Reads gather, writes scatter; what lies outside the run is neither read nor written. The pieces may overlap each other and device
 * windows: each byte is moved as a bus master would.
 */
import type { PhysicalMemory } from "../../contracts/PhysicalMemory.ts";

export interface GuestSegment {
  readonly address: number;
  readonly length: number;
}

export class GuestBuffer {
  readonly length: number;
  readonly #memory: PhysicalMemory;
  readonly #segments: readonly GuestSegment[];

  constructor(memory: PhysicalMemory, segments: readonly GuestSegment[]) {
    this.#memory = memory;
    this.#segments = segments;
    this.length = segments.reduce((sum, { length }) => sum + length, 0);
  }

  /** Fills `target` from the guest's bytes at `offset` on; returns how many there were. */
  read(offset: number, target: Uint8Array): number {
    return this.#walk(offset, target, (address, part) => this.#memory.read(address, part));
  }

  /** Gives the guest the bytes of `source` at `offset` on; returns how many had a place. */
  write(offset: number, source: Uint8Array): number {
    return this.#walk(offset, source, (address, part) => this.#memory.write(address, part));
  }

  bytes(offset: number, length: number): Uint8Array {
    const target = new Uint8Array(Math.max(0, Math.min(length, this.length - offset)));
    this.read(offset, target);
    return target;
  }

  #walk(offset: number, bytes: Uint8Array, move: (address: number, part: Uint8Array) => void): number {
    let done = 0;
    let start = 0;
    for (const { address, length } of this.#segments) {
      const within = offset + done - start;
      if (within < length) {
        const count = Math.min(length - within, bytes.length - done);
        if (count > 0) move(address + within, bytes.subarray(done, done + count));
        done += count;
        if (done >= bytes.length) return done;
      }
      start += length;
    }
    return done;
  }
}
