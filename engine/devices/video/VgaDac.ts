/**
 * The palette DAC of the VGA (IBM PS/2 Video Subsystem reference, "Video Digital-to-Analog Converter"): 256 colours,
 * written and read in threes through 3C6h-3C9h, 6 bits a component, or 8 when the display interface asks for it.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";

const WRITING = 0x00;
const READING = 0x03;

export class VgaDac {
  /** Red, green, blue of each colour as the guest wrote them. */
  #components = new Uint8Array(768);
  #pixelMask = 0xff;
  #index = 0;
  #component = 0;
  #state = WRITING;
  #eightBits = false;
  readonly #rgba = new Uint32Array(256);
  #stale = true;
  readonly #onChange: () => void;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  reset(): void {
    this.#components.fill(0);
    this.#pixelMask = 0xff;
    this.#index = 0;
    this.#component = 0;
    this.#state = WRITING;
    this.#eightBits = false;
    this.#changed();
  }

  get pixelMask(): number {
    return this.#pixelMask;
  }
  set pixelMask(value: number) {
    this.#pixelMask = value;
    this.#changed();
  }

  get eightBits(): boolean {
    return this.#eightBits;
  }
  set eightBits(value: boolean) {
    if (value === this.#eightBits) return;
    this.#eightBits = value;
    this.#changed();
  }

  get state(): number {
    return this.#state;
  }
  get writeIndex(): number {
    return this.#index;
  }

  startReading(index: number): void {
    this.#index = index;
    this.#component = 0;
    this.#state = READING;
  }

  startWriting(index: number): void {
    this.#index = index;
    this.#component = 0;
    this.#state = WRITING;
  }

  readData(): number {
    const value = this.#components[this.#index * 3 + this.#component]!;
    this.#step();
    return value;
  }

  writeData(value: number): void {
    this.#components[this.#index * 3 + this.#component] = this.#eightBits ? value : value & 0x3f;
    this.#step();
    this.#changed();
  }

  #step(): void {
    if (++this.#component < 3) return;
    this.#component = 0;
    this.#index = (this.#index + 1) & 0xff;
  }

  #changed(): void {
    this.#stale = true;
    this.#onChange();
  }

  /** The 256 colours as 0xFFBBGGRR, by pixel value before the pixel mask. */
  colors(): Uint32Array {
    if (this.#stale) {
      this.#stale = false;
      for (let value = 0; value < 256; value++) this.#rgba[value] = this.#color(value & this.#pixelMask);
    }
    return this.#rgba;
  }

  #color(index: number): number {
    const widen = (value: number) => (this.#eightBits ? value : ((value << 2) | (value >> 4)) & 0xff);
    const red = widen(this.#components[index * 3]!);
    const green = widen(this.#components[index * 3 + 1]!);
    const blue = widen(this.#components[index * 3 + 2]!);
    return ((0xff << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  }

  save(writer: StateWriter): void {
    writer.bytes(this.#components).u8(this.#pixelMask).u8(this.#index).u8(this.#component);
    writer.u8(this.#state).bool(this.#eightBits);
  }

  prepareLoad(reader: StateReader): () => void {
    const components = reader.bytes();
    const pixelMask = reader.u8();
    const index = reader.u8();
    const component = reader.u8();
    const state = reader.u8();
    const eightBits = reader.bool();
    if (components.length !== 768 || component > 2) {
      throw new GuesthouseError("state-invalid", "The saved state of the palette is damaged.");
    }
    return () => {
      this.#components = components;
      this.#pixelMask = pixelMask;
      this.#index = index;
      this.#component = component;
      this.#state = state;
      this.#eightBits = eightBits;
      this.#changed();
    };
  }
}
