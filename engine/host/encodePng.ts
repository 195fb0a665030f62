/** A picture as PNG (W3C PNG, third edition): 8-bit RGB, one IDAT chunk, filter "none" on every row. */
import { crc32, deflateSync } from "node:zlib";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const COLOUR_RGB = 2;

/** `pixels` are RGBA bytes, read as 0xAABBGGRR; alpha is dropped because a screen has none. */
export function encodePng(width: number, height: number, pixels: Uint32Array): Uint8Array<ArrayBuffer> {
  const stride = width * 3 + 1;
  const rows = new Uint8Array(stride * height);
  for (let y = 0; y < height; y++) {
    let at = y * stride + 1;
    for (let x = 0; x < width; x++) {
      const pixel = pixels[y * width + x] ?? 0;
      rows[at++] = pixel;
      rows[at++] = pixel >>> 8;
      rows[at++] = pixel >>> 16;
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  header[9] = COLOUR_RGB;
  return Uint8Array.from(
    Buffer.concat([
      Buffer.from(SIGNATURE),
      chunk("IHDR", header),
      chunk("IDAT", deflateSync(rows, { level: 6 })),
      chunk("IEND", Buffer.alloc(0)),
    ]),
  );
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  body.copy(framed, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}
