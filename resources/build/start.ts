/**
 * Opens Guesthouse: in Electron where its binary is installed and there is a display, otherwise in the browser. Says which and
 * why. `--browser` asks for the browser, `--port N` for a port, `--no-open` leaves opening the page to the reader.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");

function hasDisplay(): boolean {
  if (process.platform !== "linux") return true;
  return Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
}

/** Electron's binary, or why not. */
function findElectron(wantsBrowser: boolean): { binary: string } | { why: string } {
  if (wantsBrowser) return { why: "as asked" };
  const folder = join(root, "node_modules/electron");
  const pathFile = join(folder, "path.txt");
  if (!existsSync(pathFile)) return { why: "Electron's binary is not installed" };
  const binary = join(folder, "dist", readFileSync(pathFile, "utf8"));
  if (!existsSync(binary)) return { why: "Electron's binary is not installed" };
  if (!existsSync(join(root, "dist/electron/main.js"))) return { why: "the Electron shell is not built" };
  return hasDisplay() ? { binary } : { why: "there is no display for a window" };
}

function openPage(url: string): void {
  const [command, args] =
    process.platform === "darwin"
      ? ["open", [url]]
      : process.platform === "win32"
        ? ["cmd", ["/c", "start", "", url]]
        : ["xdg-open", [url]];
  const child = spawn(command!, args as string[], { stdio: "ignore", detached: true });
  // The address is printed anyway.
  child.on("error", () => {});
  child.unref();
}

/** Ends with the child; a terminal's Ctrl+C reaches the child by itself, which then powers machines off. */
function follow(child: ChildProcess): void {
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  child.on("error", (error) => {
    console.error(error.message);
    process.exit(1);
  });
  child.on("exit", (code, signal) => process.exit(signal === null ? (code ?? 0) : 1));
}

const { values } = parseArgs({
  options: {
    browser: { type: "boolean", default: false },
    port: { type: "string" },
    "no-open": { type: "boolean", default: false },
  },
});
const electron = findElectron(values.browser);
if ("binary" in electron) {
  console.log("Opening Guesthouse in its own window.");
  follow(spawn(electron.binary, [root], { stdio: "inherit" }));
} else {
  console.log(`Opening Guesthouse in the browser: ${electron.why}.`);
  const args = [join(root, "dist/web/main.js"), ...(values.port === undefined ? [] : ["--port", values.port])];
  const child = spawn(process.execPath, args, { stdio: ["inherit", "inherit", "inherit", "ipc"] });
  child.on("message", (message: { launchUrl?: string }) => {
    if (message.launchUrl !== undefined && !values["no-open"] && hasDisplay()) openPage(message.launchUrl);
  });
  follow(child);
}
