/** PHMINPOSUW and MPSADBW (SDM vol. 2, SSE4.1). */

const words: usize = memory.data(16, 16);
const reference: usize = memory.data(16, 16);
const sums: usize = memory.data(16, 16);

/** The smallest unsigned word and, above it, the first place where it stands. */
export function smallestWord(value: v128): v128 {
  v128.store(words, value);
  let best: u32 = load<u16>(words);
  let place: u32 = 0;
  for (let i: u32 = 1; i < 8; i++) {
    const word: u32 = load<u16>(words + i * 2);
    if (word < best) {
      best = word;
      place = i;
    }
  }
  return i32x4.replace_lane(i32x4.splat(0), 0, (best | (place << 16)) as i32);
}

/** Eight sums of four absolute differences: bytes of `a` from a window that moves, against one block of `b`. */
export function slidingDifferences(a: v128, b: v128, control: i32): v128 {
  v128.store(words, a);
  v128.store(reference, b);
  const window = words + (((control >> 2) & 1) << 2);
  const block = reference + ((control & 3) << 2);
  for (let i: usize = 0; i < 8; i++) {
    let sum: i32 = 0;
    for (let j: usize = 0; j < 4; j++) sum += abs<i32>((load<u8>(window + i + j) as i32) - (load<u8>(block + j) as i32));
    store<u16>(sums + i * 2, sum as u16);
  }
  return v128.load(sums);
}
