import type { ArrivingPages } from "../contracts/MachineStateParts.ts";
import type { PhysicalMemory } from "../contracts/PhysicalMemory.ts";
import type { VideoMemory } from "../contracts/VideoMemory.ts";
import type { Bus } from "./Bus.ts";
import { FrozenMemory } from "./FrozenMemory.ts";
import type { MemoryLayout } from "./MemoryLayout.ts";

/**
 * What lies where in guest physical memory: RAM, ROM and the frame buffer are reached directly in the machine's shared
 * WebAssembly.Memory, everything else through the bus of device windows. The map itself lies in that memory too (one u32
 * per 4 KiB page, see the memory plan), where emitted code reads it. This class is its only writer on the JavaScript
 * side besides the bits that mark code and dirty pages.
 *
 * The view for DMA masters and firmware (`PhysicalMemory`) keeps the promises that the processor keeps: ROM swallows writes,
 * decoded code is invalidated, dirty trackers are told.
 */
export const PAGE_BYTES = 4096;
/** Of a map entry: where in the shared memory the page is. */
const PLACE_MASK = 0xffff_f000;

export interface MapListener {
  /** Cached translations are stale. */
  mapChanged(): void;
  /** Bytes changed under pages that hold decoded code. */
  codeWritten(address: number, length: number): void;
}

/** Where a range of the shared memory is or may be mapped. */
export type Windows = readonly { readonly address: number; readonly length: number }[];

export class MemoryMap implements PhysicalMemory {
  readonly bytes: Uint8Array;
  readonly #layout: MemoryLayout;
  readonly #pages: Uint32Array;
  readonly #dirty: Uint8Array;
  readonly #mmio: Bus;
  #frozen: { memory: FrozenMemory; offset: number } | undefined;
  #arriving: { pages: ArrivingPages; offset: number } | undefined;
  #listener: MapListener = { mapChanged() {}, codeWritten() {} };

  constructor(memory: WebAssembly.Memory, layout: MemoryLayout, mmio: Bus) {
    this.bytes = new Uint8Array(memory.buffer);
    this.#layout = layout;
    this.#pages = new Uint32Array(memory.buffer, layout.physMap, layout.physPages);
    this.#dirty = new Uint8Array(memory.buffer, layout.dirtyMap, layout.physPages);
    this.#mmio = mmio;
  }

  listen(listener: MapListener): void {
    this.#listener = listener;
  }

