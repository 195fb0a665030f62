import { NS_PER_MS } from "../base/units.ts";

/**
 * Tells whether a guest idles: for a while nothing came to it from outside, and it did little between its own timers. Only then may its
 * lenient timers be late, since nobody is there to notice: a kernel that ticks 250 times a second with nothing to do would otherwise
 * wake the host as often. Any event from outside ends it at once.
 */
const WINDOW_NS = 500 * NS_PER_MS;
/** Of the host's time. A tick that finds nothing to do takes about a tenth of a millisecond on warm caches. */
const BUSY_SHARE = 0.12;
/** Some ticks of a 250 Hz kernel, and less than what an eye notices where nothing was touched. */
const LENIENCY_NS = 46 * NS_PER_MS;

export class IdleWatch {
  #windowStartNs = 0;
  #busyNs = 0;
  #idle = false;

  /** How late lenient timers may be from now on. */
  get leniencyNs(): number {
    return this.#idle ? LENIENCY_NS : 0;
  }

  /** Something came from outside. */
  disturb(nowNs: number): void {
    this.#idle = false;
    this.#begin(nowNs);
  }

  /** The guest worked for so long, until now. */
  worked(busyNs: number, nowNs: number): void {
    this.#busyNs += busyNs;
    const passedNs = nowNs - this.#windowStartNs;
    if (passedNs < WINDOW_NS) return;
    this.#idle = this.#busyNs < passedNs * BUSY_SHARE;
    this.#begin(nowNs);
  }

  #begin(nowNs: number): void {
    this.#windowStartNs = nowNs;
    this.#busyNs = 0;
  }
}
