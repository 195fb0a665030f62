/** A pending call of a clock. `cancel` after it ran, or twice, does nothing. */
export interface ClockTimer {
  readonly deadlineNs: number;
  cancel(): void;
}

/**
 * The guest's time: nanoseconds since power-on as a double (exact to 2^53 ns, 104 days). It stands still while
 * the machine is paused. Callbacks run on the machine's thread at an instruction boundary, in deadline order, never from
 * within `schedule`. A "lenient" timer may be some milliseconds late for a guest that idles: what it times must be able to make
 * good for that, as the one-shot timer of a kernel is, which reads a clock besides. Periodic timers never are.
 */
export interface Clock {
  nowNs(): number;
  schedule(deadlineNs: number, callback: () => void, punctuality?: "exact" | "lenient"): ClockTimer;
}

/** The time of day outside, for the RTC. Milliseconds since 1970-01-01T00:00:00Z. */
export interface WallClock {
  nowMs(): number;
}

/** Random bytes from outside. */
export interface Entropy {
  fill(bytes: Uint8Array): void;
}
