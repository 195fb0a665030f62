/**
 * Bundles what runs in Node and Electron: the engine process and host daemon (dist/host), the browser shell (dist/web), the
 * command line (dist/cli) and Electron's main process and preload script (dist/electron); the disassembler lies beside them. Everything lies two folders below the
 * root, as its source does, which `engine/host/installation.ts` relies on.
 */
import { cpSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type BuildOptions, build } from "esbuild";

// Bundled CommonJS packages ask for Node's own modules by `require`, which ES modules do not have.
const requireBanner =
  'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);';

function common(root: string): BuildOptions {
  return {
    absWorkingDir: root,
    bundle: true,
    platform: "node",
    target: "node24",
    sourcemap: true,
    logLevel: "warning",
    // Optional accelerators of ws, which it does without.
    external: ["electron", "bufferutil", "utf-8-validate"],
  };
}

export async function buildEngine(root: string): Promise<void> {
  rmSync(join(root, "dist/chunks"), { recursive: true, force: true });
  await build({
    ...common(root),
    entryPoints: [
      "engine/host/engineProcess.ts",
      "engine/host/hostDaemon.ts",
      "engine/host/pageThread.ts",
      "engine/web/main.ts",
      "engine/cli/main.ts",
    ],
    outbase: "engine",
    outdir: "dist",
    format: "esm",
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
    banner: { js: requireBanner },
  });
  copyDisassembler(root);
}

/** It looks for its WebAssembly beside itself, so it stays as it is; a package of our kind takes its script for an ES module otherwise. */
function copyDisassembler(root: string): void {
  const from = join(root, "node_modules/iced-x86");
  const to = join(root, "dist/disassembler");
  mkdirSync(to, { recursive: true });
  cpSync(join(from, "iced_x86.js"), join(to, "iced_x86.cjs"));
  for (const file of ["iced_x86_bg.wasm", "LICENSE.txt"]) cpSync(join(from, file), join(to, file));
}

export async function buildElectron(root: string): Promise<void> {
  const main = "electron/main/main.ts";
  const preload = "electron/preload/preload.ts";
  if (existsSync(join(root, main))) {
    await build({
      ...common(root),
      entryPoints: [main],
      outfile: "dist/electron/main.js",
      format: "esm",
      banner: { js: requireBanner },
    });
  }
  // A sandboxed preload script is CommonJS.
  if (existsSync(join(root, preload))) {
    await build({ ...common(root), entryPoints: [preload], outfile: "dist/electron/preload.cjs", format: "cjs" });
  }
}
