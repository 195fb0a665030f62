import { expect, test } from "vitest";
import { DebugConsole } from "./DebugConsole.ts";
import { DebugExit } from "./DebugExit.ts";

test("the debug console passes bytes on and answers E9h", () => {
  const bytes: number[] = [];
  const console = new DebugConsole({ onByte: (byte) => bytes.push(byte) });
  for (const byte of [0x48, 0x69]) console.write(0, byte);
  expect([bytes, console.read()]).toEqual([[0x48, 0x69], 0xe9]);
});

test("the exit port reports the whole value", () => {
  const values: number[] = [];
  const exit = new DebugExit({ onExit: (value) => values.push(value) });
  exit.write(0, 0);
  exit.write(0, 0xffffffff);
  expect([values, exit.read()]).toEqual([[0, 0xffffffff], 0]);
});
