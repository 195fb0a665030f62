import type { IoBus, IoHandler, IoWidth, Mapping } from "../contracts/IoHandler.ts";

/**
 * Windows of ports or of memory-mapped registers, found by address. One instance serves the 64 K ports, another the
 * device windows of physical memory. A handler sees offsets from its window's start, only in widths it was mapped for;
 * other widths are split little-endian. Nothing there: reads give all ones, writes vanish, and both are counted.
 */
interface Window {
  start: number;
  length: number;
  enabled: boolean;
  handler: IoHandler;
  widths: readonly IoWidth[];
}

const allWidths: readonly IoWidth[] = [1, 2, 4];
const allOnes: Record<IoWidth, number> = { 1: 0xff, 2: 0xffff, 4: 0xffff_ffff };

export class Bus implements IoBus {
  readonly #name: string;
  /** Enabled windows by start address. */
  #windows: Window[] = [];
  /** The window of the last access: guests poll. */
  #last: Window | undefined;
  /** Accesses that reached a handler. */
  accesses = 0;
  unmappedReads = 0;
  unmappedWrites = 0;

  constructor(name: string) {
    this.#name = name;
  }

  map(range: { start: number; length: number }, handler: IoHandler, widths: readonly IoWidth[] = allWidths): Mapping {
    const window: Window = { ...range, enabled: true, handler, widths };
    this.#insert(window);
    return {
      move: (start) => {
        this.#change(window, { start });
      },
      enable: (enabled) => {
        this.#change(window, { enabled });
      },
      dispose: () => this.#remove(window),
    };
  }

  /** True when a window covers the address. */
  covers(address: number): boolean {
    return this.#find(address) !== undefined;
  }

  read(address: number, width: IoWidth): number {
    const window = this.#find(address);
    if (window === undefined) return this.#readOpenBus(address, width);
    const offset = address - window.start;
    if (offset + width > window.length || !window.widths.includes(width))
      return this.#readSplit(address, width, window);
    this.accesses++;
    return window.handler.read(offset, width) >>> 0;
  }

  write(address: number, value: number, width: IoWidth): void {
    const window = this.#find(address);
    if (window === undefined) return this.#writeOpenBus(address, value, width);
    const offset = address - window.start;
    if (offset + width > window.length || !window.widths.includes(width)) {
      return this.#writeSplit(address, value, width, window);
    }
    this.accesses++;
    window.handler.write(offset, value, width);
  }

  #readOpenBus(address: number, width: IoWidth): number {
    if (width > 1 && this.#anyWithin(address, width)) return this.#readBytes(address, width);
    this.unmappedReads++;
    return allOnes[width];
  }

  #writeOpenBus(address: number, value: number, width: IoWidth): void {
    if (width > 1 && this.#anyWithin(address, width)) {
      for (let i = 0; i < width; i++) this.write(address + i, (value >>> (8 * i)) & 0xff, 1);
      return;
    }
    this.unmappedWrites++;
  }

  #readSplit(address: number, width: IoWidth, window: Window): number {
    const part = narrower(width, window);
    if (part === undefined) return this.#readWidened(address, width, window);
    let value = 0;
    for (let i = 0; i < width; i += part) value |= this.read(address + i, part) << (8 * i);
    return value >>> 0;
  }

  #readBytes(address: number, width: IoWidth): number {
    let value = 0;
    for (let i = 0; i < width; i++) value |= this.read(address + i, 1) << (8 * i);
    return value >>> 0;
  }

  /** A narrow read of registers that exist only in a wider width: the matching part of the aligned register. */
  #readWidened(address: number, width: IoWidth, window: Window): number {
    const wide = window.widths[0]!;
    const offset = address - window.start;
    const aligned = offset - (offset % wide);
    if (aligned + wide > window.length) return allOnes[width];
    this.accesses++;
    const shifted = (window.handler.read(aligned, wide) >>> 0) >>> (8 * (offset - aligned));
    return (shifted & allOnes[width]) >>> 0;
  }

  #writeSplit(address: number, value: number, width: IoWidth, window: Window): void {
    const part = narrower(width, window);
    if (part === undefined) {
      this.unmappedWrites++;
      return;
    }
    for (let i = 0; i < width; i += part) this.write(address + i, (value >>> (8 * i)) & allOnes[part], part);
  }

  #find(address: number): Window | undefined {
    const last = this.#last;
    if (last !== undefined && address >= last.start && address < last.start + last.length) return last;
    let low = 0;
    let high = this.#windows.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const window = this.#windows[middle]!;
      if (address < window.start) high = middle - 1;
      else if (address >= window.start + window.length) low = middle + 1;
      else {
        this.#last = window;
        return window;
      }
    }
    return undefined;
  }

  #anyWithin(address: number, length: number): boolean {
    return this.#windows.some((window) => address < window.start + window.length && window.start < address + length);
  }

  #insert(window: Window): void {
    const clash = this.#windows.find(
      (w) => window.start < w.start + w.length && w.start < window.start + window.length,
    );
    if (clash) {
      throw new Error(
        `${this.#name}: 0x${window.start.toString(16)}+${window.length} overlaps 0x${clash.start.toString(16)}+${clash.length}`,
      );
    }
    this.#windows = [...this.#windows, window].sort((a, b) => a.start - b.start);
  }

  #remove(window: Window): void {
    this.#windows = this.#windows.filter((w) => w !== window);
    this.#last = undefined;
  }

  /**
   * Applies a change to a window. A guest may move a BAR over another window; the window is then hidden until it is moved
   * away, as the overlap has no defined winner on real buses either.
   */
  #change(window: Window, change: Partial<Window>): void {
    this.#remove(window);
    Object.assign(window, change);
    if (!window.enabled) return;
    try {
      this.#insert(window);
    } catch {
      this.unmappedWrites++;
    }
  }
}

function narrower(width: IoWidth, window: Window): IoWidth | undefined {
  for (let i = window.widths.length - 1; i >= 0; i--) {
    const candidate = window.widths[i]!;
    if (candidate < width) return candidate;
  }
  return width > 1 && window.widths.includes(width) ? 1 : undefined;
}
