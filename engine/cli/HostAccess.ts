/**
 * The command line's way to the library: the host service that runs, if any; else one without engines in this process (enough
 * to list and edit), or a new one in the background (to run machines).
 */
import { spawn } from "node:child_process";
import { HostClient } from "../api/HostClient.ts";
import { memoryEndpointPair } from "../api/memoryEndpointPair.ts";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import { connectToHost } from "../host/ControlSocket.ts";
import { dataFolder } from "../host/dataFolder.ts";
import { forkEngine } from "../host/forkEngine.ts";
import { HostService } from "../host/HostService.ts";
import { hostEntry } from "../host/installation.ts";

const START_MS = 15_000;
const RETRY_MS = 50;

/** `background` makes sure that the host outlives this command. */
export async function withHost<T>(background: boolean, action: (client: HostClient) => Promise<T>): Promise<T> {
  const folder = dataFolder(process.env, process.platform);
  const running = await connectToHost(folder);
  if (running !== undefined) return await closingAfter(new HostClient(running), action);
  if (background) return await closingAfter(await startHost(folder), action);
  const host = await HostService.open({ dataFolder: folder, shell: "cli", spawnEngine: forkEngine });
  const [ours, theirs] = memoryEndpointPair();
  host.serve(theirs);
  try {
    return await closingAfter(new HostClient(ours), action);
  } finally {
    await host.close();
  }
}

async function closingAfter<T>(client: HostClient, action: (client: HostClient) => Promise<T>): Promise<T> {
  try {
    return await action(client);
  } finally {
    client.close();
  }
}

async function startHost(folder: string): Promise<HostClient> {
  const child = spawn(process.execPath, [hostEntry("hostDaemon")], { detached: true, stdio: "ignore" });
  let failed = false;
  child.on("error", () => {
    failed = true;
  });
  child.on("exit", () => {
    failed = true;
  });
  child.unref();
  const deadline = performance.now() + START_MS;
  while (performance.now() < deadline && !failed) {
    const endpoint = await connectToHost(folder);
    if (endpoint !== undefined) return new HostClient(endpoint);
    await new Promise((resume) => setTimeout(resume, RETRY_MS));
  }
  throw new GuesthouseError("host-missing", "The host service could not be started in the background.");
}
