/** How an engine process comes to be: forked by Node, a utility process in Electron, a fake in tests. */
import type { Endpoint } from "../api/Endpoint.ts";

export interface EngineChild {
  readonly endpoint: Endpoint;
  /** Called once, after the last message. `code` is null for a signal. */
  onExit(listener: (code: number | null, signal: string | null) => void): void;
  /** What the process wrote to its standard streams, for the log. */
  onOutput(listener: (text: string) => void): void;
  /** Ends the process at once. */
  kill(): void;
}

/** `machineName` names the process where the platform shows such names; one made in advance has none yet. */
export type EngineSpawner = (machineName: string | undefined) => EngineChild;
