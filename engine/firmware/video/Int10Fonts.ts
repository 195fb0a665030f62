import { FONT_8X8_OFFSET, fontPointer, SYSTEM_SEGMENT, upperHalfFont, VIDEO_SEGMENT } from "../rom/romLayout.ts";
import { BDA } from "../service/biosData.ts";
import { linearOf } from "../service/GuestMemory.ts";
import type { InterruptFrame } from "../service/InterruptFrame.ts";
import { fontBytes, loadTextFont, setGraphicsFont } from "./modeSet.ts";
import type { Screen } from "./Screen.ts";

/** INT 10h AH=11h: character generators. AL=0xh loads, 1xh loads and re-programs the lines, 2xh graphics, 30h information. */
function userFont(screen: Screen, frame: InterruptFrame): Uint8Array {
  const glyphs = new Uint8Array(Math.min(frame.cx, 256) * frame.bh);
  screen.memory.read(linearOf(frame.es, frame.bp), glyphs);
  return glyphs;
}

/** Fits the text rows to a character height: 400 scan lines stay what they are. */
function setCharacterHeight(screen: Screen, height: number): void {
  const { vga, memory } = screen;
  if (height === 0 || height > 32) return;
  vga.crtc(0x09, (vga.readCrtc(0x09) & 0xe0) | (height - 1));
  const overflow = vga.readCrtc(0x07);
  const lines = (vga.readCrtc(0x12) | ((overflow & 2) << 7) | ((overflow & 0x40) << 3)) + 1;
  const rows = Math.floor(lines / height);
  const displayed = rows * height - 1;
  vga.crtc(0x12, displayed & 0xff);
  vga.crtc(0x07, (overflow & ~0x42) | ((displayed >> 7) & 2) | ((displayed >> 3) & 0x40));
  memory.set8(BDA.VIDEO_ROWS, rows - 1);
  memory.set16(BDA.CHARACTER_HEIGHT, height);
  memory.set16(BDA.VIDEO_PAGE_SIZE, (rows * screen.columns * 2 + 0xff) & ~0xff);
  const start = height > 8 ? height - 3 : height - 2;
  screen.setCursorShape(start, start + 1);
}

const ROM_HEIGHTS: Record<number, number> = { 1: 14, 2: 8, 4: 16 };

function loadTextFonts(screen: Screen, frame: InterruptFrame): void {
  const kind = frame.al & 0x0f;
  if (kind === 3) {
    screen.vga.sequencer(3, frame.bl);
    return;
  }
  const height = kind === 0 ? frame.bh : ROM_HEIGHTS[kind];
  if (height === undefined || height === 0 || height > 32) return;
  const glyphs = kind === 0 ? userFont(screen, frame) : fontBytes(height);
  loadTextFont(screen, glyphs, height, kind === 0 ? frame.dx : 0, frame.bl);
  if (frame.al & 0x10) setCharacterHeight(screen, height);
}

/** Rows of the screen by BL: 0 as DL says, 1 to 3 fixed. */
function graphicsRows(frame: InterruptFrame): number {
  return [frame.dl, 14, 25, 43][frame.bl & 3]!;
}

function selectGraphicsFont(screen: Screen, frame: InterruptFrame): void {
  const { memory } = screen;
  const kind = frame.al & 0x0f;
  if (kind === 0) {
    memory.set16(0x1f * 4, frame.bp);
    memory.set16(0x1f * 4 + 2, frame.es);
    return;
  }
  const height = { 1: frame.cx, 2: 14, 3: 8, 4: 16 }[kind];
  if (height === undefined) return;
  const font = kind === 1 ? { segment: frame.es, offset: frame.bp } : fontPointer(height);
  setGraphicsFont(screen, font.segment, font.offset);
  memory.set16(BDA.CHARACTER_HEIGHT, height);
  memory.set8(BDA.VIDEO_ROWS, Math.max(1, graphicsRows(frame)) - 1);
}

function fontInformation(screen: Screen, frame: InterruptFrame): void {
  const { memory } = screen;
  const vector = (number: number) => ({ segment: memory.get16(number * 4 + 2), offset: memory.get16(number * 4) });
  const pointers = [
    vector(0x1f),
    vector(0x43),
    fontPointer(14),
    fontPointer(8),
    upperHalfFont,
    { segment: VIDEO_SEGMENT, offset: fontPointer(14).offset },
    fontPointer(16),
    fontPointer(16),
  ];
  const pointer = pointers[frame.bh] ?? { segment: SYSTEM_SEGMENT, offset: FONT_8X8_OFFSET };
  frame.es = pointer.segment;
  frame.bp = pointer.offset;
  frame.cx = memory.get16(BDA.CHARACTER_HEIGHT);
  frame.dl = memory.get8(BDA.VIDEO_ROWS);
}

export function fontService(screen: Screen, frame: InterruptFrame): void {
  switch (frame.al >> 4) {
    case 0:
    case 1:
      return loadTextFonts(screen, frame);
    case 2:
      return selectGraphicsFont(screen, frame);
    case 3:
      if (frame.al === 0x30) fontInformation(screen, frame);
  }
}
