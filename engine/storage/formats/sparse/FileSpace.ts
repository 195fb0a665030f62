/**
 * Space in an image file, handed out in units of one size (a block with what precedes it). Units that are given back are used again
 * only after the tables that no longer mention them are on stable storage (`settle`): until then a crash may bring the old table back. A fresh unit reads as
 * zeros; a used one may hold anything.
 */
export interface Unit {
  readonly position: number;
  /** Reads as zeros. */
  readonly clean: boolean;
}

export class FileSpace {
  readonly unitBytes: number;
  /** Where the next new unit goes; everything before it is taken. */
  endBytes: number;
  #free: Unit[] = [];
  #released: number[] = [];

  constructor(unitBytes: number, endBytes: number) {
    this.unitBytes = unitBytes;
    this.endBytes = endBytes;
  }

  take(): Unit {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const position = this.endBytes;
    this.endBytes += this.unitBytes;
    return { position, clean: true };
  }

  /** For a unit that was taken and never mentioned in a table. */
  untake(position: number): void {
    this.#free.push({ position, clean: false });
  }

  release(position: number): void {
    this.#released.push(position);
  }

  get holes(): number {
    return this.#free.length + this.#released.length;
  }

  /** The units released so far: the caller makes the tables stable and passes them to `settle`. */
  takeReleased(): number[] {
    const released = this.#released;
    this.#released = [];
    return released;
  }

  settle(positions: readonly number[], clean: boolean): void {
    for (const position of positions) this.#free.push({ position, clean });
  }

  /** After units were moved: nothing is free, and the file ends here. */
  restart(endBytes: number): void {
    this.#free = [];
    this.#released = [];
    this.endBytes = endBytes;
  }
}
