/**
 * The graphics modes that the CRT controller scans: walks the lines, skips those whose memory did not change, and asks a line
 * decoder (planar, CGA or 256 colours) for the rest.
 */
import type { DirtyPages } from "./DirtyPages.ts";
import type { Frame } from "./Frame.ts";
import { cellOf, scanLines, type VgaRaster } from "./VgaRaster.ts";

/** What a line decoder gets. `cell` tells where the memory of a character clock is. */
export interface LineSource {
  readonly bytes: Uint8Array;
  readonly columns: number;
  readonly cell: (column: number) => number;
  readonly colors: Uint32Array;
}

export interface LineDecoder {
  /** Dots that one character clock makes (before the dot clock is halved). */
  readonly dotsPerColumn: number;
  /** How often a dot repeats sideways on its own account. */
  readonly dotScale: 1 | 2;
  /** Writes the dots of `source.columns` character clocks to `target`. */
  decode(source: LineSource, target: Uint32Array): void;
}

export interface GraphicsPicture {
  readonly raster: VgaRaster;
  readonly bytes: Uint8Array;
  readonly dirty: DirtyPages;
  readonly decoder: LineDecoder;
  readonly colors: Uint32Array;
  /** Changes when anything but the memory does that the picture depends on. */
  readonly generation: string;
}

export class GraphicsRenderer {
  #signature = "";
  #dots = new Uint32Array(0);
  #line = new Uint32Array(0);

  forget(): void {
    this.#signature = "";
  }

  render(picture: GraphicsPicture, frame: Frame): void {
    const { raster, decoder } = picture;
    const scale = raster.dotScale * decoder.dotScale;
    const width = raster.columns * decoder.dotsPerColumn * scale;
    frame.resize(width, raster.lines);
    if (this.#line.length !== width) {
      this.#line = new Uint32Array(width);
      this.#dots = new Uint32Array((raster.columns + 1) * decoder.dotsPerColumn);
    }
    const signature = `${picture.generation},${Object.values(raster).join()}`;
    const everything = signature !== this.#signature;
    this.#signature = signature;
    let drawn = -1;
    let previous = { y: -1, address: -1, row: -1, pixelPan: -1 };
    for (const line of scanLines(raster)) {
      const repeats =
        line.address === previous.address &&
        line.pixelPan === previous.pixelPan &&
        sameRow(raster, line.row, previous.row);
      if (repeats) {
        if (drawn === previous.y) {
          frame.repeatLine(line.y);
          drawn = line.y;
        }
      } else if (everything || this.#touched(picture, line.address, line.row)) {
        this.#decodeLine(picture, line.address, line.row, line.pixelPan, scale);
        frame.putLine(line.y, this.#line);
        drawn = line.y;
      }
      previous = line;
    }
  }

  #touched({ raster, dirty }: GraphicsPicture, address: number, row: number): boolean {
    const first = cellOf(raster, address, row);
    const cells = (raster.columns + 1) << raster.addressShift;
    return first + cells > raster.lastCell + 1 || dirty.touches(first * 4, cells * 4);
  }

  #decodeLine(picture: GraphicsPicture, address: number, row: number, pixelPan: number, scale: number): void {
    const { raster, decoder, bytes, colors } = picture;
    const cell = (column: number) => cellOf(raster, address + column, row);
    decoder.decode({ bytes, columns: raster.columns + 1, cell, colors }, this.#dots);
    // A dot that is two clocks wide counts two in the panning register.
    const pan = Math.floor((pixelPan & 7) / decoder.dotScale);
    const line = this.#line;
    const dots = this.#dots;
    if (scale === 1) {
      line.set(dots.subarray(pan, pan + line.length));
      return;
    }
    for (let at = 0, dot = pan; at < line.length; dot++) {
      const color = dots[dot]!;
      for (let copy = 0; copy < scale; copy++) line[at++] = color;
    }
  }
}

/** Rows differ only where row bits are address bits. */
function sameRow(raster: VgaRaster, row: number, other: number): boolean {
  const mask = (raster.rowInBit13 ? 1 : 0) | (raster.rowInBit14 ? 2 : 0);
  return (row & mask) === (other & mask);
}
