/**
 * How the CRT controller walks through the memory: which address and row each scan line starts with, and which cell an
 * address is in byte, word and doubleword mode (IBM PS/2 Video Subsystem reference, CRT controller registers 08h-18h).
 * Addresses count character clocks; a cell is a byte in each of the four planes.
 * In doubleword mode the two low cell bits are zero, as they are for the processor in chain-4.
 * Absent: count-by-two and count-by-four, interlace, scan line counting by two.
 */
import type { VgaRegisters } from "./VgaRegisters.ts";

export interface VgaRaster {
  /** Character clocks in a line. */
  readonly columns: number;
  readonly dotsPerColumn: 8 | 9;
  /** 2 when the dot clock is halved: every dot is two wide. */
  readonly dotScale: 1 | 2;
  readonly lines: number;
  readonly lastRow: number;
  readonly doubleScan: boolean;
  readonly presetRow: number;
  readonly startAddress: number;
  readonly addressesPerRow: number;
  /** The last line before the picture starts over at address 0. */
  readonly lineCompare: number;
  readonly pixelPan: number;
  /** Panning ends at the line compare. */
  readonly panStops: boolean;
  /** 0 byte, 1 word, 2 doubleword. */
  readonly addressShift: 0 | 1 | 2;
  /** The address bit that becomes bit 0 in word mode. */
  readonly wrapBit: 13 | 15;
  /** Row bits that stand in for cell address bits 13 and 14. */
  readonly rowInBit13: boolean;
  readonly rowInBit14: boolean;
  /** Cells wrap behind this one: FFFFh in the VGA's own modes. */
  readonly lastCell: number;
}

export interface ScanLine {
  readonly y: number;
  readonly address: number;
  readonly row: number;
  readonly pixelPan: number;
}

/** Undefined while the registers describe no picture. */
export function readRaster(registers: VgaRegisters): VgaRaster | undefined {
  const { crtc, sequencer, attribute } = registers;
  const mode = crtc[0x17]!;
  const columns = crtc[0x01]! + 1;
  const lines = registers.verticalDisplayEnd + 1;
  if ((mode & 0x80) === 0 || columns < 4 || lines < 32) return undefined;
  return {
    columns,
    dotsPerColumn: (sequencer[1]! & 0x01) === 0 ? 9 : 8,
    dotScale: (sequencer[1]! & 0x08) !== 0 ? 2 : 1,
    lines,
    lastRow: crtc[0x09]! & 0x1f,
    doubleScan: (crtc[0x09]! & 0x80) !== 0,
    presetRow: crtc[0x08]! & 0x1f,
    startAddress: registers.startAddress + ((crtc[0x08]! >> 5) & 3),
    addressesPerRow: crtc[0x13]! * 2,
    lineCompare: registers.lineCompare,
    pixelPan: attribute[0x13]! & 0xf,
    panStops: (attribute[0x10]! & 0x20) !== 0,
    addressShift: (crtc[0x14]! & 0x40) !== 0 ? 2 : (mode & 0x40) === 0 ? 1 : 0,
    wrapBit: (mode & 0x20) !== 0 ? 15 : 13,
    rowInBit13: (mode & 0x01) === 0,
    rowInBit14: (mode & 0x02) === 0,
    lastCell: 0xffff,
  };
}

/** The memory cell that `address` selects in row `row`. */
export function cellOf(raster: VgaRaster, address: number, row: number): number {
  let cell = address & raster.lastCell;
  if (raster.addressShift === 1) cell = (cell << 1) | ((cell >> raster.wrapBit) & 1);
  else if (raster.addressShift === 2) cell <<= 2;
  if (raster.rowInBit13) cell = (cell & ~0x2000) | ((row & 1) << 13);
  if (raster.rowInBit14) cell = (cell & ~0x4000) | ((row & 2) << 13);
  return cell & raster.lastCell;
}

export function scanLines(raster: VgaRaster): ScanLine[] {
  const lines: ScanLine[] = [];
  let address = raster.startAddress;
  let row = raster.presetRow;
  let pixelPan = raster.pixelPan;
  let repeated = false;
  for (let y = 0; y < raster.lines; y++) {
    lines.push({ y, address, row, pixelPan });
    if (y === raster.lineCompare) {
      address = 0;
      row = 0;
      repeated = false;
      if (raster.panStops) pixelPan = raster.dotsPerColumn === 9 ? 8 : 0;
    } else if (raster.doubleScan && !repeated) repeated = true;
    else {
      repeated = false;
      if (row === raster.lastRow) address += raster.addressesPerRow;
      row = row === raster.lastRow ? 0 : (row + 1) & 0x1f;
    }
  }
  return lines;
}
