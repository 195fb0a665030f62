/**
 * Whoever leads an ATA drive through commands takes steps until there is nothing to do now. The drive asks for more from within a step,
 * too: that is no second loop.
 */
export class StepLoop {
  readonly #step: () => boolean;
  #advancing = false;

  /** `step` is false when there is nothing to do. */
  constructor(step: () => boolean) {
    this.#step = step;
  }

  advance(): void {
    if (this.#advancing) return;
    this.#advancing = true;
    try {
      while (this.#step());
    } finally {
      this.#advancing = false;
    }
  }

  /** No step is taken within the action, whoever asks. */
  hold(action: () => void): void {
    const before = this.#advancing;
    this.#advancing = true;
    try {
      action();
    } finally {
      this.#advancing = before;
    }
  }
}
