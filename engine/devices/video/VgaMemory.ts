/**
 * The VGA's memory as the processor sees it at A0000h-BFFFFh: four planes behind the latches, the four write modes and
 * two read modes, odd/even and chain-4 addressing (IBM PS/2 Video Subsystem reference, graphics controller and
 * sequencer). Plane p of cell i is byte 4 i + p of the video memory, so that one 32-bit access reaches all planes. In
 * odd/even and chain-4 the low address bits choose the plane and are zero in the cell, as in the hardware. While
 * the display interface shows a linear mode, the window is a 64 KiB bank of the frame buffer.
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { IoHandler, IoWidth } from "../../contracts/IoHandler.ts";
import type { DirtyPages } from "./DirtyPages.ts";
import type { VgaRegisters } from "./VgaRegisters.ts";

/** How addresses reach the memory. */
type Addressing = "planar" | "oddEven" | "chain4";

/** A plane has 64 KiB: the 128 KiB window shows it twice. */
const LAST_CELL = 0xffff;

/** A byte in all four planes. */
function inAllPlanes(value: number): number {
  return Math.imul(value & 0xff, 0x01010101);
}

/** Bytes of ones in the planes of a 4-bit set. */
const planeBytes = Uint32Array.from({ length: 16 }, (_, planes) => {
  let bytes = 0;
  for (let plane = 0; plane < 4; plane++) if ((planes >> plane) & 1) bytes |= 0xff << (8 * plane);
  return bytes >>> 0;
});

export class VgaMemory implements IoHandler {
  readonly #bytes: Uint8Array;
  readonly #cells: Uint32Array;
  readonly #registers: VgaRegisters;
  readonly #dirty: DirtyPages;
  #latches = 0;
  /** Offset of the linear bank, or undefined in a VGA mode. */
  #linearBank: number | undefined;
  /** Cells that a planar bank is away from the start. */
  #planarBank = 0;

  // Derived from the registers by `update`.
  #windowStart = 0;
  #windowEnd = 0;
  #writeAddressing: Addressing = "planar";
  #oddEvenReads = false;
  #chainOddEven = false;
  #mapMask = 0;
  /** Host bytes reach the chosen plane as they are: write mode 0 with nothing switched on. */
  #plainWrites = false;

  /** Counts writes to plane 2, where the fonts are. */
  fontWrites = 0;

  constructor(bytes: Uint8Array, registers: VgaRegisters, dirty: DirtyPages) {
    this.#bytes = bytes;
    this.#cells = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2);
    this.#registers = registers;
    this.#dirty = dirty;
  }

  reset(): void {
    this.#latches = 0;
    this.#linearBank = undefined;
    this.#planarBank = 0;
    this.update();
  }

  /** A linear mode's bank in bytes, or a planar one's in cells. */
  setBank(linear: number | undefined, planarCells: number): void {
    this.#linearBank = linear;
    this.#planarBank = planarCells;
  }

  /** To be called after a change in the sequencer, the graphics controller or the miscellaneous output. */
  update(): void {
    const { sequencer, graphics, ramEnabled } = this.#registers;
    const map = (graphics[6]! >> 2) & 3;
    this.#windowStart = [0x00000, 0x00000, 0x10000, 0x18000][map]!;
    this.#windowEnd = ramEnabled ? [0x20000, 0x10000, 0x18000, 0x20000][map]! : 0;
    const chain4 = (sequencer[4]! & 0x08) !== 0;
    this.#writeAddressing = chain4 ? "chain4" : (sequencer[4]! & 0x04) === 0 ? "oddEven" : "planar";
    this.#oddEvenReads = (graphics[5]! & 0x10) !== 0;
    this.#chainOddEven = (graphics[6]! & 0x02) !== 0;
    this.#mapMask = sequencer[2]! & 0xf;
    const plainMode = (graphics[5]! & 3) === 0 && graphics[1] === 0 && graphics[3] === 0 && graphics[8] === 0xff;
    this.#plainWrites = plainMode;
  }

