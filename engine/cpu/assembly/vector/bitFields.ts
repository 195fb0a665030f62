/**
 * PDEP and PEXT (SDM vol. 2, BMI2), CRC32 (SSE4.2) and the carry-less product (PCLMULQDQ): bit work that WebAssembly has no instruction for.
 */

/** The low bits of `value` to where the mask has ones. */
export function depositBits(value: u64, mask: u64): u64 {
  let result: u64 = 0;
  while (mask != 0) {
    const lowest = mask & (0 - mask);
    if (value & 1) result |= lowest;
    value >>= 1;
    mask ^= lowest;
  }
  return result;
}

/** The bits of `value` where the mask has ones, moved together. */
export function extractBits(value: u64, mask: u64): u64 {
  let result: u64 = 0;
  let place: u64 = 1;
  while (mask != 0) {
    const lowest = mask & (0 - mask);
    if (value & lowest) result |= place;
    place <<= 1;
    mask ^= lowest;
  }
  return result;
}

/** Castagnoli's polynomial 1EDC6F41h with its bits reversed. */
const CASTAGNOLI: u32 = 0x82f63b78;
const crcTable: usize = memory.data(1024);
let crcTableReady = false;

function fillCrcTable(): void {
  for (let byte: u32 = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ CASTAGNOLI : crc >> 1;
    store<u32>(crcTable + (byte << 2), crc);
  }
  crcTableReady = true;
}

/** The checksum after `bytes` more bytes, the lowest first. */
export function crc32(crc: u32, value: u64, bytes: i32): u32 {
  if (!crcTableReady) fillCrcTable();
  for (let i = 0; i < bytes; i++) {
    crc = (crc >> 8) ^ load<u32>(crcTable + (((crc ^ (value as u32)) & 0xff) << 2));
    value >>= 8;
  }
  return crc;
}

/** The product of two polynomials over GF(2): 127 bits. */
export function carrylessProduct(a: u64, b: u64): v128 {
  let low: u64 = 0;
  let high: u64 = 0;
  for (let bit: u64 = 0; bit < 64; bit++) {
    const chosen = 0 - ((b >> bit) & 1);
    low ^= (a << bit) & chosen;
    // In two steps, as a shift by 64 would be one by 0.
    high ^= ((a >> 1) >> (63 - bit)) & chosen;
  }
  return i64x2.replace_lane(i64x2.splat(low as i64), 1, high as i64);
}
