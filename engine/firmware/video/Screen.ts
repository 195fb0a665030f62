import { BDA } from "../service/biosData.ts";
import type { GuestMemory } from "../service/GuestMemory.ts";
import { linearOf } from "../service/GuestMemory.ts";
import { GraphicsPlotter } from "./GraphicsPlotter.ts";
import type { VgaRegisters } from "./VgaRegisters.ts";
import { type VideoMode, videoModes } from "./videoModes.ts";

/**
 * The screen as INT 10h keeps it in the BIOS data area: mode, pages, cursors, and characters in text and graphics modes.
 * In a VBE mode (no entry in `videoModes`) characters go nowhere.
 */
const BELL = 7;
const BACKSPACE = 8;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/** Vectors that point to the fonts of the graphics modes. */
const FONT_UPPER_HALF = 0x1f * 4;
const FONT_GRAPHICS = 0x43 * 4;

export class Screen {
  readonly memory: GuestMemory;
  readonly vga: VgaRegisters;
  readonly plotter: GraphicsPlotter;

  constructor(memory: GuestMemory, vga: VgaRegisters) {
    this.memory = memory;
    this.vga = vga;
    this.plotter = new GraphicsPlotter(memory, vga);
  }

  /** The mode in force; undefined in VBE modes. */
  get mode(): VideoMode | undefined {
    return videoModes.get(this.memory.get8(BDA.VIDEO_MODE) & 0x7f);
  }
  get columns(): number {
    return this.memory.get16(BDA.VIDEO_COLUMNS);
  }
  get rows(): number {
    return this.memory.get8(BDA.VIDEO_ROWS) + 1;
  }
  get activePage(): number {
    return this.memory.get8(BDA.ACTIVE_PAGE);
  }
  get #pageSize(): number {
    return this.memory.get16(BDA.VIDEO_PAGE_SIZE);
  }

  cursor(page: number): { row: number; column: number } {
    const packed = this.memory.get16(BDA.CURSOR_POSITIONS + (page & 7) * 2);
    return { row: packed >> 8, column: packed & 0xff };
  }

  setCursor(page: number, row: number, column: number): void {
    this.memory.set16(BDA.CURSOR_POSITIONS + (page & 7) * 2, (row << 8) | column);
    if (page === this.activePage) this.#showCursor();
  }

  #showCursor(): void {
    const { row, column } = this.cursor(this.activePage);
    const offset = this.memory.get16(BDA.VIDEO_PAGE_START) / 2 + row * this.columns + column;
    this.vga.crtc(0x0e, (offset >> 8) & 0xff);
    this.vga.crtc(0x0f, offset & 0xff);
  }

  /** Sets the cursor's lines; CGA shapes (8 lines) are stretched to the character height unless emulation is off. */
  setCursorShape(start: number, end: number): void {
    this.memory.set16(BDA.CURSOR_SHAPE, (start << 8) | end);
    const height = this.memory.get16(BDA.CHARACTER_HEIGHT);
    let [first, last] = [start & 0x3f, end & 0x1f];
    const emulate = (this.memory.get8(BDA.VIDEO_CONTROL) & 1) === 0;
    if (emulate && height > 8 && last < 8 && first < 0x20) {
      first =
        last === first + 1 ? Math.floor(((last + 1) * height) / 8) - 2 : Math.floor(((first + 1) * height) / 8) - 1;
      last = Math.floor(((last + 1) * height) / 8) - 1;
    }
    this.vga.crtc(0x0a, first);
    this.vga.crtc(0x0b, last);
  }

  selectPage(page: number): void {
    const mode = this.mode;
    if (!mode || page >= mode.pages) return;
    const start = page * this.#pageSize;
    this.memory.set8(BDA.ACTIVE_PAGE, page);
    this.memory.set16(BDA.VIDEO_PAGE_START, start);
    const address = mode.model === "text" ? start / 2 : start;
    this.vga.crtc(0x0c, (address >> 8) & 0xff);
    this.vga.crtc(0x0d, address & 0xff);
    this.#showCursor();
  }

  #cell(mode: VideoMode, page: number, row: number, column: number): number {
    return mode.segment * 16 + page * this.#pageSize + (row * this.columns + column) * 2;
  }

  /** The bitmap of a character in a graphics mode, from the font the program has chosen. */
  #glyph(mode: VideoMode, character: number): Uint8Array {
    const height = this.memory.get16(BDA.CHARACTER_HEIGHT);
    const upper = mode.model === "cga" && character >= 0x80;
    const vector = upper ? FONT_UPPER_HALF : FONT_GRAPHICS;
    const font = linearOf(this.memory.get16(vector + 2), this.memory.get16(vector));
    const glyph = new Uint8Array(Math.min(height, 32));
    this.memory.read(font + (upper ? character - 0x80 : character) * height, glyph);
    return glyph;
  }

  /** Writes a character; without an attribute the cell keeps its own (text) or white is taken (graphics). */
  put(page: number, row: number, column: number, character: number, attribute?: number): void {
    const mode = this.mode;
    if (!mode || column >= this.columns || row >= this.rows) return;
    if (mode.model === "text") {
      const cell = this.#cell(mode, page, row, column);
      if (attribute === undefined) this.memory.set8(cell, character);
      else this.memory.set16(cell, character | (attribute << 8));
      return;
    }
    this.plotter.drawGlyph(mode, page, column, row, this.#glyph(mode, character), attribute ?? 7);
  }

  characterAt(page: number, row: number, column: number): { character: number; attribute: number } {
    const mode = this.mode;
    if (!mode) return { character: 0, attribute: 0 };
    if (mode.model === "text") {
      const cell = this.memory.get16(this.#cell(mode, page, row, column));
      return { character: cell & 0xff, attribute: cell >> 8 };
    }
    const shown = this.plotter.readGlyph(mode, page, column, row);
    for (let character = 0; character < 256; character++) {
      const glyph = this.#glyph(mode, character);
      if (glyph.every((bits, line) => bits === shown[line])) return { character, attribute: 0 };
    }
    return { character: 0, attribute: 0 };
  }

  /** Moves the window's lines by `lines` up (negative: down); 0 or too many clear it. */
  scroll(
    page: number,
    lines: number,
    attribute: number,
    top: number,
    left: number,
    bottom: number,
    right: number,
  ): void {
    const mode = this.mode;
    if (!mode) return;
    bottom = Math.min(bottom, this.rows - 1);
    right = Math.min(right, this.columns - 1);
    const height = bottom - top + 1;
    if (height <= 0 || right < left) return;
    const count = Math.abs(lines);
    const moved = count === 0 || count >= height ? 0 : height - count;
    for (let index = 0; index < moved; index++) {
      const to = lines > 0 ? top + index : bottom - index;
      this.#copyRow(mode, page, lines > 0 ? to + count : to - count, to, left, right);
    }
    for (let index = moved; index < height; index++) {
      this.#clearRow(mode, page, lines >= 0 ? top + index : bottom - index, left, right, attribute);
    }
  }

  #copyRow(mode: VideoMode, page: number, from: number, to: number, left: number, right: number): void {
    if (mode.model !== "text") {
      this.plotter.copyRow(mode, page, from, to, left, right);
      return;
    }
    const cells = new Uint8Array((right - left + 1) * 2);
    this.memory.read(this.#cell(mode, page, from, left), cells);
    this.memory.write(this.#cell(mode, page, to, left), cells);
  }

  #clearRow(mode: VideoMode, page: number, row: number, left: number, right: number, attribute: number): void {
    if (mode.model !== "text") {
      this.plotter.clearRow(mode, page, row, left, right, attribute);
      return;
    }
    const cells = new Uint8Array((right - left + 1) * 2);
    for (let at = 0; at < cells.length; at += 2) {
      cells[at] = 0x20;
      cells[at + 1] = attribute;
    }
    this.memory.write(this.#cell(mode, page, row, left), cells);
  }

  /** Teletype output: control characters, wrapping, scrolling. */
  type(page: number, character: number, attribute?: number): void {
    let { row, column } = this.cursor(page);
    if (character === BELL) return;
    if (character === BACKSPACE) column = Math.max(0, column - 1);
    else if (character === CARRIAGE_RETURN) column = 0;
    else if (character === LINE_FEED) row++;
    else {
      this.put(page, row, column, character, attribute);
      column++;
    }
    if (column >= this.columns) {
      column = 0;
      row++;
    }
    if (row >= this.rows) {
      row = this.rows - 1;
      const text = this.mode?.model === "text";
      const fill = text ? this.characterAt(page, row, column).attribute : 0;
      this.scroll(page, 1, fill, 0, 0, this.rows - 1, this.columns - 1);
    }
    this.setCursor(page, row, column);
  }

  /** Teletype output of text on the active page, for the firmware's own messages. */
  print(text: string, attribute = 7): void {
    for (const character of text) {
      if (character === "\n") this.type(this.activePage, CARRIAGE_RETURN);
      this.type(this.activePage, character.charCodeAt(0) & 0xff, attribute);
    }
  }
}
