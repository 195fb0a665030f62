import { VIDEO_FUNCTIONALITY_OFFSET, VIDEO_SEGMENT } from "../rom/romLayout.ts";
import { BDA } from "../service/biosData.ts";
import { linearOf } from "../service/GuestMemory.ts";
import type { InterruptFrame } from "../service/InterruptFrame.ts";
import { fontService } from "./Int10Fonts.ts";
import { cgaPalette, paletteService } from "./Int10Palette.ts";
import type { Int10Vbe } from "./Int10Vbe.ts";
import { setVideoMode } from "./modeSet.ts";
import type { Screen } from "./Screen.ts";
import { restoreVideoState, saveVideoState, videoStateBytes } from "./videoState.ts";

/** INT 10h: the video services, AH=00h to 13h, 1Ah to 1Ch and 4Fh (VBE). */
export class Int10 {
  readonly #screen: Screen;
  readonly #vbe: Int10Vbe;

  constructor(screen: Screen, vbe: Int10Vbe) {
    this.#screen = screen;
    this.#vbe = vbe;
  }

  serve(frame: InterruptFrame): undefined {
    const screen = this.#screen;
    switch (frame.ah) {
      case 0x00:
        this.#setMode(frame);
        return;
      case 0x01:
        screen.setCursorShape(frame.ch, frame.cl);
        return;
      case 0x02:
        screen.setCursor(frame.bh & 7, frame.dh, frame.dl);
        return;
      case 0x03:
        frame.dx = screen.memory.get16(BDA.CURSOR_POSITIONS + (frame.bh & 7) * 2);
        frame.cx = screen.memory.get16(BDA.CURSOR_SHAPE);
        return;
      case 0x04:
        // No light pen.
        frame.ah = 0;
        return;
      case 0x05:
        screen.selectPage(frame.al);
        return;
      case 0x06:
      case 0x07:
        this.#scroll(frame);
        return;
      case 0x08: {
        const { row, column } = screen.cursor(frame.bh);
        const found = screen.characterAt(frame.bh, row, column);
        frame.ax = (found.attribute << 8) | found.character;
        return;
      }
      case 0x09:
      case 0x0a:
        this.#repeat(frame);
        return;
      default:
        this.#others(frame);
    }
  }

