import type { MachineState } from "../api/MachineState.ts";
import type { LastStop } from "../api/MachineSummary.ts";
import type { ProtocolClient } from "../api/ProtocolClient.ts";
import type { EngineChild } from "./EngineSpawner.ts";
import type { EngineProtocol } from "./engineProtocol.ts";
import type { LockFile } from "./LockFile.ts";
import type { RunLog } from "./RunLog.ts";

/** A run of a machine and the process that it is in, as the supervisor keeps it. */
export interface EngineRun {
  readonly child: EngineChild;
  readonly client: ProtocolClient<EngineProtocol>;
  readonly log: RunLog;
  readonly lock: LockFile;
  readonly ended: PromiseWithResolvers<void>;
  lastSign: number;
  stop: LastStop | undefined;
  /** Why this side ended it. */
  failure: string | undefined;
  /** Why the connection closed: explains the end of a process that left in good order without a word. */
  closedBecause: string;
  watchdog: NodeJS.Timeout | undefined;
  /** Memory is being written: the process is not to end before. */
  writing: boolean;
  /** Somebody pulled the plug. */
  ending: boolean;
}

export interface StartOptions {
  /** The disks are in the end as they were. */
  readonly disposable?: boolean;
  /** Real paths of files that disks may use outside of their own folders. */
  readonly trusted?: readonly string[];
  /** Of encrypted disks. They are kept by the engine alone. */
  readonly passphrases?: readonly { readonly slot: number; readonly passphrase: string }[];
  /** A saved state to go on from. `given` forgets it: memory must not come back once the disks have gone on. */
  readonly state?: { readonly name: string; readonly given: () => Promise<void> };
}

export interface RunFacts {
  readonly state: MachineState;
  readonly stateSinceMs: number;
  readonly startedMs: number | null;
  readonly engine: string | null;
  readonly lastStop: LastStop | null;
}

/** Why a process that said nothing is gone. */
export function explainEnd(run: EngineRun, code: number | null, signal: string | null): string {
  if (run.failure !== undefined) return run.failure;
  if (signal !== null) return `The engine process was ended (${signal}).`;
  if (code === 0) return `The engine process lost its connection: ${run.closedBecause}.`;
  return `The engine process ended unexpectedly with status ${code}.`;
}
