/**
 * Enlarges a bitmap glyph with soft edges: the bitmap is doubled several times by Scale2x, which rounds steps to
 * slopes, and the result is averaged down to the size wanted. Returns one byte of coverage a pixel.
 */
const GLYPH_WIDTH = 8;
const DOUBLINGS = 4;

interface Bitmap {
  readonly width: number;
  readonly height: number;
  readonly bits: Uint8Array;
}

/** Scale2x: a corner takes its neighbours' value where exactly those two agree. */
function double({ width, height, bits }: Bitmap): Bitmap {
  const at = (x: number, y: number) => (x < 0 || y < 0 || x >= width || y >= height ? 0 : bits[y * width + x]!);
  const target = new Uint8Array(width * height * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [centre, up, down, left, right] = [at(x, y), at(x, y - 1), at(x, y + 1), at(x - 1, y), at(x + 1, y)];
      const split = up !== down && left !== right;
      const corners = [
        split && left === up ? left : centre,
        split && up === right ? right : centre,
        split && left === down ? left : centre,
        split && down === right ? right : centre,
      ];
      corners.forEach((value, index) => {
        target[(y * 2 + (index >> 1)) * width * 2 + x * 2 + (index & 1)] = value;
      });
    }
  }
  return { width: width * 2, height: height * 2, bits: target };
}

export function enlargeGlyph(rows: Uint8Array, scale: number): Uint8Array {
  const bits = new Uint8Array(rows.length * GLYPH_WIDTH);
  rows.forEach((row, y) => {
    for (let x = 0; x < GLYPH_WIDTH; x++) bits[y * GLYPH_WIDTH + x] = (row >> (7 - x)) & 1;
  });
  let bitmap: Bitmap = { width: GLYPH_WIDTH, height: rows.length, bits };
  for (let count = 0; count < DOUBLINGS; count++) bitmap = double(bitmap);
  const factor = 2 ** DOUBLINGS / scale;
  const width = GLYPH_WIDTH * scale;
  const height = rows.length * scale;
  const coverage = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let dy = 0; dy < factor; dy++) {
        for (let dx = 0; dx < factor; dx++) sum += bitmap.bits[(y * factor + dy) * bitmap.width + x * factor + dx]!;
      }
      coverage[y * width + x] = Math.round((sum * 255) / (factor * factor));
    }
  }
  return coverage;
}
