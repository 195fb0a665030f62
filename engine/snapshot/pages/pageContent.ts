import { STATE_PAGE_BYTES } from "../../contracts/MachineStateParts.ts";

/** A page as words, without a copy where it is aligned. */
export function pageWords(page: Uint8Array): Uint32Array {
  const bytes = page.byteOffset % 4 === 0 ? page : page.slice();
  return new Uint32Array(bytes.buffer, bytes.byteOffset, STATE_PAGE_BYTES / 4);
}

/**
 * 64 bits that tell most different pages apart, in two halves; whoever takes pages for equal compares them. Multiply and rotate, as
 * in MurmurHash3 (A. Appleby, public domain), with a seed for each half.
 */
export function hashPage(words: Uint32Array): readonly [low: number, high: number] {
  let low = 0x9e37_79b9;
  let high = 0x85eb_ca6b;
  for (let at = 0; at < words.length; at += 2) {
    low = Math.imul(low ^ words[at]!, 0xcc9e_2d51);
    low = (low << 15) | (low >>> 17);
    high = Math.imul(high ^ words[at + 1]! ^ low, 0x1b87_3593);
    high = (high << 13) | (high >>> 19);
  }
  return [settle(low), settle(high ^ low)];
}

function settle(value: number): number {
  let mixed = value ^ (value >>> 16);
  mixed = Math.imul(mixed, 0x85eb_ca6b);
  mixed ^= mixed >>> 13;
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
