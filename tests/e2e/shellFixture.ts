/**
 * A browser shell per test: the server of `engine/web` with an empty library in a temporary folder, and a page that opened
 * its launch address. Console errors of the page fail the test.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test as base, expect, type Page } from "@playwright/test";

const root = fileURLToPath(new URL("../..", import.meta.url));
const START_MS = 60_000;

export interface Shell {
  url: string;
  /** The library's folder. */
  folder: string;
  /** Ends the server as a crash would. */
  kill(): void;
  /** Ends the engine processes of all machines as a crash would. Linux only. */
  killEngines(): Promise<void>;
}

/** What was built, or the sources where nothing was; the variable chooses by hand. */
function serverEntry(): string {
  const chosen = process.env.GUESTHOUSE_E2E_SERVER;
  if (chosen !== undefined) return join(root, chosen);
  const built = join(root, "dist/web/main.js");
  return existsSync(built) ? built : join(root, "engine/web/main.ts");
}

async function launch(folder: string): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [serverEntry()], {
    env: { ...process.env, GUESTHOUSE_HOME: folder },
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const url = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("the browser shell did not start")), START_MS);
    child.on("message", (message: { launchUrl?: string }) => {
      if (message.launchUrl === undefined) return;
      clearTimeout(timer);
      resolve(message.launchUrl);
    });
    child.on("exit", (code) => reject(new Error(`the browser shell ended with ${code}`)));
  });
  return { child, url };
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once("exit", () => resolve()));
}

export const test = base.extend<{ shell: Shell; manager: Page }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the names of the first parameter
  shell: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), "guesthouse-e2e-"));
    const { child, url } = await launch(folder);
    const killEngines = async () => {
      const children = await readFile(`/proc/${child.pid}/task/${child.pid}/children`, "utf8");
      for (const pid of children.split(/\s+/).filter(Boolean)) process.kill(Number(pid), "SIGKILL");
    };
    await use({ url, folder, kill: () => child.kill("SIGKILL"), killEngines });
    child.kill("SIGTERM");
    await ended(child);
    await rm(folder, { recursive: true, force: true });
  },
  manager: async ({ page, shell }, use) => {
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") problems.push(message.text());
    });
    await page.goto(shell.url);
    await expect(page.getByRole("heading", { name: "Welcome to Guesthouse" })).toBeVisible();
    await use(page);
    expect(problems).toEqual([]);
  },
});

export { expect };
