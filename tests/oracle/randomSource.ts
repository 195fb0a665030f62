/** Seeded pseudo-random numbers and the values at which arithmetic changes its mind. */
export class RandomSource {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** 32 bits. */
  next(): number {
    this.#state = (this.#state + 0x9e37_79b9) | 0;
    let z = Math.imul(this.#state ^ (this.#state >>> 16), 0x21f0_aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a_2d97);
    return (z ^ (z >>> 15)) >>> 0;
  }

  below(count: number): number {
    return this.next() % count;
  }

  chance(oneIn: number): boolean {
    return this.next() % oneIn === 0;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.next() % list.length]!;
  }
}

/** Pairs of low and high halves. */
const edges64: readonly (readonly [low: number, high: number])[] = [
  [0, 0], [1, 0], [2, 0], [0x7f, 0], [0x80, 0], [0xff, 0], [0x100, 0], [0x7fff, 0], [0x8000, 0], [0xffff, 0],
  [0x7fff_ffff, 0], [0x8000_0000, 0], [0xffff_ffff, 0], [0, 1], [0xffff_ffff, 0x7fff_ffff], [0, 0x8000_0000],
  [0xffff_ffff, 0xffff_ffff], [0xffff_fffe, 0xffff_ffff], [0xffff_ff80, 0xffff_ffff], [0x8000_0000, 0xffff_ffff],
]; // biome-ignore format: a table

const singles = [
  0, 0x8000_0000, 1, 0x8000_0001, 0x007f_ffff, 0x0080_0000, 0x7f7f_ffff, 0xff7f_ffff, 0x7f80_0000, 0xff80_0000, 0x7f80_0001,
  0xffbf_ffff, 0x7fc0_0000, 0xffc0_0123, 0x3f80_0000, 0xbf80_0000, 0x4f00_0000, 0xcf00_0000, 0x4eff_ffff, 0x5f00_0000,
  0x3f00_0000, 0x4020_0000, 0x4b00_0001, 0x0040_0000, 0x3f7f_ffff, 0x3f80_0001, 0x4780_0000, 0x477f_f000,
]; // biome-ignore format: a table

const doubles: readonly (readonly [low: number, high: number])[] = [
  [0, 0], [0, 0x8000_0000], [1, 0], [1, 0x8000_0000], [0xffff_ffff, 0x000f_ffff], [0, 0x0010_0000], [0xffff_ffff, 0x7fef_ffff],
  [0, 0x7ff0_0000], [0, 0xfff0_0000], [1, 0x7ff0_0000], [0, 0x7ff8_0000], [5, 0xfff8_0000], [0, 0x3ff0_0000], [0, 0xbff0_0000],
  [0, 0x41e0_0000], [0, 0xc1e0_0000], [0xffc0_0000, 0x41df_ffff], [0, 0x43e0_0000], [0, 0xc3e0_0000], [0, 0x3fe0_0000], [0, 0x4004_0000],
  [0xe000_0000, 0x47ef_ffff], [0xf000_0000, 0x47ef_ffff], [0, 0x3810_0000], [0, 0x3800_0000], [0, 0x3690_0000], [1, 0x3690_0000],
  [0x1000_0000, 0x3ff0_0000], [0x1000_0001, 0x3ff0_0000], [0x3000_0000, 0x3ff0_0000], [1, 0x4330_0000],
]; // biome-ignore format: a table

/** A 64-bit value: small, an edge, narrow or anything. */
export function writeInteger(random: RandomSource, view: DataView, at: number): void {
  const kind = random.below(8);
  let low = random.next();
  let high = random.next();
  if (kind < 3) [low, high] = random.pick(edges64);
  else if (kind === 3) [low, high] = [low & 0x3f, 0];
  else if (kind === 4) high = (low | 0) >> 31;
  else if (kind === 5) high = 0;
  view.setUint32(at, low, true);
  view.setUint32(at + 4, high, true);
}

