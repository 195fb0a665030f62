/**
 * The round functions of AES (FIPS 197, section 5) on a state whose byte 0 is the lowest, as AES-NI has them (SDM vol. 2). The substitution
 * boxes are computed when first needed: the inverse in GF(2^8) and an affine map.
 */

const box: usize = memory.data(256);
const inverseBox: usize = memory.data(256);
let boxesReady = false;

/** Times x modulo x^8 + x^4 + x^3 + x + 1. */
function timesX(value: u32): u32 {
  return ((value << 1) ^ (value & 0x80 ? 0x11b : 0)) & 0xff;
}

function rotate8(value: u32, places: u32): u32 {
  return ((value << places) | (value >> (8 - places))) & 0xff;
}

/** Walks the field by its generator 3 and, in step, by that one's inverse F6h: so every element meets its inverse. */
function fillBoxes(): void {
  let element: u32 = 1;
  let inverse: u32 = 1;
  do {
    const substitute =
      inverse ^ rotate8(inverse, 1) ^ rotate8(inverse, 2) ^ rotate8(inverse, 3) ^ rotate8(inverse, 4) ^ 0x63;
    store<u8>(box + element, substitute as u8);
    element ^= timesX(element);
    // Division by 3 is multiplication by F6h.
    inverse ^= inverse << 1;
    inverse ^= inverse << 2;
    inverse ^= inverse << 4;
    inverse &= 0xff;
    if (inverse & 0x80) inverse ^= 0x09;
  } while (element != 1);
  store<u8>(box, 0x63);
  for (let i: u32 = 0; i < 256; i++) store<u8>(inverseBox + load<u8>(box + i), i as u8);
  boxesReady = true;
}

const scratch: usize = memory.data(16, 16);

function substitute(state: v128, table: usize): v128 {
  v128.store(scratch, state);
  for (let i: usize = 0; i < 16; i++) store<u8>(scratch + i, load<u8>(table + load<u8>(scratch + i)));
  return v128.load(scratch);
}

/** All sixteen bytes times x. */
function timesXAll(state: v128): v128 {
  const carries = i8x16.shr_s(state, 7);
  return v128.xor(i8x16.shl(state, 1), v128.and(carries, i8x16.splat(0x1b)));
}

/** The bytes of every column moved up by one, two or three places. */
function turn1(state: v128): v128 {
  return i8x16.shuffle(state, state, 1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12);
}
function turn2(state: v128): v128 {
  return i8x16.shuffle(state, state, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
}

/** MixColumns: 2, 3, 1, 1. */
function mixColumns(state: v128): v128 {
  const doubled = timesXAll(state);
  const next = turn1(state);
  const tripledNext = v128.xor(turn1(doubled), next);
  const pair = v128.xor(state, next);
  return v128.xor(v128.xor(doubled, tripledNext), turn2(pair));
}

/** InvMixColumns: MixColumns of the state plus four times the sum of bytes two apart. */
function unmixColumns(state: v128): v128 {
  const sums = v128.xor(state, turn2(state));
  return mixColumns(v128.xor(state, timesXAll(timesXAll(sums))));
}

function shiftRows(state: v128): v128 {
  return i8x16.shuffle(state, state, 0, 5, 10, 15, 4, 9, 14, 3, 8, 13, 2, 7, 12, 1, 6, 11);
}
function unshiftRows(state: v128): v128 {
  return i8x16.shuffle(state, state, 0, 13, 10, 7, 4, 1, 14, 11, 8, 5, 2, 15, 12, 9, 6, 3);
}

/** AESENC, and AESENCLAST without the mixing. */
export function aesEncrypt(state: v128, key: v128, last: i32): v128 {
  if (!boxesReady) fillBoxes();
  const shifted = substitute(shiftRows(state), box);
  return v128.xor(last ? shifted : mixColumns(shifted), key);
}

/** AESDEC and AESDECLAST: the equivalent inverse cipher. */
export function aesDecrypt(state: v128, key: v128, last: i32): v128 {
  if (!boxesReady) fillBoxes();
  const shifted = substitute(unshiftRows(state), inverseBox);
  return v128.xor(last ? shifted : unmixColumns(shifted), key);
}

export function aesInverseMix(key: v128): v128 {
  return unmixColumns(key);
}

/** AESKEYGENASSIST: words 1 and 3 substituted, as they are and turned, with the round's constant. */
export function aesKeyAssist(key: v128, constant: i32): v128 {
  if (!boxesReady) fillBoxes();
  const substituted = substitute(key, box);
  const chosen = i8x16.shuffle(substituted, substituted, 4, 5, 6, 7, 5, 6, 7, 4, 12, 13, 14, 15, 13, 14, 15, 12);
  const constants = i32x4.replace_lane(i32x4.replace_lane(i32x4.splat(0), 1, constant), 3, constant);
  return v128.xor(chosen, constants);
}
