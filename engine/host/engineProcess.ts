/** Entry of an engine process: one machine, driven by the host over the process's message channel. */
import type { Endpoint } from "../api/Endpoint.ts";
import { type EmitterPort, PortEndpoint } from "../api/PortEndpoint.ts";
import { EngineSession } from "./EngineSession.ts";
import { engineParts } from "./engineParts.ts";
import { type MessageProcess, ProcessEndpoint } from "./ProcessEndpoint.ts";

/** In an Electron utility process the parent is a port; in a fork it is the process itself. */
function parentEndpoint(): Endpoint {
  const port = (process as { parentPort?: EmitterPort }).parentPort;
  return port === undefined ? new ProcessEndpoint(process as MessageProcess) : new PortEndpoint(port);
}

// The host ends machines by messages; a terminal's Ctrl+C reaches the whole process group and must not.
process.on("SIGINT", () => {});

new EngineSession(
  parentEndpoint(),
  engineParts,
  () => process.exit(0),
  // One that was made in advance was started under no machine's name.
  (machineName) => {
    process.title = `guesthouse ${machineName}`;
  },
);
