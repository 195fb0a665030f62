/** A rectangle in pixels. */
export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

/**
 * A display adapter as its consumer sees it. The consumer pulls, at most 60 times a second: nothing is rendered unless
 * somebody looks. Pixels are 0xFFBBGGRR little-endian (RGBA bytes), `width * height` of them, row after row.
 */
export interface DisplaySource {
  /**
   * Brings `frame` up to date and tells what changed since the last call, or undefined when nothing did. `full` asks for
   * everything (a new viewer).
   */
  render(full: boolean): DisplayUpdate | undefined;
  /** The characters on the screen in a text mode, lines without trailing blanks, or undefined in a graphics mode. */
  textScreen(): readonly string[] | undefined;
}

export interface DisplayUpdate {
  readonly width: number;
  readonly height: number;
  /** Valid until the next `render`. */
  readonly pixels: Uint32Array;
  readonly damage: readonly Rect[];
  /** "text" or "graphics", for the status bar. */
  readonly mode: "text" | "graphics";
}
