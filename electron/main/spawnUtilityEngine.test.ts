import { EventEmitter } from "node:events";
import type { UtilityProcess } from "electron";
import { describe, expect, test } from "vitest";
import { utilityEngineSpawner } from "./spawnUtilityEngine.ts";

class FakeUtility extends EventEmitter {
  readonly stdout = new EventEmitter();
  readonly stderr = new EventEmitter();
  readonly posted: unknown[] = [];
  killed = 0;
  postMessage(message: unknown): void {
    this.posted.push(message);
  }
  kill(): boolean {
    this.killed += 1;
    return false;
  }
}

function setUp() {
  const utility = new FakeUtility();
  const forked: unknown[] = [];
  const spawn = utilityEngineSpawner((...args) => {
    forked.push(args);
    return utility as unknown as UtilityProcess;
  }, "/app/engineProcess.js");
  return { utility, forked, spawn, child: spawn("Debian") };
}

describe("utilityEngineSpawner", () => {
  test("forks the entry with the machine's name", () => {
    const { forked } = setUp();
    expect(forked).toEqual([
      ["/app/engineProcess.js", ["Debian"], { serviceName: "Guesthouse: Debian", stdio: "pipe" }],
    ]);
  });

  test("a process made in advance has no machine's name", () => {
    const { forked, spawn } = setUp();
    spawn(undefined);
    expect(forked.at(-1)).toEqual(["/app/engineProcess.js", [], { serviceName: "Guesthouse engine", stdio: "pipe" }]);
  });

  test("messages pass both ways unwrapped", () => {
    const { utility, child } = setUp();
    const received: unknown[] = [];
    child.endpoint.onMessage((message) => void received.push(message));
    utility.emit("message", { type: "hello" });
    child.endpoint.send({ type: "hello back" });
    expect(received).toEqual([{ type: "hello" }]);
    expect(utility.posted).toEqual([{ type: "hello back" }]);
  });

  test("an end of the process ends the endpoint and is reported once", () => {
    const { utility, child } = setUp();
    const ends: unknown[] = [];
    let closed = 0;
    child.onExit((code, signal) => void ends.push([code, signal]));
    child.endpoint.onClose(() => void closed++);
    utility.emit("exit", 139);
    expect(ends).toEqual([[139, null]]);
    expect(closed).toBe(1);
  });

  test("output of either stream reaches the log", () => {
    const { utility, child } = setUp();
    let text = "";
    child.onOutput((part) => {
      text += part;
    });
    utility.stdout.emit("data", new TextEncoder().encode("out "));
    utility.stderr.emit("data", new TextEncoder().encode("err"));
    expect(text).toBe("out err");
  });
});
