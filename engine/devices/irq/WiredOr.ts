/**
 * Several sources on one interrupt wire: the wire is high while any of them holds it high. Nothing is saved; the
 * sources drive their lines again when they are loaded.
 */
import type { IrqLine } from "../../contracts/IrqLine.ts";

export class WiredOr {
  readonly #output: IrqLine;
  #holding = 0;

  constructor(output: IrqLine) {
    this.#output = output;
  }

  /** A new source. Each caller needs its own. */
  input(): IrqLine {
    let held = false;
    return {
      set: (level) => {
        if (level === held) return;
        held = level;
        this.#holding += level ? 1 : -1;
        if (this.#holding === (level ? 1 : 0)) this.#output.set(level);
      },
    };
  }
}
