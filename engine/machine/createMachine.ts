import { checkKernel } from "../firmware/boot/DirectBoot.ts";
import type { MachineControl } from "./MachineControl.ts";
import type { MachineOptions } from "./MachineOptions.ts";
import { PcMachine } from "./PcMachine.ts";

/** Makes beforehand what the processors of this process's machines would otherwise make one by one while their guests wait. */
export { prepareCores as prepareProcessors } from "../cpu/interpreter/Core.ts";

/** Builds a machine, powered off. Throws GuesthouseError for options that no board can be built from. */
export function createMachine(options: MachineOptions): MachineControl {
  // The built-in BIOS would say it on the screen alone, which a run without one never shows.
  if (options.directBoot && options.firmware.kind === "builtin") checkKernel(options.directBoot.kernel);
  return new PcMachine(options);
}
