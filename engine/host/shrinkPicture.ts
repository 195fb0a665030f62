/** A picture made smaller: each new pixel is the mean of those that it stands for. Pixels are 0xAABBGGRR; what is small enough stays as it is. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint32Array;
}

export function shrinkPicture(picture: Picture, mostWidth: number, mostHeight: number): Picture {
  const ratio = Math.max(picture.width / mostWidth, picture.height / mostHeight);
  if (ratio <= 1) return picture;
  const width = Math.max(1, Math.round(picture.width / ratio));
  const height = Math.max(1, Math.round(picture.height / ratio));
  const pixels = new Uint32Array(width * height);
  for (let y = 0; y < height; y++) {
    const [top, bottom] = span(y, height, picture.height);
    for (let x = 0; x < width; x++) {
      const [left, right] = span(x, width, picture.width);
      pixels[y * width + x] = mean(picture, left, right, top, bottom);
    }
  }
  return { width, height, pixels };
}

function span(index: number, count: number, sourceCount: number): [from: number, to: number] {
  const from = Math.floor((index * sourceCount) / count);
  return [from, Math.max(from + 1, Math.floor(((index + 1) * sourceCount) / count))];
}

function mean({ width, pixels }: Picture, left: number, right: number, top: number, bottom: number): number {
  let [red, green, blue] = [0, 0, 0];
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const pixel = pixels[y * width + x] ?? 0;
      red += pixel & 0xff;
      green += (pixel >>> 8) & 0xff;
      blue += (pixel >>> 16) & 0xff;
    }
  }
  const count = (right - left) * (bottom - top);
  const channel = (sum: number): number => Math.round(sum / count);
  return (0xff000000 | (channel(blue) << 16) | (channel(green) << 8) | channel(red)) >>> 0;
}
