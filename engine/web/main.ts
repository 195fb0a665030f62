/**
 * Entry of the browser shell: the host service and a loopback server for its pages. Prints the address to open; ends with
 * Ctrl+C, which powers off what runs.
 */
import { parseArgs } from "node:util";
import { ControlSocket } from "../host/ControlSocket.ts";
import { dataFolder } from "../host/dataFolder.ts";
import { forkEngine } from "../host/forkEngine.ts";
import { HostService } from "../host/HostService.ts";
import { builtFile } from "../host/installation.ts";
import { WebServer } from "./WebServer.ts";

/** Of the range that is nobody's; the next ones when other instances have it. */
const PREFERRED_PORT = 27420;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { port: { type: "string" } } });
  const port = values.port === undefined ? PREFERRED_PORT : Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw new Error(`--port is no port number: ${values.port}`);
  const folder = dataFolder(process.env, process.platform);
  const host = await HostService.open({
    dataFolder: folder,
    shell: "browser",
    spawnEngine: forkEngine,
    keepEngineReady: true,
    onFault: (error, command) => console.error(`${command}:`, error),
  });
  const socket = await ControlSocket.listen(folder, (endpoint) => host.serve(endpoint));
  const listen = values.port === undefined ? WebServer.listenNear : WebServer.listen;
  const web = await listen({
    port,
    pagesFolder: builtFile("renderer"),
    serve: (endpoint) => host.serve(endpoint),
  });
  console.log(`Guesthouse is at ${web.launchUrl}`);
  // For whoever started this process and wants to open the address.
  process.send?.({ launchUrl: web.launchUrl });

  let ending = false;
  const end = async (): Promise<void> => {
    if (ending) process.exit(1);
    ending = true;
    await socket?.close();
    await host.close();
    await web.close();
    process.exit(0);
  };
  process.on("SIGINT", () => void end());
  process.on("SIGTERM", () => void end());
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
