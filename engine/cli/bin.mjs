#!/usr/bin/env node
// The `guesthouse` command. Plain JavaScript that any Node 20 reads: it finds a Node that can run the app (24 or newer: this
// one, or the one that npm installed) and hands over to the built command, or to its source where nothing is built.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const built = join(root, "dist/cli/main.js");
const entry = existsSync(built) && process.env.GUESTHOUSE_SOURCE !== "1" ? built : join(root, "engine/cli/main.ts");

function newerNode() {
  try {
    const folder = dirname(createRequire(import.meta.url).resolve("node/package.json"));
    const binary = join(folder, "bin", process.platform === "win32" ? "node.exe" : "node");
    return existsSync(binary) ? binary : undefined;
  } catch {
    return undefined;
  }
}

if (Number.parseInt(process.versions.node, 10) >= 24) {
  await import(pathToFileURL(entry).href);
} else {
  const node = newerNode();
  if (node === undefined) {
    console.error("guesthouse needs Node 24 or newer. Run `npm install` in its folder to get one.");
    process.exit(8);
  }
  const child = spawn(node, [entry, ...process.argv.slice(2)], { stdio: "inherit" });
  // A terminal sends its signals to the child too, which decides what they mean.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      if (signal !== "SIGINT") child.kill(signal);
    });
  }
  child.on("error", (error) => {
    console.error(error.message);
    process.exit(8);
  });
  child.on("exit", (code, signal) => process.exit(signal === null ? code : 8));
}
