/**
 * The comparison behind PCMPESTRI, PCMPESTRM, PCMPISTRI and PCMPISTRM (SDM vol. 2, 4.1): two strings of bytes or words in vectors, four ways to compare
 * them, four ways to treat the outcome. Control bits: 0 words, 1 signed, 2-3 aggregation, 4-5 polarity.
 */

const WORDS: i32 = 1;
const SIGNED: i32 = 2;
const EQUAL_ANY: i32 = 0;
const RANGES: i32 = 1;
const EQUAL_EACH: i32 = 2;

/** Both strings as elements of 32 bits. */
const left: usize = memory.data(64, 16);
const right: usize = memory.data(64, 16);
const packed: usize = memory.data(16, 16);

function unpack(value: v128, control: i32, to: usize): void {
  v128.store(packed, value);
  const count = elementCount(control);
  for (let i: usize = 0; i < (count as usize); i++) {
    let element: i32;
    if (control & WORDS) element = control & SIGNED ? load<i16>(packed + i * 2) : load<u16>(packed + i * 2);
    else element = control & SIGNED ? load<i8>(packed + i) : load<u8>(packed + i);
    store<i32>(to + i * 4, element);
  }
}

function elementCount(control: i32): i32 {
  return control & WORDS ? 8 : 16;
}

function at(elements: usize, index: i32): i32 {
  return load<i32>(elements + ((index as usize) << 2));
}

/** Elements before the first zero. */
export function stringLength(value: v128, control: i32): i32 {
  const zeros = control & WORDS ? i16x8.bitmask(i16x8.eq(value, i16x8.splat(0))) : i8x16.bitmask(i8x16.eq(value, i8x16.splat(0)));
  return min(ctz(zeros | (1 << elementCount(control))), elementCount(control));
}

/** Is element `j` of the right string equal to any of the left, or in one of its ranges? */
function matchesAny(j: i32, lengthLeft: i32, ranges: bool): bool {
  const element = at(right, j);
  if (ranges) {
    for (let i = 0; i + 1 < lengthLeft; i += 2) if (element >= at(left, i) && element <= at(left, i + 1)) return true;
    return false;
  }
  for (let i = 0; i < lengthLeft; i++) if (element == at(left, i)) return true;
  return false;
}

/** Does the left string begin at element `j` of the right one, as far as that reaches? */
function beginsAt(j: i32, lengthLeft: i32, lengthRight: i32, count: i32): bool {
  for (let i = 0; i < lengthLeft && i + j < count; i++) {
    if (i + j >= lengthRight || at(left, i) != at(right, i + j)) return false;
  }
  return true;
}

/** Bits of the elements of the right string that match. */
function aggregate(lengthLeft: i32, lengthRight: i32, control: i32): i32 {
  const count = elementCount(control);
  const way = (control >> 2) & 3;
  let result = 0;
  for (let j = 0; j < count; j++) {
    let matches: bool;
    if (way == EQUAL_ANY || way == RANGES) matches = j < lengthRight && matchesAny(j, lengthLeft, way == RANGES);
    else if (way == EQUAL_EACH) {
      const inLeft = j < lengthLeft;
      const inRight = j < lengthRight;
      matches = inLeft == inRight && (!inLeft || at(left, j) == at(right, j));
    } else matches = beginsAt(j, lengthLeft, lengthRight, count);
    if (matches) result |= 1 << j;
  }
  return result;
}

/** IntRes2 of the manual. Lengths are those of the registers, with any sign and size. */
export function compareStrings(a: v128, b: v128, lengthA: i64, lengthB: i64, control: i32): i32 {
  const count = elementCount(control);
  const lengthLeft = boundedLength(lengthA, control);
  const lengthRight = boundedLength(lengthB, control);
  unpack(a, control, left);
  unpack(b, control, right);
  const result = aggregate(lengthLeft, lengthRight, control);
  const all = (1 << count) - 1;
  const polarity = (control >> 4) & 3;
  if (polarity == 1) return result ^ all;
  if (polarity == 3) return result ^ ((1 << lengthRight) - 1);
  return result;
}

/** The absolute value, at most a vector's elements. */
export function boundedLength(length: i64, control: i32): i32 {
  const count = elementCount(control) as u64;
  const size = (length < 0 ? 0 - length : length) as u64;
  return (size > count ? count : size) as i32;
}

/** The mask as PCMPxSTRM leaves it: a bit or a whole element for each. */
export function expandMask(bits: i32, control: i32): v128 {
  if (!(control & 0x40)) return i32x4.replace_lane(i32x4.splat(0), 0, bits);
  let result = i32x4.splat(0);
  v128.store(packed, result);
  for (let i: usize = 0; i < 16; i++) {
    const element = control & WORDS ? i >> 1 : i;
    if ((bits >> (element as i32)) & 1) store<u8>(packed + i, 0xff);
  }
  return v128.load(packed);
}