  #others(frame: InterruptFrame): void {
    const screen = this.#screen;
    const { mode } = screen;
    switch (frame.ah) {
      case 0x0b:
        return cgaPalette(screen, frame);
      case 0x0c:
        if (mode && mode.model !== "text") screen.plotter.writePixel(mode, frame.bh, frame.cx, frame.dx, frame.al);
        return;
      case 0x0d:
        if (mode && mode.model !== "text") frame.al = screen.plotter.readPixel(mode, frame.bh, frame.cx, frame.dx);
        return;
      case 0x0e:
        return screen.type(screen.activePage, frame.al, mode?.model === "text" ? undefined : frame.bl);
      case 0x0f:
        frame.al = screen.memory.get8(BDA.VIDEO_MODE) | (screen.memory.get8(BDA.VIDEO_CONTROL) & 0x80);
        frame.ah = screen.columns;
        frame.bh = screen.activePage;
        return;
      case 0x10:
        return paletteService(screen, frame);
      case 0x11:
        return fontService(screen, frame);
      case 0x12:
        return this.#alternateSelect(frame);
      case 0x13:
        return this.#writeString(frame);
      case 0x1a:
        return this.#displayCombination(frame);
      case 0x1b:
        return this.#stateInformation(frame);
      case 0x1c:
        return this.#saveRestore(frame);
      case 0x4f:
        return this.#vbe.serve(frame);
    }
  }

  #setMode(frame: InterruptFrame): void {
    const number = frame.al & 0x7f;
    if (!setVideoMode(this.#screen, frame.al)) return;
    this.#vbe.forget();
    // What PC compatibles return, and some programs look at.
    frame.al = number > 7 ? 0x20 : number === 6 ? 0x3f : 0x30;
  }

  #scroll(frame: InterruptFrame): void {
    const screen = this.#screen;
    const lines = frame.ah === 6 ? frame.al : -frame.al;
    screen.scroll(screen.activePage, lines, frame.bh, frame.ch, frame.cl, frame.dh, frame.dl);
  }

  /** AH=09h and 0Ah: a character several times from the cursor on, which stays. */
  #repeat(frame: InterruptFrame): void {
    const screen = this.#screen;
    const page = frame.bh & 7;
    const graphics = screen.mode?.model !== "text";
    const attribute = frame.ah === 0x09 || graphics ? frame.bl : undefined;
    let { row, column } = screen.cursor(page);
    const last = Math.min(frame.cx, screen.columns * screen.rows);
    for (let count = 0; count < last && row < screen.rows; count++) {
      screen.put(page, row, column, frame.al, attribute);
      if (++column < screen.columns) continue;
      column = 0;
      row++;
    }
  }

  #alternateSelect(frame: InterruptFrame): void {
    const { memory, vga } = this.#screen;
    switch (frame.bl) {
      case 0x10:
        frame.bh = memory.get16(BDA.CRTC_PORT) === 0x3b4 ? 1 : 0;
        frame.bl = 3;
        frame.cx = memory.get8(BDA.VIDEO_SWITCHES) & 0x0f;
        return;
      case 0x30:
      case 0x32:
        break;
      case 0x31:
        this.#setOption(BDA.VIDEO_MODE_OPTIONS, 0x08, (frame.al & 1) !== 0);
        break;
      case 0x33:
        this.#setOption(BDA.VIDEO_MODE_OPTIONS, 0x02, (frame.al & 1) === 0);
        break;
      case 0x34:
        this.#setOption(BDA.VIDEO_CONTROL, 0x01, (frame.al & 1) !== 0);
        break;
      case 0x36:
        vga.setScreenOn((frame.al & 1) === 0);
        break;
      default:
        return;
    }
    frame.al = 0x12;
  }

  #setOption(address: number, bit: number, on: boolean): void {
    const { memory } = this.#screen;
    const value = memory.get8(address);
    memory.set8(address, on ? value | bit : value & ~bit);
  }

  /** AL bit 0: the cursor moves along; bit 1: attributes stand between the characters. */
  #writeString(frame: InterruptFrame): void {
    const screen = this.#screen;
    const page = frame.bh & 7;
    const before = screen.cursor(page);
    let from = linearOf(frame.es, frame.bp);
    screen.setCursor(page, frame.dh, frame.dl);
    for (let count = frame.cx; count > 0; count--) {
      const character = screen.memory.get8(from++);
      const attribute = frame.al & 2 ? screen.memory.get8(from++) : frame.bl;
      screen.type(page, character, attribute);
    }
    if ((frame.al & 1) === 0) screen.setCursor(page, before.row, before.column);
  }

  #displayCombination(frame: InterruptFrame): void {
    const { memory } = this.#screen;
    if (frame.al === 1) memory.set8(BDA.DISPLAY_COMBINATION, frame.bl);
    else if (frame.al === 0) frame.bx = 0x0008;
    else return;
    frame.al = 0x1a;
  }

  /** AH=1Bh: functionality and state of the adapter, 64 bytes at ES:DI. */
  #stateInformation(frame: InterruptFrame): void {
    const { memory } = this.#screen;
    const at = linearOf(frame.es, frame.di);
    const bytes = new Uint8Array(64);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, VIDEO_FUNCTIONALITY_OFFSET, true);
    view.setUint16(2, VIDEO_SEGMENT, true);
    const data = new Uint8Array(30);
    memory.read(BDA.VIDEO_MODE, data);
    bytes.set(data, 4);
    bytes[0x22] = memory.get8(BDA.VIDEO_ROWS) + 1;
    view.setUint16(0x23, memory.get16(BDA.CHARACTER_HEIGHT), true);
    bytes[0x25] = 8;
    const mode = this.#screen.mode;
    view.setUint16(
      0x27,
      mode ? (mode.model === "text" || mode.bitsPerPixel === 4 ? 16 : (1 << mode.bitsPerPixel) & 0xffff) : 0,
      true,
    );
    bytes[0x29] = mode?.pages ?? 1;
    // Scan lines: 0 is 200, 1 is 350, 2 is 400, 3 is 480.
    bytes[0x2a] = mode?.model === "text" ? 2 : mode?.rows === 30 ? 3 : mode?.characterHeight === 14 ? 1 : 0;
    bytes[0x31] = 3;
    memory.write(at, bytes);
    frame.al = 0x1b;
  }

  #saveRestore(frame: InterruptFrame): void {
    const at = linearOf(frame.es, frame.bx);
    const parts = frame.cx & 7;
    if (frame.al === 0) frame.bx = Math.ceil(videoStateBytes(parts) / 64);
    else if (frame.al === 1) saveVideoState(this.#screen, at, parts);
    else if (frame.al === 2) restoreVideoState(this.#screen, at, parts);
    else return;
    frame.al = 0x1c;
  }
}
