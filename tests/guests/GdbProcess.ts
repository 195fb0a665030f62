import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from "node:child_process";

/** Debian's gdb, driven as by a person at its prompt. */
const ANSWER_MS = 60_000;
const LOOK_MS = 20;

/** Why gdb cannot be had here, or undefined when it can. */
export function gdbUnavailable(): string | undefined {
  try {
    execFileSync("gdb", ["--version"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "gdb is not installed";
  }
}

const pause = (milliseconds: number) => new Promise<void>((resolve) => void setTimeout(resolve, milliseconds));

export class GdbProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  #output = "";
  #asked = 0;

  constructor(port: number) {
    this.#child = spawn("gdb", ["-nx", "-q", "-ex", "set confirm off", "-ex", "set pagination off"], {
      stdio: "pipe",
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
      });
    }
    // What cannot be sent shows as an answer that does not come.
    this.#child.stdin.on("error", () => {});
    this.#child.stdin.write(`target remote 127.0.0.1:${port}\n`);
  }

  /** What gdb prints for these commands, once it has done them all. */
  async ask(...commands: string[]): Promise<string> {
    return this.#answer(this.#send(commands));
  }

  /** The same for commands that let the guest run until gdb is interrupted. */
  async interrupt(runMs: number, ...commands: string[]): Promise<string> {
    const from = this.#send(commands);
    await pause(runMs);
    this.#child.kill("SIGINT");
    return this.#answer(from);
  }

  #send(commands: readonly string[]): number {
    const from = this.#output.length;
    this.#child.stdin.write(`${commands.join("\n")}\necho <done ${++this.#asked}>\\n\n`);
    return from;
  }

  async #answer(from: number): Promise<string> {
    const mark = `<done ${this.#asked}>`;
    const end = performance.now() + ANSWER_MS;
    while (!this.#output.includes(mark, from)) {
      if (performance.now() > end) throw new Error(`gdb does not answer. It said:\n${this.#output}`);
      await pause(LOOK_MS);
    }
    return this.#output.slice(from, this.#output.indexOf(mark, from));
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}
