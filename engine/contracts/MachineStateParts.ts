/**
 * The state of a machine between the machine, which gives and takes it, and the files that it is kept in. Everything but RAM is
 * small and comes as sections; RAM is read page by page while the guest goes on.
 */
export interface StateSection {
  /** "cpu", "device:pit", ...: lower case, digits, "-" and ":", at most 64 characters. */
  readonly id: string;
  /** Of the payload's form. */
  readonly version: number;
  readonly payload: Uint8Array;
}

export const STATE_PAGE_BYTES = 4096;

/** Whether the page at a place among words is zero. Eight words at a time: all of a machine's memory goes through here. */
export function isZeroPage(words: Uint32Array, start = 0): boolean {
  const end = start + STATE_PAGE_BYTES / 4;
  for (let at = start; at < end; at += 8) {
    const first = words[at]! | words[at + 1]! | words[at + 2]! | words[at + 3]!;
    if ((first | words[at + 4]! | words[at + 5]! | words[at + 6]! | words[at + 7]!) !== 0) return false;
  }
  return true;
}

/** Pages as they were at one moment, however the guest changes them since. Each is read, then taken. */
export interface FrozenPages {
  readonly pageCount: number;
  /** Valid until the machine runs on. Must not be asked for after `take`. */
  page(index: number): Uint8Array;
  /** The page has been read: a later write need not put it aside. */
  take(index: number): void;
  /** Takes all: nobody wants the rest. */
  dispose(): void;
}

export interface CapturedState {
  readonly sections: readonly StateSection[];
  readonly ram: FrozenPages;
  /**
   * The state that was captured or restored before this one in the same machine, and for each page whether it may have been written since
   * then (1) or not (0).
   */
  readonly base: { readonly label: string; readonly changed: Uint8Array } | undefined;
}

/** A saved state on its way into a machine. */
export interface RestorableState {
  /** What `CapturedState.base` is to call this state. */
  readonly label: string;
  readonly sections: readonly StateSection[];
  readonly ramBytes: number;
  /**
   * Reads all pages that are not zero and compares them with their checksums; the memory given is zero. They come into it afterwards. Rejects with
   * "state-damaged" and the like, with the memory untouched.
   */
  readRam(target: Uint8Array): Promise<ArrivingPages>;
}

/**
 * Pages that were read and are being unpacked into the memory of a machine, which need not wait for all of them: whoever wants a page asks for
 * it, the others come by themselves.
 */
export interface ArrivingPages {
  /** The page has not come yet; it may at any moment. False for pages outside. */
  isAbsent(index: number): boolean;
  /** The page is there when this returns. Throws "state-damaged" for one that cannot be unpacked. */
  bring(index: number): void;
  /** Nobody wants those that have not come: none comes after this. */
  forget(): void;
  /** Resolves when all pages are there that ever come. Rejects with "state-damaged". */
  arrived(): Promise<void>;
}
