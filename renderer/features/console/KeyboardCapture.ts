import { hidUsages } from "./hidUsages.ts";

/** What a host key combination asks for. */
export type HostCommand =
  | "fullScreen"
  | "scaled"
  | "pause"
  | "reset"
  | "powerButton"
  | "close"
  | "screenshot"
  | "settings"
  | "takeSnapshot"
  | "saveState"
  | "ctrlAltDelete";

/** Host key combinations, by physical key. */
export const hostCombinations: Readonly<Record<string, HostCommand>> = {
  KeyF: "fullScreen",
  KeyC: "scaled",
  KeyP: "pause",
  KeyR: "reset",
  KeyH: "powerButton",
  KeyQ: "close",
  KeyE: "screenshot",
  KeyS: "settings",
  KeyT: "takeSnapshot",
  KeyV: "saveState",
  Delete: "ctrlAltDelete",
};

export interface KeyboardCaptureOutput {
  key(usage: number, pressed: boolean): void;
  command(command: HostCommand): void;
  /** The keyboard was given to, or taken from, the guest. */
  captured(captured: boolean): void;
}

/**
 * Decides for every key of the console whether it goes to the guest, is a host key combination, or stays with the
 * window. The host key never reaches the guest; pressed and released alone it gives the keyboard to the guest or
 * takes it back. Every key the guest saw go down goes up before it loses the keyboard, so that no key sticks.
 * Knows nothing of the DOM: the view feeds it key codes and asks whether to suppress the browser's default.
 */
export class KeyboardCapture {
  readonly #output: KeyboardCaptureOutput;
  readonly #hostKey: string;
  readonly #down = new Set<string>();
  /** Keys that belong to a combination; their release is swallowed too. */
  readonly #swallowed = new Set<string>();
  #captured = false;
  #hostHeld = false;
  #hostUsed = false;

  constructor(output: KeyboardCaptureOutput, hostKey = "ControlRight") {
    this.#output = output;
    this.#hostKey = hostKey;
  }

  get isCaptured(): boolean {
    return this.#captured;
  }

  /** Gives the keyboard to the guest or takes it back. */
  capture(captured: boolean): void {
    if (captured === this.#captured) return;
    if (!captured) this.releaseAll();
    this.#captured = captured;
    this.#output.captured(captured);
  }

  /** Returns true when the key was used and the browser must not act on it. */
  keyDown(code: string, repeat = false): boolean {
    if (code === this.#hostKey) {
      if (!repeat) {
        this.#hostHeld = true;
        this.#hostUsed = false;
      }
      return true;
    }
    if (this.#hostHeld) {
      this.#hostUsed = true;
      const command = hostCombinations[code];
      if (!repeat && command !== undefined) {
        this.#swallowed.add(code);
        this.#output.command(command);
      }
      return true;
    }
    if (!this.#captured) return false;
    const usage = hidUsages[code];
    if (usage === undefined) return false;
    // The guest's keyboard repeats by itself.
    if (!repeat && !this.#down.has(code)) {
      this.#down.add(code);
      this.#output.key(usage, true);
    }
    return true;
  }

  keyUp(code: string): boolean {
    if (code === this.#hostKey) {
      const alone = this.#hostHeld && !this.#hostUsed;
      this.#hostHeld = false;
      if (alone) this.capture(!this.#captured);
      return true;
    }
    if (this.#swallowed.delete(code)) return true;
    if (!this.#down.delete(code)) return this.#captured;
    const usage = hidUsages[code];
    if (usage !== undefined) this.#output.key(usage, false);
    return true;
  }

  /** The window lost the focus: nobody will tell us of the releases. */
  blur(): void {
    this.#hostHeld = false;
    this.#swallowed.clear();
    this.capture(false);
  }

  releaseAll(): void {
    for (const code of this.#down) {
      const usage = hidUsages[code];
      if (usage !== undefined) this.#output.key(usage, false);
    }
    this.#down.clear();
  }
}
