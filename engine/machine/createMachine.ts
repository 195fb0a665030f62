import type { MachineControl } from "./MachineControl.ts";
import type { MachineOptions } from "./MachineOptions.ts";
import { PcMachine } from "./PcMachine.ts";

/** Builds a machine, powered off. Throws GuesthouseError for options that no board can be built from. */
export function createMachine(options: MachineOptions): MachineControl {
  return new PcMachine(options);
}
