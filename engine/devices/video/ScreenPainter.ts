/**
 * Chooses the renderer for what the registers describe, and renders only when something can have changed: a register, the
 * memory, or the phase of what blinks.
 */
import type { Clock } from "../../contracts/Clock.ts";
import type { DisplayUpdate } from "../../contracts/DisplaySink.ts";
import { cgaRenderer } from "./CgaRenderer.ts";
import { codePage437 } from "./codePage437.ts";
import type { DirtyPages } from "./DirtyPages.ts";
import { Frame } from "./Frame.ts";
import { GraphicsRenderer, type LineDecoder } from "./GraphicsRenderer.ts";
import { bytesPerPixel, LinearRenderer } from "./LinearRenderer.ts";
import { mode13Renderer } from "./Mode13Renderer.ts";
import { planarRenderer } from "./PlanarRenderer.ts";
import { TextRenderer, textBands } from "./TextRenderer.ts";
import type { DispiMode, VbeDispi } from "./VbeDispi.ts";
import { attributeColors } from "./VgaColors.ts";
import type { VgaDac } from "./VgaDac.ts";
import type { VgaMemory } from "./VgaMemory.ts";
import { cellOf, readRaster, type VgaRaster } from "./VgaRaster.ts";
import type { VgaRegisters } from "./VgaRegisters.ts";

export interface ScreenPainterParts {
  readonly clock: Clock;
  readonly bytes: Uint8Array;
  readonly registers: VgaRegisters;
  readonly memory: VgaMemory;
  readonly dac: VgaDac;
  readonly dispi: VbeDispi;
  readonly dirty: DirtyPages;
}

/** The cursor is on for 8 of 16 frames at 70 Hz, a blinking character for 16 of 32. */
const CURSOR_PHASE_NS = (8 / 70) * 1e9;
const CHARACTER_PHASE_NS = 2 * CURSOR_PHASE_NS;

const DARK_WIDTH = 720;
const DARK_HEIGHT = 400;

export class ScreenPainter {
  readonly #parts: ScreenPainterParts;
  readonly #frame = new Frame();
  readonly #text = new TextRenderer();
  readonly #graphics = new GraphicsRenderer();
  readonly #linear = new LinearRenderer();
  #colorGeneration = 0;
  #changed = true;
  #phase = -1;
  /** What the frame was drawn by: another renderer must not trust it. */
  #drawnBy = "";

  constructor(parts: ScreenPainterParts) {
    this.#parts = parts;
  }

  noteRegisters(): void {
    this.#changed = true;
  }

  noteColors(): void {
    this.#colorGeneration++;
    this.#changed = true;
  }

  forget(): void {
    this.#drawnBy = "";
    this.#changed = true;
  }

  render(full: boolean): DisplayUpdate | undefined {
    const { dirty } = this.#parts;
    const written = dirty.collect();
    const phase = Math.floor(this.#parts.clock.nowNs() / CURSOR_PHASE_NS);
    const blinked = phase !== this.#phase && this.#drawnBy === "text";
    if (!full && !written && !this.#changed && !blinked) return undefined;
    this.#phase = phase;
    this.#changed = false;
    this.#draw();
    dirty.clear();
    const frame = this.#frame;
    const damage = frame.takeDamage();
    if (!full && damage.length === 0) return undefined;
    const { width, height, pixels } = frame;
    return {
      width,
      height,
      pixels,
      damage: full ? [{ x: 0, y: 0, width, height }] : damage,
      mode: this.#drawnBy === "text" || this.#drawnBy === "dark" ? "text" : "graphics",
    };
  }

  #draw(): void {
    const { registers, dispi } = this.#parts;
    const mode = dispi.mode;
    if (mode !== undefined) {
      if (mode.depth === 4) this.#drawGraphics(this.#dispiRaster(mode), planarRenderer);
      else this.#drawLinear(mode);
      return;
    }
    const raster = readRaster(registers);
    if (raster === undefined || registers.screenOff || !registers.paletteShown) return this.#drawDark(raster);
    if (!this.#isGraphics) return this.#drawText(raster);
    this.#drawGraphics(raster, this.#decoder);
  }

  get #isGraphics(): boolean {
    return (this.#parts.registers.graphics[6]! & 1) !== 0;
  }

  get #decoder(): LineDecoder {
    const mode = this.#parts.registers.graphics[5]!;
    if ((mode & 0x40) !== 0) return mode13Renderer;
    return (mode & 0x20) !== 0 ? cgaRenderer : planarRenderer;
  }

  #drawDark(raster: VgaRaster | undefined): void {
    this.#become("dark");
    if (raster !== undefined && this.#frame.width > 0) this.#frame.clear();
    else {
      this.#frame.resize(DARK_WIDTH, DARK_HEIGHT);
      this.#frame.clear();
    }
  }

  #drawText(raster: VgaRaster): void {
    const { registers, dac, bytes, memory } = this.#parts;
    this.#become("text");
    const now = this.#parts.clock.nowNs();
    const picture = {
      raster,
      bytes,
      registers,
      colors: attributeColors(registers, dac),
      cursorOn: Math.floor(now / CURSOR_PHASE_NS) % 2 === 0,
      charactersOn: Math.floor(now / CHARACTER_PHASE_NS) % 2 === 0,
      generation: `${this.#colorGeneration},${memory.fontWrites}`,
    };
    this.#text.render(picture, this.#frame);
  }

