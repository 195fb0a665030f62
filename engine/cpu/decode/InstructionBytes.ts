/** Reads instruction bytes one after the other; one object serves all instructions of a decoder. */
const smallBigInts = Array.from({ length: 512 }, (_, i) => BigInt(i - 256));

/** Most displacements and immediates are small: no allocation for those. */
export const bigOf = (value: number): bigint =>
  value >= -256 && value < 256 ? smallBigInts[value + 256]! : BigInt(value);

export class InstructionBytes {
  #bytes: Uint8Array = new Uint8Array(0);
  #end = 0;
  at = 0;

  open(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes;
    this.at = start;
    this.#end = end;
  }

  has(count: number): boolean {
    return this.at + count <= this.#end;
  }

  /** The next byte, or -1 behind the last. */
  next(): number {
    return this.at < this.#end ? this.#bytes[this.at++]! : -1;
  }

  peek(): number {
    return this.at < this.#end ? this.#bytes[this.at]! : -1;
  }

  /** A little-endian signed number of 1, 2 or 4 bytes that are there. */
  signed(count: number): number {
    const bytes = this.#bytes;
    const at = this.at;
    this.at = at + count;
    if (count === 1) return (bytes[at]! << 24) >> 24;
    const low = bytes[at]! | (bytes[at + 1]! << 8);
    if (count === 2) return (low << 16) >> 16;
    return low | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
  }

  signedBig(count: number): bigint {
    if (count < 8) return bigOf(this.signed(count));
    const low = this.signed(4) >>> 0;
    return (BigInt(this.signed(4)) << 32n) | BigInt(low);
  }
}
