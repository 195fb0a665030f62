/**
 * Four colours in the CGA's packing (modes 4 and 5): the shift registers take two bits a dot, first from the even
 * plane and then from the odd one; planes 2 and 3 give the upper bits of the colour.
 */
import type { LineDecoder, LineSource } from "./GraphicsRenderer.ts";

export const cgaRenderer: LineDecoder = {
  dotsPerColumn: 8,
  dotScale: 1,
  decode({ bytes, columns, cell, colors }: LineSource, target: Uint32Array): void {
    for (let column = 0, at = 0; column < columns; column++) {
      const index = cell(column) * 4;
      for (const plane of [0, 1]) {
        const low = bytes[index + plane]!;
        const high = bytes[index + plane + 2]!;
        for (let shift = 6; shift >= 0; shift -= 2) {
          target[at++] = colors[((low >> shift) & 3) | (((high >> shift) & 3) << 2)]!;
        }
      }
    }
  },
};
