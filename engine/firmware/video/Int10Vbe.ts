import { VBE_MODES_OFFSET, VBE_STRINGS_OFFSET, VBE_WINDOW_FUNCTION_OFFSET, VIDEO_SEGMENT } from "../rom/romLayout.ts";
import { BDA, EBDA, extendedArea } from "../service/biosData.ts";
import { linearOf } from "../service/GuestMemory.ts";
import type { InterruptFrame } from "../service/InterruptFrame.ts";
import { setVideoMode } from "./modeSet.ts";
import type { Screen } from "./Screen.ts";
import { bytesPerPixel, type VbeMode, vbeModes } from "./vbeModes.ts";
import { restoreVideoState, saveVideoState, videoStateBytes } from "./videoState.ts";

/**
 * INT 10h AH=4Fh: VESA BIOS extensions 3.0 over the Bochs display interface (ports 1CEh/1CFh). Absent: the protected-mode
 * interface (4F0Ah says so; programs call the real-mode functions instead), refresh-rate control and DDC.
 */
const DISPI = {
  ID: 0,
  XRES: 1,
  YRES: 2,
  BPP: 3,
  ENABLE: 4,
  BANK: 5,
  VIRT_WIDTH: 6,
  VIRT_HEIGHT: 7,
  X_OFFSET: 8,
  Y_OFFSET: 9,
};
const ENABLED = 0x01;
const EIGHT_BIT_DAC = 0x20;
const LINEAR = 0x40;
const KEEP_MEMORY = 0x80;

const SUPPORTED = 0x004f;
const FAILED = 0x014f;
const UNKNOWN = 0x0100;

export interface VbeAdapter {
  /** Physical address of the linear frame buffer, as the PCI set-up placed it. */
  frameBufferAddress(): number;
  readonly memoryBytes: number;
}

export class Int10Vbe {
  readonly #screen: Screen;
  readonly #adapter: VbeAdapter;

  constructor(screen: Screen, adapter: VbeAdapter) {
    this.#screen = screen;
    this.#adapter = adapter;
  }

  serve(frame: InterruptFrame): void {
    switch (frame.al) {
      case 0x00:
        return this.#controllerInformation(frame);
      case 0x01:
        return this.#modeInformation(frame);
      case 0x02:
        return this.#setMode(frame);
      case 0x03:
        frame.bx = this.currentMode;
        frame.ax = SUPPORTED;
        return;
      case 0x04:
        return this.#state(frame);
      case 0x05:
        return this.#window(frame);
      case 0x06:
        return this.#lineLength(frame);
      case 0x07:
        return this.#displayStart(frame);
      case 0x08:
        return this.#dacWidth(frame);
      case 0x09:
        return this.#palette(frame);
      default:
        frame.ax = UNKNOWN | frame.al;
    }
  }

  get #modeAddress(): number {
    return extendedArea(this.#screen.memory) + EBDA.VBE_MODE;
  }

  get currentMode(): number {
    const mode = this.#screen.memory.get16(this.#modeAddress);
    return mode === 0 ? this.#screen.memory.get8(BDA.VIDEO_MODE) & 0x7f : mode;
  }

  /** A standard mode was set: the adapter has left the VBE mode. */
  forget(): void {
    this.#screen.memory.set16(this.#modeAddress, 0);
  }

