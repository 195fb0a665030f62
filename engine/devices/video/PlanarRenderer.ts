/** 16 colours from four planes, and 2 colours from one (modes 6, 0Dh-12h): each plane gives a bit of eight dots. */
import type { LineDecoder, LineSource } from "./GraphicsRenderer.ts";

/** The bits of a byte in the low bits of eight nibbles, the leftmost dot in the highest nibble. */
const spread = Uint32Array.from({ length: 256 }, (_, byte) => {
  let nibbles = 0;
  for (let bit = 0; bit < 8; bit++) if ((byte >> bit) & 1) nibbles |= 1 << (bit * 4);
  return nibbles >>> 0;
});

export const planarRenderer: LineDecoder = {
  dotsPerColumn: 8,
  dotScale: 1,
  decode({ bytes, columns, cell, colors }: LineSource, target: Uint32Array): void {
    for (let column = 0, at = 0; column < columns; column++) {
      const index = cell(column) * 4;
      const dots =
        spread[bytes[index]!]! |
        (spread[bytes[index + 1]!]! << 1) |
        (spread[bytes[index + 2]!]! << 2) |
        (spread[bytes[index + 3]!]! << 3);
      for (let shift = 28; shift >= 0; shift -= 4) target[at++] = colors[(dots >>> shift) & 0xf]!;
    }
  },
};
