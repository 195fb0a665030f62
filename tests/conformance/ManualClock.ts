import type { Clock, ClockTimer } from "../../engine/contracts/Clock.ts";

/**
 * A clock for tests that stands still until `advance` is called. Callbacks run in deadline order with `nowNs` at their
 * deadline, as on a machine that is never late. `pending` counts what is armed, so that a test can show that a
 * device arms nothing needlessly.
 */
export class ManualClock implements Clock {
  #now: number;
  #timers: { deadlineNs: number; callback: () => void; cancel(): void }[] = [];
  /** Callbacks run since construction. */
  fired = 0;

  constructor(startNs = 0) {
    this.#now = startNs;
  }

  nowNs(): number {
    return this.#now;
  }

  get pending(): number {
    return this.#timers.length;
  }

  schedule(deadlineNs: number, callback: () => void): ClockTimer {
    if (!Number.isFinite(deadlineNs)) throw new Error(`deadline ${deadlineNs} is not a time`);
    const timer = {
      deadlineNs,
      callback,
      cancel: () => {
        const at = this.#timers.indexOf(timer);
        if (at >= 0) this.#timers.splice(at, 1);
      },
    };
    const after = this.#timers.findIndex((other) => other.deadlineNs > deadlineNs);
    this.#timers.splice(after < 0 ? this.#timers.length : after, 0, timer);
    return timer;
  }

  advance(ns: number): void {
    const end = this.#now + ns;
    for (;;) {
      const next = this.#timers[0];
      if (!next || next.deadlineNs > end) break;
      this.#timers.shift();
      this.#now = Math.max(this.#now, next.deadlineNs);
      this.fired++;
      next.callback();
    }
    this.#now = end;
  }
}