  get #mode(): VbeMode | undefined {
    return vbeModes.get(this.currentMode & 0x1ff);
  }

  #controllerInformation(frame: InterruptFrame): void {
    const { memory } = this.#screen;
    const block = linearOf(frame.es, frame.di);
    const version2 = memory.text(block, 4) === "VBE2";
    const bytes = new Uint8Array(version2 ? 512 : 256);
    const view = new DataView(bytes.buffer);
    bytes.set([0x56, 0x45, 0x53, 0x41]);
    view.setUint16(4, 0x0300, true);
    const pointer = (at: number, offset: number) => {
      view.setUint16(at, offset, true);
      view.setUint16(at + 2, VIDEO_SEGMENT, true);
    };
    pointer(6, VBE_STRINGS_OFFSET);
    // The DAC switches to 8 bits a component.
    view.setUint32(10, 1, true);
    pointer(14, VBE_MODES_OFFSET);
    view.setUint16(18, this.#adapter.memoryBytes >> 16, true);
    if (version2) {
      view.setUint16(20, 0x0100, true);
      pointer(22, VBE_STRINGS_OFFSET);
      pointer(26, VBE_STRINGS_OFFSET);
      pointer(30, VBE_STRINGS_OFFSET);
    }
    memory.write(block, bytes);
    frame.ax = SUPPORTED;
  }

  #modeInformation(frame: InterruptFrame): void {
    const mode = vbeModes.get(frame.cx & 0x3fff);
    if (!mode) {
      frame.ax = FAILED;
      return;
    }
    this.#screen.memory.write(linearOf(frame.es, frame.di), this.#modeBlock(mode));
    frame.ax = SUPPORTED;
  }

  #modeBlock(mode: VbeMode): Uint8Array {
    const bytes = new Uint8Array(256);
    const view = new DataView(bytes.buffer);
    const pitch = mode.width * bytesPerPixel(mode);
    const pages = Math.min(255, Math.floor(this.#adapter.memoryBytes / (pitch * mode.height)) - 1);
    view.setUint16(0, 0x009b, true);
    bytes[2] = 7;
    view.setUint16(4, 64, true);
    view.setUint16(6, 64, true);
    view.setUint16(8, 0xa000, true);
    view.setUint16(12, VBE_WINDOW_FUNCTION_OFFSET, true);
    view.setUint16(14, VIDEO_SEGMENT, true);
    view.setUint16(16, pitch, true);
    view.setUint16(18, mode.width, true);
    view.setUint16(20, mode.height, true);
    bytes.set([8, 16, 1, mode.bitsPerPixel, 1, mode.bitsPerPixel === 8 ? 4 : 6, 0, pages, 1], 22);
    const masks = {
      15: [5, 10, 5, 5, 5, 0, 1, 15],
      16: [5, 11, 6, 5, 5, 0, 0, 0],
      24: [8, 16, 8, 8, 8, 0, 0, 0],
      32: [8, 16, 8, 8, 8, 0, 8, 24],
    }[mode.bitsPerPixel];
    if (masks) bytes.set(masks, 31);
    bytes[39] = mode.bitsPerPixel === 32 ? 2 : 0;
    view.setUint32(40, this.#adapter.frameBufferAddress(), true);
    view.setUint16(50, pitch, true);
    bytes[52] = pages;
    bytes[53] = pages;
    if (masks) bytes.set(masks, 54);
    view.setUint32(62, 230_000_000, true);
    return bytes;
  }

  #setMode(frame: InterruptFrame): void {
    const request = frame.bx;
    const number = request & 0x1ff;
    const keep = (request & 0x8000) !== 0;
    if (number < 0x100) {
      this.forget();
      frame.ax = setVideoMode(this.#screen, (number & 0x7f) | (keep ? 0x80 : 0)) ? SUPPORTED : FAILED;
      return;
    }
    const mode = vbeModes.get(number);
    if (!mode) {
      frame.ax = FAILED;
      return;
    }
    this.enter(mode, keep);
    const { memory } = this.#screen;
    memory.set16(this.#modeAddress, number | (request & 0xc000));
    frame.ax = SUPPORTED;
  }

  /** Programs the adapter; the VGA state beneath is that of mode 13h, so that the window at A0000 is there. */
  enter(mode: VbeMode, keep: boolean): void {
    const { vga, memory } = this.#screen;
    setVideoMode(this.#screen, 0x93);
    vga.dispi(DISPI.ENABLE, 0);
    vga.dispi(DISPI.XRES, mode.width);
    vga.dispi(DISPI.YRES, mode.height);
    vga.dispi(DISPI.BPP, mode.bitsPerPixel);
    vga.dispi(DISPI.ENABLE, ENABLED | LINEAR | (keep ? KEEP_MEMORY : 0));
    vga.dispi(DISPI.BANK, 0);
    // No standard mode is in force: INT 10h draws no characters.
    memory.set8(BDA.VIDEO_MODE, 0x7f);
    memory.set16(BDA.VIDEO_COLUMNS, mode.width >> 3);
    memory.set8(BDA.VIDEO_ROWS, (mode.height >> 4) - 1);
    memory.set16(BDA.CHARACTER_HEIGHT, 16);
  }

  /** Sets the mode of that number or size with a linear frame buffer, for kernels that are started directly. */
  choose(
    wish:
      | { readonly number: number }
      | { readonly width: number; readonly height: number; readonly bitsPerPixel: number },
  ): { width: number; height: number; bitsPerPixel: number; pitch: number; address: number } | undefined {
    const mode = [...vbeModes.values()].find((candidate) =>
      "number" in wish
        ? candidate.number === wish.number
        : candidate.width === wish.width &&
          candidate.height === wish.height &&
          candidate.bitsPerPixel === wish.bitsPerPixel,
    );
    if (!mode) return undefined;
    this.enter(mode, false);
    this.#screen.memory.set16(this.#modeAddress, mode.number | 0x4000);
    const { width, height, bitsPerPixel } = mode;
    return {
      width,
      height,
      bitsPerPixel,
      pitch: width * bytesPerPixel(mode),
      address: this.#adapter.frameBufferAddress(),
    };
  }

  #window(frame: InterruptFrame): void {
    if (frame.bl !== 0 || !this.#mode) {
      frame.ax = FAILED;
      return;
    }
    if (frame.bh === 0) this.#screen.vga.dispi(DISPI.BANK, frame.dx);
    else frame.dx = this.#screen.vga.readDispi(DISPI.BANK);
    frame.ax = SUPPORTED;
  }

  #lineLength(frame: InterruptFrame): void {
    const mode = this.#mode;
    if (!mode) {
      frame.ax = FAILED;
      return;
    }
    const { vga } = this.#screen;
    const size = bytesPerPixel(mode);
    if (frame.bl === 0 || frame.bl === 2) {
      const width = frame.bl === 0 ? frame.cx : Math.floor(frame.cx / size);
      vga.dispi(DISPI.VIRT_WIDTH, Math.max(width, mode.width));
    }
    const width = frame.bl === 3 ? 0xffff & ~7 : vga.readDispi(DISPI.VIRT_WIDTH);
    frame.bx = (width * size) & 0xffff;
    frame.cx = width;
    frame.dx = Math.min(0xffff, Math.floor(this.#adapter.memoryBytes / Math.max(1, width * size)));
    frame.ax = SUPPORTED;
  }

  #displayStart(frame: InterruptFrame): void {
    const { vga } = this.#screen;
    if (!this.#mode) {
      frame.ax = FAILED;
      return;
    }
    if ((frame.bl & 0x7f) === 0) {
      vga.dispi(DISPI.X_OFFSET, frame.cx);
      vga.dispi(DISPI.Y_OFFSET, frame.dx);
    } else {
      frame.bh = 0;
      frame.cx = vga.readDispi(DISPI.X_OFFSET);
      frame.dx = vga.readDispi(DISPI.Y_OFFSET);
    }
    frame.ax = SUPPORTED;
  }

  #dacWidth(frame: InterruptFrame): void {
    const { vga } = this.#screen;
    if (this.#mode?.bitsPerPixel !== 8) {
      frame.ax = FAILED;
      return;
    }
    const enable = vga.readDispi(DISPI.ENABLE);
    if (frame.bl === 0) {
      const wide = frame.bh >= 8 ? EIGHT_BIT_DAC : 0;
      vga.dispi(DISPI.ENABLE, (enable & ~EIGHT_BIT_DAC) | wide | KEEP_MEMORY);
      frame.bh = wide ? 8 : 6;
    } else frame.bh = enable & EIGHT_BIT_DAC ? 8 : 6;
    frame.ax = SUPPORTED;
  }

  /** Entries are blue, green, red and a pad byte. */
  #palette(frame: InterruptFrame): void {
    const { vga, memory } = this.#screen;
    const at = linearOf(frame.es, frame.di);
    const write = (frame.bl & 0x7f) === 0;
    if (!write && frame.bl !== 1) {
      frame.ax = FAILED;
      return;
    }
    for (let index = 0; index < Math.min(frame.cx, 256); index++) {
      const entry = at + index * 4;
      const number = (frame.dx + index) & 0xff;
      if (write) vga.setColour(number, memory.get8(entry + 2), memory.get8(entry + 1), memory.get8(entry));
      else {
        const [red, green, blue] = vga.colour(number);
        memory.set32(entry, blue | (green << 8) | (red << 16));
      }
    }
    frame.ax = SUPPORTED;
  }

  #state(frame: InterruptFrame): void {
    const at = linearOf(frame.es, frame.bx);
    if (frame.dl === 0) frame.bx = Math.ceil(videoStateBytes(frame.cx) / 64);
    else if (frame.dl === 1) saveVideoState(this.#screen, at, frame.cx);
    else if (frame.dl === 2) restoreVideoState(this.#screen, at, frame.cx);
    else {
      frame.ax = FAILED;
      return;
    }
    frame.ax = SUPPORTED;
  }
}
