/** `guesthouse run`: joins an ephemeral machine to this terminal. */
import { writeSync } from "node:fs";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import { engineParts } from "../host/engineParts.ts";
import { BadArguments } from "./BadArguments.ts";
import { EphemeralRun } from "./EphemeralRun.ts";
import { parseRunOptions, type RunArguments } from "./RunOptions.ts";

/** Ctrl+] ends a run whose guest has the keyboard, as in telnet. */
const ESCAPE = 0x1d;
const STDOUT = 1;

/** Returns the exit status. */
export async function runCommand(given: RunArguments): Promise<number> {
  const options = parseRunOptions(given);
  let lastByte = 0x0a;
  const run = new EphemeralRun(options, engineParts, {
    output: (bytes) => {
      lastByte = bytes.at(-1) ?? lastByte;
      writeAll(bytes);
    },
    say: (text) => console.error(text),
  });
  const interrupt = (): void => run.interrupt();
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  const release = options.serialOnStdio ? joinStandardInput(run) : () => {};
  try {
    const figures = await run.run();
    if (options.json) {
      if (lastByte !== 0x0a) writeAll(new Uint8Array([0x0a]));
      writeAll(Buffer.from(`${JSON.stringify(figures)}\n`));
    }
    return figures.status;
  } catch (error) {
    // Before power-on everything that can go wrong is a file that was named.
    if (error instanceof GuesthouseError && error.kind !== "not-built") throw new BadArguments(error.message);
    throw error;
  } finally {
    release();
    process.off("SIGINT", interrupt);
    process.off("SIGTERM", interrupt);
  }
}

/** Synchronous, so that nothing is lost when the process ends; a reader that is slow or gone does not end the run. */
function writeAll(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(STDOUT, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
      // A full pipe: give its reader a moment.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
}

function joinStandardInput(run: EphemeralRun): () => void {
  const input = process.stdin;
  if (input.isTTY) {
    input.setRawMode(true);
    console.error("The keyboard goes to the guest's serial port; Ctrl+] ends the run.");
  }
  const listener = (bytes: Buffer): void => {
    if (input.isTTY && bytes.includes(ESCAPE)) run.interrupt();
    else run.sendSerial(new Uint8Array(bytes));
  };
  input.on("data", listener);
  input.on("error", () => {});
  return () => {
    input.off("data", listener);
    if (input.isTTY) input.setRawMode(false);
    input.pause();
    input.unref?.();
  };
}
