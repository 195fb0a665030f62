/** A machine's counters turned into rates between two readings. */
import type { Figures } from "../api/MachineSummary.ts";
import type { MachineControl } from "../machine/MachineControl.ts";

export class FigureMeter {
  readonly #control: MachineControl;
  readonly #startNs = steadyNs();
  #before = { instructions: 0, busyNs: 0, wallNs: 0 };

  constructor(control: MachineControl) {
    this.#control = control;
  }

  read(): Figures {
    const { instructions, guestNs, exits, busyNs } = this.#control.figures();
    const wallNs = steadyNs() - this.#startNs;
    const before = this.#before;
    this.#before = { instructions, busyNs, wallNs };
    const busy = busyNs - before.busyNs;
    return {
      instructions,
      guestNs,
      exits,
      busyNs,
      wallNs,
      mips: busy > 0 ? ((instructions - before.instructions) / busy) * 1000 : 0,
      load: wallNs > before.wallNs ? Math.min(1, busy / (wallNs - before.wallNs)) : 0,
      residentBytes: process.memoryUsage.rss(),
    };
  }
}

function steadyNs(): number {
  return performance.now() * 1e6;
}
