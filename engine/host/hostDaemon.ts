/**
 * Entry of a host service without a face: the command line starts it when a machine is to run and no app is open. It ends
 * itself when no machine runs and nobody is connected for a while.
 */
import { ControlSocket } from "./ControlSocket.ts";
import { dataFolder } from "./dataFolder.ts";
import { forkEngine } from "./forkEngine.ts";
import { HostService } from "./HostService.ts";

const LOOK_MS = 1000;
const IDLE_LOOKS = 10;

const folder = dataFolder(process.env, process.platform);
const host = await HostService.open({ dataFolder: folder, shell: "cli", spawnEngine: forkEngine });
const socket = await ControlSocket.listen(folder, (endpoint) => host.serve(endpoint));

async function end(): Promise<never> {
  await socket?.close();
  await host.close();
  process.exit(0);
}

if (socket === undefined) await end();
process.on("SIGTERM", () => void end());
let idleLooks = 0;
setInterval(() => {
  idleLooks = host.liveMachineCount + host.clientCount > 0 ? 0 : idleLooks + 1;
  if (idleLooks >= IDLE_LOOKS) void end();
}, LOOK_MS);
