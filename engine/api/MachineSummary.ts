/** What a list of machines shows of one, and the figures a running one reports. */
import * as v from "valibot";
import { machineConfigSchema } from "./MachineConfig.ts";
import { machineStateSchema } from "./MachineState.ts";

/** Why the last run ended. `detail` is a sentence; `exitValue` was written to port 0xF4. */
export const lastStopSchema = v.strictObject({
  kind: v.picklist(["poweredOff", "debugExit", "tripleFault", "failure"]),
  detail: v.string(),
  exitValue: v.nullable(v.number()),
});
export type LastStop = v.InferOutput<typeof lastStopSchema>;

export const machineSummarySchema = v.strictObject({
  id: v.string(),
  /** The folder's name where the configuration cannot be read. */
  name: v.string(),
  folder: v.string(),
  state: machineStateSchema,
  /** Null exactly when the machine is inaccessible. */
  config: v.nullable(machineConfigSchema),
  /** Which engine runs it and why; null while it does not run. */
  engine: v.nullable(v.string()),
  /** Milliseconds since 1970 of the last change of state. */
  stateSinceMs: v.number(),
  /** Milliseconds since 1970 of the current run's start; null while it does not run. */
  startedMs: v.nullable(v.number()),
  lastStop: v.nullable(lastStopSchema),
});
export type MachineSummary = v.InferOutput<typeof machineSummarySchema>;

/** Bytes since power-on. */
export const activitySchema = v.strictObject({
  diskRead: v.number(),
  diskWritten: v.number(),
  opticalRead: v.number(),
  floppyRead: v.number(),
  floppyWritten: v.number(),
});
export type Activity = v.InferOutput<typeof activitySchema>;

export const figuresSchema = v.strictObject({
  instructions: v.number(),
  guestNs: v.number(),
  exits: v.number(),
  busyNs: v.number(),
  /** Host nanoseconds since power-on, pauses included. */
  wallNs: v.number(),
  /** Million instructions per second of busy time since the last report. */
  mips: v.number(),
  /** Share of one host processor since the last report, 0 to 1. */
  load: v.number(),
  /** Resident bytes of the engine process. */
  residentBytes: v.number(),
});
export type Figures = v.InferOutput<typeof figuresSchema>;

export const logLineSchema = v.strictObject({
  timeMs: v.number(),
  level: v.picklist(["debug", "info", "warn", "error"]),
  message: v.string(),
  /** JSON of further facts, empty when there are none. */
  facts: v.string(),
});
export type LogLine = v.InferOutput<typeof logLineSchema>;

export const jobSchema = v.strictObject({
  id: v.string(),
  /** Stable, for translation: what is being done. */
  kind: v.picklist([
    "removeFiles",
    "createDisk",
    "copyMedium",
    "moveMedium",
    "resizeMedium",
    "compactMedium",
    "checkMedium",
    "takeSnapshot",
    "restoreSnapshot",
    "deleteSnapshot",
    "cloneMachine",
    "saveState",
    "finishInterrupted",
    "undoInterrupted",
    "importAppliance",
    "exportAppliance",
  ]),
  /** What it is done to: a machine's or file's name. */
  subject: v.string(),
  machineId: v.nullable(v.string()),
  done: v.number(),
  /** 0 while unknown. */
  total: v.number(),
  state: v.picklist(["running", "finished", "failed", "cancelled"]),
  error: v.nullable(v.string()),
});
export type Job = v.InferOutput<typeof jobSchema>;
