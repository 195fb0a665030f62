/**
 * One bit for each sector of a block: set when the image holds the sector itself. VHD counts from the highest bit of each byte, VHDX from the
 * lowest. Bits past the block's sectors mean nothing.
 */
export class SectorBitmap {
  readonly bytes: Uint8Array;
  readonly #highestFirst: boolean;

  constructor(bytes: Uint8Array, highestFirst: boolean) {
    this.bytes = bytes;
    this.#highestFirst = highestFirst;
  }

  has(sector: number): boolean {
    return ((this.bytes[sector >> 3] ?? 0) & this.#mask(sector)) !== 0;
  }

  /** True when a bit was not set before. */
  set(from: number, to: number): boolean {
    let changed = false;
    for (let sector = from; sector < to; sector++) {
      const before = this.bytes[sector >> 3] ?? 0;
      const after = before | this.#mask(sector);
      if (after === before) continue;
      this.bytes[sector >> 3] = after;
      changed = true;
    }
    return changed;
  }

  clear(from: number, to: number): void {
    for (let sector = from; sector < to; sector++) {
      this.bytes[sector >> 3] = (this.bytes[sector >> 3] ?? 0) & ~this.#mask(sector);
    }
  }

  /** Where the run of equal bits that starts at `from` ends, `to` at most. */
  runEnd(from: number, to: number): number {
    const value = this.has(from);
    const whole = value ? 0xff : 0;
    let sector = from + 1;
    while (sector < to) {
      if ((sector & 7) === 0 && sector + 8 <= to && this.bytes[sector >> 3] === whole) sector += 8;
      else if (this.has(sector) === value) sector++;
      else break;
    }
    return sector;
  }

  #mask(sector: number): number {
    return this.#highestFirst ? 0x80 >> (sector & 7) : 1 << (sector & 7);
  }
}
