/**
 * The host's processor as an executor: owns the child process that runs cases, and starts another when one kills it. A batch that dies is halved
 * until the case is found; its outcome is undefined.
 */
import { type ChildProcess, fork } from "node:child_process";
import { readFileSync } from "node:fs";
import type { BatchAnswer, BatchRequest } from "./nativeChild.ts";
import { caseLayout, outcomeLayout } from "./oracleLayout.ts";

export interface NativeOutcome {
  readonly outcome: Uint8Array;
  readonly changes: Uint16Array;
}

const noChanges = new Uint16Array(0);
const childPath = new URL("nativeChild.ts", import.meta.url);

/** Names of /proc/cpuinfo. */
export function hostFeatures(): ReadonlySet<string> {
  const flags = /^flags\s*: (.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "";
  const names: Readonly<Record<string, string>> = {
    pni: "sse3", abm: "lzcnt", cx8: "cx8", clflush: "clfsh", "3dnowprefetch": "prefetchw", xgetbv1: "xgetbv1",
  }; // biome-ignore format: one line of names
  return new Set(flags.split(" ").map((name) => names[name] ?? name));
}

/** Why this host cannot be asked; undefined when it can. */
export function whyNotNative(): string | undefined {
  if (process.platform !== "linux" || process.arch !== "x64") return "needs Linux on x86-64";
  const features = hostFeatures();
  const missing = ["fsgsbase", "xsave", "avx"].filter((name) => !features.has(name));
  return missing.length > 0 ? `the host's processor has no ${missing.join(", ")}` : undefined;
}

export class NativeProcessor {
  #child: ChildProcess | undefined;
  #image: Uint8Array;
  #imageSent = false;
  /** Cases that killed their process. */
  deaths = 0;

  constructor(image: Uint8Array) {
    this.#image = image;
  }

  setImage(image: Uint8Array): void {
    this.#image = image;
    this.#imageSent = false;
  }

  async #start(): Promise<ChildProcess> {
    if (this.#child) return this.#child;
    const child = fork(childPath, { serialization: "advanced", execArgv: [] });
    this.#imageSent = false;
    await new Promise<void>((resolve, reject) => {
      child.once("message", () => resolve());
      child.once("exit", (code) => reject(new Error(`the native process did not start: ${code}`)));
    });
    this.#child = child;
    return child;
  }

  async #ask(cases: Uint8Array): Promise<BatchAnswer | undefined> {
    const child = await this.#start();
    const request: BatchRequest = this.#imageSent ? { cases } : { cases, image: this.#image };
    this.#imageSent = true;
    return new Promise((resolve) => {
      const died = (): void => {
        this.#child = undefined;
        resolve(undefined);
      };
      child.once("exit", died);
      child.once("message", (answer: BatchAnswer) => {
        child.off("exit", died);
        resolve(answer);
      });
      child.send(request);
    });
  }

  /** Runs cases that lie one after the other. */
  async run(cases: Uint8Array): Promise<(NativeOutcome | undefined)[]> {
    const count = cases.length / caseLayout.sizeBytes;
    if (count === 0) return [];
    const answer = await this.#ask(cases);
    if (!answer) {
      if (count === 1) {
        this.deaths++;
        return [undefined];
      }
      const half = (count >> 1) * caseLayout.sizeBytes;
      return [...(await this.run(cases.slice(0, half))), ...(await this.run(cases.slice(half)))];
    }
    const changes = new Map(answer.changes);
    return Array.from({ length: count }, (_, i) => ({
      outcome: answer.outcomes.subarray(i * outcomeLayout.sizeBytes, (i + 1) * outcomeLayout.sizeBytes),
      changes: changes.get(i) ?? noChanges,
    }));
  }

  stop(): void {
    this.#child?.kill();
    this.#child = undefined;
  }
}
