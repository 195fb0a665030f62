/**
 * The life cycle of a machine as everybody outside the engine process sees it. "aborted" says why the last run ended without
 * the guest's or the user's doing; "inaccessible" names the file that cannot be used and leaves it untouched.
 */
import * as v from "valibot";

export const machineStateSchema = v.variant("kind", [
  v.strictObject({ kind: v.literal("poweredOff") }),
  v.strictObject({ kind: v.literal("starting") }),
  v.strictObject({ kind: v.literal("running") }),
  v.strictObject({ kind: v.literal("paused") }),
  v.strictObject({ kind: v.literal("stopping") }),
  /** Off, with memory and devices kept in a file: a start goes on from there. */
  v.strictObject({ kind: v.literal("saved") }),
  v.strictObject({ kind: v.literal("aborted"), reason: v.string() }),
  v.strictObject({ kind: v.literal("inaccessible"), file: v.string(), reason: v.string() }),
]);

export type MachineState = v.InferOutput<typeof machineStateSchema>;
export type MachineStateKind = MachineState["kind"];

/** A process of this machine exists, or is coming up or going down. */
export function isLive(kind: MachineStateKind): boolean {
  return kind === "starting" || kind === "running" || kind === "paused" || kind === "stopping";
}
