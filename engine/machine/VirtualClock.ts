import type { Clock, ClockTimer } from "../contracts/Clock.ts";

/**
 * The guest's clock: follows a steady host clock while the machine runs and stands still while it does not. Due callbacks
 * run only from `runDue`, which the run loop calls between two slices of guest work; that is what makes everything
 * time-driven happen at an instruction boundary. Times are whole nanoseconds, so that their differences in a saved state are exact.
 *
 * Within one turn of guest work at most `TURN_LIMIT_NS` pass. A host that takes the processor away for longer would otherwise let a
 * guest's delay loops expire before its timer ticks were delivered; the guest's time falls behind instead. It never stands still, though:
 * beyond the limit each look at the clock takes a little time, as reading a device does.
 */
const TURN_LIMIT_NS = 4_000_000;
const LATE_LOOK_NS = 100;

interface Timer {
  deadlineNs: number;
  /** Order of scheduling, for equal deadlines. */
  order: number;
  callback: () => void;
  lenient: boolean;
  cancelled: boolean;
}

export class VirtualClock implements Clock {
  /** Called with each new deadline: whoever sleeps until another one may have to wake before. */
  onSchedule: ((deadlineNs: number) => void) | undefined;
  readonly #steadyNowNs: () => number;
  /** Host time at which guest time was `#base`; meaningless while stopped. */
  #started = 0;
  #base = 0;
  #running = false;
  #heldNs: number | undefined;
  #limitNs = TURN_LIMIT_NS;
  #order = 0;
  /** Binary heap by (deadline, order). */
  #heap: Timer[] = [];

  constructor(steadyNowNs: () => number) {
    this.#steadyNowNs = steadyNowNs;
  }

  nowNs(): number {
    if (this.#heldNs !== undefined) return this.#heldNs;
    if (!this.#running) return this.#base;
    const passed = Math.floor(this.#steadyNowNs() - this.#started);
    if (passed > this.#limitNs) this.#limitNs = Math.min(this.#limitNs + LATE_LOOK_NS, passed);
    return this.#base + Math.min(passed, this.#limitNs);
  }

  /** Time stands still for the action and is made good afterwards: what it sees and saves is one moment. */
  hold<T>(action: () => T): T {
    const outer = this.#heldNs;
    this.#heldNs = this.nowNs();
    try {
      return action();
    } finally {
      this.#heldNs = outer;
    }
  }

  /** The time of a saved state; only while stopped. */
  setNowNs(nowNs: number): void {
    if (this.#running) throw new Error("The clock runs.");
    this.#base = nowNs;
  }

  start(): void {
    if (this.#running) return;
    this.#started = this.#steadyNowNs();
    this.#limitNs = TURN_LIMIT_NS;
    this.#running = true;
  }

  /** The guest is about to work for a turn. */
  beginTurn(): void {
    this.#rebase(TURN_LIMIT_NS);
  }

  /** The guest is about to wait: time follows the host for as long as that takes. */
  beginWait(): void {
    this.#rebase(Number.POSITIVE_INFINITY);
  }

  #rebase(limitNs: number): void {
    const host = this.#steadyNowNs();
    const passed = Math.floor(host - this.#started);
    const late = passed > this.#limitNs;
    this.#base += late ? this.#limitNs : passed;
    // The fraction of a nanosecond that did not count yet is not lost.
    this.#started = late ? host : this.#started + passed;
    this.#limitNs = limitNs;
  }

  stop(): void {
    this.#base = this.nowNs();
    this.#running = false;
  }

  schedule(deadlineNs: number, callback: () => void, punctuality: "exact" | "lenient" = "exact"): ClockTimer {
    const lenient = punctuality === "lenient";
    const timer: Timer = { deadlineNs, order: this.#order++, callback, lenient, cancelled: false };
    this.#push(timer);
    this.onSchedule?.(deadlineNs);
    return {
      deadlineNs,
      cancel: () => {
        timer.cancelled = true;
      },
    };
  }

  /** The earliest deadline, or undefined when nothing is scheduled. */
  nextDeadlineNs(): number | undefined {
    this.#dropCancelled();
    return this.#heap[0]?.deadlineNs;
  }

  /** When the guest must be woken if lenient timers may be late by `leniencyNs`; undefined when nothing is scheduled. */
  nextWakeNs(leniencyNs: number): number | undefined {
    let earliest: number | undefined;
    for (const { deadlineNs, lenient, cancelled } of this.#heap) {
      if (cancelled) continue;
      const wakeNs = lenient ? deadlineNs + leniencyNs : deadlineNs;
      if (earliest === undefined || wakeNs < earliest) earliest = wakeNs;
    }
    return earliest;
  }

  /**
   * Runs what is due now, in order. What the callbacks schedule for the past or the present waits for the next call, so a
   * periodic timer that has fallen behind cannot hold the machine here.
   */
  runDue(): void {
    const now = this.nowNs();
    const limit = this.#order;
    const late: Timer[] = [];
    for (;;) {
      this.#dropCancelled();
      const first = this.#heap[0];
      if (first === undefined || first.deadlineNs > now) break;
      this.#pop();
      if (first.order >= limit) late.push(first);
      else first.callback();
    }
    for (const timer of late) this.#push(timer);
  }

  #dropCancelled(): void {
    while (this.#heap[0]?.cancelled) this.#pop();
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.push(timer) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (before(heap[parent]!, timer)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (before(last, heap[child]!)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.deadlineNs < b.deadlineNs || (a.deadlineNs === b.deadlineNs && a.order < b.order);
}