  read(offset: number, width: IoWidth): number {
    if (this.#linearBank !== undefined) return this.#readLinear(offset, width);
    let value = 0;
    for (let index = 0; index < width; index++) value |= this.#readByte(offset + index) << (8 * index);
    return value >>> 0;
  }

  write(offset: number, value: number, width: IoWidth): void {
    if (this.#linearBank !== undefined) return this.#writeLinear(offset, value, width);
    const address = offset - this.#windowStart;
    if (this.#plainWrites && width !== 1 && address >= 0 && offset + width <= this.#windowEnd) {
      if (this.#writeWide(address, value, width)) return;
    }
    for (let index = 0; index < width; index++) this.#writeByte(offset + index, (value >>> (8 * index)) & 0xff);
  }

  /** Aligned writes: text and chain-4 modes have the planes of a cell side by side, planar ones neighbouring cells. */
  #writeWide(address: number, value: number, width: IoWidth): boolean {
    if ((address & (width - 1)) !== 0 || this.#planarBank !== 0 || address > LAST_CELL) return false;
    if (this.#writeAddressing === "planar") {
      this.#writeCells(address, value, width);
      return true;
    }
    if (this.#writeAddressing === "chain4") {
      if (this.#mapMask !== 0xf) return false;
      const index = ((address & ~3) << 2) | (address & 3);
      this.#bytes[index] = value;
      this.#bytes[index + 1] = value >>> 8;
      if (width === 4) {
        this.#bytes[index + 2] = value >>> 16;
        this.#bytes[index + 3] = value >>> 24;
      }
      this.fontWrites++;
      this.#dirty.mark(index);
      return true;
    }
    if (this.#writeAddressing !== "oddEven" || this.#mapMask !== 3 || !this.#chainOddEven) return false;
    const index = address << 2;
    this.#bytes[index] = value;
    this.#bytes[index + 1] = value >>> 8;
    if (width === 4) {
      this.#bytes[index + 8] = value >>> 16;
      this.#bytes[index + 9] = value >>> 24;
    }
    this.#dirty.mark(index);
    return true;
  }

  /** Neighbouring bytes to the same planes of neighbouring cells. */
  #writeCells(firstCell: number, value: number, width: IoWidth): void {
    const planes = this.#mapMask;
    if (planes === 0) return;
    if ((planes & 4) !== 0) this.fontWrites++;
    const mask = planeBytes[planes]!;
    for (let index = 0; index < width; index++) {
      const cell = firstCell + index;
      this.#cells[cell] = (this.#cells[cell]! & ~mask) | (inAllPlanes(value >>> (8 * index)) & mask);
    }
    this.#dirty.mark(firstCell << 2);
  }

  #readByte(offset: number): number {
    const address = offset - this.#windowStart;
    if (address < 0 || offset >= this.#windowEnd) return 0xff;
    const { graphics } = this.#registers;
    let plane = graphics[4]! & 3;
    let cell = address;
    if (this.#writeAddressing === "chain4") {
      plane = address & 3;
      cell = address & ~3;
    } else if (this.#oddEvenReads) {
      plane = (plane & 2) | (address & 1);
      if (this.#chainOddEven) cell = address & ~1;
    }
    const latches = this.#cells[(cell & LAST_CELL) + this.#planarBank] ?? 0;
    this.#latches = latches;
    if ((graphics[5]! & 0x08) !== 0) return this.#compareColors(latches);
    return (latches >>> (8 * plane)) & 0xff;
  }

  /** Read mode 1: ones where the planes that matter show the compare colour. */
  #compareColors(latches: number): number {
    const { graphics } = this.#registers;
    const different = (latches ^ planeBytes[graphics[2]! & 0xf]!) & planeBytes[graphics[7]! & 0xf]!;
    return ~(different | (different >>> 8) | (different >>> 16) | (different >>> 24)) & 0xff;
  }

  #writeByte(offset: number, value: number): void {
    const address = offset - this.#windowStart;
    if (address < 0 || offset >= this.#windowEnd) return;
    let planes = this.#mapMask;
    let cell = address;
    if (this.#writeAddressing === "chain4") {
      planes &= 1 << (address & 3);
      cell = address & ~3;
    } else if (this.#writeAddressing === "oddEven") {
      planes &= (address & 1) === 0 ? 0x5 : 0xa;
      if (this.#chainOddEven) cell = address & ~1;
    }
    cell = (cell & LAST_CELL) + this.#planarBank;
    if (planes === 0 || cell >= this.#cells.length) return;
    if ((planes & 4) !== 0) this.fontWrites++;
    const mask = planeBytes[planes]!;
    const result = this.#plainWrites ? inAllPlanes(value) : this.#writeResult(value);
    this.#cells[cell] = (this.#cells[cell]! & ~mask) | (result & mask);
    this.#dirty.mark(cell << 2);
  }

  /** What the four planes get, by write mode. */
  #writeResult(value: number): number {
    const { graphics } = this.#registers;
    const rotation = graphics[3]! & 7;
    const rotated = ((value >> rotation) | (value << (8 - rotation))) & 0xff;
    const setReset = planeBytes[graphics[0]! & 0xf]!;
    let bitMask = graphics[8]!;
    let data: number;
    switch (graphics[5]! & 3) {
      case 0: {
        const enabled = planeBytes[graphics[1]! & 0xf]!;
        data = (inAllPlanes(rotated) & ~enabled) | (setReset & enabled);
        break;
      }
      case 1:
        return this.#latches;
      case 2:
        data = planeBytes[value & 0xf]!;
        break;
      default:
        data = setReset;
        bitMask &= rotated;
    }
    const latches = this.#latches;
    const operation = (graphics[3]! >> 3) & 3;
    if (operation === 1) data &= latches;
    else if (operation === 2) data |= latches;
    else if (operation === 3) data ^= latches;
    const mask = inAllPlanes(bitMask);
    return (data & mask) | (latches & ~mask);
  }

  #readLinear(offset: number, width: IoWidth): number {
    const at = this.#linearBank! + offset;
    if (offset + width > 0x10000 || at + width > this.#bytes.length) return 0xffffffff >>> (32 - 8 * width);
    let value = this.#bytes[at]!;
    for (let index = 1; index < width; index++) value |= this.#bytes[at + index]! << (8 * index);
    return value >>> 0;
  }

  #writeLinear(offset: number, value: number, width: IoWidth): void {
    const at = this.#linearBank! + offset;
    if (offset + width > 0x10000 || at + width > this.#bytes.length) return;
    for (let index = 0; index < width; index++) this.#bytes[at + index] = value >>> (8 * index);
    this.#dirty.mark(at);
  }

  save(writer: StateWriter): void {
    writer.u32(this.#latches >>> 0);
  }

  prepareLoad(reader: StateReader): () => void {
    const latches = reader.u32();
    return () => {
      this.#latches = latches;
      this.update();
    };
  }
}
