import { BDA } from "../service/biosData.ts";
import type { Screen } from "./Screen.ts";

/**
 * Saving and restoring the adapter (INT 10h AH=1Ch and VBE 4F04h). What is saved is chosen by bits: 0 registers, 1 BIOS data, 2
 * DAC, 3 the display interface of VBE modes. The layout is our own, as the standards leave it to the adapter.
 */
const HARDWARE = 1;
const DATA = 2;
const DAC = 4;
const EXTENSION = 8;

const HARDWARE_BYTES = 96;
const DATA_BYTES = 96;
const DAC_BYTES = 3 * 256 + 16;
const EXTENSION_BYTES = 32;
const FIRST_DATA = BDA.VIDEO_MODE;
const DATA_COUNT = 30;
const CONTROL_COUNT = 7;
const DISPI_REGISTERS = 10;
const DISPI_ENABLE = 4;

export function videoStateBytes(parts: number): number {
  return (
    (parts & HARDWARE ? HARDWARE_BYTES : 0) +
    (parts & DATA ? DATA_BYTES : 0) +
    (parts & DAC ? DAC_BYTES : 0) +
    (parts & EXTENSION ? EXTENSION_BYTES : 0)
  );
}

export function saveVideoState(screen: Screen, linear: number, parts: number): void {
  const { vga, memory } = screen;
  let at = linear;
  if (parts & HARDWARE) {
    for (let index = 1; index < 5; index++) memory.set8(at + index, vga.readSequencer(index));
    for (let index = 0; index < 25; index++) memory.set8(at + 8 + index, vga.readCrtc(index));
    for (let index = 0; index < 9; index++) memory.set8(at + 40 + index, vga.readGraphics(index));
    for (let index = 0; index < 21; index++) memory.set8(at + 56 + index, vga.readAttribute(index));
    at += HARDWARE_BYTES;
  }
  if (parts & DATA) {
    for (let index = 0; index < DATA_COUNT; index++) memory.set8(at + index, memory.get8(FIRST_DATA + index));
    for (let index = 0; index < CONTROL_COUNT; index++)
      memory.set8(at + 32 + index, memory.get8(BDA.VIDEO_ROWS + index));
    at += DATA_BYTES;
  }
  if (parts & DAC) {
    for (let index = 0; index < 256; index++) memory.write(at + index * 3, Uint8Array.from(vga.colour(index)));
    memory.set8(at + 768, vga.pelMask);
    at += DAC_BYTES;
  }
  if (parts & EXTENSION) {
    for (let index = 1; index < DISPI_REGISTERS; index++) memory.set16(at + index * 2, vga.readDispi(index));
  }
}

export function restoreVideoState(screen: Screen, linear: number, parts: number): void {
  const { vga, memory } = screen;
  const extension = linear + videoStateBytes(parts & ~EXTENSION);
  if (parts & EXTENSION) {
    vga.dispi(DISPI_ENABLE, 0);
    for (let index = 1; index < DISPI_REGISTERS; index++) {
      if (index !== DISPI_ENABLE) vga.dispi(index, memory.get16(extension + index * 2));
    }
    const enable = memory.get16(extension + DISPI_ENABLE * 2);
    vga.dispi(DISPI_ENABLE, enable & 1 ? enable | 0x80 : enable);
  }
  let at = linear;
  if (parts & HARDWARE) {
    for (let index = 1; index < 5; index++) vga.sequencer(index, memory.get8(at + index));
    vga.crtc(0x11, memory.get8(at + 8 + 0x11) & 0x7f);
    for (let index = 0; index < 25; index++) if (index !== 0x11) vga.crtc(index, memory.get8(at + 8 + index));
    vga.crtc(0x11, memory.get8(at + 8 + 0x11));
    for (let index = 0; index < 9; index++) vga.graphics(index, memory.get8(at + 40 + index));
    for (let index = 0; index < 21; index++) vga.attribute(index, memory.get8(at + 56 + index));
    at += HARDWARE_BYTES;
  }
  if (parts & DATA) {
    for (let index = 0; index < DATA_COUNT; index++) memory.set8(FIRST_DATA + index, memory.get8(at + index));
    for (let index = 0; index < CONTROL_COUNT; index++)
      memory.set8(BDA.VIDEO_ROWS + index, memory.get8(at + 32 + index));
    at += DATA_BYTES;
  }
  if (parts & DAC) {
    for (let index = 0; index < 256; index++) {
      const entry = at + index * 3;
      vga.setColour(index, memory.get8(entry), memory.get8(entry + 1), memory.get8(entry + 2));
    }
    vga.pelMask = memory.get8(at + 768);
  }
}