function writeSingle(random: RandomSource, view: DataView, at: number): void {
  const kind = random.below(8);
  const bits = random.next();
  if (kind < 3) view.setUint32(at, random.pick(singles), true);
  else if (kind < 5) view.setFloat32(at, ((bits | 0) / 2 ** 31) * 2 ** random.below(40), true);
  else if (kind === 5) view.setFloat32(at, (bits | 0) >> random.below(31), true);
  // Near each other, so that sums cancel and products underflow.
  else if (kind === 6)
    view.setUint32(
      at,
      ((bits & 0x807f_ffff) | ((random.pick([0, 1, 2, 24, 63, 64, 100, 127, 128, 150, 253, 254]) << 23) >>> 0)) >>> 0,
      true,
    );
  else view.setUint32(at, bits, true);
}

function writeDouble(random: RandomSource, view: DataView, at: number): void {
  const kind = random.below(8);
  const bits = random.next();
  if (kind < 3) {
    const [low, high] = random.pick(doubles);
    view.setUint32(at, low, true);
    view.setUint32(at + 4, high, true);
  } else if (kind < 5) view.setFloat64(at, ((bits | 0) / 2 ** 31) * 2 ** (random.below(80) - 8), true);
  else if (kind === 5) view.setFloat64(at, (bits | 0) >> random.below(31), true);
  else {
    view.setUint32(at, random.next(), true);
    const exponent = random.pick([
      0, 1, 2, 53, 500, 868, 896, 897, 1000, 1022, 1023, 1024, 1075, 1150, 1151, 2045, 2046,
    ]);
    view.setUint32(at + 4, kind === 6 ? ((bits & 0x800f_ffff) | (exponent << 20)) >>> 0 : bits, true);
  }
}

export type FillStyle = "bits" | "singles" | "doubles" | "small" | "bytes";
export const fillStyles: readonly FillStyle[] = ["bits", "singles", "doubles", "small", "bytes"];
const byteEdges = [0, 1, 0x7f, 0x80, 0x81, 0xff, 0x40, 0x0f];

/** Fills whole quadwords. */
export function fill(random: RandomSource, view: DataView, start: number, bytes: number, style: FillStyle): void {
  for (let at = start; at < start + bytes; at += 8) {
    if (style === "singles") {
      writeSingle(random, view, at);
      writeSingle(random, view, at + 4);
    } else if (style === "doubles") writeDouble(random, view, at);
    else if (style === "bits") writeInteger(random, view, at);
    else if (style === "small") {
      view.setUint32(at, random.below(80), true);
      view.setUint32(at + 4, random.chance(2) ? 0 : random.below(40), true);
    } else
      for (let i = 0; i < 8; i++)
        view.setUint8(at + i, random.chance(3) ? random.next() & 0xff : random.pick(byteEdges));
  }
}

const exponents80 = [
  0, 0, 1, 0x3c01, 0x3f81, 0x3ffe, 0x3fff, 0x4000, 0x400e, 0x401e, 0x403e, 0x407e, 0x43fe, 0x7ffe, 0x7fff,
];
const significands80: readonly (readonly [low: number, high: number])[] = [
  [0, 0], [0, 0x8000_0000], [1, 0x8000_0000], [0, 0xc000_0000], [1, 0xc000_0000], [0xffff_ffff, 0xffff_ffff], [1, 0], [0, 0x4000_0000],
]; // biome-ignore format: a table

/** A register of the x87: mostly proper numbers, some that are none. */
export function writeExtended(random: RandomSource, view: DataView, at: number): void {
  const kind = random.below(8);
  const sign = random.chance(2) ? 0x8000 : 0;
  let low = random.next();
  let high = (random.next() | 0x8000_0000) >>> 0;
  let exponent = 0x3fff + random.below(64) - 16;
  if (kind === 0) exponent = random.next() & 0x7fff;
  else if (kind < 3) {
    exponent = random.pick(exponents80);
    if (exponent === 0) high = (high & 0x7fff_ffff) >>> 0;
    if (random.chance(2)) [low, high] = random.pick(significands80);
  } else if (kind === 3) {
    // An integer.
    low = 0;
    exponent = 0x3fff + random.below(31);
    high = (high & (-1 << (31 - (exponent - 0x3fff)))) >>> 0;
  }
  view.setUint32(at, low, true);
  view.setUint32(at + 4, high, true);
  view.setUint16(at + 8, sign | exponent, true);
}
