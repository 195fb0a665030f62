/**
 * The debug console port of PC emulators, E9h, 1 byte wide: each byte written goes to the sink, and a read of E9h tells a
 * guest that the port is there. No state.
 */
import type { IoHandler } from "../../contracts/IoHandler.ts";

const PRESENT = 0xe9;

export class DebugConsole implements IoHandler {
  readonly #onByte: (byte: number) => void;

  constructor(parts: { onByte: (byte: number) => void }) {
    this.#onByte = parts.onByte;
  }

  read(): number {
    return PRESENT;
  }

  write(_offset: number, value: number): void {
    this.#onByte(value & 0xff);
  }
}
