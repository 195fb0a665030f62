/**
 * The VESA modes, by the numbers that VBE 1.2 gave them; from 140h on the 32-bit and wide ones, whose numbers each adapter
 * chooses. All are packed or direct colour, in a linear frame buffer or through the 64 KiB window.
 */
export interface VbeMode {
  readonly number: number;
  readonly width: number;
  readonly height: number;
  readonly bitsPerPixel: number;
}

const SIZES: readonly (readonly [width: number, height: number, depths: Record<number, number>])[] = [
  [320, 200, { 15: 0x10d, 16: 0x10e, 24: 0x10f, 32: 0x140 }],
  [640, 400, { 8: 0x100, 32: 0x141 }],
  [640, 480, { 8: 0x101, 15: 0x110, 16: 0x111, 24: 0x112, 32: 0x142 }],
  [800, 600, { 8: 0x103, 15: 0x113, 16: 0x114, 24: 0x115, 32: 0x143 }],
  [1024, 768, { 8: 0x105, 15: 0x116, 16: 0x117, 24: 0x118, 32: 0x144 }],
  [1280, 1024, { 8: 0x107, 15: 0x119, 16: 0x11a, 24: 0x11b, 32: 0x145 }],
  [1600, 1200, { 8: 0x11c, 15: 0x11d, 16: 0x11e, 24: 0x11f, 32: 0x147 }],
  [1152, 864, { 8: 0x148, 15: 0x149, 16: 0x14a, 24: 0x14b, 32: 0x14c }],
  [1280, 720, { 16: 0x18d, 24: 0x18e, 32: 0x18f }],
  [1280, 800, { 16: 0x178, 24: 0x179, 32: 0x17a }],
  [1440, 900, { 16: 0x17b, 24: 0x17c, 32: 0x17d }],
  [1680, 1050, { 16: 0x180, 24: 0x181, 32: 0x182 }],
  [1920, 1080, { 16: 0x190, 24: 0x191, 32: 0x192 }],
  [1920, 1200, { 16: 0x183, 24: 0x184, 32: 0x185 }],
];

export const vbeModes: ReadonlyMap<number, VbeMode> = new Map(
  SIZES.flatMap(([width, height, depths]) =>
    Object.entries(depths).map(([depth, number]) => ({ number, width, height, bitsPerPixel: Number(depth) })),
  )
    .sort((left, right) => left.number - right.number)
    .map((mode) => [mode.number, mode]),
);

export function bytesPerPixel(mode: VbeMode): number {
  return (mode.bitsPerPixel + 7) >> 3;
}
