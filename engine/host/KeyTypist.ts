/**
 * Presses and releases keys one after the other with the pauses that guests need: a BIOS or DOS drops what comes faster
 * than it polls, its type-ahead buffer holds 15 keys.
 */
import type { KeyStroke } from "../api/keysOfText.ts";
import type { KeyboardSink } from "../contracts/InputSink.ts";

const PRESS_MS = 15;
const PAUSE_MS = 25;

export class KeyTypist {
  readonly #keyboard: KeyboardSink;
  readonly #delay: (milliseconds: number) => Promise<void>;
  #tail: Promise<void> = Promise.resolve();

  constructor(
    keyboard: KeyboardSink,
    delay = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds)),
  ) {
    this.#keyboard = keyboard;
    this.#delay = delay;
  }

  /** Resolves when the last key is up. Calls queue. */
  type(strokes: readonly KeyStroke[]): Promise<void> {
    this.#tail = this.#tail.then(() => this.#typeAll(strokes));
    return this.#tail;
  }

  async #typeAll(strokes: readonly KeyStroke[]): Promise<void> {
    for (const usages of strokes) {
      for (const usage of usages) this.#keyboard.key(usage, true);
      await this.#delay(PRESS_MS);
      for (const usage of [...usages].reverse()) this.#keyboard.key(usage, false);
      await this.#delay(PAUSE_MS);
    }
  }
}
