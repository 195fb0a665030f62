import type { Disposable } from "../base/Disposable.ts";

export type IoWidth = 1 | 2 | 4;

/**
 * A window of ports or of memory-mapped registers, as the device sees it: offsets from the window's start. Values are
 * unsigned (`>>> 0`). A handler is only called with widths it was mapped for; others are split into, or merged from,
 * the next smaller width it has, little-endian (8-byte accesses arrive as two 4-byte ones).
 */
export interface IoHandler {
  read(offset: number, width: IoWidth): number;
  write(offset: number, value: number, width: IoWidth): void;
}

/** A mapped window. `move` re-maps it (a PCI BAR), `enable(false)` hides it without forgetting where it was. */
export interface Mapping extends Disposable {
  move(start: number): void;
  enable(enabled: boolean): void;
}

/** Where windows are mapped: one instance for ports, one for physical memory. Overlap is refused with an Error. */
export interface IoBus {
  map(range: { start: number; length: number }, handler: IoHandler, widths?: readonly IoWidth[]): Mapping;
}
