/** Why a machine stopped, as it crosses process boundaries and as people read it. */
import type { LastStop } from "../api/MachineSummary.ts";
import type { MachineStop } from "../machine/MachineOptions.ts";

export function describeStop(stop: MachineStop): LastStop {
  switch (stop.kind) {
    case "poweredOff":
      return { kind: "poweredOff", detail: "The machine was powered off.", exitValue: null };
    case "debugExit":
      return { kind: "debugExit", detail: `The guest ended the run with ${stop.value}.`, exitValue: stop.value };
    case "tripleFault":
      return { kind: "tripleFault", detail: `The guest crashed (triple fault): ${stop.reason}`, exitValue: null };
    case "failure":
      return { kind: "failure", detail: `The engine failed: ${stop.error.message}`, exitValue: null };
  }
}
