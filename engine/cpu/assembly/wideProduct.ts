/** 64 x 64 bits, of which WebAssembly's product keeps the lower half. */

/** High half of the product of two unsigned numbers. */
// @ts-ignore: TypeScript has no decorators of functions
@inline
export function mulHigh(a: u64, b: u64): u64 {
  const aLow = a & 0xffff_ffff;
  const aHigh = a >> 32;
  const bLow = b & 0xffff_ffff;
  const bHigh = b >> 32;
  const middle = aHigh * bLow + ((aLow * bLow) >> 32);
  const carry = aLow * bHigh + (middle & 0xffff_ffff);
  return aHigh * bHigh + (middle >> 32) + (carry >> 32);
}
