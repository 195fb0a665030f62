/**
 * A small machine that is switched on and off before the real one: it leaves behind compiled units, which
 * the engine finds again by their bytes while the rehearsed machine is kept, a generated interpreter, and warmed-up code from the board to the
 * first line that the firmware prints. It has no drives and nobody sees it. Then comes, part by part, what processors would make while guests wait.
 */
import { MiB } from "../base/units.ts";
import type { MachineControl } from "../machine/MachineControl.ts";
import { hostServices } from "./hostServices.ts";
import type { MachineParts } from "./openMachine.ts";

const MEMORY_BYTES = 16 * MiB;
const LONGEST_MS = 1_000;
const LOOK_MS = 5;

export class Rehearsal {
  readonly #parts: MachineParts;
  #machine: MachineControl | undefined;
  #ended = false;

  constructor(parts: MachineParts) {
    this.#parts = parts;
  }

  /** Resolves when there is nothing more to gain. Rejects with why no machine can be made. */
  async run(): Promise<void> {
    const cpuUnits = await this.#parts.readCpuUnits();
    if (this.#ended) return;
    const machine = this.#parts.createMachine({
      cpuUnits,
      memoryBytes: MEMORY_BYTES,
      firmware: { kind: "builtin" },
      bootOrder: [],
      disks: [],
      opticalDrives: [],
      floppyDrives: [],
      accel: "interpreter",
      debugPorts: { console: false, exit: false },
      rtcUtc: true,
      ...hostServices(() => {}),
    });
    this.#machine = machine;
    machine.start();
    const deadline = performance.now() + LONGEST_MS;
    while (!this.#ended && performance.now() < deadline && !showsText(machine)) {
      await new Promise((resume) => setTimeout(resume, LOOK_MS));
    }
    machine.display.render(true);
    machine.powerOff();
    await this.#prepareProcessors();
  }

  async #prepareProcessors(): Promise<void> {
    if (this.#ended) return;
    for (const _part of this.#parts.prepareProcessors?.() ?? []) {
      await new Promise((resume) => setImmediate(resume));
      if (this.#ended) return;
    }
  }

  /** Makes way for the real machine; what was compiled stays while this object does. */
  end(): void {
    this.#ended = true;
    this.#machine?.powerOff();
  }
}

function showsText({ display }: MachineControl): boolean {
  return display.textScreen()?.some((line) => line.trim() !== "") ?? false;
}