  #drawGraphics(raster: VgaRaster, decoder: LineDecoder): void {
    const { registers, dac, bytes, dirty } = this.#parts;
    this.#become("graphics");
    const colors = decoder === mode13Renderer ? dac.colors() : attributeColors(registers, dac);
    const generation = `${this.#colorGeneration},${decoder.dotsPerColumn},${decoder === cgaRenderer}`;
    this.#graphics.render({ raster, bytes, dirty, decoder, colors, generation }, this.#frame);
  }

  #drawLinear(mode: DispiMode): void {
    const { dac, bytes, dirty } = this.#parts;
    const { width, height, depth, virtualWidth, xOffset, yOffset } = mode;
    if (depth === 4) return;
    this.#become("linear");
    const strideBytes = virtualWidth * bytesPerPixel(depth);
    const startBytes = yOffset * strideBytes + xOffset * bytesPerPixel(depth);
    const generation = depth === 8 ? String(this.#colorGeneration) : "";
    const picture = { width, height, depth, startBytes, strideBytes, bytes, dirty, colors: dac.colors(), generation };
    this.#linear.render(picture, this.#frame);
  }

  /** A planar mode of the display interface, as the CRT controller would scan it. */
  #dispiRaster(mode: DispiMode): VgaRaster {
    const addressesPerRow = mode.virtualWidth >> 3;
    return {
      columns: mode.width >> 3,
      dotsPerColumn: 8,
      dotScale: 1,
      lines: mode.height,
      lastRow: 0,
      doubleScan: false,
      presetRow: 0,
      startAddress: mode.yOffset * addressesPerRow + (mode.xOffset >> 3),
      addressesPerRow,
      lineCompare: -1,
      pixelPan: mode.xOffset & 7,
      panStops: false,
      addressShift: 0,
      wrapBit: 15,
      rowInBit13: false,
      rowInBit14: false,
      lastCell: (this.#parts.bytes.length >>> 2) - 1,
    };
  }

  #become(renderer: string): void {
    if (this.#drawnBy === renderer) return;
    this.#drawnBy = renderer;
    this.#text.forget();
    this.#graphics.forget();
    this.#linear.forget();
  }

  textScreen(): readonly string[] | undefined {
    const { registers, dispi, bytes } = this.#parts;
    if (dispi.mode !== undefined) return undefined;
    const raster = readRaster(registers);
    if (raster === undefined) return [];
    if (this.#isGraphics) return undefined;
    return textBands(raster).map(({ lines }) => {
      let text = "";
      for (let column = 0; column < raster.columns; column++) {
        text += codePage437[bytes[cellOf(raster, lines[0]!.address + column, 0) * 4]!]!;
      }
      return text.trimEnd();
    });
  }
}
