import { FONT_8X8_BYTES, FONT_8X14_BYTES, FONT_8X16_BYTES, fontPointer } from "../rom/romLayout.ts";
import { BDA } from "../service/biosData.ts";
import type { Screen } from "./Screen.ts";
import type { VideoMode } from "./videoModes.ts";
import { videoModes } from "./videoModes.ts";

/** Mode setting (INT 10h AH=00h): registers, palette, fonts, video memory and the BIOS data area. */
const KEEP_MEMORY = 0x80;
const GREY_SUMMING = 0x02;
const NO_PALETTE_LOAD = 0x08;

export function fontBytes(height: number): Uint8Array {
  if (height === 8) return FONT_8X8_BYTES;
  return height === 14 ? FONT_8X14_BYTES : FONT_8X16_BYTES;
}

/** Loads glyphs into plane 2, where the text modes look for them, 32 bytes apart. */
export function loadTextFont(screen: Screen, glyphs: Uint8Array, height: number, first: number, block: number): void {
  const { vga, memory } = screen;
  const saved = [
    vga.readSequencer(2),
    vga.readSequencer(4),
    vga.readGraphics(4),
    vga.readGraphics(5),
    vga.readGraphics(6),
  ];
  vga.sequencer(2, 0x04);
  vga.sequencer(4, 0x07);
  vga.graphics(4, 0x02);
  vga.graphics(5, 0x00);
  vga.graphics(6, 0x04);
  const base = 0xa0000 + ((block & 3) * 2 + ((block >> 2) & 1)) * 0x2000;
  const cell = new Uint8Array(32);
  for (let index = 0; index * height < glyphs.length; index++) {
    cell.fill(0);
    cell.set(glyphs.subarray(index * height, index * height + height).subarray(0, 32));
    memory.write(base + ((first + index) & 0xff) * 32, cell);
  }
  vga.sequencer(2, saved[0]!);
  vga.sequencer(4, saved[1]!);
  vga.graphics(4, saved[2]!);
  vga.graphics(5, saved[3]!);
  vga.graphics(6, saved[4]!);
}

function clearMemory(screen: Screen, mode: VideoMode): void {
  const { memory, vga } = screen;
  if (mode.model === "planar" || mode.model === "linear8") {
    const lines = new Uint8Array(0x10000);
    if (mode.model === "planar") vga.sequencer(2, 0x0f);
    memory.write(0xa0000, lines);
    return;
  }
  const cells = new Uint8Array(mode.segment === 0xb000 ? 0x8000 : mode.model === "cga" ? 0x4000 : 0x8000);
  if (mode.model === "text") for (let at = 0; at < cells.length; at += 2) cells.set([0x20, 0x07], at);
  memory.write(mode.segment * 16, cells);
}

function describeMode(screen: Screen, mode: VideoMode, keep: boolean): void {
  const { memory } = screen;
  memory.set8(BDA.VIDEO_MODE, mode.number);
  memory.set16(BDA.VIDEO_COLUMNS, mode.columns);
  memory.set16(BDA.VIDEO_PAGE_SIZE, mode.pageSize);
  memory.set16(BDA.VIDEO_PAGE_START, 0);
  for (let page = 0; page < 8; page++) memory.set16(BDA.CURSOR_POSITIONS + page * 2, 0);
  memory.set8(BDA.ACTIVE_PAGE, 0);
  memory.set16(BDA.CRTC_PORT, mode.miscellaneous & 1 ? 0x3d4 : 0x3b4);
  memory.set8(BDA.MODE_CONTROL, [0x2c, 0x28, 0x2d, 0x29, 0x2a, 0x2e, 0x1e, 0x29][mode.number] ?? 0x29);
  memory.set8(BDA.CGA_PALETTE, mode.number === 6 ? 0x3f : 0x30);
  memory.set8(BDA.VIDEO_ROWS, mode.rows - 1);
  memory.set16(BDA.CHARACTER_HEIGHT, mode.characterHeight);
  memory.set8(BDA.VIDEO_CONTROL, (memory.get8(BDA.VIDEO_CONTROL) & 0x01) | 0x60 | (keep ? 0x80 : 0));
  memory.set8(BDA.VIDEO_SWITCHES, 0xf9);
  // Equipment bits 4 and 5: monochrome or 80-column colour.
  const equipment = memory.get16(BDA.EQUIPMENT) & ~0x30;
  memory.set16(BDA.EQUIPMENT, equipment | (mode.segment === 0xb000 ? 0x30 : 0x20));
}

export function setGraphicsFont(screen: Screen, segment: number, offset: number): void {
  screen.memory.set16(0x43 * 4, offset);
  screen.memory.set16(0x43 * 4 + 2, segment);
}

/** Sets a standard mode; false when there is none of that number. Bit 7 keeps the memory's contents. */
export function setVideoMode(screen: Screen, number: number): boolean {
  const mode = videoModes.get(number & 0x7f);
  if (!mode) return false;
  const keep = (number & KEEP_MEMORY) !== 0;
  const options = screen.memory.get8(BDA.VIDEO_MODE_OPTIONS);
  screen.vga.dispi(4, 0);
  screen.vga.loadMode(mode, (options & NO_PALETTE_LOAD) === 0);
  if (options & GREY_SUMMING) sumToGrey(screen, 0, 256);
  if (!keep) clearMemory(screen, mode);
  screen.vga.sequencer(2, mode.sequencer[1]!);
  if (mode.model === "text") loadTextFont(screen, fontBytes(mode.characterHeight), mode.characterHeight, 0, 0);
  describeMode(screen, mode, keep);
  const font = fontPointer(mode.characterHeight);
  setGraphicsFont(screen, font.segment, font.offset);
  const start = mode.characterHeight - 3 + (mode.characterHeight > 8 ? 0 : 1);
  if (mode.model === "text") screen.setCursorShape(start, start + 1);
  else screen.memory.set16(BDA.CURSOR_SHAPE, 0);
  screen.selectPage(0);
  return true;
}

/** Replaces colours by greys of the same brightness (30 % red, 59 % green, 11 % blue). */
export function sumToGrey(screen: Screen, first: number, count: number): void {
  for (let index = first; index < first + count; index++) {
    const [red, green, blue] = screen.vga.colour(index);
    const grey = Math.min(0x3f, Math.round(red * 0.3 + green * 0.59 + blue * 0.11));
    screen.vga.setColour(index, grey, grey, grey);
  }
}
