import type { InterruptFrame } from "./InterruptFrame.ts";

/**
 * How services are written: a function of the caller's frame that is done when it returns, or a generator that yields whenever
 * the processor has something to do meanwhile. The stub does it and calls again. After a snapshot is restored, or when a
 * program abandoned a call, no generator is left to resume: the service then starts over, so every service must
 * be harmless when repeated up to its first yield.
 */
export type Wait =
  /** Halt with interrupts enabled until one has been served. */
  | { readonly kind: "idle" }
  /** Let the host work, with interrupts enabled, and come back. */
  | { readonly kind: "poll" }
  /** Call an interrupt with AX and carry set; yields AX and the carry it returned. */
  | { readonly kind: "interrupt"; readonly vector: number; readonly ax: number }
  /** Call the pointing device handler whose address and arguments are in the extended BIOS data area. */
  | { readonly kind: "pointerHandler" };

export interface Resumed {
  readonly ax: number;
  readonly carry: boolean;
}

export type ServiceRun<Result = void> = Generator<Wait, Result, Resumed>;
export type Service = (frame: InterruptFrame) => undefined | ServiceRun;

export const IDLE: Wait = { kind: "idle" };
const POLL: Wait = { kind: "poll" };

export type Settled<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

/** Waits for a promise of the host; the guest goes on serving interrupts. */
export function* settle<T>(promise: Promise<T>): ServiceRun<Settled<T>> {
  let settled: Settled<T> | undefined;
  promise.then(
    (value) => {
      settled = { ok: true, value };
    },
    (error: unknown) => {
      settled = { ok: false, error };
    },
  );
  while (!settled) yield POLL;
  return settled;
}
