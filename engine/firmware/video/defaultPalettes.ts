/**
 * The colours a mode set loads into the DAC, six bits a component: 64 colours of the EGA, the 16 of the CGA spread over
 * the same index range, the greys of the monochrome modes, and the 256 of mode 13h.
 */
type Colour = readonly [red: number, green: number, blue: number];

const LOW = 0x15;
const HIGH = 0x2a;

function egaColour(index: number): Colour {
  const component = (primary: number, secondary: number) =>
    (index & primary ? HIGH : 0) + (index & secondary ? LOW : 0);
  return [component(4, 0x20), component(2, 0x10), component(1, 8)];
}

/** RGBI with dark yellow turned brown, as the IBM 5153 monitor showed it. */
function rgbiColour(index: number, intense: boolean): Colour {
  const extra = intense ? LOW : 0;
  if ((index & 7) === 6 && !intense) return [HIGH, LOW, 0];
  return [(index & 4 ? HIGH : 0) + extra, (index & 2 ? HIGH : 0) + extra, (index & 1 ? HIGH : 0) + extra];
}

function monoColour(index: number): Colour {
  const level = [0, HIGH, 0x15, 0x3f][((index & 8) >> 3) | ((index & 16) >> 3)]!;
  return [level, level, level];
}

const GREYS = [0x00, 0x05, 0x08, 0x0b, 0x0e, 0x11, 0x14, 0x18, 0x1c, 0x20, 0x24, 0x28, 0x2d, 0x32, 0x38, 0x3f];

/** Five levels from the lowest to the highest component, for each brightness and saturation. */
const RAMPS = [
  [0x00, 0x10, 0x1f, 0x2f, 0x3f],
  [0x1f, 0x27, 0x2f, 0x37, 0x3f],
  [0x2d, 0x31, 0x36, 0x3a, 0x3f],
  [0x00, 0x07, 0x0e, 0x15, 0x1c],
  [0x0e, 0x11, 0x15, 0x18, 0x1c],
  [0x14, 0x16, 0x18, 0x1a, 0x1c],
  [0x00, 0x04, 0x08, 0x0c, 0x10],
  [0x08, 0x0a, 0x0c, 0x0e, 0x10],
  [0x0b, 0x0c, 0x0d, 0x0f, 0x10],
] as const;

/** The hue circle from blue over red, yellow, green and cyan, 24 steps: indices into a ramp. */
function hue(step: number): readonly [number, number, number] {
  const up = step % 4;
  const down = 4 - up;
  switch (step >> 2) {
    case 0:
      return [up, 0, 4];
    case 1:
      return [4, 0, down];
    case 2:
      return [4, up, 0];
    case 3:
      return [down, 4, 0];
    case 4:
      return [0, 4, up];
    default:
      return [0, down, 4];
  }
}

function vgaColour(index: number): Colour {
  if (index < 16) return rgbiColour(index, index >= 8);
  if (index < 32) return [GREYS[index - 16]!, GREYS[index - 16]!, GREYS[index - 16]!];
  if (index >= 248) return [0, 0, 0];
  const ramp = RAMPS[Math.floor((index - 32) / 24)]!;
  const [red, green, blue] = hue((index - 32) % 24);
  return [ramp[red]!, ramp[green]!, ramp[blue]!];
}

export function defaultPalette(kind: "ega" | "cga" | "mono" | "vga"): Uint8Array {
  const colour = {
    ega: egaColour,
    cga: (index: number) => rgbiColour(index, (index & 16) !== 0),
    mono: monoColour,
    vga: vgaColour,
  }[kind];
  const count = kind === "vga" ? 256 : 64;
  const bytes = new Uint8Array(count * 3);
  for (let index = 0; index < count; index++) bytes.set(colour(index), index * 3);
  return bytes;
}
