/**
 * The PC's timer frequencies derive from one 14.31818 MHz crystal (315/22 MHz): a twelfth clocks the 8254, a quarter the
 * ACPI power management timer. Ratios of small integers keep the conversion exact for days of virtual time, and monotonic
 * for ever.
 */
export interface TickRatio {
  readonly ticks: number;
  readonly perNs: number;
}

/** 1.193182 MHz: 105/88 MHz. */
export const PIT_TICKS: TickRatio = { ticks: 21, perNs: 17_600 };
/** 3.579545 MHz: 315/88 MHz. */
export const PM_TIMER_TICKS: TickRatio = { ticks: 63, perNs: 17_600 };
export const PIT_FREQUENCY_HZ = 105e6 / 88;

/** Whole ticks that have passed at a time. */
export function ticksAt(ratio: TickRatio, ns: number): number {
  return Math.floor((ns * ratio.ticks) / ratio.perNs);
}

/** The first whole nanosecond at which `ticksAt` reaches a tick. */
export function nsOfTick(ratio: TickRatio, tick: number): number {
  const ns = Math.ceil((tick * ratio.perNs) / ratio.ticks);
  return ticksAt(ratio, ns) < tick ? ns + 1 : ns;
}
