/** Bytes of a character generator from its table: one string of `height` hexadecimal bytes for each glyph. */
export function decodeGlyphs(glyphs: readonly string[], height: number): Uint8Array {
  const bytes = new Uint8Array(glyphs.length * height);
  glyphs.forEach((glyph, index) => {
    for (let row = 0; row < height; row++) {
      bytes[index * height + row] = Number.parseInt(glyph.slice(row * 2, row * 2 + 2), 16);
    }
  });
  return bytes;
}
