/**
 * Which 4 KiB pages of the video memory changed since the last look: those the adapter wrote itself, joined with
 * those that VideoMemory saw the guest write.
 */
import type { VideoMemory } from "../../contracts/VideoMemory.ts";

const PAGE_SHIFT = 12;

export class DirtyPages {
  readonly #memory: VideoMemory;
  readonly #flags: Uint8Array;
  readonly #bitmap: Uint8Array;
  #any = true;

  constructor(memory: VideoMemory) {
    this.#memory = memory;
    const pages = memory.bytes.length >>> PAGE_SHIFT;
    this.#flags = new Uint8Array(pages).fill(1);
    this.#bitmap = new Uint8Array((pages + 7) >>> 3);
  }

  /** The byte at `offset` was written by the adapter. */
  mark(offset: number): void {
    this.#flags[offset >>> PAGE_SHIFT] = 1;
    this.#any = true;
  }

  markAll(): void {
    this.#flags.fill(1);
    this.#any = true;
  }

  /** Collects what the guest wrote directly; tells whether anything changed since `clear`. */
  collect(): boolean {
    if (this.#memory.takeDirty(this.#bitmap)) {
      this.#any = true;
      for (let page = 0; page < this.#flags.length; page++) {
        if ((this.#bitmap[page >> 3]! & (1 << (page & 7))) !== 0) this.#flags[page] = 1;
      }
      this.#bitmap.fill(0);
    }
    return this.#any;
  }

  /** Whether a byte of the range, which may wrap around the end, is on a dirty page. */
  touches(offset: number, length: number): boolean {
    const last = (offset + length - 1) >>> PAGE_SHIFT;
    for (let page = offset >>> PAGE_SHIFT; page <= last; page++) {
      if (this.#flags[page % this.#flags.length] !== 0) return true;
    }
    return false;
  }

  clear(): void {
    if (!this.#any) return;
    this.#flags.fill(0);
    this.#any = false;
  }
}
