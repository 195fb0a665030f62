// Makes a fresh clone ready: installs the packages of the lock file when they are missing or differ, runs the few install
// scripts that are needed by name (Node 24 itself is one of the packages), and tries to get Electron's binary. Plain
// JavaScript for the system's Node 20 or newer, because nothing else is there yet. Costs nothing when all is in place.
//
// --without-electron (or ELECTRON_SKIP_BINARY_DOWNLOAD=1) leaves Electron alone.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const modules = join(root, "node_modules");
const onWindows = process.platform === "win32";
const ELECTRON_PATIENCE_MS = 180_000;

function run(command, args, options = {}) {
  return spawnSync(command, args, { cwd: root, stdio: "inherit", shell: onWindows, ...options });
}

function npm(args) {
  const { status, error } = run("npm", args);
  if (status === 0) return;
  console.error(`Set-up stopped: npm ${args.join(" ")} ${error ? error.message : `ended with status ${status}`}.`);
  process.exit(1);
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

/**
 * `npm ci` refuses a lock file that lacks packages of other platforms, which is what a registry without them leaves behind;
 * `npm install` takes the same versions from it and adds what this platform needs, without writing to it.
 */
function installPackages() {
  const quietly = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  if (run("npm", ["ci", ...quietly], { stdio: ["ignore", "inherit", "ignore"] }).status !== 0) {
    npm(["install", "--no-save", ...quietly]);
  }
}

/** npm keeps a list of what it installed; packages for other platforms are missing from it rightly. */
function packagesAreCurrent() {
  const wanted = readJson(join(root, "package-lock.json"))?.packages ?? {};
  const installed = readJson(join(modules, ".package-lock.json"))?.packages;
  if (installed === undefined) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === "") return true;
    const found = installed[path];
    return found === undefined
      ? entry.optional === true || entry.devOptional === true
      : found.version === entry.version;
  });
}

function nodeIsInstalled() {
  const binary = join(modules, "node/bin", onWindows ? "node.exe" : "node");
  if (!existsSync(binary) || !existsSync(join(modules, ".bin", onWindows ? "node.cmd" : "node"))) return false;
  const { status, stdout } = spawnSync(binary, ["--version"], { encoding: "utf8" });
  return status === 0 && Number.parseInt(stdout.slice(1), 10) >= 24;
}

/** Electron's package fetches its binary from its own release page, which not every network reaches. */
function tryElectron() {
  const folder = join(modules, "electron");
  const version = readJson(join(folder, "package.json"))?.version;
  const failedBefore = join(modules, ".guesthouse-electron-failed");
  if (version === undefined || existsSync(join(folder, "path.txt"))) return;
  if (existsSync(failedBefore) && readFileSync(failedBefore, "utf8") === version) return;
  console.log("Fetching Electron's binary ...");
  const { status } = run(process.execPath, [join(folder, "install.js")], {
    stdio: "ignore",
    shell: false,
    timeout: ELECTRON_PATIENCE_MS,
  });
  if (status === 0 && existsSync(join(folder, "path.txt"))) {
    rmSync(failedBefore, { force: true });
    return;
  }
  writeFileSync(failedBefore, version);
  console.log(
    "Electron's binary could not be fetched; Guesthouse will open in the browser instead. To try again, delete\n" +
      `${failedBefore} and run npm start.`,
  );
}

if (!packagesAreCurrent()) installPackages();
if (!nodeIsInstalled()) npm(["rebuild", "node", "esbuild", "--foreground-scripts"]);
if (!nodeIsInstalled()) {
  console.error("Set-up stopped: the package `node` did not bring a Node 24 that runs here.");
  process.exit(1);
}
const skipElectron = process.argv.includes("--without-electron") || process.env.ELECTRON_SKIP_BINARY_DOWNLOAD;
if (!skipElectron) tryElectron();
