import type { PortAccess } from "../../contracts/PortAccess.ts";
import { defaultPalette } from "./defaultPalettes.ts";
import type { VideoMode } from "./videoModes.ts";

/** The ports of the VGA as the video BIOS drives them. */
const ATTRIBUTE = 0x3c0;
const MISCELLANEOUS_WRITE = 0x3c2;
const MISCELLANEOUS_READ = 0x3cc;
const SEQUENCER = 0x3c4;
const PEL_MASK = 0x3c6;
const DAC_READ_INDEX = 0x3c7;
const DAC_WRITE_INDEX = 0x3c8;
const DAC_DATA = 0x3c9;
const GRAPHICS = 0x3ce;
const DISPI_INDEX = 0x1ce;
const DISPI_DATA = 0x1cf;
const PALETTE_ADDRESS_SOURCE = 0x20;

export class VgaRegisters {
  readonly #ports: PortAccess;

  constructor(ports: PortAccess) {
    this.#ports = ports;
  }

  #indexed(port: number, index: number, value: number): void {
    this.#ports.out8(port, index);
    this.#ports.out8(port + 1, value);
  }
  #readIndexed(port: number, index: number): number {
    this.#ports.out8(port, index);
    return this.#ports.in8(port + 1);
  }

  /** 3D4h in colour, 3B4h in monochrome addressing. */
  get crtcPort(): number {
    return this.#ports.in8(MISCELLANEOUS_READ) & 1 ? 0x3d4 : 0x3b4;
  }

  sequencer(index: number, value: number): void {
    this.#indexed(SEQUENCER, index, value);
  }
  readSequencer(index: number): number {
    return this.#readIndexed(SEQUENCER, index);
  }
  graphics(index: number, value: number): void {
    this.#indexed(GRAPHICS, index, value);
  }
  readGraphics(index: number): number {
    return this.#readIndexed(GRAPHICS, index);
  }
  crtc(index: number, value: number): void {
    this.#indexed(this.crtcPort, index, value);
  }
  readCrtc(index: number): number {
    return this.#readIndexed(this.crtcPort, index);
  }

  #resetFlipFlop(): void {
    this.#ports.in8(this.crtcPort + 6);
  }
  /** Writes one attribute register and leaves the screen on. */
  attribute(index: number, value: number): void {
    this.#resetFlipFlop();
    this.#ports.out8(ATTRIBUTE, index);
    this.#ports.out8(ATTRIBUTE, value);
    this.#ports.out8(ATTRIBUTE, PALETTE_ADDRESS_SOURCE);
  }
  readAttribute(index: number): number {
    this.#resetFlipFlop();
    this.#ports.out8(ATTRIBUTE, index);
    const value = this.#ports.in8(ATTRIBUTE + 1);
    this.#resetFlipFlop();
    this.#ports.out8(ATTRIBUTE, PALETTE_ADDRESS_SOURCE);
    return value;
  }

  setColour(index: number, red: number, green: number, blue: number): void {
    this.#ports.out8(DAC_WRITE_INDEX, index);
    this.#ports.out8(DAC_DATA, red);
    this.#ports.out8(DAC_DATA, green);
    this.#ports.out8(DAC_DATA, blue);
  }
  colour(index: number): readonly [number, number, number] {
    this.#ports.out8(DAC_READ_INDEX, index);
    return [this.#ports.in8(DAC_DATA), this.#ports.in8(DAC_DATA), this.#ports.in8(DAC_DATA)];
  }
  get pelMask(): number {
    return this.#ports.in8(PEL_MASK);
  }
  set pelMask(value: number) {
    this.#ports.out8(PEL_MASK, value);
  }

  dispi(index: number, value: number): void {
    this.#ports.out16(DISPI_INDEX, index);
    this.#ports.out16(DISPI_DATA, value);
  }
  readDispi(index: number): number {
    this.#ports.out16(DISPI_INDEX, index);
    return this.#ports.in16(DISPI_DATA);
  }

  setScreenOn(on: boolean): void {
    const clocking = this.readSequencer(1);
    this.sequencer(1, on ? clocking & ~0x20 : clocking | 0x20);
  }

  loadMode(mode: VideoMode, loadPalette: boolean): void {
    this.#resetFlipFlop();
    this.#ports.out8(ATTRIBUTE, 0);
    this.sequencer(0, 1);
    mode.sequencer.forEach((value, index) => {
      this.sequencer(index + 1, value);
    });
    this.#ports.out8(MISCELLANEOUS_WRITE, mode.miscellaneous);
    this.sequencer(0, 3);
    // The last register protects the first eight of the CRTC against writes.
    this.crtc(0x11, mode.crtc[0x11]! & 0x7f);
    mode.crtc.forEach((value, index) => {
      if (index !== 0x11) this.crtc(index, value);
    });
    this.crtc(0x11, mode.crtc[0x11]!);
    mode.graphics.forEach((value, index) => {
      this.graphics(index, value);
    });
    this.#resetFlipFlop();
    mode.attribute.forEach((value, index) => {
      this.#ports.out8(ATTRIBUTE, index);
      this.#ports.out8(ATTRIBUTE, value);
    });
    this.#ports.out8(ATTRIBUTE, 0x14);
    this.#ports.out8(ATTRIBUTE, 0);
    if (loadPalette) this.loadPalette(mode.palette);
    this.pelMask = 0xff;
    this.#resetFlipFlop();
    this.#ports.out8(ATTRIBUTE, PALETTE_ADDRESS_SOURCE);
  }

  loadPalette(kind: VideoMode["palette"]): void {
    const bytes = defaultPalette(kind);
    this.#ports.out8(DAC_WRITE_INDEX, 0);
    for (let index = 0; index < 256 * 3; index++) this.#ports.out8(DAC_DATA, bytes[index] ?? 0);
  }
}
