import type { GuestMemory } from "../service/GuestMemory.ts";
import type { VgaRegisters } from "./VgaRegisters.ts";
import type { VideoMode } from "./videoModes.ts";

/**
 * Pixels, characters and scrolling in the graphics modes: CGA (two interleaved banks), EGA/VGA planes (through the graphics
 * controller) and mode 13h. Coordinates beyond the mode are the caller's affair, as on the real adapter.
 */
const XOR = 0x80;

/** Registers of the graphics controller. */
const SET_RESET = 0;
const ENABLE_SET_RESET = 1;
const DATA_ROTATE = 3;
const READ_MAP = 4;
const MODE = 5;
const BIT_MASK = 8;

export class GraphicsPlotter {
  readonly #memory: GuestMemory;
  readonly #vga: VgaRegisters;

  constructor(memory: GuestMemory, vga: VgaRegisters) {
    this.#memory = memory;
    this.#vga = vga;
  }

  #cgaAddress(mode: VideoMode, x: number, y: number): number {
    return mode.segment * 16 + (y & 1) * 0x2000 + (y >> 1) * 80 + Math.floor((x * mode.bitsPerPixel) / 8);
  }
  #planarAddress(mode: VideoMode, page: number, x: number, y: number): number {
    return mode.segment * 16 + page * mode.pageSize + y * mode.columns + (x >> 3);
  }

  writePixel(mode: VideoMode, page: number, x: number, y: number, colour: number): void {
    const memory = this.#memory;
    if (mode.model === "linear8") {
      const address = mode.segment * 16 + y * 320 + x;
      memory.set8(address, colour);
    } else if (mode.model === "cga") {
      const address = this.#cgaAddress(mode, x, y);
      const mask = (1 << mode.bitsPerPixel) - 1;
      const shift = 8 - mode.bitsPerPixel - ((x * mode.bitsPerPixel) & 7);
      const old = memory.get8(address);
      const bits = (colour & mask) << shift;
      memory.set8(address, colour & XOR ? old ^ bits : (old & ~(mask << shift)) | bits);
    } else if (mode.model === "planar") {
      this.#paint(this.#planarAddress(mode, page, x, y), 0x80 >> (x & 7), colour & 0x0f, (colour & XOR) !== 0);
      this.#restore();
    }
  }

  readPixel(mode: VideoMode, page: number, x: number, y: number): number {
    const memory = this.#memory;
    if (mode.model === "linear8") return memory.get8(mode.segment * 16 + y * 320 + x);
    if (mode.model === "cga") {
      const shift = 8 - mode.bitsPerPixel - ((x * mode.bitsPerPixel) & 7);
      return (memory.get8(this.#cgaAddress(mode, x, y)) >> shift) & ((1 << mode.bitsPerPixel) - 1);
    }
    let colour = 0;
    for (let plane = 0; plane < 4; plane++) {
      this.#vga.graphics(READ_MAP, plane);
      const bit = memory.get8(this.#planarAddress(mode, page, x, y)) & (0x80 >> (x & 7));
      if (bit) colour |= 1 << plane;
    }
    this.#vga.graphics(READ_MAP, 0);
    return colour;
  }

  /** Sets the masked pixels of one byte of all planes to a colour. */
  #paint(address: number, mask: number, colour: number, exclusive: boolean): void {
    this.#vga.graphics(SET_RESET, colour);
    this.#vga.graphics(ENABLE_SET_RESET, 0x0f);
    this.#vga.graphics(DATA_ROTATE, exclusive ? 0x18 : 0);
    this.#vga.graphics(BIT_MASK, mask);
    this.#memory.get8(address);
    this.#memory.set8(address, 0xff);
  }

  #restore(): void {
    this.#vga.graphics(SET_RESET, 0);
    this.#vga.graphics(ENABLE_SET_RESET, 0);
    this.#vga.graphics(DATA_ROTATE, 0);
    this.#vga.graphics(BIT_MASK, 0xff);
  }

  /** Draws one glyph with its background, or, when bit 7 of the colour is set, by exclusive or. */
  drawGlyph(mode: VideoMode, page: number, column: number, row: number, glyph: Uint8Array, colour: number): void {
    const top = row * mode.characterHeight;
    if (mode.model === "planar") {
      const exclusive = (colour & XOR) !== 0;
      glyph.forEach((bits, line) => {
        const address = this.#planarAddress(mode, page, column * 8, top + line);
        if (!exclusive) this.#paint(address, 0xff, 0, false);
        if (bits) this.#paint(address, bits, colour & 0x0f, exclusive);
      });
      this.#restore();
      return;
    }
    const exclusive = mode.model === "cga" && (colour & XOR) !== 0;
    glyph.forEach((bits, line) => {
      for (let x = 0; x < 8; x++) {
        const lit = (bits & (0x80 >> x)) !== 0;
        if (exclusive && !lit) continue;
        this.writePixel(mode, page, column * 8 + x, top + line, lit ? colour : 0);
      }
    });
  }

  /** Which pixels of a cell differ from the background, for finding the character that stands there. */
  readGlyph(mode: VideoMode, page: number, column: number, row: number): Uint8Array {
    const glyph = new Uint8Array(mode.characterHeight);
    for (let line = 0; line < glyph.length; line++) {
      for (let x = 0; x < 8; x++) {
        const lit = this.readPixel(mode, page, column * 8 + x, row * mode.characterHeight + line) !== 0;
        if (lit) glyph[line]! |= 0x80 >> x;
      }
    }
    return glyph;
  }

  /** Copies a row of character cells, `left` to `right` inclusive. */
  copyRow(mode: VideoMode, page: number, from: number, to: number, left: number, right: number): void {
    if (mode.model === "planar") this.#vga.graphics(MODE, 1);
    for (let line = 0; line < mode.characterHeight; line++) {
      this.#eachByte(mode, page, from * mode.characterHeight + line, left, right, (source, index) => {
        const target = this.#lineAddress(mode, page, to * mode.characterHeight + line, left) + index;
        this.#memory.set8(target, this.#memory.get8(source));
      });
    }
    if (mode.model === "planar") this.#vga.graphics(MODE, 0);
  }

  clearRow(mode: VideoMode, page: number, row: number, left: number, right: number, colour: number): void {
    const fill = mode.model === "cga" && mode.bitsPerPixel === 2 ? (colour & 3) * 0x55 : colour;
    for (let line = 0; line < mode.characterHeight; line++) {
      this.#eachByte(mode, page, row * mode.characterHeight + line, left, right, (address) => {
        if (mode.model === "planar") this.#paint(address, 0xff, colour & 0x0f, false);
        else this.#memory.set8(address, fill);
      });
    }
    if (mode.model === "planar") this.#restore();
  }

  #lineAddress(mode: VideoMode, page: number, y: number, column: number): number {
    if (mode.model === "cga") return this.#cgaAddress(mode, column * 8, y);
    if (mode.model === "linear8") return mode.segment * 16 + y * 320 + column * 8;
    return this.#planarAddress(mode, page, column * 8, y);
  }

  #eachByte(
    mode: VideoMode,
    page: number,
    y: number,
    left: number,
    right: number,
    visit: (address: number, index: number) => void,
  ): void {
    const bytesPerCell = mode.model === "linear8" ? 8 : mode.model === "cga" ? mode.bitsPerPixel : 1;
    const start = this.#lineAddress(mode, page, y, left);
    for (let index = 0; index < (right - left + 1) * bytesPerCell; index++) visit(start + index, index);
  }
}
