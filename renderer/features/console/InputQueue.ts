/**
 * Gathers what keyboard and mouse do between two moments of sending. Order is kept; motion adds up, so that a fast mouse makes
 * one message a frame, while keys and buttons go at once and take the motion before them along.
 */
import type { InputEvent } from "../../../engine/api/InputEvent.ts";

/** Bounds of one message, as the API sets them. */
const EVENTS_MAX = 256;
const COUNT_MAX = 4096;

export interface InputQueueOptions {
  send(events: InputEvent[]): void;
  /** Calls back at the next painted frame. */
  nextFrame(run: () => void): void;
}

export class InputQueue {
  readonly #options: InputQueueOptions;
  #events: InputEvent[] = [];
  #scheduled = false;
  /** Fractions of a count not yet sent. */
  #restX = 0;
  #restY = 0;

  constructor(options: InputQueueOptions) {
    this.#options = options;
  }

  key(usage: number, pressed: boolean): void {
    this.#events.push({ kind: "key", usage, pressed });
    this.flush();
  }

  buttons(mask: number): void {
    this.#events.push({ kind: "buttons", mask: mask & 31 });
    this.flush();
  }

  move(dx: number, dy: number, wheel: number): void {
    const x = dx + this.#restX;
    const y = dy + this.#restY;
    const wholeX = Math.trunc(x);
    const wholeY = Math.trunc(y);
    this.#restX = x - wholeX;
    this.#restY = y - wholeY;
    const wholeWheel = Math.trunc(wheel);
    if (wholeX === 0 && wholeY === 0 && wholeWheel === 0) return;
    const last = this.#events.at(-1);
    if (last?.kind === "move") {
      last.dx = clampCount(last.dx + wholeX);
      last.dy = clampCount(last.dy + wholeY);
      last.wheel = clampCount(last.wheel + wholeWheel);
    } else {
      this.#events.push({
        kind: "move",
        dx: clampCount(wholeX),
        dy: clampCount(wholeY),
        wheel: clampCount(wholeWheel),
      });
    }
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#options.nextFrame(() => {
      this.#scheduled = false;
      this.flush();
    });
  }

  flush(): void {
    const events = this.#events;
    this.#events = [];
    for (let at = 0; at < events.length; at += EVENTS_MAX) this.#options.send(events.slice(at, at + EVENTS_MAX));
  }
}

function clampCount(value: number): number {
  // Adding zero turns -0 into 0.
  return Math.max(-COUNT_MAX, Math.min(COUNT_MAX, value)) + 0;
}
