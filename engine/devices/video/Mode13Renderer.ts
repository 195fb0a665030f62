/**
 * 256 colours (mode 13h and its unchained relatives): the four planes of a cell are four dots, each two dot clocks
 * wide. `colors` are all 256 of the DAC.
 */
import type { LineDecoder, LineSource } from "./GraphicsRenderer.ts";

export const mode13Renderer: LineDecoder = {
  dotsPerColumn: 4,
  dotScale: 2,
  decode({ bytes, columns, cell, colors }: LineSource, target: Uint32Array): void {
    for (let column = 0, at = 0; column < columns; column++, at += 4) {
      const index = cell(column) * 4;
      target[at] = colors[bytes[index]!]!;
      target[at + 1] = colors[bytes[index + 1]!]!;
      target[at + 2] = colors[bytes[index + 2]!]!;
      target[at + 3] = colors[bytes[index + 3]!]!;
    }
  },
};
