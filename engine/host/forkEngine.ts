/** Engine processes as forks of this Node. They end by themselves when the channel to this process breaks. */
import { fork } from "node:child_process";
import type { EngineChild } from "./EngineSpawner.ts";
import { hostEntry } from "./installation.ts";
import { ProcessEndpoint } from "./ProcessEndpoint.ts";

const STREAMS_MS = 500;

export function forkEngine(machineName: string | undefined, entry = hostEntry("engineProcess")): EngineChild {
  const child = fork(entry, machineName === undefined ? [] : [machineName], {
    serialization: "advanced",
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    execArgv: [],
  });
  const exitListeners: ((code: number | null, signal: string | null) => void)[] = [];
  let ended = false;
  const end = (code: number | null, signal: string | null): void => {
    if (ended) return;
    ended = true;
    for (const listener of exitListeners) listener(code, signal);
  };
  // "close" never comes to a child whose channel this side disconnected, so its streams' ends are awaited here; a grandchild
  // that holds them open does not hold up the news.
  child.on("exit", (code, signal) => {
    const streams = [child.stdout, child.stderr].filter((stream) => stream !== null && !stream.closed);
    const closed = streams.map((stream) => new Promise((resolve) => stream?.once("close", resolve)));
    const patience = new Promise((resolve) => setTimeout(resolve, STREAMS_MS).unref());
    void Promise.race([Promise.all(closed), patience]).then(() => end(code, signal));
  });
  child.on("error", () => end(null, "could not be started"));
  return {
    endpoint: new ProcessEndpoint(child),
    onExit: (listener) => exitListeners.push(listener),
    onOutput: (listener) => {
      child.stdout?.setEncoding("utf8").on("data", listener);
      child.stderr?.setEncoding("utf8").on("data", listener);
    },
    kill: () => child.kill("SIGKILL"),
  };
}
