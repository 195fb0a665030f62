/** Engine processes as Electron utility processes: Node without a window, in a process of their own. */
import type { ForkOptions, UtilityProcess } from "electron";
import { type EmitterPort, PortEndpoint } from "../../engine/api/PortEndpoint.ts";
import type { EngineChild, EngineSpawner } from "../../engine/host/EngineSpawner.ts";

/** `utilityProcess.fork`, or a fake. */
export type ForkUtility = (entry: string, parameters: string[], options: ForkOptions) => UtilityProcess;

/** The process seen as a port: its end is the port's end. */
function asPort(child: UtilityProcess): EmitterPort {
  return {
    postMessage: (message) => child.postMessage(message),
    on: (type, listener) => {
      if (type === "message") child.on("message", (message: unknown) => listener(message));
      else child.once("exit", () => listener());
    },
    close: () => void child.kill(),
  };
}

export function utilityEngineSpawner(fork: ForkUtility, entry: string): EngineSpawner {
  return (machineName): EngineChild => {
    const serviceName = machineName === undefined ? "Guesthouse engine" : `Guesthouse: ${machineName}`;
    const child = fork(entry, machineName === undefined ? [] : [machineName], { serviceName, stdio: "pipe" });
    return {
      endpoint: new PortEndpoint(asPort(child), "value"),
      // Electron reports a crash by its code alone; there is no signal to name.
      onExit: (listener) => void child.once("exit", (code) => listener(code, null)),
      onOutput: (listener) => {
        for (const stream of [child.stdout, child.stderr]) {
          stream?.on("data", (data: Uint8Array) => listener(new TextDecoder().decode(data)));
        }
      },
      kill: () => void child.kill(),
    };
  };
}
