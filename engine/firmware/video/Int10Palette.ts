import { BDA } from "../service/biosData.ts";
import { linearOf } from "../service/GuestMemory.ts";
import type { InterruptFrame } from "../service/InterruptFrame.ts";
import { sumToGrey } from "./modeSet.ts";
import type { Screen } from "./Screen.ts";

/** INT 10h AH=10h: the attribute controller's palette and the DAC; and AH=0Bh, its CGA ancestor. */
const OVERSCAN = 0x11;
const MODE_CONTROL = 0x10;
const COLOUR_SELECT = 0x14;

function writePalette(screen: Screen, frame: InterruptFrame): void {
  const from = linearOf(frame.es, frame.dx);
  for (let index = 0; index < 16; index++) screen.vga.attribute(index, screen.memory.get8(from + index));
  screen.vga.attribute(OVERSCAN, screen.memory.get8(from + 16));
}

function readPalette(screen: Screen, frame: InterruptFrame): void {
  const to = linearOf(frame.es, frame.dx);
  for (let index = 0; index < 16; index++) screen.memory.set8(to + index, screen.vga.readAttribute(index));
  screen.memory.set8(to + 16, screen.vga.readAttribute(OVERSCAN));
}

function writeColours(screen: Screen, frame: InterruptFrame): void {
  const from = linearOf(frame.es, frame.dx);
  for (let index = 0; index < Math.min(frame.cx, 256); index++) {
    const [red, green, blue] = [0, 1, 2].map((part) => screen.memory.get8(from + index * 3 + part) & 0x3f);
    screen.vga.setColour(frame.bx + index, red!, green!, blue!);
  }
}

function readColours(screen: Screen, frame: InterruptFrame): void {
  const to = linearOf(frame.es, frame.dx);
  for (let index = 0; index < Math.min(frame.cx, 256); index++) {
    screen.vga.colour(frame.bx + index).forEach((value, part) => {
      screen.memory.set8(to + index * 3 + part, value);
    });
  }
}

/** The DAC divided into pages of 64 or 16 colours. */
function selectColourPage(screen: Screen, frame: InterruptFrame): void {
  const control = screen.vga.readAttribute(MODE_CONTROL);
  if (frame.bl === 0) screen.vga.attribute(MODE_CONTROL, (control & 0x7f) | ((frame.bh & 1) << 7));
  else if (control & 0x80) screen.vga.attribute(COLOUR_SELECT, frame.bh & 0x0f);
  else screen.vga.attribute(COLOUR_SELECT, (frame.bh & 3) << 2);
}

function readColourPage(screen: Screen, frame: InterruptFrame): void {
  const sixteen = (screen.vga.readAttribute(MODE_CONTROL) & 0x80) !== 0;
  const select = screen.vga.readAttribute(COLOUR_SELECT);
  frame.bl = sixteen ? 1 : 0;
  frame.bh = sixteen ? select & 0x0f : (select >> 2) & 3;
}

function setBlink(screen: Screen, on: boolean): void {
  const control = screen.vga.readAttribute(MODE_CONTROL);
  screen.vga.attribute(MODE_CONTROL, on ? control | 8 : control & ~8);
  const mode = screen.memory.get8(BDA.MODE_CONTROL);
  screen.memory.set8(BDA.MODE_CONTROL, on ? mode | 0x20 : mode & ~0x20);
}

export function paletteService(screen: Screen, frame: InterruptFrame): void {
  const { vga } = screen;
  switch (frame.al) {
    case 0x00:
      return vga.attribute(frame.bl & 0x1f, frame.bh);
    case 0x01:
      return vga.attribute(OVERSCAN, frame.bh);
    case 0x02:
      return writePalette(screen, frame);
    case 0x03:
      return setBlink(screen, (frame.bl & 1) !== 0);
    case 0x07:
      frame.bh = vga.readAttribute(frame.bl & 0x1f);
      return;
    case 0x08:
      frame.bh = vga.readAttribute(OVERSCAN);
      return;
    case 0x09:
      return readPalette(screen, frame);
    case 0x10:
      return vga.setColour(frame.bx & 0xff, frame.dh & 0x3f, frame.ch & 0x3f, frame.cl & 0x3f);
    case 0x12:
      return writeColours(screen, frame);
    case 0x13:
      return selectColourPage(screen, frame);
    case 0x15: {
      const [red, green, blue] = vga.colour(frame.bx & 0xff);
      frame.dh = red;
      frame.ch = green;
      frame.cl = blue;
      return;
    }
    case 0x17:
      return readColours(screen, frame);
    case 0x18:
      vga.pelMask = frame.bl;
      return;
    case 0x19:
      frame.bl = vga.pelMask;
      return;
    case 0x1a:
      return readColourPage(screen, frame);
    case 0x1b:
      return sumToGrey(screen, frame.bx, Math.min(frame.cx, 256));
  }
}

/** AH=0Bh: BH=0 border and background, BH=1 one of the two CGA palettes. */
export function cgaPalette(screen: Screen, frame: InterruptFrame): void {
  const { vga, memory } = screen;
  const palette = memory.get8(BDA.CGA_PALETTE);
  if (frame.bh === 0) {
    const colour = (frame.bl & 7) | ((frame.bl & 8) << 1);
    memory.set8(BDA.CGA_PALETTE, (palette & ~0x1f) | (frame.bl & 0x1f));
    if (screen.mode?.model !== "text") vga.attribute(0, colour);
    vga.attribute(OVERSCAN, colour);
    for (let index = 1; index < 4; index++) {
      const value = vga.readAttribute(index);
      if (screen.mode?.model === "cga") vga.attribute(index, (value & ~0x10) | (frame.bl & 0x10));
    }
  } else {
    const second = frame.bl & 1;
    memory.set8(BDA.CGA_PALETTE, (palette & ~0x20) | (second << 5));
    for (let index = 1; index < 4; index++) {
      vga.attribute(index, (vga.readAttribute(index) & 0xfe) | second);
    }
  }
}
