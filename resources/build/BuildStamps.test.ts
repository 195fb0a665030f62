import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { BuildStamps } from "./BuildStamps.ts";

let root: string;
let built: number;
beforeEach(() => {
  vi.spyOn(console, "log").mockImplementation(() => {});
  root = mkdtempSync(join(tmpdir(), "guesthouse-test-"));
  mkdirSync(join(root, "source"));
  writeFileSync(join(root, "source/a.ts"), "one");
  built = 0;
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(root, { recursive: true, force: true });
});

/** A build in a new process. */
async function step(): Promise<void> {
  await new BuildStamps(root).step("part", ["source", "absent"], ["dist/part.js"], async () => {
    built++;
    mkdirSync(join(root, "dist"), { recursive: true });
    writeFileSync(join(root, "dist/part.js"), "");
  });
}

test("a step runs once, and again when an input changes or appears, or an output is gone", async () => {
  await step();
  await step();
  expect(built).toBe(1);
  writeFileSync(join(root, "source/a.ts"), "two");
  await step();
  writeFileSync(join(root, "source/b.ts"), "");
  await step();
  rmSync(join(root, "dist/part.js"));
  await step();
  expect(built).toBe(4);
});

test("tests are no input", async () => {
  await step();
  writeFileSync(join(root, "source/a.test.ts"), "");
  await step();
  expect(built).toBe(1);
});

test("a step that fails is due again", async () => {
  const stamps = new BuildStamps(root);
  const failing = stamps.step("part", ["source"], [], async () => {
    throw new Error("no");
  });
  await expect(failing).rejects.toThrow("no");
  await step();
  expect(built).toBe(1);
});
