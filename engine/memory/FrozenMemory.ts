import { type FrozenPages, STATE_PAGE_BYTES } from "../contracts/MachineStateParts.ts";

/**
 * A range of the shared memory as it was at one moment. Whoever writes a page for the first time since then calls `beforeWrite`,
 * which puts the page aside if it is still needed. When all pages have been taken the object goes on telling which ones were written.
 */
export class FrozenMemory implements FrozenPages {
  readonly pageCount: number;
  /** 1 for each page that was written since. */
  readonly written: Uint8Array;
  readonly #bytes: Uint8Array;
  readonly #bring: (index: number) => void;
  readonly #taken: Uint8Array;
  readonly #aside = new Map<number, Uint8Array>();
  #left: number;

  /** `bring` makes sure that a page holds what it is to hold: it may be on its way. */
  constructor(bytes: Uint8Array, bring: (index: number) => void) {
    this.#bytes = bytes;
    this.#bring = bring;
    this.pageCount = bytes.length / STATE_PAGE_BYTES;
    this.written = new Uint8Array(this.pageCount);
    this.#taken = new Uint8Array(this.pageCount);
    this.#left = this.pageCount;
  }

  /** Pages are still to be taken. */
  get holdsPages(): boolean {
    return this.#left > 0;
  }

  /** The first write to this page is of interest. Pages outside of the range are not. */
  watches(index: number): boolean {
    return this.written[index] === 0;
  }

  beforeWrite(index: number): void {
    if (!this.watches(index)) return;
    this.written[index] = 1;
    if (this.#taken[index] === 0) this.#aside.set(index, this.#place(index).slice());
  }

  page(index: number): Uint8Array {
    return this.#aside.get(index) ?? this.#place(index);
  }

  take(index: number): void {
    if (this.#taken[index] !== 0) return;
    this.#taken[index] = 1;
    this.#left--;
    this.#aside.delete(index);
  }

  dispose(): void {
    this.#taken.fill(1);
    this.#left = 0;
    this.#aside.clear();
  }

  #place(index: number): Uint8Array {
    this.#bring(index);
    return this.#bytes.subarray(index * STATE_PAGE_BYTES, (index + 1) * STATE_PAGE_BYTES);
  }
}
