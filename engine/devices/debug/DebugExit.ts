/**
 * The exit port for test guests: a write to F4h (1, 2 or 4 bytes wide) ends the machine with the written value. Reads give
 * zero. No state.
 */
import type { IoHandler } from "../../contracts/IoHandler.ts";

export class DebugExit implements IoHandler {
  readonly #onExit: (value: number) => void;

  constructor(parts: { onExit: (value: number) => void }) {
    this.#onExit = parts.onExit;
  }

  read(): number {
    return 0;
  }

  write(_offset: number, value: number): void {
    this.#onExit(value >>> 0);
  }
}
