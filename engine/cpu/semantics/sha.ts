/**
 * SHA-NI (Intel SDM vol. 2; FIPS 180-4 for the functions): four rounds of SHA-1, two of SHA-256, and the sums of their message schedules. Words are
 * numbered as lanes, the lowest first; SHA-1 has its A and first word in lane 3.
 */
import type { Algebra, Semantics, Value } from "./Algebra.ts";
import type { Vector } from "./VectorAlgebra.ts";
import { packed, zeroVector } from "./vectorShapes.ts";

type Word = Value<32>;

const word = (x: Algebra, a: Vector, lane: number): Word => x.vector.extract(32, a, lane);
const words = (x: Algebra, a: Vector): Word[] => [0, 1, 2, 3].map((lane) => word(x, a, lane));
const join = (x: Algebra, lanes: readonly Word[]): Vector =>
  lanes.reduce((all, value, lane) => x.vector.replace(all, lane, value), zeroVector(x.vector));
const sum = (x: Algebra, ...values: readonly Word[]): Word => values.reduce((a, b) => x.add(a, b));
const right = (x: Algebra, a: Word, places: number): Word => x.rotateRight(a, x.constant(8, places));
const left = (x: Algebra, a: Word, places: number): Word => x.rotateLeft(a, x.constant(8, places));
const xor = (x: Algebra, ...values: readonly Word[]): Word => values.reduce((a, b) => x.xor(a, b));
const choose = (x: Algebra, a: Word, b: Word, c: Word): Word => x.xor(x.and(a, b), x.and(x.not(a), c));
const majority = (x: Algebra, a: Word, b: Word, c: Word): Word => xor(x, x.and(a, b), x.and(a, c), x.and(b, c));

// --- SHA-256 ---
const bigSigma0 = (x: Algebra, a: Word): Word => xor(x, right(x, a, 2), right(x, a, 13), right(x, a, 22));
const bigSigma1 = (x: Algebra, a: Word): Word => xor(x, right(x, a, 6), right(x, a, 11), right(x, a, 25));
const smallSigma0 = (x: Algebra, a: Word): Word =>
  xor(x, right(x, a, 7), right(x, a, 18), x.shiftRight(a, x.constant(8, 3)));
const smallSigma1 = (x: Algebra, a: Word): Word =>
  xor(x, right(x, a, 17), right(x, a, 19), x.shiftRight(a, x.constant(8, 10)));

/** The destination holds C D G H, the source A B E F (highest lane first), XMM0 two words with their constants. */
const twoRounds: Semantics = (x, [destination, source, schedule]) => {
  const v = x.vector;
  const abef = v.read(source!, 16);
  const cdgh = v.read(destination!, 16);
  const wk = v.read(schedule!, 16);
  let [f, e, b, a] = words(x, abef) as [Word, Word, Word, Word];
  let [h, g, d, c] = words(x, cdgh) as [Word, Word, Word, Word];
  for (const round of [0, 1]) {
    const t1 = sum(x, h, bigSigma1(x, e), choose(x, e, f, g), word(x, wk, round));
    const t2 = x.add(bigSigma0(x, a), majority(x, a, b, c));
    [h, g, f, e, d, c, b, a] = [g, f, e, x.add(d, t1), c, b, a, x.add(t1, t2)];
  }
  v.write(destination!, join(x, [f, e, b, a]), 16);
};

const schedule256First: Semantics = packed((_v, a, b, x) => {
  const [w0, w1, w2, w3] = words(x, a) as [Word, Word, Word, Word];
  const next = [w1, w2, w3, word(x, b, 0)];
  return join(
    x,
    [w0, w1, w2, w3].map((value, lane) => x.add(value, smallSigma0(x, next[lane]!))),
  );
});

const schedule256Second: Semantics = packed((_v, a, b, x) => {
  const [p0, p1, p2, p3] = words(x, a) as [Word, Word, Word, Word];
  const w16 = x.add(p0, smallSigma1(x, word(x, b, 2)));
  const w17 = x.add(p1, smallSigma1(x, word(x, b, 3)));
  return join(x, [w16, w17, x.add(p2, smallSigma1(x, w16)), x.add(p3, smallSigma1(x, w17))]);
});

// --- SHA-1 ---
const roundConstants = [0x5a82_7999, 0x6ed9_eba1, 0x8f1b_bcdc, 0xca62_c1d6];

/** The function of rounds 0 to 19, 20 to 39, 40 to 59, 60 to 79 by the low bits of the immediate. */
function chosenFunction(x: Algebra, phase: Word, b: Word, c: Word, d: Word): Word {
  const parity = xor(x, b, c, d);
  const low = x.select(x.bit(phase, 0), parity, choose(x, b, c, d));
  const high = x.select(x.bit(phase, 0), parity, majority(x, b, c, d));
  return x.select(x.bit(phase, 1), high, low);
}

function chosenConstant(x: Algebra, phase: Word): Word {
  const [k0, k1, k2, k3] = roundConstants.map((value) => x.constant(32, value)) as [Word, Word, Word, Word];
  return x.select(x.bit(phase, 1), x.select(x.bit(phase, 0), k3, k2), x.select(x.bit(phase, 0), k1, k0));
}

/** The first word of the source already has E added to it. */
const fourRounds: Semantics = (x, [destination, source, phase]) => {
  const v = x.vector;
  const message = v.read(source!, 16);
  const abcd = v.read(destination!, 16);
  const which = x.recordConstant(phase!);
  const constant = chosenConstant(x, which);
  let [d, c, b, a] = words(x, abcd) as [Word, Word, Word, Word];
  let e: Word = x.constant(32, 0);
  for (const lane of [3, 2, 1, 0]) {
    const next = sum(x, chosenFunction(x, which, b, c, d), left(x, a, 5), word(x, message, lane), e, constant);
    [e, d, c, b, a] = [d, c, left(x, b, 30), a, next];
  }
  v.write(destination!, join(x, [d, c, b, a]), 16);
};

const nextE: Semantics = packed((v, a, b, x) => v.replace(b, 3, x.add(word(x, b, 3), left(x, word(x, a, 3), 30))));

const schedule1First: Semantics = packed((v, a, b) =>
  v.binary("v128Xor", a, v.shuffle(b, a, [8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23])),
);

const schedule1Second: Semantics = packed((_v, a, b, x) => {
  const turned = (lane: number, with_: Word): Word => left(x, x.xor(word(x, a, lane), with_), 1);
  const w16 = turned(3, word(x, b, 2));
  const w17 = turned(2, word(x, b, 1));
  const w18 = turned(1, word(x, b, 0));
  return join(x, [turned(0, w16), w18, w17, w16]);
});

export const sha = {
  SHA1RNDS4: fourRounds,
  SHA1NEXTE: nextE,
  SHA1MSG1: schedule1First,
  SHA1MSG2: schedule1Second,
  SHA256RNDS2: twoRounds,
  SHA256MSG1: schedule256First,
  SHA256MSG2: schedule256Second,
} satisfies Record<string, Semantics>;
