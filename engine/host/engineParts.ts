/** The machine as it ships: what engine processes and ephemeral runs are made of. */
import { createMachine, prepareProcessors } from "../machine/createMachine.ts";
import type { MachineParts } from "./openMachine.ts";
import { readCpuUnits } from "./readCpuUnits.ts";

export const engineParts: MachineParts = { createMachine, prepareProcessors, readCpuUnits };
