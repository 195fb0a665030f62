import { randomFillSync } from "node:crypto";
import type { MachineOptions } from "../machine/MachineOptions.ts";

/** Time, randomness and the event loop, as a machine wants them. */
export function hostServices(log: MachineOptions["log"]) {
  return {
    wallClock: { nowMs: () => Date.now() },
    entropy: { fill: (bytes: Uint8Array) => void randomFillSync(bytes) },
    steadyNowNs: () => performance.now() * 1e6,
    yieldToHost: (resume: () => void) => void setImmediate(resume),
    delay: (milliseconds: number, resume: () => void) => {
      const timer = setTimeout(resume, milliseconds);
      return () => clearTimeout(timer);
    },
    log,
  };
}
