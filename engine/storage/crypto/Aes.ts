/**
 * The AES block cipher (FIPS 197) for keys of 16, 24 and 32 bytes, on four 32-bit words at a time, with one table per direction whose
 * rotations serve the four bytes of a column. For data at rest on the user's own machine: timing that depends on the key through the
 * processor's cache is not defended against.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";

const substitution = new Uint8Array(256);
const inverseSubstitution = new Uint8Array(256);
const encryptTable = new Uint32Array(256);
const decryptTable = new Uint32Array(256);
fillTables();

/** Multiplication by x in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1. */
function double(value: number): number {
  return ((value << 1) ^ ((value & 0x80) !== 0 ? 0x11b : 0)) & 0xff;
}

function fillTables(): void {
  // 3 generates the field's multiplicative group: walk its powers and, backwards, their inverses.
  const powers = new Uint8Array(256);
  for (let value = 1, index = 0; index < 256; index++) {
    powers[index] = value;
    value ^= double(value);
  }
  for (let index = 0; index < 255; index++) {
    const inverse = powers[(255 - index) % 255]!;
    let mixed = inverse;
    for (let turn = 1; turn < 5; turn++) mixed ^= ((inverse << turn) | (inverse >> (8 - turn))) & 0xff;
    substitution[powers[index]!] = mixed ^ 0x63;
  }
  substitution[0] = 0x63;
  for (let value = 0; value < 256; value++) {
    const s = substitution[value]!;
    inverseSubstitution[s] = value;
    encryptTable[value] = ((double(s) << 24) | (s << 16) | (s << 8) | (double(s) ^ s)) >>> 0;
  }
  for (let value = 0; value < 256; value++) {
    const s = inverseSubstitution[value]!;
    const [two, four] = [double(s), double(double(s))];
    const eight = double(four);
    decryptTable[value] =
      (((eight ^ four ^ two) << 24) | ((eight ^ s) << 16) | ((eight ^ four ^ s) << 8) | (eight ^ two ^ s)) >>> 0;
  }
}

function rotate(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}

function substitute(word: number): number {
  return (
    (substitution[word >>> 24]! << 24) |
    (substitution[(word >>> 16) & 0xff]! << 16) |
    (substitution[(word >>> 8) & 0xff]! << 8) |
    substitution[word & 0xff]!
  );
}

/** The inverse of the column mixing, for the round keys of decryption. */
function unmix(word: number): number {
  return (
    decryptTable[substitution[word >>> 24]!]! ^
    rotate(decryptTable[substitution[(word >>> 16) & 0xff]!]!, 8) ^
    rotate(decryptTable[substitution[(word >>> 8) & 0xff]!]!, 16) ^
    rotate(decryptTable[substitution[word & 0xff]!]!, 24)
  );
}

export class Aes {
  readonly #rounds: number;
  readonly #encryptKeys: Int32Array;
  readonly #decryptKeys: Int32Array;

  /** Fails with "unsupported-image" for keys of another length. */
  constructor(key: Uint8Array) {
    if (key.length !== 16 && key.length !== 24 && key.length !== 32) {
      throw new GuesthouseError("unsupported-image", "AES has no keys of that length.", { bytes: key.length });
    }
    const keyWords = key.length / 4;
    this.#rounds = keyWords + 6;
    const count = 4 * (this.#rounds + 1);
    const words = new Int32Array(count);
    const view = new DataView(key.buffer, key.byteOffset, key.length);
    let constant = 1;
    for (let index = 0; index < count; index++) {
      if (index < keyWords) {
        words[index] = view.getInt32(index * 4);
        continue;
      }
      let word = words[index - 1]!;
      if (index % keyWords === 0) {
        word = substitute(rotate(word, 24)) ^ (constant << 24);
        constant = double(constant);
      } else if (keyWords > 6 && index % keyWords === 4) word = substitute(word);
      words[index] = words[index - keyWords]! ^ word;
    }
    this.#encryptKeys = words;
    this.#decryptKeys = words.map((_, index) => {
      const round = this.#rounds - (index >> 2);
      const word = words[round * 4 + (index & 3)]!;
      return round === 0 || round === this.#rounds ? word : unmix(word);
    });
  }

  /** Four big-endian words, in place. */
  encryptBlock(block: Int32Array): void {
    const keys = this.#encryptKeys;
    let [a, b, c, d] = [block[0]! ^ keys[0]!, block[1]! ^ keys[1]!, block[2]! ^ keys[2]!, block[3]! ^ keys[3]!];
    let at = 4;
    for (let round = 1; round < this.#rounds; round++, at += 4) {
      const e = column(encryptTable, a, b, c, d) ^ keys[at]!;
      const f = column(encryptTable, b, c, d, a) ^ keys[at + 1]!;
      const g = column(encryptTable, c, d, a, b) ^ keys[at + 2]!;
      d = column(encryptTable, d, a, b, c) ^ keys[at + 3]!;
      a = e;
      b = f;
      c = g;
    }
    block[0] = lastColumn(substitution, a, b, c, d) ^ keys[at]!;
    block[1] = lastColumn(substitution, b, c, d, a) ^ keys[at + 1]!;
    block[2] = lastColumn(substitution, c, d, a, b) ^ keys[at + 2]!;
    block[3] = lastColumn(substitution, d, a, b, c) ^ keys[at + 3]!;
  }

  decryptBlock(block: Int32Array): void {
    const keys = this.#decryptKeys;
    let [a, b, c, d] = [block[0]! ^ keys[0]!, block[1]! ^ keys[1]!, block[2]! ^ keys[2]!, block[3]! ^ keys[3]!];
    let at = 4;
    for (let round = 1; round < this.#rounds; round++, at += 4) {
      const e = column(decryptTable, a, d, c, b) ^ keys[at]!;
      const f = column(decryptTable, b, a, d, c) ^ keys[at + 1]!;
      const g = column(decryptTable, c, b, a, d) ^ keys[at + 2]!;
      d = column(decryptTable, d, c, b, a) ^ keys[at + 3]!;
      a = e;
      b = f;
      c = g;
    }
    block[0] = lastColumn(inverseSubstitution, a, d, c, b) ^ keys[at]!;
    block[1] = lastColumn(inverseSubstitution, b, a, d, c) ^ keys[at + 1]!;
    block[2] = lastColumn(inverseSubstitution, c, b, a, d) ^ keys[at + 2]!;
    block[3] = lastColumn(inverseSubstitution, d, c, b, a) ^ keys[at + 3]!;
  }
}

/** One column of a round: the four bytes come from four columns, shifted by the rows. */
function column(table: Uint32Array, a: number, b: number, c: number, d: number): number {
  return (
    table[a >>> 24]! ^
    rotate(table[(b >>> 16) & 0xff]!, 8) ^
    rotate(table[(c >>> 8) & 0xff]!, 16) ^
    rotate(table[d & 0xff]!, 24)
  );
}

function lastColumn(box: Uint8Array, a: number, b: number, c: number, d: number): number {
  return (box[a >>> 24]! << 24) | (box[(b >>> 16) & 0xff]! << 16) | (box[(c >>> 8) & 0xff]! << 8) | box[d & 0xff]!;
}
