/**
 * AES over 512-byte sectors, as disk encryption uses it: XTS (IEEE 1619) and CBC, with initialization vectors that are the sector's number
 * ("plain", "plain64") or its encryption under a hash of the key ("essiv").
 */
import { Aes } from "./Aes.ts";
import type { DiskCipher } from "./DiskCipher.ts";

const SECTOR_BYTES = 512;
const BLOCK_BYTES = 16;

/** Fills a block of four big-endian words with the vector of a sector. */
export type SectorVector = (sector: number, block: Int32Array) => void;

export const plain64Vector: SectorVector = (sector, block) => {
  block[0] = swap(sector >>> 0);
  block[1] = swap(Math.floor(sector / 2 ** 32));
  block[2] = 0;
  block[3] = 0;
};

export const plainVector: SectorVector = (sector, block) => {
  plain64Vector(sector % 2 ** 32, block);
};

export function essivVector(hashedKey: Uint8Array): SectorVector {
  const aes = new Aes(hashedKey);
  return (sector, block) => {
    plain64Vector(sector, block);
    aes.encryptBlock(block);
  };
}

/** `key` holds two keys of the same length: for content and for the tweak. */
export class XtsCipher implements DiskCipher {
  readonly #content: Aes;
  readonly #tweak: Aes;
  readonly #vector: SectorVector;

  constructor(key: Uint8Array, vector: SectorVector) {
    this.#content = new Aes(key.subarray(0, key.length / 2));
    this.#tweak = new Aes(key.subarray(key.length / 2));
    this.#vector = vector;
  }

  encrypt(bytes: Uint8Array, firstSector: number): void {
    this.#run(bytes, firstSector, (block) => this.#content.encryptBlock(block));
  }

  decrypt(bytes: Uint8Array, firstSector: number): void {
    this.#run(bytes, firstSector, (block) => this.#content.decryptBlock(block));
  }

  #run(bytes: Uint8Array, firstSector: number, cipher: (block: Int32Array) => void): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const tweak = new Int32Array(4);
    const block = new Int32Array(4);
    for (let start = 0; start < bytes.length; start += SECTOR_BYTES) {
      this.#vector(firstSector + start / SECTOR_BYTES, tweak);
      this.#tweak.encryptBlock(tweak);
      // The tweak is a little-endian number of 128 bits that doubles in GF(2^128) from block to block.
      let [a, b, c, d] = [swap(tweak[0]!), swap(tweak[1]!), swap(tweak[2]!), swap(tweak[3]!)];
      for (let at = start; at < start + SECTOR_BYTES; at += BLOCK_BYTES) {
        block[0] = view.getInt32(at) ^ swap(a);
        block[1] = view.getInt32(at + 4) ^ swap(b);
        block[2] = view.getInt32(at + 8) ^ swap(c);
        block[3] = view.getInt32(at + 12) ^ swap(d);
        cipher(block);
        view.setInt32(at, block[0] ^ swap(a));
        view.setInt32(at + 4, block[1] ^ swap(b));
        view.setInt32(at + 8, block[2] ^ swap(c));
        view.setInt32(at + 12, block[3] ^ swap(d));
        const carry = d >>> 31;
        d = (d << 1) | (c >>> 31);
        c = (c << 1) | (b >>> 31);
        b = (b << 1) | (a >>> 31);
        a = (a << 1) ^ (carry === 0 ? 0 : 0x87);
      }
    }
  }
}

export class CbcCipher implements DiskCipher {
  readonly #aes: Aes;
  readonly #vector: SectorVector;

  constructor(key: Uint8Array, vector: SectorVector) {
    this.#aes = new Aes(key);
    this.#vector = vector;
  }

  encrypt(bytes: Uint8Array, firstSector: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const chain = new Int32Array(4);
    for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
      if (at % SECTOR_BYTES === 0) this.#vector(firstSector + at / SECTOR_BYTES, chain);
      for (let word = 0; word < 4; word++) chain[word]! ^= view.getInt32(at + word * 4);
      this.#aes.encryptBlock(chain);
      for (let word = 0; word < 4; word++) view.setInt32(at + word * 4, chain[word]!);
    }
  }

  decrypt(bytes: Uint8Array, firstSector: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const chain = new Int32Array(4);
    const block = new Int32Array(4);
    for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
      if (at % SECTOR_BYTES === 0) this.#vector(firstSector + at / SECTOR_BYTES, chain);
      for (let word = 0; word < 4; word++) block[word] = view.getInt32(at + word * 4);
      const next = block.slice();
      this.#aes.decryptBlock(block);
      for (let word = 0; word < 4; word++) view.setInt32(at + word * 4, block[word]! ^ chain[word]!);
      chain.set(next);
    }
  }
}

function swap(word: number): number {
  return (word << 24) | ((word << 8) & 0xff0000) | ((word >>> 8) & 0xff00) | (word >>> 24) | 0;
}
