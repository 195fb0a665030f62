/**
 * A key by its USB HID usage (page 7), which is what a physical-key code of a browser maps to one to one; the keyboard device
 * makes the scan codes.
 */
export interface KeyboardSink {
  key(usage: number, pressed: boolean): void;
}

/** Relative pointer motion in counts (y grows downwards), buttons as bits 0 left, 1 right, 2 middle, 3 and 4 the side ones. */
export interface PointerSink {
  move(dx: number, dy: number, wheel: number): void;
  buttons(mask: number): void;
}