  /** Makes a range of whole pages show the memory at `offset`. Replaces what was mapped there. */
  mapMemory(
    address: number,
    offset: number,
    length: number,
    access: { writable: boolean; trackDirty?: boolean },
  ): void {
    const { bits } = this.#layout;
    const flags = bits.readable | (access.writable ? bits.writable : 0) | (access.trackDirty ? bits.trackDirty : 0);
    this.#forgetCode(address, length);
    for (let at = 0; at < length; at += PAGE_BYTES) {
      this.#pages[(address + at) / PAGE_BYTES] =
        (offset + at) | flags | (access.writable ? this.#frozenBit(offset + at) : 0) | this.#absentBit(offset + at);
    }
    this.#listener.mapChanged();
  }

  unmap(address: number, length: number): void {
    this.#forgetCode(address, length);
    this.#pages.fill(0, address / PAGE_BYTES, (address + length) / PAGE_BYTES);
    this.#listener.mapChanged();
  }

  #forgetCode(address: number, length: number): void {
    const { bits } = this.#layout;
    for (let at = address; at < address + length; at += PAGE_BYTES) {
      if ((this.#pages[at / PAGE_BYTES] ?? 0) & bits.hasCode) this.#listener.codeWritten(at, PAGE_BYTES);
    }
  }

  /** The frame buffer as its display adapter sees it. */
  videoMemory(offset: number, sizeBytes: number): VideoMemory {
    let placed: number | undefined;
    const bytes = this.bytes.subarray(offset, offset + sizeBytes);
    return {
      bytes,
      takeDirty: (bitmap) => placed !== undefined && this.#takeDirty(placed, sizeBytes, bitmap),
      place: (address) => {
        if (placed !== undefined) this.unmap(placed, sizeBytes);
        const end = this.#layout.physPages * PAGE_BYTES;
        placed =
          address !== undefined && address % PAGE_BYTES === 0 && address + sizeBytes <= end ? address : undefined;
        if (placed !== undefined) this.mapMemory(placed, offset, sizeBytes, { writable: true, trackDirty: true });
      },
    };
  }

  #takeDirty(address: number, sizeBytes: number, bitmap: Uint8Array): boolean {
    const first = address / PAGE_BYTES;
    let any = false;
    for (let i = 0; i < sizeBytes / PAGE_BYTES; i++) {
      if (this.#dirty[first + i] === 0) continue;
      this.#dirty[first + i] = 0;
      this.#pages[first + i] = this.#pages[first + i]! | this.#layout.bits.trackDirty;
      bitmap[i >> 3] = bitmap[i >> 3]! | (1 << (i & 7));
      any = true;
    }
    if (any) this.#listener.mapChanged();
    return any;
  }

  /**
   * Keeps what a range of the shared memory holds now while the guest goes on: pages are put aside before their first write, whoever
   * writes. Afterwards the same object tells which pages were written since. The pages of an earlier call must have been taken.
   */
  freeze(offset: number, length: number, windows: Windows): FrozenMemory {
    if (this.#frozen?.memory.holdsPages === true) throw new Error("The memory is frozen already.");
    const memory = new FrozenMemory(this.bytes.subarray(offset, offset + length), (index) =>
      this.#bring(offset + index * PAGE_BYTES, PAGE_BYTES),
    );
    this.#frozen = { memory, offset };
    const { writable, frozen } = this.#layout.bits;
    this.#remark(windows, (entry) => {
      const index = ((entry & PLACE_MASK) >>> 0) / PAGE_BYTES - offset / PAGE_BYTES;
      return (entry & writable) !== 0 && index >= 0 && index < memory.pageCount ? entry | frozen : entry;
    });
    return memory;
  }

  /**
   * The memory from `offset` on holds nothing yet that anybody may see: each of these pages is asked for before its first access, whoever
   * makes it. Ends with `allArrived`.
   */
  receive(offset: number, pages: ArrivingPages, windows: Windows): void {
    this.#arriving = { pages, offset };
    this.#remark(windows, (entry) => entry | this.#absentBit((entry & PLACE_MASK) >>> 0));
  }

  /** Of no effect when others are on their way by now. */
  allArrived(pages: ArrivingPages, windows: Windows): void {
    if (this.#arriving?.pages !== pages) return;
    this.#arriving = undefined;
    this.#remark(windows, (entry) => entry & ~this.#layout.bits.absent);
  }

  #remark(windows: Windows, change: (entry: number) => number): void {
    const pages = this.#pages;
    for (const { address, length } of windows) {
      const end = (address + length) / PAGE_BYTES;
      for (let page = address / PAGE_BYTES; page < end; page++) pages[page] = change(pages[page]!);
    }
    this.#listener.mapChanged();
  }

  /** The page is absent and about to be accessed. Throws what keeps it from coming. */
  bringPage(page: number): void {
    const entry = this.#pages[page] ?? 0;
    this.#bring((entry & PLACE_MASK) >>> 0, PAGE_BYTES);
    this.#pages[page] = entry & ~this.#layout.bits.absent;
  }

  #bring(offset: number, length: number): void {
    if (this.#arriving === undefined) return;
    const first = (offset - this.#arriving.offset) / PAGE_BYTES;
    for (let index = 0; index < length / PAGE_BYTES; index++) this.#arriving.pages.bring(first + index);
  }

  #absentBit(offset: number): number {
    if (this.#arriving === undefined) return 0;
    return this.#arriving.pages.isAbsent((offset - this.#arriving.offset) / PAGE_BYTES) ? this.#layout.bits.absent : 0;
  }

  /** The page is frozen and about to be written. */
  preservePage(page: number): void {
    const entry = this.#pages[page] ?? 0;
    this.#pages[page] = entry & ~this.#layout.bits.frozen;
    this.#preserve(entry & PLACE_MASK, PAGE_BYTES);
  }

  /** Fills a range of the shared memory behind the guest's back. */
  fill(offset: number, length: number): void {
    if (this.#frozen?.memory.holdsPages === true) this.#bring(offset, length);
    else this.#arriving?.pages.forget();
    this.#preserve(offset, length);
    this.bytes.fill(0, offset, offset + length);
  }

  #preserve(offset: number, length: number): void {
    if (this.#frozen === undefined) return;
    const first = ((offset >>> 0) - this.#frozen.offset) / PAGE_BYTES;
    for (let index = 0; index < length / PAGE_BYTES; index++) this.#frozen.memory.beforeWrite(first + index);
  }

  #frozenBit(offset: number): number {
    if (this.#frozen === undefined) return 0;
    return this.#frozen.memory.watches((offset - this.#frozen.offset) / PAGE_BYTES) ? this.#layout.bits.frozen : 0;
  }

  read8(address: number): number {
    const entry = this.#entry(address);
    if (entry & this.#layout.bits.readable) return this.bytes[this.#place(entry, address)]!;
    return this.#mmio.read(address, 1);
  }

  read16(address: number): number {
    if (address % 2 !== 0) return this.read8(address) | (this.read8(address + 1) << 8);
    const entry = this.#entry(address);
    if ((entry & this.#layout.bits.readable) === 0) return this.#mmio.read(address, 2);
    const at = this.#place(entry, address);
    return this.bytes[at]! | (this.bytes[at + 1]! << 8);
  }

  read32(address: number): number {
    if (address % 4 !== 0) {
      return (
        (this.read8(address) |
          (this.read8(address + 1) << 8) |
          (this.read8(address + 2) << 16) |
          (this.read8(address + 3) << 24)) >>>
        0
      );
    }
    const entry = this.#entry(address);
    if ((entry & this.#layout.bits.readable) === 0) return this.#mmio.read(address, 4);
    const at = this.#place(entry, address);
    const { bytes } = this;
    return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
  }

  write8(address: number, value: number): void {
    const entry = this.#entry(address);
    if (!(entry & this.#layout.bits.readable)) return this.#mmio.write(address, value & 0xff, 1);
    if (!(entry & this.#layout.bits.writable)) return;
    this.#touched(entry, address, 1);
    this.bytes[this.#place(entry, address)] = value;
  }

  write16(address: number, value: number): void {
    if (!(this.#entry(address) & this.#layout.bits.readable) && address % 2 === 0) {
      return this.#mmio.write(address, value & 0xffff, 2);
    }
    this.write8(address, value);
    this.write8(address + 1, value >>> 8);
  }

  write32(address: number, value: number): void {
    if (!(this.#entry(address) & this.#layout.bits.readable) && address % 4 === 0) {
      return this.#mmio.write(address, value >>> 0, 4);
    }
    for (let i = 0; i < 4; i++) this.write8(address + i, (value >>> (8 * i)) & 0xff);
  }

  read(address: number, target: Uint8Array): void {
    for (let done = 0; done < target.length; ) {
      const count = Math.min(target.length - done, PAGE_BYTES - ((address + done) % PAGE_BYTES));
      const entry = this.#entry(address + done);
      if (entry & this.#layout.bits.readable) {
        const at = this.#place(entry, address + done);
        target.set(this.bytes.subarray(at, at + count), done);
      } else {
        for (let i = 0; i < count; i++) target[done + i] = this.#mmio.read(address + done + i, 1);
      }
      done += count;
    }
  }

  write(address: number, source: Uint8Array): void {
    for (let done = 0; done < source.length; ) {
      const count = Math.min(source.length - done, PAGE_BYTES - ((address + done) % PAGE_BYTES));
      const entry = this.#entry(address + done);
      if (!(entry & this.#layout.bits.readable)) {
        this.#writeWindow(address + done, source.subarray(done, done + count));
      } else if (entry & this.#layout.bits.writable) {
        this.#touched(entry, address + done, count);
        this.bytes.set(source.subarray(done, done + count), this.#place(entry, address + done));
      }
      done += count;
    }
  }

  /** Aligned parts as dwords, as a bus master would: a handler call for each byte of a screen takes its time. */
  #writeWindow(address: number, source: Uint8Array): void {
    let at = 0;
    for (; at < source.length && (address + at) % 4 !== 0; at++) this.#mmio.write(address + at, source[at]!, 1);
    for (; at + 4 <= source.length; at += 4) {
      const value = source[at]! | (source[at + 1]! << 8) | (source[at + 2]! << 16) | (source[at + 3]! << 24);
      this.#mmio.write(address + at, value >>> 0, 4);
    }
    for (; at < source.length; at++) this.#mmio.write(address + at, source[at]!, 1);
  }

  #entry(address: number): number {
    const page = Math.floor(address / PAGE_BYTES);
    const entry = this.#pages[page] ?? 0;
    if ((entry & this.#layout.bits.absent) === 0) return entry;
    this.bringPage(page);
    return this.#pages[page]!;
  }

  #place(entry: number, address: number): number {
    return ((entry & PLACE_MASK) >>> 0) + (address % PAGE_BYTES);
  }

  #touched(entry: number, address: number, length: number): void {
    const { bits } = this.#layout;
    const page = Math.floor(address / PAGE_BYTES);
    if (entry & bits.trackDirty) {
      this.#dirty[page] = 1;
      this.#pages[page] = entry & ~bits.trackDirty;
    }
    if (entry & bits.frozen) this.preservePage(page);
    if (entry & bits.hasCode) this.#listener.codeWritten(address, length);
  }
}
