/**
 * Text modes: characters in plane 0, attributes in plane 1, fonts in plane 2, 8 or 9 dots wide, with cursor, blinking,
 * underline and two fonts of 256 characters (IBM PS/2 Video Subsystem reference, alphanumeric modes). What each cell
 * shows is remembered, so that only cells that look different are drawn again.
 */
import type { Frame } from "./Frame.ts";
import { cellOf, type ScanLine, scanLines, type VgaRaster } from "./VgaRaster.ts";
import type { VgaRegisters } from "./VgaRegisters.ts";

export interface TextPicture {
  readonly raster: VgaRaster;
  /** The video memory, four bytes a cell. */
  readonly bytes: Uint8Array;
  readonly registers: VgaRegisters;
  readonly colors: Uint32Array;
  /** Blinking characters show, the cursor shows. */
  readonly charactersOn: boolean;
  readonly cursorOn: boolean;
  /** Changes when a font or a colour does. */
  readonly generation: string;
}

/** A row of characters: the scan lines that show it. */
interface Band {
  readonly lines: ScanLine[];
}

const CURSOR = 0x10000;
const NOTHING = 0xffffffff;
/** Where the eight fonts lie in plane 2. */
const fontStarts = [0x0000, 0x4000, 0x8000, 0xc000, 0x2000, 0x6000, 0xa000, 0xe000] as const;

/** The fonts for attribute bit 3 clear and set. */
function selectedFonts(registers: VgaRegisters): readonly [number, number] {
  const select = registers.sequencer[3]!;
  return [fontStarts[(select & 3) | ((select >> 2) & 4)]!, fontStarts[((select >> 2) & 3) | ((select >> 3) & 4)]!];
}

export function textBands(raster: VgaRaster): Band[] {
  const bands: Band[] = [];
  let previous: ScanLine | undefined;
  for (const line of scanLines(raster)) {
    const continues =
      previous !== undefined && previous.address === line.address && line.row >= previous.row && bands.length > 0;
    if (continues) bands.at(-1)!.lines.push(line);
    else bands.push({ lines: [line] });
    previous = line;
  }
  return bands;
}

export class TextRenderer {
  #signature = "";
  #shown = new Uint32Array(0);

  /** Everything is to be drawn anew. */
  forget(): void {
    this.#signature = "";
  }

  render(picture: TextPicture, frame: Frame): void {
    const { raster, registers } = picture;
    const bands = textBands(raster);
    const width = raster.columns * raster.dotsPerColumn * raster.dotScale;
    frame.resize(width, raster.lines);
    // One column more than fit shows in part when the picture is panned.
    const columns = raster.columns + 1;
    const signature = [
      picture.generation,
      ...Object.values({ ...raster, startAddress: 0 }),
      registers.sequencer[3],
      registers.attribute[0x10],
      registers.crtc[0x0a],
      registers.crtc[0x0b],
      registers.crtc[0x14],
      bands.map((band) => band.lines.length),
    ].join();
    if (signature !== this.#signature || this.#shown.length !== bands.length * columns) {
      this.#signature = signature;
      this.#shown = new Uint32Array(bands.length * columns).fill(NOTHING);
    }
    const painter = new CellPainter(picture, frame);
    bands.forEach((band, index) => {
      this.#renderBand(picture, painter, band, index * columns, columns);
    });
  }

  #renderBand(picture: TextPicture, painter: CellPainter, band: Band, base: number, columns: number): void {
    const { raster, bytes, registers } = picture;
    const { address } = band.lines[0]!;
    const cursorAddress = picture.cursorOn ? registers.cursorAddress : -1;
    const blinking = (registers.attribute[0x10]! & 0x08) !== 0;
    for (let column = 0; column < columns; column++) {
      const at = cellOf(raster, address + column, 0) * 4;
      const attribute = bytes[at + 1]!;
      let key = bytes[at]! | (attribute << 8);
      // A blinking character that is off looks like a blank of its background.
      if (blinking && (attribute & 0x80) !== 0 && !picture.charactersOn) key |= 0x20000;
      if (((address + column) & 0xffff) === cursorAddress) key |= CURSOR;
      if (this.#shown[base + column] === key) continue;
      this.#shown[base + column] = key;
      painter.paint(band.lines, column, key);
    }
  }
}

/** Draws single cells. Holds what is the same for all cells of a picture. */
class CellPainter {
  readonly #picture: TextPicture;
  readonly #frame: Frame;
  readonly #fonts: readonly [number, number];
  readonly #blinking: boolean;
  readonly #lineGraphics: boolean;
  readonly #underline: number;
  readonly #cursorFirst: number;
  readonly #cursorLast: number;

  constructor(picture: TextPicture, frame: Frame) {
    const { registers } = picture;
    this.#picture = picture;
    this.#frame = frame;
    this.#fonts = selectedFonts(registers);
    this.#blinking = (registers.attribute[0x10]! & 0x08) !== 0;
    this.#lineGraphics = (registers.attribute[0x10]! & 0x04) !== 0;
    this.#underline = registers.crtc[0x14]! & 0x1f;
    const cursorStart = registers.crtc[0x0a]!;
    this.#cursorFirst = (cursorStart & 0x20) !== 0 ? 32 : cursorStart & 0x1f;
    this.#cursorLast = registers.crtc[0x0b]! & 0x1f;
  }

  paint(lines: readonly ScanLine[], column: number, key: number): void {
    const { raster, bytes, colors } = this.#picture;
    const character = key & 0xff;
    const attribute = (key >> 8) & 0xff;
    const background = colors[(attribute >> 4) & (this.#blinking ? 7 : 15)]!;
    const foreground = colors[attribute & 15]!;
    const glyph = (this.#fonts[(attribute >> 3) & 1]! + character * 32) * 4 + 2;
    const repeatsLastDot = this.#lineGraphics && character >= 0xc0 && character <= 0xdf;
    const { dotsPerColumn, dotScale } = raster;
    const x = (column * dotsPerColumn - this.#pan(lines[0]!)) * dotScale;
    for (const { y, row } of lines) {
      let dots = bytes[glyph + row * 4]! << 1;
      if (repeatsLastDot) dots |= (dots >> 1) & 1;
      if ((key & 0x20000) !== 0) dots = 0;
      if (row === this.#underline && (attribute & 0x77) === 0x01) dots = 0x1ff;
      if ((key & CURSOR) !== 0 && row >= this.#cursorFirst && row <= this.#cursorLast) dots = 0x1ff;
      this.#paintDots(x, y, dots, foreground, background);
    }
    const left = Math.max(0, x);
    const right = Math.min(this.#frame.width, x + dotsPerColumn * dotScale);
    if (right > left) this.#frame.addRect(left, lines[0]!.y, right - left, lines.length);
  }

  /** Nine-dot modes count from 8 (none) over 0 (one dot) to 7. */
  #pan({ pixelPan }: ScanLine): number {
    if (this.#picture.raster.dotsPerColumn === 9) return pixelPan >= 8 ? 0 : pixelPan + 1;
    return pixelPan & 7;
  }

  #paintDots(x: number, y: number, dots: number, foreground: number, background: number): void {
    const { dotsPerColumn, dotScale } = this.#picture.raster;
    const { pixels, width } = this.#frame;
    const start = y * width;
    let at = x;
    for (let dot = 0; dot < dotsPerColumn; dot++) {
      const color = (dots & (0x100 >> dot)) !== 0 ? foreground : background;
      for (let copy = 0; copy < dotScale; copy++, at++) {
        if (at >= 0 && at < width) pixels[start + at] = color;
      }
    }
  }
}
